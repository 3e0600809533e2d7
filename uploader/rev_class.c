/* SPDX-License-Identifier: MIT */
#include "uploader/rev_class.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/str.h"

enum { WINDOW_MS = 60000, QUOTA_MS = 600000 };

/* Codes that stand for themselves, whatever the status. */
static const struct {
	const char *code;
	enum rev_class class;
} codes[] = {
	{ "InternalServerError", REV_TRANSIENT },
	{ "NotReadyOrReplacingFailedOrVcFailed", REV_TRANSIENT },
	{ "MalformedRequest", REV_REFUSED },
	{ "FileNotSupported", REV_REFUSED },
	{ "FileNotSent", REV_REFUSED },
	{ "UserNotProvided", REV_REFUSED },
	{ "UploaderUserDoesNotExist", REV_REFUSED },
	{ "OneOrMoreInvalidCategoriesFoundInRequest", REV_REFUSED },
	{ "UnsupportedMediaType", REV_REFUSED },
};

static enum rev_class judge_code(enum rev_kind kind, const char *code)
{
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (!strcasecmp(code, codes[i].code))
			return codes[i].class;
	if (strcasestr(code, "quota"))
		return REV_LANE;
	if (kind == REV_KIND_OBJECT && strcasestr(code, "DoesNotExist"))
		return REV_GONE;
	return REV_REFUSED;
}

static enum rev_class judge_status(enum rev_kind kind, int status,
				   bool has_pause)
{
	bool is_object = kind == REV_KIND_OBJECT;

	if (status / 100 == 2)
		return REV_OK;
	if (kind == REV_KIND_LOGIN &&
	    (status == 400 || status == 401 || status == 403))
		return REV_LOCKED;
	switch (status) {
	case 401:
	case 404:
	case 410:
		return is_object ? REV_GONE : REV_REFUSED;
	case 408:
		return REV_TRANSIENT;
	case 429:
	case 507:
		return REV_LANE;
	case 501:
		return REV_REFUSED;
	case 503:
		return has_pause ? REV_LANE : REV_TRANSIENT;
	default:
		return status / 100 == 4 ? REV_REFUSED : REV_TRANSIENT;
	}
}

static int64_t pause_of(const struct http_response *r)
{
	if (r->retry_after_ms > 0)
		return r->retry_after_ms;
	return r->status == 429 ? WINDOW_MS : QUOTA_MS;
}

/* What a status is likely to mean, behind what was said. */
static const char *hint_of(int status)
{
	static const struct {
		int status;
		const char *text;
	} hints[] = {
		{ 401, ": may the account do this" },
		{ 403, ": may the account do this" },
		{ 413, ": too large for it, or for a proxy on the way" },
		{ 502, ": a gateway on the way gets no answer from it" },
		{ 503, ": it is out of service or overloaded" },
		{ 504, ": a gateway on the way gets no answer from it" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(hints); i++)
		if (hints[i].status == status)
			return hints[i].text;
	return "";
}

static const char *pause_word(int status)
{
	if (status == 429)
		return "too many calls, ";
	return status == 503 ? "out of service, " : "no room for more, ";
}

static void explain(enum rev_kind kind, const char *host,
		    const struct http_response *r, const struct rev_error *e,
		    struct rev_result *ret)
{
	char said[400];

	snprintf(said, sizeof(said), "%s%s%s%s", *e->code ? " " : "", e->code,
		 *e->detail ? ": " : "", e->detail);
	if (ret->class == REV_LOCKED)
		err_set(&ret->why, 0,
			"rev %s refuses the login (%d%s): check rev_user and "
			"its password, or the API key",
			host, r->status, said);
	else if (r->status / 100 == 3)
		err_set(&ret->why, 0,
			"rev %s redirects (%d) to %s, which is not followed: "
			"rev_host should name the server itself",
			host, r->status, r->location);
	else if (ret->class == REV_LANE)
		err_set(&ret->why, 0, "rev %s wants a pause of %lld s (%s%d%s)",
			host, (long long)ret->pause_ms / 1000,
			pause_word(r->status), r->status, said);
	else
		err_set(&ret->why, 0, "rev %s answered %d%s%s", host, r->status,
			said, hint_of(r->status));
}

void rev_class_judge(enum rev_kind kind, const char *host,
		     const struct http_response *r, struct rev_result *ret)
{
	struct rev_error e = { .code = "" };

	ret->status = r->status;
	ret->code[0] = '\0';
	ret->pause_ms = 0;
	ret->why = (struct err){ 0 };
	if (r->err) {
		ret->class = REV_TRANSIENT;
		err_set(&ret->why, 0, "rev: %s", r->why.text);
		return;
	}
	ret->class = judge_status(kind, r->status, r->retry_after_ms > 0);
	if (ret->class == REV_OK)
		return;
	rev_json_error(r->body.data, r->body.len, &e);
	str_copy(ret->code, e.code, sizeof(ret->code));
	if (r->status == 500 && *e.code && kind != REV_KIND_LOGIN)
		ret->class = judge_code(kind, e.code);
	if (ret->class == REV_LANE)
		ret->pause_ms = pause_of(r);
	explain(kind, host, r, &e, ret);
}
