/* SPDX-License-Identifier: MIT */
#include "cli/bridge.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/http.h"
#include "lib/loop.h"
#include "lib/secret.h"
#include "lib/str.h"

enum { URL_SIZE = 1024, BODY_MAX = 4 << 20, PAGES_MAX = 1000 };

struct bridge {
	struct loop *loop;
	struct http *http;
	struct secret password;
	const struct conf *conf;
	char host[256]; /* that answered; "" before the first request */

	/* The request under way. */
	int err, status;
	struct err why;
	struct buf body;
	char location[512];
};

/* ---- life --------------------------------------------------------------- */

static int start(struct bridge *b, const struct cli *cli, struct err *err)
{
	const struct http_config config = {
		.trust = conf_text(b->conf, OPT_UP_CMS_TRUST),
		.trust_name = "uploader.cms_trust",
		.user_agent = "upcast/" UPCAST_VERSION,
		.connect_timeout_ms = 10000,
	};
	int code;

	if (!*conf_text(b->conf, OPT_UP_CMS_HOST) ||
	    !*conf_text(b->conf, OPT_UP_CMS_USER))
		return err_set(err, -EINVAL,
			       "no bridge is configured: \"uploader cms host "
			       "<host>\", \"uploader cms user <user>\" and "
			       "\"uploader cms password\"");
	code = secret_load_instance(conf_text(b->conf, OPT_SECRETS_DIR),
				    "uploader", "cms_password", cli->instance,
				    &b->password, err);
	if (code)
		return code;
	code = loop_new(&b->loop);
	if (code)
		return err_set(err, code, "%s", err_str(code));
	return http_new(b->loop, &config, &b->http, err);
}

int bridge_open(const struct cli *cli, struct bridge **ret, struct err *err)
{
	struct bridge *b = calloc(1, sizeof(*b));
	int code;

	if (!b)
		return err_set(err, -ENOMEM, "out of memory");
	b->conf = cli->conf;
	buf_init(&b->body, BODY_MAX);
	code = start(b, cli, err);
	if (code)
		bridge_close(b);
	else
		*ret = b;
	return code;
}

void bridge_close(struct bridge *b)
{
	if (!b)
		return;
	http_free(b->http);
	loop_free(b->loop);
	secret_release(&b->password);
	buf_release(&b->body);
	free(b);
}

/* ---- one request -------------------------------------------------------- */

static void on_done(void *arg, struct http_response *r)
{
	struct bridge *b = arg;

	b->err = r->err;
	b->why = r->why;
	b->status = r->status;
	str_copy(b->location, r->location, sizeof(b->location));
	buf_clear(&b->body);
	if (!b->err)
		b->err = buf_add(&b->body, r->body.data, r->body.len);
	loop_stop(b->loop);
}

static int ask_host(struct bridge *b, const char *host, const char *method,
		    const char *path, const char *form)
{
	static const char *const headers[] = {
		"Content-Type: application/x-www-form-urlencoded", NULL
	};
	struct http_request *request;
	char url[URL_SIZE];
	int err;
	struct http_spec spec = {
		.method = method,
		.url = url,
		.headers = form ? headers : NULL,
		.user = conf_text(b->conf, OPT_UP_CMS_USER),
		.password = secret_text(&b->password),
		.body = form,
		.body_len = form ? strlen(form) : 0,
		.max_body = BODY_MAX,
		.timeout_ms =
			(unsigned)conf_number(b->conf, OPT_UP_CMS_TIMEOUT),
		.done = on_done,
		.arg = b,
	};

	snprintf(url, sizeof(url), "https://%s%s%s:%u/api/v1/%s",
		 strchr(host, ':') ? "[" : "", host,
		 strchr(host, ':') ? "]" : "",
		 (unsigned)conf_number(b->conf, OPT_UP_CMS_PORT), path);
	err = http_start(b->http, &spec, &request);
	if (!err)
		err = loop_run(b->loop);
	return err ? err : b->err;
}

