/* SPDX-License-Identifier: MIT */
#include "streamer/sip_check.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	enum sip_method method;
} methods[] = {
	{ "INVITE", SIP_INVITE }, { "ACK", SIP_ACK },
	{ "CANCEL", SIP_CANCEL }, { "OPTIONS", SIP_OPTIONS },
	{ "INFO", SIP_INFO },	  { "BYE", SIP_BYE },
	{ "UPDATE", SIP_UPDATE }, { "REGISTER", SIP_KNOWN },
	{ "PRACK", SIP_KNOWN },	  { "SUBSCRIBE", SIP_KNOWN },
	{ "NOTIFY", SIP_KNOWN },  { "PUBLISH", SIP_KNOWN },
	{ "REFER", SIP_KNOWN },	  { "MESSAGE", SIP_KNOWN },
};

/* Methods are case-sensitive, unlike nearly everything else. */
enum sip_method sip_check_method(struct lex_span method)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (method.len == strlen(methods[i].name) &&
		    !memcmp(method.at, methods[i].name, method.len))
			return methods[i].method;
	return SIP_UNKNOWN;
}

const char *sip_check_method_name(enum sip_method method)
{
	return method < SIP_KNOWN ? methods[method].name : "?";
}

/* A whole field value. True if it is as the grammar wants it. */
typedef bool check_fn(struct lex *l, const struct sip_head *head);

static bool check_call_id(struct lex *l, const struct sip_head *head)
{
	return lex_word(l) && (!lex_byte(l, '@') || lex_word(l));
}

/* Requests carry their own method; 2^31 is the limit (section 8.1.1.5). */
static bool check_cseq(struct lex *l, const struct sip_head *head)
{
	struct lex_span method;

	if (!lex_digits(l, INT32_MAX, NULL) || !lex_space(l) ||
	    !lex_token(l, &method))
		return false;
	return !head->is_request ||
	       (method.len == head->method.len &&
		!memcmp(method.at, head->method.at, method.len));
}

static bool check_address(struct lex *l, const struct sip_head *head)
{
	return lex_name_addr(l, false) && lex_params(l);
}

static bool check_contact(struct lex *l, const struct sip_head *head)
{
	if (lex_byte(l, '*'))
		return true;
	do {
		if (!check_address(l, head))
			return false;
	} while (lex_mark(l, ','));
	return true;
}

static bool check_route(struct lex *l, const struct sip_head *head)
{
	do {
		if (!lex_name_addr(l, true) || !lex_params(l))
			return false;
	} while (lex_mark(l, ','));
	return true;
}

static bool check_via(struct lex *l, const struct sip_head *head)
{
	do {
		if (!lex_token(l, NULL) || !lex_mark(l, '/') ||
		    !lex_token(l, NULL) || !lex_mark(l, '/') ||
		    !lex_token(l, NULL) || !lex_space(l) || !lex_host_port(l) ||
		    !lex_params(l))
			return false;
	} while (lex_mark(l, ','));
	return true;
}

static bool check_hops(struct lex *l, const struct sip_head *head)
{
	return lex_digits(l, 255, NULL);
}

static bool check_length(struct lex *l, const struct sip_head *head)
{
	return lex_digits(l, INT32_MAX, NULL);
}

static bool check_seconds(struct lex *l, const struct sip_head *head)
{
	return lex_digits(l, UINT32_MAX, NULL) && lex_params(l);
}

static bool check_media_type(struct lex *l, const struct sip_head *head)
{
	return lex_token(l, NULL) && lex_mark(l, '/') && lex_token(l, NULL) &&
	       lex_params(l);
}

static bool check_accept(struct lex *l, const struct sip_head *head)
{
	if (lex_is_end(l))
		return true;
	do {
		if (!check_media_type(l, head))
			return false;
	} while (lex_mark(l, ','));
	return true;
}

static bool check_tokens(struct lex *l, const struct sip_head *head)
{
	if (lex_is_end(l))
		return true;
	do {
		if (!lex_token(l, NULL))
			return false;
	} while (lex_mark(l, ','));
	return true;
}

enum field_flag {
	NEEDED = 1,    /* in every message */
	ONCE = 2,      /* at most */
	IN_INVITE = 4, /* needed in an INVITE */
};

