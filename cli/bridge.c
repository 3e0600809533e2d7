/* SPDX-License-Identifier: MIT */
#include "cli/bridge.h"

#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/http.h"
#include "lib/loop.h"
#include "lib/secret.h"
#include "lib/str.h"

enum {
	URL_SIZE = 1024,
	BODY_MAX = 4 << 20,
	FORM_MAX = 8192,
	PAGES_MAX = 5000,
};

struct bridge_link {
	struct loop *loop;
	struct http *http;
	struct secret password;
	const struct conf *conf;
	char host[256]; /* that answered; "" before the first request */

	/* The request under way. */
	int code, status;
	struct err *why;
	struct buf body;
	char location[512];
};

/* ---- life --------------------------------------------------------------- */

static int start(struct bridge_link *l, const struct cli *cli, struct err *err)
{
	const struct http_config config = {
		.trust = conf_text(l->conf, OPT_UP_CMS_TRUST),
		.trust_name = "uploader.cms_trust",
		.user_agent = "upcast/" UPCAST_VERSION,
		.connect_timeout_ms = 10000,
	};
	int code;

	if (!*conf_text(l->conf, OPT_UP_CMS_HOST) ||
	    !*conf_text(l->conf, OPT_UP_CMS_USER))
		return err_set(err, -EINVAL,
			       "no bridge is configured: \"uploader cms host "
			       "<host>\", \"uploader cms user <user>\" and "
			       "\"uploader cms password\"");
	code = secret_load_instance(conf_text(l->conf, OPT_SECRETS_DIR),
				    "uploader", "cms_password", cli->instance,
				    &l->password, err);
	if (code)
		return code;
	code = loop_new(&l->loop);
	if (code)
		return err_set(err, code, "%s", err_str(code));
	return http_new(l->loop, &config, &l->http, err);
}

int bridge_open(struct cli *cli, struct bridge *ret)
{
	*ret = (struct bridge){ .cli = cli };
	ret->link = calloc(1, sizeof(*ret->link));
	if (!ret->link)
		return err_set(&ret->err, -ENOMEM, "out of memory");
	ret->link->conf = cli->conf;
	ret->link->why = &ret->err;
	buf_init(&ret->link->body, BODY_MAX);
	return start(ret->link, cli, &ret->err);
}

void bridge_close(struct bridge *b)
{
	if (!b->link)
		return;
	http_free(b->link->http);
	loop_free(b->link->loop);
	secret_release(&b->link->password);
	buf_release(&b->link->body);
	free(b->link);
	b->link = NULL;
}

/* ---- one request -------------------------------------------------------- */

static void on_done(void *arg, struct http_response *r)
{
	struct bridge_link *l = arg;

	l->code = r->err;
	*l->why = r->why;
	l->status = r->status;
	str_copy(l->location, r->location, sizeof(l->location));
	buf_clear(&l->body);
	if (!l->code)
		l->code = buf_add(&l->body, r->body.data, r->body.len);
	loop_stop(l->loop);
}

static int ask_host(struct bridge_link *l, const char *host, const char *method,
		    const char *path, const char *form)
{
	static const char *const headers[] = {
		"Content-Type: application/x-www-form-urlencoded", NULL
	};
	const char *open = strchr(host, ':') ? "[" : "";
	struct http_request *request;
	char url[URL_SIZE];
	int code;
	struct http_spec spec = {
		.method = method,
		.url = url,
		.headers = form ? headers : NULL,
		.user = conf_text(l->conf, OPT_UP_CMS_USER),
		.password = secret_text(&l->password),
		.body = form,
		.body_len = form ? strlen(form) : 0,
		.max_body = BODY_MAX,
		.timeout_ms =
			(unsigned)conf_number(l->conf, OPT_UP_CMS_TIMEOUT),
		.done = on_done,
		.arg = l,
	};

	snprintf(url, sizeof(url), "https://%s%s%s:%u/api/v1/%s", open, host,
		 *open ? "]" : "",
		 (unsigned)conf_number(l->conf, OPT_UP_CMS_PORT), path);
	code = http_start(l->http, &spec, &request);
	if (!code)
		code = loop_run(l->loop);
	return code ? code : l->code;
}

/* What a failed answer says: <failureDetails><coSpaceDoesNotExist/>... */
static int explain(struct bridge *b, const char *path)
{
	const struct bridge_link *l = b->link;
	struct cms_xml *xml = NULL;
	const char *name = NULL;
	int code;

	if (l->status == 401 || l->status == 403)
		return err_set(&b->err, -EPERM,
			       "the bridge refuses user %s or its password",
			       conf_text(l->conf, OPT_UP_CMS_USER));
	if (!cms_xml_parse(buf_text(&l->body), l->body.len, &xml)) {
		const struct cms_xml_node *n =
			cms_xml_child(cms_xml_root(xml), NULL);

		name = n ? cms_xml_name(n) : NULL;
	}
	code = name && strstr(name, "DoesNotExist") ? -ENOENT : -EINVAL;
	err_set(&b->err, code, "%s: the bridge answers %d%s%s", path, l->status,
		name ? ", " : "", name ? name : "");
	cms_xml_free(xml);
	return code;
}