/* What a failed answer says: <failureDetails><coSpaceDoesNotExist/>... */
static int explain(const struct bridge *b, const char *path, struct err *err)
{
	struct cms_xml *xml = NULL;
	const char *name = NULL;
	int code = -EINVAL;

	if (b->status == 401 || b->status == 403)
		return err_set(err, -EACCES,
			       "the bridge refuses user %s or its password",
			       conf_text(b->conf, OPT_UP_CMS_USER));
	if (!cms_xml_parse(buf_text(&b->body), b->body.len, &xml)) {
		const struct cms_xml_node *n =
			cms_xml_child(cms_xml_root(xml), NULL);

		name = n ? cms_xml_name(n) : NULL;
	}
	if (name && strstr(name, "DoesNotExist"))
		code = -ENOENT;
	err_set(err, code, "%s: the bridge answers %d%s%s", path, b->status,
		name ? ", " : "", name ? name : "");
	cms_xml_free(xml);
	return code;
}

/* Hosts of a cluster in turn, until one has answered. */
static int ask(struct bridge *b, const char *method, const char *path,
	       const char *form, struct err *err)
{
	const char *at = conf_text(b->conf, OPT_UP_CMS_HOST), *word;
	char host[256];
	size_t len;
	int code = -EHOSTUNREACH;

	if (*b->host)
		code = ask_host(b, b->host, method, path, form);
	while (!*b->host && code && str_next_word(&at, &word, &len)) {
		snprintf(host, sizeof(host), "%.*s", (int)len, word);
		code = ask_host(b, host, method, path, form);
		if (!code)
			str_copy(b->host, host, sizeof(b->host));
	}
	if (code)
		return err_set(err, code, "the bridge: %s",
			       *b->why.text ? b->why.text : err_str(code));
	return b->status / 100 == 2 ? 0 : explain(b, path, err);
}

int bridge_get(struct bridge *b, const char *path, struct cms_xml **ret,
	       struct err *err)
{
	int code = ask(b, "GET", path, NULL, err);

	if (code)
		return code;
	code = cms_xml_parse(buf_text(&b->body), b->body.len, ret);
	return code ? err_set(err, code,
			      "%s: the bridge's answer makes no sense", path)
		    : 0;
}

int bridge_send(struct bridge *b, const char *method, const char *path,
		const char *form, char *ret_id, struct err *err)
{
	int code = ask(b, method, path, form, err);
	const char *slash;

	if (code || !ret_id)
		return code;
	slash = strrchr(b->location, '/');
	if (!slash || !str_is_guid(slash + 1))
		return err_set(err, -EPROTO,
			       "%s: the bridge does not say what it made",
			       path);
	str_copy(ret_id, slash + 1, BRIDGE_ID_SIZE);
	return 0;
}

/* Pages are as long as the bridge likes: what came says where the next begins.
 */
int bridge_list(struct bridge *b, const char *collection, bridge_item_fn *fn,
		void *arg, struct err *err)
{
	unsigned offset = 0, before;
	int code = 0;

	for (int page = 0; page < PAGES_MAX && !code; page++) {
		const struct cms_xml_node *n;
		struct cms_xml *xml;
		char path[256];

		snprintf(path, sizeof(path), "%s?offset=%u", collection,
			 offset);
		code = bridge_get(b, path, &xml, err);
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

int bridge_own_address(const struct bridge *b, char *dst, size_t size,
		       struct err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *found;
	struct sockaddr_storage own;
	socklen_t len = sizeof(own);
	int fd, code = 0;

	if (getaddrinfo(b->host, "5060", &hints, &found))
		return err_set(err, -EHOSTUNREACH, "%s: no such host", b->host);
	fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) ||
	    getsockname(fd, (void *)&own, &len) ||
	    getnameinfo((void *)&own, len, dst, (socklen_t)size, NULL, 0,
			NI_NUMERICHOST))
		code = err_set(err, -EHOSTUNREACH, "no way to the bridge");
	if (fd >= 0)
		close(fd);
	freeaddrinfo(found);
	return code;
}
