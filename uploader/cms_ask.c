/* SPDX-License-Identifier: MIT */
#include "uploader/cms_ask.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/log.h"
#include "lib/str.h"
#include "uploader/cms_parse.h"
#include "uploader/html.h"

enum { ANSWER_MAX = 4 << 20, HOSTS_MAX = 32 };

static int put_request(struct cms_ask *ask);

/* ---- the bridge -------------------------------------------------------- */

static int add_hosts(struct cms_bridge *b, const char *list)
{
	const char *word;
	size_t len;

	b->hosts = calloc(HOSTS_MAX, sizeof(*b->hosts));
	if (!b->hosts)
		return -ENOMEM;
	while (b->host_count < HOSTS_MAX && str_next_word(&list, &word, &len)) {
		b->hosts[b->host_count] = strndup(word, len);
		if (!b->hosts[b->host_count++])
			return -ENOMEM;
	}
	return b->host_count ? 0 : -EINVAL;
}

static int init(struct cms_bridge *b, struct loop *loop,
		const struct cms_config *c, struct err *err)
{
	const struct http_config http = { .trust = c->trust,
					  .trust_name = "cms_trust",
					  .user_agent =
						  "upcast/" UPCAST_VERSION,
					  .connect_timeout_ms = c->timeout_ms };
	int e = add_hosts(b, c->hosts);

	if (e == -EINVAL)
		return err_set(err, e, "cms_host: no bridge is named");
	if (!e)
		e = str_replace(&b->user, c->user);
	if (!e)
		e = secret_set(&b->password, secret_text(c->password));
	if (e)
		return err_set(err, e, "cms: %s", err_str(e));
	b->port = c->port;
	b->timeout_ms = c->timeout_ms;
	return http_new(loop, &http, &b->http, err);
}

int cms_bridge_init(struct cms_bridge *b, struct loop *loop,
		    const struct cms_config *config, struct err *err)
{
	int e;

	memset(b, 0, sizeof(*b));
	e = init(b, loop, config, err);
	if (e)
		cms_bridge_release(b);
	return e;
}

void cms_bridge_release(struct cms_bridge *b)
{
	http_free(b->http);
	for (size_t i = 0; i < b->host_count; i++)
		free(b->hosts[i]);
	free(b->hosts);
	free(b->user);
	secret_release(&b->password);
	memset(b, 0, sizeof(*b));
}

/* ---- answers ----------------------------------------------------------- */

static bool is_redirect_to_login(const struct http_response *r)
{
	return r->status / 100 == 3 && strcasestr(r->location, "login");
}

/* The bridge understood and said no. */
static int explain_failure(const char *host, const struct http_response *r,
			   const char *failure, struct err *why)
{
	static const char suffix[] = "DoesNotExist";
	size_t n = strcspn(failure, " ");

	if (n > strlen(suffix) &&
	    !strncmp(failure + n - strlen(suffix), suffix, strlen(suffix)))
		return err_set(why, -ENOENT, "bridge %s: %s", host, failure);
	return err_set(why, -EPROTO, "bridge %s answered %d (%s)", host,
		       r->status, failure);
}

/* What an answer means, and the sentence where it is not what was asked. */
static int judge(const struct cms_ask *ask, const struct http_response *r,
		 struct err *why)
{
	const char *host = ask->bridge->hosts[ask->host];
	char failure[128], text[200];

	if (r->err)
		return err_set(why, -EAGAIN, "bridge: %s", r->why.text);
	if (r->status == 401 || r->status == 403 || is_redirect_to_login(r))
		return err_set(
			why, -EACCES,
			"bridge %s refuses user %s (%d): check cms_user, "
			"its password, and that it has the api role",
			host, ask->bridge->user, r->status);
	if (r->truncated)
		return err_set(why, -EPROTO,
			       "bridge %s answers more than %d bytes", host,
			       ANSWER_MAX);
	if (!cms_parse_failure(r->body.data, r->body.len, failure,
			       sizeof(failure)))
		return explain_failure(host, r, failure, why);
	if (r->status == 200)
		return 0;
	html_text(buf_text(&r->body), r->body.len, text, sizeof(text));
	if (r->status >= 500 || r->status == 429)
		return err_set(why, -EAGAIN, "bridge %s is busy (%d)%s%s", host,
			       r->status, *text ? ": " : "", text);
	return err_set(why, -EPROTO,
		       "bridge %s:%u answered %d instead of the API's XML: is "
		       "cms_port the port of its web admin%s%s",
		       host, ask->bridge->port, r->status, *text ? ": " : "",
		       text);
}

static void on_answer(void *arg, struct http_response *r)
{
	struct cms_ask *ask = arg;
	struct cms_bridge *b = ask->bridge;
	struct err why = { 0 };
	int err;

	ask->request = NULL;
	if (!r->err)
		log_debug("Received cms response %d", r->status);
	err = judge(ask, r, &why);
	if (err == -EAGAIN && ++ask->tried < b->host_count) {
		ask->host = (ask->host + 1) % b->host_count;
		err = put_request(ask);
		if (!err)
			return;
		err_set(&why, -EAGAIN, "bridge: %s", err_str(err));
		err = -EAGAIN;
	}
	if (err != -EAGAIN)
		b->current = ask->host;
	ask->fn(ask, err, &why, &r->body);
}

/* ---- questions --------------------------------------------------------- */

static int put_request(struct cms_ask *ask)
{
	const struct cms_bridge *b = ask->bridge;
	const char *host = b->hosts[ask->host];
	bool is_ipv6 = strchr(host, ':') && *host != '[';
	char url[1024];
	struct http_spec spec = {
		.method = "GET",
		.url = url,
		.user = b->user,
		.password = secret_text(&b->password),
		.max_body = ANSWER_MAX,
		.timeout_ms = b->timeout_ms,
		.done = on_answer,
		.arg = ask,
	};

	snprintf(url, sizeof(url), "https://%s%s%s:%u/api/v1/%s",
		 is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", b->port,
		 ask->path);
	log_debug("Getting from: %s", url);
	return http_start(b->http, &spec, &ask->request);
}

int cms_ask_start(struct cms_ask *ask, struct cms_bridge *b, cms_ask_fn *fn,
		  const char *fmt, ...)
{
	va_list ap;
	int n;

	ask->bridge = b;
	ask->fn = fn;
	ask->host = b->current;
	ask->tried = 0;
	va_start(ap, fmt);
	n = vsnprintf(ask->path, sizeof(ask->path), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(ask->path))
		return -EMSGSIZE;
	return put_request(ask);
}

void cms_ask_stop(struct cms_ask *ask)
{
	http_cancel(ask->request);
	ask->request = NULL;
}
