/* SPDX-License-Identifier: MIT */
#include "lib/http.h"

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "lib/mono.h"
#include "lib/str.h"
#include "tests/child.h"
#include "tests/unit.h"

enum { DEADLINE_MS = 20000, MB = 1 << 20 };

/* tests/http-server.py, started by the first test that needs it. */
static struct {
	struct child child;
	char dir[64], line[128];
	char ca[96], stranger[96];
	unsigned tls, expired, other, plain;
} server;

static int remove_one(const char *path, const struct stat *st, int flag,
		      struct FTW *ftw)
{
	return remove(path);
}

static void stop_server(void)
{
	child_stop(&server.child);
	nftw(server.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int start_server(void)
{
	const char *top = getenv("top_srcdir");
	char script[512];
	const char *argv[] = { "python3", script, server.dir, NULL };
	int err;

	if (server.child.pid)
		return 0;
	snprintf(script, sizeof(script), "%s/tests/http-server.py",
		 top ? top : ".");
	str_copy(server.dir, "/tmp/test-http-XXXXXX", sizeof(server.dir));
	if (!mkdtemp(server.dir))
		return -errno;
	atexit(stop_server);
	snprintf(server.ca, sizeof(server.ca), "%s/ca.pem", server.dir);
	snprintf(server.stranger, sizeof(server.stranger), "%s/stranger.pem",
		 server.dir);
	err = child_start(&server.child, argv);
	if (!err)
		err = child_read_line(&server.child, server.line,
				      sizeof(server.line));
	if (!err && sscanf(server.line, "ready %u %u %u %u", &server.tls,
			   &server.expired, &server.other, &server.plain) != 4)
		err = -EPROTO;
	return err;
}

/* One client and what its last request was answered. */
struct client {
	struct loop *loop;
	struct http *http;
	struct loop_timer deadline;
	struct http_request *request;
	bool is_done, is_late;
	struct http_response answer; /* without its body */
	char body[8192];

	/* the source of a streamed body */
	uint64_t total, given;
	size_t piece;	    /* at most this many bytes at once */
	uint64_t pause_at;  /* once, 0: never */
	uint64_t resume_at; /* once: resumes before it pauses */
	uint64_t end_at;    /* gives nothing from there on */
	ptrdiff_t end_with;
	struct loop_timer resume;
	EVP_MD_CTX *digest;
	void (*on_done)(struct client *c);
};

static void on_deadline(struct loop_timer *timer)
{
	struct client *c = container_of(timer, struct client, deadline);

	c->is_late = true;
	loop_stop(c->loop);
}

static void on_resume(struct loop_timer *timer)
{
	http_resume(container_of(timer, struct client, resume)->request);
}

static void client_close(struct client *c)
{
	http_free(c->http);
	loop_timer_release(&c->deadline);
	loop_timer_release(&c->resume);
	EVP_MD_CTX_free(c->digest);
	loop_free(c->loop);
}

static int client_open_proxy(struct client *c, const char *trust,
			     const char *proxy)
{
	struct http_config config = { .trust = trust,
				      .trust_name = "some_trust",
				      .proxy = proxy,
				      .user_agent = "test/1",
				      .connect_timeout_ms = 3000 };
	struct err why;
	int err;

	memset(c, 0, sizeof(*c));
	err = start_server();
	if (!err)
		err = loop_new(&c->loop);
	if (!err)
		err = loop_timer_init(&c->deadline, c->loop, on_deadline);
	if (!err)
		err = loop_timer_init(&c->resume, c->loop, on_resume);
	if (!err)
		err = http_new(c->loop, &config, &c->http, &why);
	c->digest = EVP_MD_CTX_new();
	return err;
}

static int client_open(struct client *c, const char *trust)
{
	return client_open_proxy(c, trust, NULL);
}

static void on_answer(void *arg, struct http_response *response)
{
	struct client *c = arg;

	c->is_done = true;
	c->answer = *response;
	str_copy(c->body, buf_text(&response->body), sizeof(c->body));
	if (c->on_done)
		c->on_done(c);
	loop_stop(c->loop);
}

static int client_wait(struct client *c)
{
	int err;

	loop_timer_start(&c->deadline, DEADLINE_MS);
	err = loop_run(c->loop);
	loop_timer_stop(&c->deadline);
	return err ? err : c->is_late ? -ETIME : 0;
}

/* Starts `spec` for `path` on `port` of `host` and waits for its end. */
static int client_do(struct client *c, struct http_spec *spec, const char *host,
		     unsigned port, const char *path)
{
	char url[512];
	int err;

	snprintf(url, sizeof(url), "%s://%s:%u%s",
		 port == server.plain ? "http" : "https", host, port, path);
	spec->url = url;
	spec->method = spec->method ? spec->method : "GET";
	spec->max_body = spec->max_body ? spec->max_body : 65536;
	spec->timeout_ms = spec->timeout_ms ? spec->timeout_ms : 15000;
	spec->done = on_answer;
	spec->arg = c;
	c->is_done = false;
	err = http_start(c->http, spec, &c->request);
	if (!err && c->is_done)
		return -EDEADLK;
	return err ? err : client_wait(c);
}

static int client_get(struct client *c, const char *path)
{
	struct http_spec spec = { 0 };

	return client_do(c, &spec, "localhost", server.tls, path);
}

static ptrdiff_t on_source(void *arg, uint8_t *dst, size_t n)
{
	struct client *c = arg;

	if (c->pause_at && c->given >= c->pause_at) {
		c->pause_at = 0;
		loop_timer_start(&c->resume, 50);
		return HTTP_BODY_PAUSE;
	}
	if (c->resume_at && c->given >= c->resume_at) {
		c->resume_at = 0;
		http_resume(c->request);
		return HTTP_BODY_PAUSE;
	}
	if (c->end_at && c->given >= c->end_at)
		return c->end_with;
	if (c->piece && n > c->piece)
		n = c->piece;
	for (size_t i = 0; i < n; i++)
		dst[i] = (uint8_t)((c->given + i) * 7);
	EVP_DigestUpdate(c->digest, dst, n);
	c->given += n;
	return (ptrdiff_t)n;
}

static int client_upload(struct client *c, struct http_spec *spec,
			 const char *path, uint64_t size)
{
	spec->method = "POST";
	spec->stream = on_source;
	spec->stream_arg = c;
	spec->stream_len = size;
	spec->fresh_connection = true;
	c->given = 0;
	EVP_DigestInit_ex(c->digest, EVP_sha256(), NULL);
	return client_do(c, spec, "localhost", server.tls, path);
}

/* ---- tests ------------------------------------------------------------- */

static int test_memory(void)
{
	static const char *const headers[] = { "X-A: b", NULL };
	struct http_config config = { .proxy = "http://127.0.0.1:9",
				      .user_agent = "x" };
	struct http_spec spec = { .method = "POST",
				  .url = "http://127.0.0.1:9/",
				  .headers = headers,
				  .user = "u",
				  .password = "p",
				  .body = "body",
				  .body_len = 4,
				  .done = on_answer };
	struct http_request *a, *b;
	struct loop *loop = NULL;
	struct http *http = NULL;
	int err = loop_new(&loop);

	CHECK_OK(err);
	err = http_new(loop, &config, &http, NULL);
	CHECK_OK(err);
	err = http_start(http, &spec, &a);
	CHECK_OK(err);
	spec.body = NULL;
	spec.body_len = 0;
	spec.stream = on_source;
	err = http_start(http, &spec, &b);
	CHECK_OK(err);
	http_cancel(a);
out:
	http_free(http);
	loop_free(loop);
	return err;
}

static int test_config(void)
{
	struct http_config config = { .trust = "/nowhere/ca.pem",
				      .trust_name = "rev_trust" };
	struct loop *loop = NULL;
	struct http *http;
	struct err why;
	int err = loop_new(&loop);

	CHECK_OK(err);
	CHECK_ERR(http_new(loop, &config, &http, &why), -EINVAL);
	CHECK_STR(why.text, "rev_trust: cannot read /nowhere/ca.pem: "
			    "No such file or directory");
	config.trust = "/bin/true";
	CHECK_ERR(http_new(loop, &config, &http, &why), -EINVAL);
	CHECK(strstr(why.text, "no certificate in PEM form"));
	config.trust = "";
	config.proxy = "http://:port";
	CHECK_ERR(http_new(loop, &config, &http, &why), -EINVAL);
	CHECK(strstr(why.text, "http://host:port"));
	err = 0;
out:
	loop_free(loop);
	return err;
}

static int test_get(void)
{
	static const char *const headers[] = { "Accept: text/x", NULL };
	struct http_spec spec = { .headers = headers,
				  .user = "api",
				  .password = "s3cret" };
	struct client c;
	int err = client_open(&c, server.ca);

	CHECK_OK(err);
	CHECK_OK(client_do(&c, &spec, "localhost", server.tls, "/echo"));
	CHECK_EQ(c.answer.err, 0);
	CHECK_EQ(c.answer.status, 200);
	CHECK_STR(c.answer.content_type, "application/json");
	CHECK_EQ(c.answer.retry_after_ms, -1);
	CHECK_EQ(c.answer.date_s, 784887151);
	CHECK(strstr(c.body, "\"accept\": \"text/x\""));
	CHECK(strstr(c.body, "\"authorization\": \"Basic YXBpOnMzY3JldA==\""));
	CHECK(strstr(c.body, "\"user-agent\": \"test/1\""));
	/* The connection is used again. */
	CHECK_OK(client_do(&c, &spec, "localhost", server.tls, "/echo"));
	CHECK(strstr(c.body, "\"served\": 2"));
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_post(void)
{
	static const char *const headers[] = { "Content-Type: text/json",
					       NULL };
	struct http_spec spec = { .method = "POST",
				  .headers = headers,
				  .body = "{}",
				  .body_len = 2 };
	struct http_spec empty = { .method = "POST" };
	struct client c;
	int err = client_open(&c, server.ca);

	CHECK_OK(err);
	CHECK_OK(client_do(&c, &spec, "localhost", server.tls, "/echo"));
	CHECK(strstr(c.body, "\"content-type\": \"text/json\""));
	CHECK(strstr(c.body, "\"content-length\": \"2\""));
	CHECK(c.answer.sent_all);
	CHECK_OK(client_do(&c, &empty, "localhost", server.tls, "/echo"));
	CHECK(strstr(c.body, "\"content-length\": \"0\""));
	CHECK(!strstr(c.body, "content-type"));
	CHECK(!strstr(c.body, "expect"));
	empty.method = "DELETE";
	CHECK_OK(client_do(&c, &empty, "localhost", server.tls, "/echo"));
	CHECK(strstr(c.body, "\"method\": \"DELETE\""));
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_headers(void)
{
	struct client c;
	int err = client_open(&c, server.ca);

	CHECK_OK(err);
	CHECK_OK(client_get(&c, "/status?s=429&h=Retry-After:%2017"));
	CHECK_EQ(c.answer.status, 429);
	CHECK_EQ(c.answer.retry_after_ms, 17000);
	CHECK_OK(client_get(&c, "/status?s=503&h=Retry-After:%20Fri,"
				"%2031%20Dec%201999%2023:59:59%20GMT"));
	CHECK_EQ(c.answer.retry_after_ms, 0);
	CHECK_OK(client_get(&c, "/status?s=503&h=Retry-After:%20Sun,"
				"%2031%20Dec%202090%2023:59:59%20GMT"));
	CHECK_EQ(c.answer.retry_after_ms, 86400000);
	CHECK_OK(client_get(&c, "/status?s=503&h=Retry-After:%20soon"));
	CHECK_EQ(c.answer.retry_after_ms, -1);
	CHECK_OK(client_get(&c, "/status?s=401&h=WWW-Authenticate:"
				"%20Basic%20realm%3D%22acano%22"));
	CHECK_STR(c.answer.www_authenticate, "Basic realm=\"acano\"");
	CHECK_OK(client_get(&c, "/status?s=302&h=Location:%20/echo"));
	CHECK_EQ(c.answer.status, 302);
	CHECK_STR(c.answer.location, "/echo");
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_bounds(void)
{
	struct http_spec spec = { .max_body = 1000 };
	struct client c;
	int err = client_open(&c, server.ca);

	CHECK_OK(err);
	CHECK_OK(
		client_do(&c, &spec, "localhost", server.tls, "/big?n=999999"));
	CHECK_EQ(c.answer.err, 0);
	CHECK_EQ(c.answer.status, 200);
	CHECK(c.answer.truncated);
	CHECK_EQ(strlen(c.body), 1000);
	CHECK_OK(client_do(&c, &spec, "localhost", server.tls, "/big?n=1000"));
	CHECK(!c.answer.truncated);
	err = 0;
out:
	client_close(&c);
	return err;
}

static bool body_has_digest(struct client *c)
{
	uint8_t md[32];
	char hex[65];

	EVP_DigestFinal_ex(c->digest, md, NULL);
	for (size_t i = 0; i < sizeof(md); i++)
		snprintf(hex + 2 * i, 3, "%02x", md[i]);
	return strstr(c->body, hex) != NULL;
}

static int test_upload(void)
{
	struct http_spec spec = { 0 }, again = { 0 };
	struct client c;
	int err = client_open(&c, server.ca);

	CHECK_OK(err);
	CHECK_OK(client_get(&c, "/echo"));
	c.piece = 70001;
	c.pause_at = MB;
	c.resume_at = 2 * MB;
	CHECK_OK(client_upload(&c, &spec, "/echo", 3 * MB + 17));
	CHECK_EQ(c.answer.err, 0);
	CHECK_EQ(c.answer.status, 200);
	CHECK_EQ(c.answer.sent, 3 * MB + 17);
	CHECK(c.answer.sent_all);
	CHECK(strstr(c.body, "\"content-length\": \"3145745\""));
	CHECK(!strstr(c.body, "\"expect\""));
	CHECK(!strstr(c.body, "transfer-encoding"));
	CHECK(body_has_digest(&c));
	/* A connection of its own, and nobody's afterwards. */
	CHECK(strstr(c.body, "\"served\": 1"));
	CHECK_OK(client_upload(&c, &again, "/echo", 5));
	CHECK(strstr(c.body, "\"served\": 1"));
	CHECK_OK(client_get(&c, "/echo"));
	CHECK(strstr(c.body, "\"served\": 2"));
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_upload_ends(void)
{
	struct http_spec spec = { 0 };
	struct client c;
	int err = client_open(&c, server.ca);

	CHECK_OK(err);
	c.end_at = MB;
	CHECK_OK(client_upload(&c, &spec, "/echo", 2 * MB));
	CHECK_EQ(c.answer.err, -ENODATA);
	CHECK(strstr(c.answer.why.text, "ended before its length"));
	CHECK(!c.answer.sent_all);
	CHECK_EQ(c.answer.status, 0);
	c.end_with = HTTP_BODY_ABORT;
	CHECK_OK(client_upload(&c, &spec, "/echo", 2 * MB));
	CHECK_EQ(c.answer.err, -ECANCELED);
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_upload_faults(void)
{
	struct http_spec spec = { 0 };
	struct client c;
	int err = client_open(&c, server.ca);

	CHECK_OK(err);
	CHECK_OK(client_upload(&c, &spec, "/drop", MB));
	CHECK_EQ(c.answer.err, -ECONNRESET);
	CHECK(c.answer.sent_all);
	CHECK_OK(client_get(&c, "/count?p=/drop"));
	CHECK_STR(c.body, "1");
	/* A connection that served before dies: nothing is sent twice. */
	CHECK_OK(client_upload(&c, &spec, "/dropsecond", 5));
	CHECK_OK(client_upload(&c, &spec, "/dropsecond", 5));
	CHECK_STR(c.body, "first");
	CHECK_OK(client_get(&c, "/count?p=/dropsecond"));
	CHECK_STR(c.body, "2");
	CHECK_OK(client_upload(&c, &spec, "/early", 64 * MB));
	CHECK_EQ(c.answer.err, 0);
	CHECK_EQ(c.answer.status, 413);
	CHECK(!c.answer.sent_all);
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_upload_stalls(void)
{
	struct http_spec spec = { .timeout_ms = 600 };
	struct client c;
	uint64_t start;
	int err = client_open(&c, server.ca);

	CHECK_OK(err);
	start = mono_ms();
	CHECK_OK(client_upload(&c, &spec, "/deaf", 64 * MB));
	CHECK_EQ(c.answer.err, -ETIMEDOUT);
	CHECK(strstr(c.answer.why.text, "took no data for 0.6 s"));
	CHECK(!c.answer.sent_all);
	CHECK(mono_ms() - start < 10000);
	CHECK_OK(client_upload(&c, &spec, "/silent", MB));
	CHECK_EQ(c.answer.err, -ETIMEDOUT);
	CHECK(strstr(c.answer.why.text, "within 0.6 s of the last byte"));
	CHECK(c.answer.sent_all);
	c.end_at = MB;
	c.end_with = HTTP_BODY_PAUSE;
	CHECK_OK(client_upload(&c, &spec, "/echo", 2 * MB));
	CHECK_EQ(c.answer.err, -ETIMEDOUT);
	CHECK(strstr(c.answer.why.text, "nothing came to be sent"));
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_stalled_answer(void)
{
	struct http_spec spec = { .timeout_ms = 200 }, patient = { 0 };
	struct client c;
	int err = client_open(&c, server.ca);

	CHECK_OK(err);
	CHECK_OK(client_do(&c, &spec, "localhost", server.tls, "/silent"));
	CHECK_EQ(c.answer.err, -ETIMEDOUT);
	CHECK(strstr(c.answer.why.text, "did not answer within 0.2 s"));
	CHECK_OK(client_do(&c, &patient, "localhost", server.tls,
			   "/silent?t=0.05"));
	CHECK_STR(c.body, "late");
	err = 0;
out:
	client_close(&c);
	return err;
}

static void speed_up(struct loop_timer *timer)
{
	http_set_speed(container_of(timer, struct client, resume)->request, 0);
}

static int test_speed(void)
{
	struct http_spec spec = { .max_bytes_per_s = 400000 };
	struct client c;
	uint64_t start;
	int err = client_open(&c, server.ca);

	CHECK_OK(err);
	start = mono_ms();
	CHECK_OK(client_upload(&c, &spec, "/echo", 400000));
	CHECK(body_has_digest(&c));
	CHECK(mono_ms() - start > 800);
	CHECK(mono_ms() - start < 10000);
	/* An hour's worth, until the limit falls. */
	loop_timer_release(&c.resume);
	CHECK_OK(loop_timer_init(&c.resume, c.loop, speed_up));
	loop_timer_start(&c.resume, 200);
	spec.max_bytes_per_s = 1000;
	start = mono_ms();
	CHECK_OK(client_upload(&c, &spec, "/echo", 3600000));
	CHECK_EQ(c.answer.status, 200);
	CHECK(body_has_digest(&c));
	CHECK(mono_ms() - start < 10000);
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_bad_answers(void)
{
	struct http_spec spec = { 0 };
	struct client c;
	int err = client_open(&c, server.ca);

	CHECK_OK(err);
	CHECK_OK(client_get(&c, "/cut"));
	CHECK_EQ(c.answer.err, -ECONNRESET);
	CHECK_OK(client_get(&c, "/garbage"));
	CHECK_EQ(c.answer.err, -EPROTO);
	CHECK(strstr(c.answer.why.text, "is not HTTP"));
	CHECK_OK(client_do(&c, &spec, "localhost", server.plain, "/echo"));
	CHECK_EQ(c.answer.status, 200);
	err = 0;
out:
	client_close(&c);
	return err;
}

static int expect_why(struct client *c, const char *host, unsigned port,
		      int want, const char *words)
{
	struct http_spec spec = { .user = "u", .password = "s3cret" };
	int err = client_do(c, &spec, host, port, "/echo?secret");

	if (err)
		return err;
	if (c->answer.err != want || !strstr(c->answer.why.text, words) ||
	    strstr(c->answer.why.text, "secret")) {
		fprintf(stderr, "# %d %s\n", c->answer.err, c->answer.why.text);
		return -EBADE;
	}
	return 0;
}

static int test_certificates(void)
{
	struct client c = { 0 }, stranger = { 0 }, system = { 0 };
	int err = client_open(&c, server.ca);

	CHECK_OK(err);
	CHECK_OK(expect_why(&c, "localhost", server.expired, -EKEYREJECTED,
			    "has expired"));
	CHECK_OK(expect_why(&c, "localhost", server.other, -EKEYREJECTED,
			    "is for another host"));
	CHECK_OK(client_open(&stranger, server.stranger));
	CHECK_OK(expect_why(&stranger, "localhost", server.tls, -EKEYREJECTED,
			    "(setting some_trust)"));
	CHECK_OK(client_open(&system, NULL));
	CHECK_OK(expect_why(&system, "localhost", server.tls, -EKEYREJECTED,
			    "set some_trust to a file"));
	err = 0;
out:
	client_close(&c);
	client_close(&stranger);
	client_close(&system);
	return err;
}

static int test_unreachable(void)
{
	struct http_spec spec = { 0 };
	unsigned plain;
	struct client c;
	int err = client_open(&c, server.ca);

	CHECK_OK(err);
	CHECK_OK(expect_why(&c, "localhost", 1, -ECONNREFUSED,
			    "localhost:1 refused the connection"));
	plain = server.plain;
	server.plain = 0; /* so that https is spoken to it */
	err = client_do(&c, &spec, "localhost", plain, "/echo");
	server.plain = plain;
	CHECK_OK(err);
	CHECK_EQ(c.answer.err, -EPROTO);
	CHECK(strstr(c.answer.why.text, "is this its HTTPS port"));
	CHECK_OK(expect_why(&c, "no-such-host.invalid", 443, -EHOSTUNREACH,
			    "no such host name"));
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_proxy(void)
{
	struct client c = { 0 }, none = { 0 };
	char proxy[64];
	int err = start_server();

	CHECK_OK(err);
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", server.plain);
	CHECK_OK(client_open_proxy(&c, server.ca, proxy));
	CHECK_OK(client_get(&c, "/status?s=200&b=through"));
	CHECK_STR(c.body, "through");
	CHECK_STR(c.answer.content_type, "");
	CHECK_OK(expect_why(&c, "localhost", 1, -ECONNREFUSED,
			    "the proxy answered 403"));
	CHECK_OK(expect_why(&c, "localhost", 2, -EACCES,
			    "the proxy wants a user and password"));
	CHECK_OK(client_open_proxy(&none, server.ca, "http://127.0.0.1:1"));
	CHECK_OK(expect_why(&none, "localhost", server.tls, -ECONNREFUSED,
			    "the proxy on the way to localhost"));
	err = 0;
out:
	client_close(&c);
	client_close(&none);
	return err;
}

static void free_all(struct client *c)
{
	http_free(c->http);
	c->http = NULL;
}

static int test_free_inside(void)
{
	struct http_spec other = { .method = "GET",
				   .max_body = 10,
				   .timeout_ms = 5000,
				   .done = on_answer };
	struct http_request *r;
	struct client c;
	char url[64];
	int err = client_open(&c, server.ca);

	CHECK_OK(err);
	snprintf(url, sizeof(url), "https://localhost:%u/silent", server.tls);
	other.url = url;
	CHECK_OK(http_start(c.http, &other, &r));
	c.on_done = free_all;
	CHECK_OK(client_get(&c, "/echo"));
	CHECK_EQ(c.answer.status, 200);
	err = 0;
out:
	client_close(&c);
	return err;
}

static const struct unit_test tests[] = {
	{ "memory", test_memory, 0 },
	{ "config", test_config, UNIT_NO_OOM },
	{ "get", test_get, UNIT_NO_OOM },
	{ "post", test_post, UNIT_NO_OOM },
	{ "headers", test_headers, UNIT_NO_OOM },
	{ "bounds", test_bounds, UNIT_NO_OOM },
	{ "upload", test_upload, UNIT_NO_OOM },
	{ "upload ends", test_upload_ends, UNIT_NO_OOM },
	{ "upload faults", test_upload_faults, UNIT_NO_OOM },
	{ "upload stalls", test_upload_stalls, UNIT_NO_OOM },
	{ "stalled answer", test_stalled_answer, UNIT_NO_OOM },
	{ "speed", test_speed, UNIT_NO_OOM },
	{ "bad answers", test_bad_answers, UNIT_NO_OOM },
	{ "certificates", test_certificates, UNIT_NO_OOM },
	{ "unreachable", test_unreachable, UNIT_NO_OOM },
	{ "proxy", test_proxy, UNIT_NO_OOM },
	{ "free inside", test_free_inside, UNIT_NO_OOM },
};

UNIT_MAIN(tests)
