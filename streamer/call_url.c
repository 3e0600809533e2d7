/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/redact.h"
#include "lib/str.h"
#include "streamer/call_priv.h"
#include "streamer/url.h"

enum { URL_STEP_MS = 1000 };

const char *call_url_source_name(enum call_url_source source)
{
	static const char *const names[] = {
		[CALL_URL_NONE] = "none",	[CALL_URL_CONTACT] = "contact",
		[CALL_URL_RTCP] = "rtcp",	[CALL_URL_ROUTE] = "route",
		[CALL_URL_DEFAULT] = "default",
	};

	return names[source];
}

/* One URL: is it one, and may it be? The log is told if not. */
static int check_target(struct call *c, const char *text, char *shown,
			size_t size)
{
	struct url url = { 0 };
	struct err why = { 0 };
	int err = strlen(text) < MSG_URL_MAX ? url_parse(text, &url, &why)
					     : -EMSGSIZE;

	if (err == -EMSGSIZE)
		err_set(&why, err, "it is too long");
	if (!err && !url_is_allowed(&url, c->owner->settings->allowed_targets))
		err = err_set(&why, -EPERM,
			      "%s is not among the allowed targets", url.host);
	if (!err) {
		url_format(&url, shown, size);
	} else {
		redact_url(text, shown, size);
		call_info(c, "parsing %s", shown);
		call_error(c, "%s", why.text);
		call_error(c, "failed to parse stream URL: %s", shown);
		snprintf(c->error, sizeof(c->error), "%.100s: %.150s", shown,
			 why.text);
		call_set_state(c, c->state, "%s", c->error);
	}
	url_release(&url);
	return err;
}

/* Several URLs stand side by side in settings; a bridge names one, which may
 * hold a comma. */
static bool next_url(const char **at, enum call_url_source source,
		     const char **ret, size_t *ret_len)
{
	if (source != CALL_URL_CONTACT && source != CALL_URL_RTCP)
		return str_next_word(at, ret, ret_len);
	*ret = *at;
	*ret_len = strlen(*at);
	*at += *ret_len;
	return *ret_len > 0;
}

static int read_targets(struct call *c, const char *text,
			enum call_url_source source,
			struct msg_targets *targets)
{
	const char *word;
	size_t len;
	int err = -ENOENT;

	c->shown_url[0] = '\0';
	while (targets->count < MSG_TARGETS_MAX &&
	       next_url(&text, source, &word, &len)) {
		char *url = targets->url[targets->count];
		size_t n = strlen(c->shown_url);

		str_copy(url, word, len < MSG_URL_MAX ? len + 1 : MSG_URL_MAX);
		err = len < MSG_URL_MAX ? 0 : -EMSGSIZE;
		if (n && n + 2 < sizeof(c->shown_url))
			c->shown_url[n++] = ' ';
		if (!err)
			err = check_target(c, url, c->shown_url + n,
					   sizeof(c->shown_url) - n);
		if (err)
			return err;
		targets->count++;
	}
	return targets->count ? 0 : err;
}

static void publish(struct call *c, struct msg_targets *targets)
{
	if (!c->session)
		return;
	if (session_set_targets(c->session, targets))
		call_error(c, "failed to start connection to RTMP "
			      "server");
}

void call_send_targets(struct call *c)
{
	struct msg_targets targets = { 0 };

	if (c->url && !read_targets(c, c->url, c->url_source, &targets))
		publish(c, &targets);
	explicit_bzero(&targets, sizeof(targets));
}

/* False: it is none, or not allowed, and what was in use stays so. */
static bool use_url(struct call *c, const char *text,
		    enum call_url_source source)
{
	struct msg_targets targets = { 0 };
	char shown[sizeof(c->shown_url)];
	bool ok;

	if (c->url && !strcmp(c->url, text)) {
		c->url_source = source;
		return true;
	}
	str_copy(shown, c->shown_url, sizeof(shown));
	ok = !read_targets(c, text, source, &targets);
	if (ok && !str_replace(&c->url, text)) {
		c->url_source = source;
		loop_timer_stop(&c->url_timer);
		publish(c, &targets);
		c->owner->observer.changed(c->owner->observer.arg, c);
	} else {
		str_copy(c->shown_url, shown, sizeof(shown));
	}
	explicit_bzero(&targets, sizeof(targets));
	return ok;
}

static void log_retry(const struct call *c, unsigned tries)
{
	call_warn(c, "failed to configure stream");
	call_info(c, "retrying (%u/%u)...", c->url_tries, tries);
}

/* The bridge has named nothing in time. */
static void use_settings(struct call *c)
{
	struct secret url = { 0 };
	struct err why = { 0 };
	bool is_route = false;
	int err = settings_find_url(c->owner->settings, c->user, &url,
				    &is_route, &why);

	if (err)
		call_error(c, "%s", why.text);
	if (err || !*secret_text(&url)) {
		call_warn(c, "there is no stream URL for it");
		call_set_state(c, CALL_WAITING_URL,
			       "the bridge named no stream URL, and no route "
			       "and no default is set");
	} else {
		(void)!use_url(c, secret_text(&url),
			       is_route ? CALL_URL_ROUTE : CALL_URL_DEFAULT);
	}
	secret_release(&url);
}

void call_on_url_timer(struct loop_timer *timer)
{
	struct call *c = container_of(timer, struct call, url_timer);
	uint64_t wait = c->owner->settings->url_wait_ms;
	unsigned tries = (unsigned)(wait / URL_STEP_MS);
	uint64_t passed = c->url_tries * URL_STEP_MS;

	if (c->url || c->stopping)
		return;
	if (c->url_tries >= tries) {
		use_settings(c);
		return;
	}
	c->url_tries++;
	log_retry(c, tries);
	loop_timer_start(&c->url_timer, wait - passed < URL_STEP_MS
						? wait - passed
						: URL_STEP_MS);
}

void call_start_url(struct call *c, const char *url)
{
	call_info(c, "handling new call information");
	if (*url && use_url(c, url, CALL_URL_CONTACT))
		return;
	if (!*url)
		call_set_state(c, c->state,
			       "waiting for the bridge to name a stream URL");
	loop_timer_start(&c->url_timer,
			 c->owner->settings->url_wait_ms < URL_STEP_MS
				 ? c->owner->settings->url_wait_ms
				 : URL_STEP_MS);
}

void call_new_url(struct call *c, const char *url, enum call_url_source source)
{
	char shown[512];

	if (source == CALL_URL_CONTACT) {
		call_info(c, "handling new call information");
	} else {
		redact_url(url, shown, sizeof(shown));
		call_info(c, "retrieved stream URL from RTCP: \"%s\"", shown);
	}
	(void)!use_url(c, url, source);
}