static const struct {
	check_fn *check;
	int flags;
} rules[SIP_NAMES] = {
	[SIP_ACCEPT] = { check_accept, 0 },
	[SIP_ALLOW] = { check_tokens, 0 },
	[SIP_CALL_ID] = { check_call_id, NEEDED | ONCE },
	[SIP_CONTACT] = { check_contact, IN_INVITE },
	[SIP_CONTENT_ENCODING] = { check_tokens, 0 },
	[SIP_CONTENT_LENGTH] = { check_length, ONCE },
	[SIP_CONTENT_TYPE] = { check_media_type, ONCE },
	[SIP_CSEQ] = { check_cseq, NEEDED | ONCE },
	[SIP_EXPIRES] = { check_seconds, ONCE },
	[SIP_FROM] = { check_address, NEEDED | ONCE },
	[SIP_MAX_FORWARDS] = { check_hops, ONCE },
	[SIP_MIN_SE] = { check_seconds, ONCE },
	[SIP_PROXY_REQUIRE] = { check_tokens, 0 },
	[SIP_RECORD_ROUTE] = { check_route, 0 },
	[SIP_REQUIRE] = { check_tokens, 0 },
	[SIP_ROUTE] = { check_route, 0 },
	[SIP_SESSION_EXPIRES] = { check_seconds, ONCE },
	[SIP_SUPPORTED] = { check_tokens, 0 },
	[SIP_TO] = { check_address, NEEDED | ONCE },
	[SIP_VIA] = { check_via, NEEDED },
};

static struct lex lex_of(struct lex_span span)
{
	return (struct lex){ span.at, span.at + span.len };
}

static bool is_field_ok(const struct sip_head *head, const struct sip_field *f)
{
	struct lex l = lex_of(f->value);

	if (f->name == SIP_BROKEN || memchr(f->value.at, '\n', f->value.len) ||
	    memchr(f->value.at, '\r', f->value.len))
		return false;
	if (!rules[f->name].check)
		return true;
	if (!rules[f->name].check(&l, head))
		return false;
	lex_blanks(&l);
	return lex_is_end(&l);
}

static const char *check_fields(const struct sip_head *head)
{
	unsigned counts[SIP_NAMES] = { 0 };
	bool invite = head->is_request && lex_span_is(head->method, "INVITE");

	for (size_t i = 0; i < head->count; i++) {
		if (!is_field_ok(head, &head->fields[i]))
			return "a header field is malformed";
		counts[head->fields[i].name]++;
	}
	for (int i = 0; i < SIP_NAMES; i++) {
		if (counts[i] > 1 && rules[i].flags & ONCE)
			return "a header field is there twice";
		if (!counts[i] && (rules[i].flags & NEEDED ||
				   (invite && rules[i].flags & IN_INVITE)))
			return "a header field is missing";
	}
	return NULL;
}

static const char *check_body(const struct sip_head *head, size_t body_len)
{
	const struct sip_field *f = sip_head_find(head, SIP_CONTENT_LENGTH);
	struct lex l;
	uint64_t n;

	if (f) {
		l = lex_of(f->value);
		if (!lex_digits(&l, INT32_MAX, &n) || n > body_len)
			return "the body is shorter than its length";
	}
	if (body_len && !sip_head_find(head, SIP_CONTENT_TYPE))
		return "the body has no type";
	return NULL;
}

/* Method SP Request-URI SP SIP-Version, single blanks (section 25.1). */
static bool is_request_line_ok(const struct sip_head *head, bool *ret_version)
{
	struct lex l = lex_of(head->line);
	enum lex_uri_kind kind;

	if (!lex_token(&l, NULL) || !lex_byte(&l, ' ') ||
	    !lex_uri(&l, LEX_URI_REQUEST, &kind) || !lex_byte(&l, ' '))
		return false;
	*ret_version = (l.end - l.at == 7 && !strncasecmp(l.at, "SIP/2.0", 7));
	return l.end - l.at > 4 && !strncasecmp(l.at, "SIP/", 4) &&
	       !memchr(l.at, ' ', (size_t)(l.end - l.at));
}

static bool is_status_line_ok(const struct sip_head *head)
{
	struct lex l = lex_of(head->line);
	uint64_t status;

	if (l.end - l.at < 8 || strncasecmp(l.at, "SIP/2.0 ", 8))
		return false;
	l.at += 8;
	return lex_digits(&l, 699, &status) && status >= 100 &&
	       lex_byte(&l, ' ');
}

static int check_request(const struct sip_head *head, size_t body_len,
			 const char **ret_why)
{
	bool version;

	*ret_why = "the request line is malformed";
	if (!is_request_line_ok(head, &version))
		return 400;
	*ret_why = "the version is not SIP/2.0";
	if (!version)
		return 505;
	*ret_why = check_fields(head);
	if (!*ret_why)
		*ret_why = check_body(head, body_len);
	return *ret_why ? 400 : 0;
}

