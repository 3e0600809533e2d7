/* SPDX-License-Identifier: MIT */
#include "lib/http_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
	UPLOAD_BUFFER_BYTES = 256 << 10,
	BUNDLE_MAX = 16 << 20,
};

/* Is there a certificate in it? Better said at the start than at each try. */
static int check_bundle(const struct http *http, struct err *err)
{
	const char *path = http->trust, *name = http->trust_name;
	FILE *f = fopen(path, "re");
	char line[256];
	bool found = false;

	if (!f)
		return err_set(err, -EINVAL, "%s: cannot read %s: %s", name,
			       path, err_str(-errno));
	while (!found && ftell(f) < BUNDLE_MAX && fgets(line, sizeof(line), f))
		found = !strncmp(line, "-----BEGIN ", 11) &&
			strstr(line, "CERTIFICATE-----");
	fclose(f);
	if (!found)
		return err_set(err, -EINVAL,
			       "%s: %s has no certificate in PEM form (lines "
			       "between BEGIN CERTIFICATE and END CERTIFICATE)",
			       name, path);
	return 0;
}

static int check_proxy(const struct http *http, struct err *err)
{
	CURLU *url = curl_url();
	CURLUcode code;

	if (!url)
		return -ENOMEM;
	code = curl_url_set(url, CURLUPART_URL, http->proxy,
			    CURLU_DEFAULT_SCHEME | CURLU_NON_SUPPORT_SCHEME);
	curl_url_cleanup(url);
	if (code)
		return err_set(err, -EINVAL,
			       "the proxy is not of the form http://host:port");
	return 0;
}

int http_check_config(const struct http *http, struct err *err)
{
	int e = http->trust ? check_bundle(http, err) : 0;

	if (!e && http->proxy)
		e = check_proxy(http, err);
	return e;
}

static int add_header(struct http_request *r, const char *line)
{
	struct curl_slist *list = curl_slist_append(r->headers, line);

	if (!list)
		return -ENOMEM;
	r->headers = list;
	return 0;
}

/* Curl adds two headers of its own to a POST; neither is wanted. */
static int add_headers(struct http_request *r, const struct http_spec *spec)
{
	bool has_type = false;
	int err = add_header(r, "Expect:");

	for (const char *const *h = spec->headers; !err && h && *h; h++) {
		has_type |= !strncasecmp(*h, "Content-Type:", 13);
		err = add_header(r, *h);
	}
	if (!err && !has_type)
		err = add_header(r, "Content-Type:");
	return err;
}

static int set_connection(CURL *e, const struct http *http,
			  const struct http_spec *spec)
{
	const char *proxy = http->proxy ? http->proxy : "";
	long fresh = spec->fresh_connection;
	long connect_ms = (long)http->connect_timeout_ms;

	if (curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") ||
	    curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
			     (long)CURL_HTTP_VERSION_1_1) ||
	    curl_easy_setopt(e, CURLOPT_SSLVERSION,
			     (long)CURL_SSLVERSION_TLSv1_2) ||
	    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L) ||
	    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L) ||
	    curl_easy_setopt(e, CURLOPT_PROXY, proxy) ||
	    /* The settings decide, not the environment. */
	    curl_easy_setopt(e, CURLOPT_NOPROXY, "") ||
	    curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) ||
	    curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, fresh) ||
	    curl_easy_setopt(e, CURLOPT_FORBID_REUSE, fresh) ||
	    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L) ||
	    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, connect_ms))
		return -ENOMEM;
	if (!http->trust)
		return 0;
	/* The bundle stands for the system's certificates, not beside them. */
	if (curl_easy_setopt(e, CURLOPT_CAINFO, http->trust) ||
	    curl_easy_setopt(e, CURLOPT_CAPATH, NULL) ||
	    curl_easy_setopt(e, CURLOPT_PROXY_CAINFO, http->trust) ||
	    curl_easy_setopt(e, CURLOPT_PROXY_CAPATH, NULL))
		return -ENOMEM;
	return 0;
}

static int set_answer(CURL *e, struct http_request *r)
{
	if (curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, http_on_header) ||
	    curl_easy_setopt(e, CURLOPT_HEADERDATA, r) ||
	    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, http_on_body) ||
	    curl_easy_setopt(e, CURLOPT_WRITEDATA, r) ||
	    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, r->curl_text) ||
	    curl_easy_setopt(e, CURLOPT_PRIVATE, r) ||
	    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) ||
	    /* No waiting for a resolver's thread when a request ends. */
	    curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L))
		return -ENOMEM;
	return 0;
}

static int set_stream(CURL *e, struct http_request *r)
{
	if (curl_easy_setopt(e, CURLOPT_POST, 1L) ||
	    curl_easy_setopt(e, CURLOPT_READFUNCTION, http_read_body) ||
	    curl_easy_setopt(e, CURLOPT_READDATA, r) ||
	    curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE,
			     (long)UPLOAD_BUFFER_BYTES) ||
	    curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
			     (curl_off_t)r->stream_len))
		return -ENOMEM;
	return 0;
}

static int set_body(CURL *e, struct http_request *r,
		    const struct http_spec *spec)
{
	int err;

	if (curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)spec->timeout_ms))
		return -ENOMEM;
	if (!spec->body && strcmp(spec->method, "POST") &&
	    strcmp(spec->method, "PUT"))
		return curl_easy_setopt(e, CURLOPT_HTTPGET, 1L) ? -ENOMEM : 0;
	buf_init(&r->body, spec->body_len);
	err = buf_add(&r->body, spec->body, spec->body_len);
	if (!err &&
	    (curl_easy_setopt(e, CURLOPT_POST, 1L) ||
	     curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
			      (curl_off_t)spec->body_len) ||
	     curl_easy_setopt(e, CURLOPT_POSTFIELDS, buf_text(&r->body))))
		err = -ENOMEM;
	return err;
}

int http_setup(struct http_request *r, const struct http_spec *spec)
{
	CURL *e = r->easy;
	int err = set_answer(e, r);

	if (!err)
		err = set_connection(e, r->http, spec);
	if (!err)
		err = add_headers(r, spec);
	if (!err)
		err = r->stream ? set_stream(e, r) : set_body(e, r, spec);
	if (err)
		return err;
	if (curl_easy_setopt(e, CURLOPT_URL, spec->url) ||
	    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, spec->method) ||
	    curl_easy_setopt(e, CURLOPT_HTTPHEADER, r->headers) ||
	    curl_easy_setopt(e, CURLOPT_USERAGENT, r->http->user_agent))
		return -ENOMEM;
	if (!spec->user)
		return 0;
	if (curl_easy_setopt(e, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) ||
	    curl_easy_setopt(e, CURLOPT_USERNAME, spec->user) ||
	    curl_easy_setopt(e, CURLOPT_PASSWORD, spec->password))
		return -ENOMEM;
	return 0;
}