/* Hosts of a cluster in turn, until one has answered. */
static int ask(struct bridge *b, const char *method, const char *path,
	       const char *form)
{
	struct bridge_link *l = b->link;
	const char *at = conf_text(l->conf, OPT_UP_CMS_HOST), *word;
	char host[256];
	size_t len;
	int code = -EHOSTUNREACH;

	b->err = (struct err){ 0 };
	if (*l->host)
		code = ask_host(l, l->host, method, path, form);
	while (!*l->host && code && str_next_word(&at, &word, &len)) {
		snprintf(host, sizeof(host), "%.*s", (int)len, word);
		code = ask_host(l, host, method, path, form);
		if (!code)
			str_copy(l->host, host, sizeof(l->host));
	}
	if (code && !*b->err.text)
		err_set(&b->err, code, "%s", err_str(code));
	if (code)
		return err_prefix(&b->err, "the bridge");
	return l->status / 100 == 2 ? 0 : explain(b, path);
}

int bridge_get(struct bridge *b, struct cms_xml **ret, const char *fmt, ...)
{
	char path[256];
	va_list ap;
	int code;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	code = ask(b, "GET", path, NULL);
	if (code)
		return code;
	code = cms_xml_parse(buf_text(&b->link->body), b->link->body.len, ret);
	return code ? err_set(&b->err, code,
			      "%s: the bridge's answer makes no sense", path)
		    : 0;
}

/*
 * Pages are as long as the bridge likes: what came says where the next begins.
 */
int bridge_list(struct bridge *b, const char *collection, bridge_item_fn *fn,
		void *arg)
{
	unsigned offset = 0, before;
	int code = 0;

	for (int page = 0; page < PAGES_MAX && !code; page++) {
		const struct cms_xml_node *n;
		struct cms_xml *xml;

		code = bridge_get(b, &xml, "%s?offset=%u", collection, offset);
		if (code)
			break;
		before = offset;
		for (n = cms_xml_child(cms_xml_root(xml), NULL); n && !code;
		     n = cms_xml_next(n), offset++)
			code = fn(arg, n);
		cms_xml_free(xml);
		if (offset == before)
			break;
	}
	return code;
}

struct each {
	struct bridge *bridge;
	const char *collection;
	bridge_each_fn *fn;
	void *arg;
};

static int on_each(void *arg, const struct cms_xml_node *item)
{
	const struct each *e = arg;
	const char *id = bridge_id(item);
	struct cms_xml *xml;
	int code;

	if (!str_is_guid(id))
		return 0;
	code = bridge_get(e->bridge, &xml, "%s/%s", e->collection, id);
	if (code)
		return code;
	code = e->fn(e->arg, id, cms_xml_root(xml));
	cms_xml_free(xml);
	return code;
}

int bridge_each(struct bridge *b, const char *collection, bridge_each_fn *fn,
		void *arg)
{
	struct each e = { b, collection, fn, arg };

	return bridge_list(b, collection, on_each, &e);
}

/* ---- changes ------------------------------------------------------------ */

static int add_field(struct buf *form, const struct bridge_field *f)
{
	int code = buf_printf(form, "%s%s=", form->len ? "&" : "", f->name);

	return code ? code : str_pct_encode(form, f->value);
}

/* /api/v1/callProfiles/ID */
static int take_id(struct bridge *b, const char *path, char *ret_id)
{
	const char *slash = strrchr(b->link->location, '/');

	if (!slash || !str_is_guid(slash + 1))
		return err_set(&b->err, -EPROTO,
			       "%s: the bridge does not say what it made",
			       path);
	str_copy(ret_id, slash + 1, BRIDGE_ID_SIZE);
	return 0;
}

int bridge_send(struct bridge *b, const char *method, const char *path,
		const char *id, const struct bridge_field *fields, char *ret_id)
{
	char whole[256];
	struct buf form;
	int code = 0;

	snprintf(whole, sizeof(whole), "%s%s%s", path, id ? "/" : "",
		 id ? id : "");
	buf_init(&form, FORM_MAX);
	for (; fields && fields->name && !code; fields++)
		code = add_field(&form, fields);
	if (code)
		err_set(&b->err, code, "%s: %s", whole, err_str(code));
	else
		code = ask(b, method, whole, buf_text(&form));
	buf_release(&form);
	return code || !ret_id ? code : take_id(b, whole, ret_id);
}

/* ---- answers ------------------------------------------------------------ */

const char *bridge_text(const struct cms_xml_node *n, const char *name)
{
	const char *found = cms_xml_text(n, name);

	return found ? found : "";
}

const char *bridge_id(const struct cms_xml_node *n)
{
	const char *id = cms_xml_attr(n, "id");

	return id ? id : "";
}

int bridge_own_address(struct bridge *b, char *dst, size_t size)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *found;
	struct sockaddr_storage own;
	socklen_t len = sizeof(own);
	int fd, code = 0;

	if (getaddrinfo(b->link->host, "5060", &hints, &found))
		return err_set(&b->err, -EHOSTUNREACH, "%s: no such host",
			       b->link->host);
	fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) ||
	    getsockname(fd, (void *)&own, &len) ||
	    getnameinfo((void *)&own, len, dst, (socklen_t)size, NULL, 0,
			NI_NUMERICHOST))
		code = err_set(&b->err, -EHOSTUNREACH, "no way to the bridge");
	if (fd >= 0)
		close(fd);
	freeaddrinfo(found);
	return code;
}