/* A way back: the topmost Via at least must be readable. */
static bool is_answerable(const struct sip_head *head)
{
	const struct sip_field *via = sip_head_find(head, SIP_VIA);

	return via && is_field_ok(head, via) &&
	       sip_check_method(head->method) != SIP_ACK;
}

int sip_check_message(const struct sip_head *head, size_t body_len,
		      const char **ret_why)
{
	int status;

	if (head->is_request) {
		status = check_request(head, body_len, ret_why);
		return status && !is_answerable(head) ? -EBADMSG : status;
	}
	*ret_why = "the status line is malformed";
	if (!is_status_line_ok(head))
		return -EBADMSG;
	*ret_why = check_fields(head);
	return *ret_why ? -EBADMSG : 0;
}

/* The next element of a list, without its parameters. */
static bool next_element(struct lex *l, struct lex_span *ret)
{
	if (!lex_item(l, ret))
		return false;
	for (size_t i = 0; i < ret->len; i++)
		if (strchr("; ", ret->at[i]))
			ret->len = i;
	return ret->len > 0;
}

bool sip_check_lists(const struct sip_head *head, enum sip_name name,
		     const char *word)
{
	for (size_t i = 0; i < head->count; i++) {
		struct lex l = lex_of(head->fields[i].value);
		struct lex_span element;

		if (head->fields[i].name != name)
			continue;
		while (next_element(&l, &element))
			if (lex_span_is(element, word))
				return true;
	}
	return false;
}

static bool is_supported_tag(struct lex_span tag)
{
	return lex_span_is(tag, "timer") ||
	       lex_span_is(tag, "X-cisco-callinfo");
}

static bool has_unsupported_tag(const struct sip_head *head,
				struct lex_span *ret_tag)
{
	for (size_t i = 0; i < head->count; i++) {
		struct lex l = lex_of(head->fields[i].value);

		if (head->fields[i].name != SIP_REQUIRE)
			continue;
		while (next_element(&l, ret_tag))
			if (!is_supported_tag(*ret_tag))
				return true;
	}
	return false;
}

static bool is_scheme_supported(const struct sip_head *head)
{
	struct lex l = lex_of(head->line);
	enum lex_uri_kind kind;

	l.at += head->method.len + 1;
	return lex_uri(&l, LEX_URI_REQUEST, &kind) && kind != LEX_URI_OTHER;
}

static bool takes_sdp(enum sip_method method)
{
	return method == SIP_INVITE || method == SIP_UPDATE;
}

/* multipart/mixed may hold SDP (RFC 5621); who reads the body looks. */
static bool is_body_supported(const struct sip_head *head)
{
	const struct sip_field *f = sip_head_find(head, SIP_CONTENT_TYPE);
	const struct sip_field *e = sip_head_find(head, SIP_CONTENT_ENCODING);
	struct lex l;
	struct lex_span type;

	if (e && !lex_span_is(e->value, "identity"))
		return false;
	l = lex_of(f->value);
	return next_element(&l, &type) &&
	       (lex_span_is(type, SIP_CHECK_ACCEPTED) ||
		lex_span_is(type, "multipart/mixed"));
}

/* May the answer be SDP? Without an Accept it may (section 20.1). */
static bool accepts_sdp(const struct sip_head *head)
{
	const struct sip_field *f = sip_head_find(head, SIP_ACCEPT);

	return !f || !f->value.len ||
	       sip_check_lists(head, SIP_ACCEPT, SIP_CHECK_ACCEPTED) ||
	       sip_check_lists(head, SIP_ACCEPT, "application/*") ||
	       sip_check_lists(head, SIP_ACCEPT, "*/*");
}

int sip_check_support(const struct sip_head *head, size_t body_len,
		      const char **ret_why, struct lex_span *ret_tag)
{
	enum sip_method method = sip_check_method(head->method);

	*ret_why = "the method is not served";
	if (method == SIP_UNKNOWN)
		return 501;
	if (method == SIP_KNOWN)
		return 405;
	*ret_why = "the scheme of the request URI is not served";
	if (!is_scheme_supported(head))
		return method == SIP_ACK ? -EBADMSG : 416;
	/* Section 8.2.2.3: neither an ACK nor a CANCEL is refused for it. */
	*ret_why = "a required extension is not supported";
	if (method != SIP_ACK && method != SIP_CANCEL &&
	    has_unsupported_tag(head, ret_tag))
		return 420;
	*ret_why = "the type of the body is not supported";
	if (takes_sdp(method) && body_len && !is_body_supported(head))
		return 415;
	*ret_why = "no acceptable answer could be given";
	if (method == SIP_INVITE && !accepts_sdp(head))
		return 406;
	*ret_why = NULL;
	return 0;
}
