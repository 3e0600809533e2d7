/* SPDX-License-Identifier: MIT */
/* The Rev client against tests/standin/rev. */
#include "uploader/rev.h"

#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/mono.h"
#include "lib/str.h"
#include "tests/peer.h"
#include "tests/unit.h"

#define UPLOADS "/api/v2/uploads/videos"
#define MARK "upcast-0123456789abcdef"

enum { VIDEO_SIZE = 3 << 20, JUMP_S = 7200 };

/*
 * The C library's, for what is linked into this program: hours pass after so
 * many looks at it.
 */
static long looks_left, passed_s;

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	extern const char __executable_start, etext;
	const char *from = __builtin_return_address(0);

	if (syscall(SYS_clock_gettime, clock, ret))
		return -1;
	if (clock != CLOCK_MONOTONIC || from < &__executable_start ||
	    from > &etext)
		return 0;
	if (looks_left && !--looks_left)
		passed_s += JUMP_S;
	ret->tv_sec += passed_s;
	return 0;
}

static const char seed[] =
	"{\"users\": [{\"username\": \"uploader\", \"password\": \"s3cret-1\","
	"  \"email\": \"up@example.com\"},"
	" {\"username\": \"olga\", \"password\": \"x\","
	"  \"email\": \"olga@example.com\"},"
	" {\"username\": \"olga2\", \"password\": \"x\","
	"  \"email\": \"olga2@example.com\"}],"
	"\"fields\": [{\"name\": \"upcast_key\"}, {\"name\": \"Room\"}],"
	"\"categories\": [{\"name\": \"Meetings\"}],"
	"\"api_keys\": [{\"key\": \"K-1\", \"secret\": \"s3cret-2\","
	"  \"user\": \"uploader\"}],"
	"\"settings\": {\"processing_seconds\": 0.2}}";

static struct peer peer;

static void stop_peer(void)
{
	peer_stop(&peer);
}

/* One account and what its last call came to. */
struct client {
	struct loop *loop;
	struct rev *rev;
	struct secret password, api_secret;
	struct rev_call *call;
	int done;
	bool is_done;
	struct rev_result result; /* without its videos */
	struct rev_video videos[4];

	uint64_t given;
	uint64_t pause_at;
	uint64_t bytes_per_s;
	struct loop_timer resume;
};

static void on_resume(struct loop_timer *timer)
{
	rev_upload_resume(container_of(timer, struct client, resume)->call);
}

static void client_close(struct client *c)
{
	rev_free(c->rev);
	loop_timer_release(&c->resume);
	secret_release(&c->password);
	secret_release(&c->api_secret);
	loop_free(c->loop);
}

static struct rev_config default_config(void)
{
	return (struct rev_config){ .host = "localhost",
				    .user = "uploader",
				    .timeout_ms = 15000,
				    .upload_timeout_ms = 15000,
				    .uploads_per_minute = 1000,
				    .searches_per_minute = 1000 };
}

static int client_start(struct client *c, struct rev_config *config,
			const char *password)
{
	struct err why;
	int err;

	memset(c, 0, sizeof(*c));
	err = loop_new(&c->loop);
	if (!err)
		err = loop_timer_init(&c->resume, c->loop, on_resume);
	if (!err)
		err = secret_set(&c->password, password);
	if (!err)
		err = secret_set(&c->api_secret, "s3cret-2");
	config->password = &c->password;
	config->api_secret = &c->api_secret;
	config->port = peer.port;
	config->trust = peer.ca;
	if (!err)
		err = rev_new(c->loop, config, &c->rev, &why);
	return err;
}

/* With a stand-in as it was at the start. */
static int client_open_with(struct client *c, struct rev_config *config)
{
	int err;

	memset(c, 0, sizeof(*c));
	log_set_level(LOG_LEVEL_ERROR);
	if (!peer.child.pid)
		atexit(stop_peer);
	err = peer_start(&peer, "rev", seed);
	if (!err)
		err = peer_order(&peer, "POST", "/reset", NULL, NULL);
	return err ? err : client_start(c, config, "s3cret-1");
}

static int client_open(struct client *c)
{
	struct rev_config config = default_config();

	return client_open_with(c, &config);
}

static void on_done(void *arg, const struct rev_result *result)
{
	struct client *c = arg;

	c->done++;
	c->is_done = true;
	c->call = NULL;
	c->result = *result;
	for (size_t i = 0; i < result->video_count && i < 4; i++)
		c->videos[i] = result->videos[i];
	loop_stop(c->loop);
}

/* Waits for the call that `err` says was started. */
static int client_wait(struct client *c, int err)
{
	if (!err && c->is_done)
		return -EDEADLK;
	if (!err)
		err = peer_wait(c->loop, &c->is_done);
	c->is_done = false;
	return err;
}

#define DO(c, call) client_wait(c, call)

static ptrdiff_t give_body(void *arg, uint8_t *dst, size_t n)
{
	struct client *c = arg;

	if (c->pause_at && c->given >= c->pause_at) {
		c->pause_at = 0;
		loop_timer_start(&c->resume, 20);
		return HTTP_BODY_PAUSE;
	}
	for (size_t i = 0; i < n; i++)
		dst[i] = (uint8_t)((c->given + i) * 11);
	c->given += n;
	return (ptrdiff_t)n;
}

static int upload_with(struct client *c, const struct rev_metadata *metadata)
{
	c->given = 0;
	return DO(c, rev_upload(c->rev, metadata, VIDEO_SIZE, give_body, c,
				c->bytes_per_s, on_done, c, &c->call));
}

static int upload(struct client *c)
{
	struct rev_metadata metadata = { .title = "A title",
					 .access = "Private",
					 .tags = "first, last",
					 .mark = MARK,
					 .file_name =
						 "20260101120000+0000.mp4" };

	return upload_with(c, &metadata);
}

static int order(const char *path, const char *json)
{
	return peer_order(&peer, "POST", path, json, NULL);
}

/* Does the stand-in's answer about `path` hold `text`? */
static int peer_says(const char *path, const char *text, bool *ret)
{
	struct buf answer;
	int err;

	buf_init(&answer, 16 << 20);
	err = peer_order(&peer, "GET", path, NULL, &answer);
	*ret = !err && strstr(buf_text(&answer), text);
	if (!err && !*ret)
		fprintf(stderr, "# not in %s\n", buf_text(&answer));
	buf_release(&answer);
	return err;
}

static int logins(void)
{
	return peer_count(&peer, "POST", "/api/v2/user/login");
}

/* ---- sessions ----------------------------------------------------------- */

static int test_config(void)
{
	struct rev_config config = default_config();
	struct secret none = { 0 };
	struct loop *loop = NULL;
	struct rev *rev;
	struct err why;
	int err = loop_new(&loop);

	CHECK_OK(err);
	config.password = config.api_secret = &none;
	CHECK_ERR(rev_new(loop, &config, &rev, &why), -EINVAL);
	CHECK(strstr(why.text, "needs the secret rev_password"));
	config.use_api_key = true;
	CHECK_ERR(rev_new(loop, &config, &rev, &why), -EINVAL);
	CHECK(strstr(why.text, "rev_api_key"));
	config.user = "";
	CHECK_ERR(rev_new(loop, &config, &rev, &why), -EINVAL);
	CHECK(strstr(why.text, "rev_user"));
	config.host = "";
	CHECK_ERR(rev_new(loop, &config, &rev, &why), -EINVAL);
	CHECK(strstr(why.text, "rev_host"));
	err = 0;
out:
	loop_free(loop);
	return err;
}

static int test_memory(void)
{
	static const struct rev_metadata metadata = {
		.title = "t", .mark = MARK, .tags = "a,b", .file_name = "x.mp4"
	};
	struct rev_config config = default_config();
	struct secret password = { 0 };
	struct rev_call *call;
	struct loop *loop = NULL;
	struct rev *rev = NULL;
	int err = loop_new(&loop);

	CHECK_OK(err);
	CHECK_OK(secret_set(&password, "s3cret-1"));
	config.password = &password;
	config.port = 9;
	CHECK_OK(rev_new(loop, &config, &rev, NULL));
	CHECK_OK(rev_get_status(rev, "v", on_done, NULL, &call));
	CHECK_OK(rev_search_mark(rev, MARK, on_done, NULL, &call));
	CHECK_OK(rev_find_user(rev, "olga", false, on_done, NULL, &call));
	CHECK_OK(rev_activate(rev, "v", MARK, true, on_done, NULL, &call));
	CHECK_OK(rev_upload(rev, &metadata, 5, give_body, NULL, 0, on_done,
			    NULL, &call));
	rev_cancel(call);
	err = 0;
out:
	rev_free(rev);
	secret_release(&password);
	loop_free(loop);
	return err;
}

static int test_login(void)
{
	struct client c;
	int err = client_open(&c);

	CHECK_OK(err);
	CHECK_OK(DO(&c, rev_login(c.rev, on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_OK);
	CHECK_STR(c.result.why.text, "");
	CHECK_OK(DO(&c, rev_login(c.rev, on_done, &c, &c.call)));
	CHECK_OK(DO(&c, rev_get_rights(c.rev, on_done, &c, &c.call)));
	CHECK(c.result.can_upload);
	CHECK(c.result.has_mark_field);
	CHECK_EQ(logins(), 1);
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_api_key(void)
{
	struct rev_config config = default_config();
	struct client c;
	int err;

	config.use_api_key = true;
	config.api_key = "K-1";
	err = client_open_with(&c, &config);
	CHECK_OK(err);
	CHECK_OK(DO(&c, rev_get_rights(c.rev, on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_OK);
	CHECK_EQ(logins(), 0);
	CHECK_EQ(peer_count(&peer, "POST", "/api/v2/authenticate"), 1);
	CHECK_OK(upload(&c));
	CHECK_EQ(c.result.class, REV_OK);
	CHECK_OK(DO(&c, rev_activate(c.rev, c.result.video_id, MARK, true,
				     on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_OK);
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_locked(void)
{
	struct rev_config config = default_config();
	struct client c = { 0 }, bad = { 0 };
	int err = client_open(&c);

	CHECK_OK(err);
	CHECK_OK(client_start(&bad, &config, "wr0ng-one"));
	CHECK_OK(DO(&bad, rev_login(bad.rev, on_done, &bad, &bad.call)));
	CHECK_EQ(bad.result.class, REV_LOCKED);
	CHECK_EQ(bad.result.status, 401);
	CHECK(strstr(bad.result.why.text, "refuses the login (401)"));
	CHECK(!strstr(bad.result.why.text, "wr0ng"));
	CHECK(rev_is_locked(bad.rev));
	/* Nothing goes out while it is locked. */
	CHECK_OK(DO(&bad,
		    rev_get_status(bad.rev, "x", on_done, &bad, &bad.call)));
	CHECK_EQ(bad.result.class, REV_LOCKED);
	CHECK(*bad.result.why.text);
	CHECK_EQ(logins(), 1);
	rev_unlock(bad.rev);
	CHECK_OK(DO(&bad, rev_login(bad.rev, on_done, &bad, &bad.call)));
	CHECK_EQ(logins(), 2);
	CHECK_EQ(bad.result.class, REV_LOCKED);
	err = 0;
out:
	client_close(&c);
	client_close(&bad);
	return err;
}

static int test_login_faults(void)
{
	static const struct {
		const char *fault;
		enum rev_class class;
		const char *words;
	} cases[] = {
		{ "{\"path\": \"*/user/login\", \"status\": 429}", REV_LANE,
		  "pause of 60 s" },
		{ "{\"path\": \"*/user/login\", \"status\": 500}",
		  REV_TRANSIENT, "answered 500" },
		{ "{\"path\": \"*/user/login\", \"status\": 502,"
		  " \"html\": \"Bad Gateway at s3cret-1\"}",
		  REV_TRANSIENT, "holds a secret" },
		{ "{\"path\": \"*/user/login\", \"status\": 200,"
		  " \"body\": \"hello\"}",
		  REV_TRANSIENT, "is this a Rev server" },
		{ "{\"path\": \"*/user/login\", \"redirect\":"
		  " \"https://elsewhere.test/\"}",
		  REV_TRANSIENT, "redirects (302) to https://elsewhere.test/" },
		{ "{\"path\": \"*/user/login\", \"drop\": true}", REV_TRANSIENT,
		  "closed the connection" },
	};
	struct client c;
	int err = client_open(&c);

	CHECK_OK(err);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_OK(order("/faults", cases[i].fault));
		CHECK_OK(DO(&c, rev_login(c.rev, on_done, &c, &c.call)));
		CHECK_EQ(c.result.class, cases[i].class);
		CHECK(strstr(c.result.why.text, cases[i].words));
		CHECK(!strstr(c.result.why.text, "s3cret"));
		CHECK(!rev_is_locked(c.rev));
	}
	CHECK_OK(DO(&c, rev_login(c.rev, on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_OK);
	err = 0;
out:
	client_close(&c);
	return err;
}

static void on_tick(struct loop_timer *timer)
{
	struct client *c = container_of(timer, struct client, resume);

	c->is_done = true;
	loop_stop(c->loop);
}

/* Lets the loop run. */
static int idle(struct client *c, unsigned ms)
{
	struct loop_timer saved = c->resume;
	int err = loop_timer_init(&c->resume, c->loop, on_tick);

	if (err)
		return err;
	loop_timer_start(&c->resume, ms);
	err = peer_wait(c->loop, &c->is_done);
	c->is_done = false;
	loop_timer_release(&c->resume);
	c->resume = saved;
	return err;
}

static int check_extends(struct client *c, const char *path)
{
	int err;

	CHECK_OK(order("/settings", "{\"session_seconds\": 2.4}"));
	CHECK_OK(DO(c, rev_login(c->rev, on_done, c, &c->call)));
	CHECK_OK(idle(c, 4300));
	CHECK_OK(DO(c, rev_get_rights(c->rev, on_done, c, &c->call)));
	CHECK_EQ(c->result.class, REV_OK);
	CHECK(peer_count(&peer, "POST", path) >= 3);
	err = 0;
out:
	return err;
}

static int test_extend(void)
{
	struct client c;
	int err = client_open(&c);

	CHECK_OK(err);
	CHECK_OK(check_extends(&c, "/api/v2/user/extend-session"));
	CHECK_EQ(logins(), 1);
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_extend_older(void)
{
	struct rev_config config = default_config();
	struct client c = { 0 }, key = { 0 };
	int err = client_open(&c);

	CHECK_OK(err);
	CHECK_OK(order("/faults", "{\"path\": \"*/user/extend-session\","
				  " \"status\": 404, \"times\": 0}"));
	CHECK_OK(check_extends(&c, "/api/v2/user/extend-session-timeout"));
	CHECK_EQ(logins(), 1);
	config.use_api_key = true;
	config.api_key = "K-1";
	CHECK_OK(client_start(&key, &config, ""));
	CHECK_OK(
		check_extends(&key, "/api/v2/auth/extend-session-timeout/K-1"));
	CHECK_EQ(peer_count(&peer, "POST", "/api/v2/authenticate"), 1);
	err = 0;
out:
	client_close(&c);
	client_close(&key);
	return err;
}

/*
 * The session's time is over after any look at the clock, while Rev answers
 * that it is over: whatever was asked has an end.
 */
static int test_over_any_time(void)
{
	struct client c;
	long look = 0;
	int err = client_open(&c);

	CHECK_OK(err);
	do {
		looks_left = 0;
		CHECK_OK(DO(&c, rev_login(c.rev, on_done, &c, &c.call)));
		CHECK_EQ(c.result.class, REV_OK);
		CHECK_OK(order("/sessions/kill", "{}"));
		looks_left = ++look;
		CHECK_OK(DO(&c, rev_get_rights(c.rev, on_done, &c, &c.call)));
	} while (!looks_left);
	err = 0;
out:
	looks_left = 0;
	client_close(&c);
	return err;
}

/* An extension is late: neither it nor a dead session stops the new login. */
static int test_late_extension(void)
{
	struct rev_call *calls[2];
	struct client c;
	int err = client_open(&c);

	CHECK_OK(err);
	CHECK_OK(order("/settings", "{\"session_seconds\": 1}"));
	CHECK_OK(DO(&c, rev_login(c.rev, on_done, &c, &c.call)));
	CHECK_OK(order("/settings", "{\"session_seconds\": 1800}"));
	CHECK_OK(order("/faults", "{\"path\": \"*/user/extend-session\","
				  " \"delay\": 0.3}"));
	CHECK_OK(idle(&c, 600));
	passed_s += JUMP_S;
	CHECK_OK(order("/faults", "{\"path\": \"*/user/login\","
				  " \"delay\": 0.6}"));
	c.done = 0;
	CHECK_OK(rev_get_rights(c.rev, on_done, &c, &calls[0]));
	CHECK_OK(idle(&c, 300));
	CHECK_OK(order("/sessions/kill", "{}"));
	CHECK_OK(rev_get_rights(c.rev, on_done, &c, &calls[1]));
	while (c.done < 2) {
		c.is_done = false;
		CHECK_OK(peer_wait(c.loop, &c.is_done));
		CHECK_EQ(c.result.class, REV_OK);
	}
	err = 0;
out:
	client_close(&c);
	return err;
}

/* The time is over while an extension is asked for, and Rev lets none in. */
static int test_over_at_extension(void)
{
	struct client c;
	int err = client_open(&c);

	CHECK_OK(err);
	CHECK_OK(order("/settings", "{\"session_seconds\": 0.5}"));
	for (int look = 1; look <= 4; look++) {
		CHECK_OK(DO(&c, rev_login(c.rev, on_done, &c, &c.call)));
		CHECK_EQ(c.result.class, REV_OK);
		CHECK_OK(order("/faults", "{\"path\": \"*/user/login\","
					  " \"status\": 500}"));
		looks_left = look;
		CHECK_OK(idle(&c, 400));
		looks_left = 0;
		CHECK_OK(DO(&c, rev_login(c.rev, on_done, &c, &c.call)));
	}
	err = 0;
out:
	looks_left = 0;
	client_close(&c);
	return err;
}

static int test_dead_session(void)
{
	struct rev_call *calls[4];
	struct client c;
	int err = client_open(&c);

	CHECK_OK(err);
	CHECK_OK(DO(&c, rev_login(c.rev, on_done, &c, &c.call)));
	CHECK_OK(order("/sessions/kill", "{}"));
	c.done = 0;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		CHECK_OK(rev_get_rights(c.rev, on_done, &c, &calls[i]));
	while (c.done < 4) {
		c.is_done = false;
		CHECK_OK(peer_wait(c.loop, &c.is_done));
		CHECK_EQ(c.result.class, REV_OK);
	}
	c.is_done = false;
	CHECK_EQ(logins(), 2);
	CHECK_EQ(peer_count(&peer, "GET", "/api/v2/user/session"), 1);
	/* Alive: the answer stands, nobody logs in. */
	CHECK_OK(DO(&c, rev_get_status(c.rev,
				       "7e41b3f8-0d3c-4c1a-9a5e-5a8b1f7a9c11",
				       on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_GONE);
	CHECK_EQ(c.result.status, 401);
	CHECK_EQ(logins(), 2);
	CHECK_EQ(peer_count(&peer, "GET", "/api/v2/user/session"), 2);
	/* Not known: not for this call either; the session stays. */
	CHECK_OK(order("/faults", "{\"path\": \"*/user/session\","
				  " \"status\": 502}"));
	CHECK_OK(DO(&c, rev_get_status(c.rev,
				       "7e41b3f8-0d3c-4c1a-9a5e-5a8b1f7a9c11",
				       on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_TRANSIENT);
	CHECK_EQ(c.result.status, 502);
	CHECK_OK(DO(&c, rev_login(c.rev, on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_OK);
	CHECK_EQ(logins(), 2);
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_dead_session_upload(void)
{
	struct client c;
	int err = client_open(&c);

	CHECK_OK(err);
	CHECK_OK(DO(&c, rev_login(c.rev, on_done, &c, &c.call)));
	CHECK_OK(order("/sessions/kill", "{}"));
	CHECK_OK(upload(&c));
	CHECK_EQ(c.result.class, REV_TRANSIENT);
	CHECK(!c.result.sent_all);
	CHECK(strstr(c.result.why.text, "session"));
	CHECK_OK(upload(&c));
	CHECK_EQ(c.result.class, REV_OK);
	CHECK_EQ(logins(), 2);
	CHECK_EQ(peer_count(&peer, "POST", UPLOADS), 2);
	err = 0;
out:
	client_close(&c);
	return err;
}

/* ---- videos ------------------------------------------------------------- */

static int wait_ready(struct client *c, const char *id)
{
	int err;

	for (int i = 0; i < 200; i++) {
		CHECK_OK(DO(c,
			    rev_get_status(c->rev, id, on_done, c, &c->call)));
		CHECK_EQ(c->result.class, REV_OK);
		if (!c->result.processing)
			return 0;
		CHECK_OK(idle(c, 100));
	}
	err = -ETIME;
out:
	return err;
}

static int test_whole_life(void)
{
	struct rev_config config = default_config();
	char id[64], path[128], url[128];
	struct client c;
	bool found;
	int err;

	config.mark_field = "upcast_key";
	err = client_open_with(&c, &config);
	CHECK_OK(err);
	c.pause_at = 1 << 20;
	CHECK_OK(upload(&c));
	CHECK_EQ(c.result.class, REV_OK);
	CHECK_STR(c.result.why.text, "");
	CHECK(c.result.sent_all);
	CHECK(str_is_guid(c.result.video_id));
	str_copy(id, c.result.video_id, sizeof(id));
	snprintf(path, sizeof(path), "/videos/%s", id);
	CHECK_OK(peer_says(path, "\"upcast_key\": \"" MARK "\"", &found));
	CHECK(found);
	CHECK_OK(peer_says(path, "\"active\": false", &found));
	CHECK(found);
	CHECK_OK(peer_says(path, "\"size\": 3145728", &found));
	CHECK(found);
	CHECK_OK(peer_says(path, "\"editors\": [\"uploader\"]", &found));
	CHECK(found);

	CHECK_OK(DO(&c, rev_search_mark(c.rev, MARK, on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_OK);
	CHECK(c.result.search_complete);
	CHECK_EQ(c.result.video_count, 1);
	CHECK_STR(c.videos[0].id, id);
	CHECK(c.videos[0].has_mark && c.videos[0].owned_by_us);
	CHECK(!c.videos[0].is_active);

	CHECK_OK(wait_ready(&c, id));
	CHECK(c.result.ready);
	CHECK_STR(c.result.status_word, "Ready");
	CHECK_OK(DO(&c, rev_get_playback_url(c.rev, id, on_done, &c, &c.call)));
	snprintf(url, sizeof(url), "/embed?id=%s", id);
	CHECK(strstr(c.result.playback_url, url));

	CHECK_OK(
		DO(&c, rev_get_details(c.rev, id, NULL, on_done, &c, &c.call)));
	CHECK_STR(c.videos[0].mark, MARK);
	CHECK(!c.videos[0].has_mark);
	CHECK_OK(DO(&c,
		    rev_activate(c.rev, id, MARK, true, on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_OK);
	CHECK_OK(peer_says(path, "\"tags\": [\"first\", \"last\"]", &found));
	CHECK(found);
	CHECK_OK(peer_says(path, "\"active\": true", &found));
	CHECK(found);
	/* Nothing to do, nothing sent. */
	CHECK_OK(DO(&c,
		    rev_activate(c.rev, id, MARK, true, on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_OK);
	CHECK_EQ(peer_count(&peer, "PATCH", "/api/v2/videos/{id}"), 1);
	CHECK_OK(
		DO(&c, rev_get_details(c.rev, id, MARK, on_done, &c, &c.call)));
	CHECK_EQ(c.result.video_count, 1);
	CHECK(c.videos[0].is_active && !c.videos[0].has_mark);
	CHECK_STR(c.videos[0].mark, "");
	CHECK_STR(c.videos[0].title, "A title");
	CHECK(c.videos[0].uploaded_s > 1700000000);
	CHECK_OK(DO(&c, rev_search_mark(c.rev, MARK, on_done, &c, &c.call)));
	CHECK_EQ(c.result.video_count, 0);
	CHECK(c.result.search_complete);

	CHECK_OK(DO(&c, rev_delete(c.rev, id, on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_OK);
	CHECK_OK(DO(&c, rev_delete(c.rev, id, on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_GONE);
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_metadata(void)
{
	struct rev_viewer viewers[2] = { { .can_edit = false },
					 { .can_edit = true } };
	struct rev_metadata metadata = {
		.title = "R\xc3\xbc"
			 "ckblick \"1\" \xff",
		.description = "d",
		.access = "AllUsers",
		.viewers = viewers,
		.viewer_count = 1,
		.categories = "Meetings",
		.file_name = "x.mp4",
		.active = true,
		.comments = true,
	};
	char path[128], owner[64];
	struct client c;
	bool found;
	int err = client_open(&c);

	CHECK_OK(err);
	CHECK_OK(DO(&c,
		    rev_find_user(c.rev, "OLGA", false, on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_OK);
	str_copy(owner, c.result.user_id, sizeof(owner));
	metadata.owner_id = owner;
	CHECK_OK(DO(&c, rev_find_user(c.rev, "olga2@example.com", true, on_done,
				      &c, &c.call)));
	CHECK_STR(c.result.user_name, "olga2");
	viewers[0].id = c.result.user_id;
	CHECK_OK(upload_with(&c, &metadata));
	CHECK_EQ(c.result.class, REV_OK);
	snprintf(path, sizeof(path), "/videos/%s", c.result.video_id);
	CHECK_OK(peer_says(path, "\"owner\": \"olga\"", &found));
	CHECK(found);
	CHECK_OK(peer_says(path, "\"viewers\": [\"olga2\"]", &found));
	CHECK(found);
	CHECK_OK(peer_says(path, "\"editors\": [\"uploader\"]", &found));
	CHECK(found);
	CHECK_OK(peer_says(path,
			   "\"title\": \"R\xc3\xbc"
			   "ckblick \\\"1\\\" \\\\xff\"",
			   &found));
	CHECK(found);
	CHECK_OK(peer_says(path, "\"active\": true", &found));
	CHECK(found);
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_upload_faults(void)
{
	static const struct {
		const char *fault;
		enum rev_class class;
		bool sent_all;
		const char *words;
	} cases[] = {
		{ "\"drop\": true", REV_TRANSIENT, true,
		  "closed the connection" },
		{ "\"status\": 502, \"commit\": true, \"html\":"
		  " \"<h1>Bad Gateway</h1>\"",
		  REV_TRANSIENT, true, "answered 502: Bad Gateway" },
		{ "\"status\": 500, \"code\": \"FileNotSupported\","
		  " \"detail\": \"no\"",
		  REV_REFUSED, true, "answered 500 FileNotSupported: no" },
		{ "\"status\": 500, \"code\": \"InternalServerError\"",
		  REV_TRANSIENT, true, "InternalServerError" },
		{ "\"status\": 413, \"early\": true", REV_REFUSED, false,
		  "413" },
		{ "\"status\": 429, \"retry_after\": 7", REV_LANE, true,
		  "pause of 7 s" },
		{ "\"status\": 403", REV_REFUSED, true, "403" },
		{ "\"cut_at\": 100000", REV_TRANSIENT, false,
		  "closed the connection" },
		{ "\"status\": 200, \"body\": \"{}\"", REV_TRANSIENT, true,
		  "named no video" },
	};
	char json[256];
	struct client c;
	int err = client_open(&c);

	CHECK_OK(err);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(json, sizeof(json), "{\"path\": \"%s\", %s}", UPLOADS,
			 cases[i].fault);
		CHECK_OK(order("/faults", json));
		CHECK_OK(upload(&c));
		CHECK_EQ(c.result.class, cases[i].class);
		if (i != 4) /* what was sent before is a race */
			CHECK_EQ(c.result.sent_all, cases[i].sent_all);
		CHECK(strstr(c.result.why.text, cases[i].words));
	}
	CHECK_EQ(peer_count(&peer, "POST", UPLOADS), ARRAY_SIZE(cases));
	CHECK_EQ(logins(), 1);
	err = 0;
out:
	client_close(&c);
	return err;
}

/* Whoever says yes to half a file has not got the recording. */
static int test_early_yes(void)
{
	struct client c;
	int err = client_open(&c);

	CHECK_OK(err);
	CHECK_OK(order("/faults", "{\"path\": \"" UPLOADS "\", \"status\": 200,"
				  " \"early\": true, \"body\":"
				  " \"{\\\"videoId\\\": \\\"v-1\\\"}\"}"));
	c.bytes_per_s = VIDEO_SIZE / 4;
	CHECK_OK(upload(&c));
	CHECK(!c.result.sent_all);
	CHECK_EQ(c.result.class, REV_TRANSIENT);
	CHECK(strstr(c.result.why.text, "before it had the whole file"));
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_older_upload(void)
{
	struct client c;
	int err = client_open(&c);

	CHECK_OK(err);
	CHECK_OK(order("/faults", "{\"path\": \"" UPLOADS "\", \"status\": 404,"
				  " \"times\": 0}"));
	CHECK_OK(upload(&c));
	CHECK_EQ(c.result.class, REV_TRANSIENT);
	CHECK_OK(upload(&c));
	CHECK_EQ(c.result.class, REV_OK);
	CHECK_EQ(peer_count(&peer, "POST", "/api/uploads/videos"), 1);
	err = 0;
out:
	client_close(&c);
	return err;
}

/* A server that has nothing but v1. */
static int test_v1(void)
{
	char id[64];
	struct client c;
	int err = client_open(&c);

	CHECK_OK(err);
	CHECK_OK(order("/settings", "{\"apis\": [\"v1\"]}"));
	CHECK_OK(DO(&c, rev_get_rights(c.rev, on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_OK);
	CHECK(c.result.can_upload);
	CHECK_EQ(peer_count(&peer, "POST", "/api/v1/user/login"), 1);
	CHECK_OK(upload(&c));
	CHECK_EQ(c.result.class, REV_TRANSIENT);
	CHECK_OK(upload(&c));
	CHECK_EQ(c.result.class, REV_OK);
	str_copy(id, c.result.video_id, sizeof(id));
	CHECK_OK(wait_ready(&c, id));
	CHECK(c.result.ready);
	CHECK_OK(DO(&c, rev_search_mark(c.rev, MARK, on_done, &c, &c.call)));
	CHECK_EQ(c.result.video_count, 1);
	CHECK_OK(DO(&c, rev_get_playback_url(c.rev, id, on_done, &c, &c.call)));
	CHECK(*c.result.playback_url);
	CHECK_OK(DO(&c,
		    rev_activate(c.rev, id, MARK, true, on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_OK);
	CHECK_OK(DO(&c, rev_delete(c.rev, id, on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_OK);
	CHECK_EQ(peer_count(&peer, "POST", "/api/v2/user/login"), 1);
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_status(void)
{
	char id[64], path[128];
	struct client c;
	int err = client_open(&c);

	CHECK_OK(err);
	CHECK_OK(order("/settings", "{\"early_ready_seconds\": 1.5,"
				    " \"processing_seconds\": 2.5}"));
	CHECK_OK(upload(&c));
	str_copy(id, c.result.video_id, sizeof(id));
	snprintf(path, sizeof(path), "/videos/%s", id);
	/* The false start. */
	CHECK_OK(DO(&c, rev_get_status(c.rev, id, on_done, &c, &c.call)));
	CHECK_STR(c.result.status_word, "Ready");
	CHECK(c.result.processing && !c.result.ready && !c.result.failed);
	CHECK_OK(wait_ready(&c, id));
	CHECK(c.result.ready);
	CHECK(c.result.progress == 1);
	CHECK_OK(order(path, "{\"status\": \"ProcessingFailed\"}"));
	CHECK_OK(DO(&c, rev_get_status(c.rev, id, on_done, &c, &c.call)));
	CHECK(c.result.failed && !c.result.ready && !c.result.processing);
	CHECK_OK(order(path, "{\"status\": \"Contemplating\"}"));
	CHECK_OK(DO(&c, rev_get_status(c.rev, id, on_done, &c, &c.call)));
	CHECK(c.result.processing);
	err = 0;
out:
	client_close(&c);
	return err;
}

static int plant_strangers(int n)
{
	struct buf b;
	int err = 0;

	for (int i = 0; i < n && !err; i++) {
		buf_init(&b, 1024);
		err = buf_printf(&b,
				 "{\"uploader\": \"uploader\", \"title\":"
				 " \"s%d\", \"tags\": [\"t%d\"]}",
				 i, i);
		if (!err)
			err = order("/videos", buf_text(&b));
		buf_release(&b);
	}
	return err;
}

static int test_search(void)
{
	struct rev_config config = default_config();
	struct client c;
	char id[64];
	int err;

	config.mark_field = "upcast_key";
	err = client_open_with(&c, &config);
	CHECK_OK(err);
	CHECK_OK(upload(&c));
	str_copy(id, c.result.video_id, sizeof(id));
	CHECK_OK(plant_strangers(120));
	/* All strangers are returned, in pages; one of them is ours. */
	CHECK_OK(order("/settings", "{\"search_strangers\": true}"));
	CHECK_OK(DO(&c, rev_search_mark(c.rev, MARK, on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_OK);
	CHECK(c.result.search_complete);
	CHECK_EQ(c.result.video_count, 1);
	CHECK_STR(c.videos[0].id, id);
	/* A hit that cannot be read might be ours. */
	CHECK_OK(order("/faults", "{\"path\": \"*/details\", \"status\": 500,"
				  " \"code\": \"SomethingNew\"}"));
	CHECK_OK(DO(&c, rev_search_mark(c.rev, MARK, on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_OK);
	CHECK(!c.result.search_complete);
	/* A scroll that lapses once is begun again. */
	CHECK_OK(order("/faults",
		       "{\"path\": \"*/videos/search\", \"contains\":"
		       " \"scrollId\", \"status\": 200, \"body\":"
		       " \"{\\\"videos\\\": [], \\\"statusCode\\\": 404}\"}"));
	CHECK_OK(DO(&c, rev_search_mark(c.rev, MARK, on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_OK);
	CHECK(c.result.search_complete);
	CHECK_EQ(c.result.video_count, 1);
	CHECK_OK(order("/faults",
		       "{\"path\": \"*/videos/search\", \"times\": 0,"
		       " \"status\": 200, \"body\":"
		       " \"{\\\"videos\\\": [], \\\"statusCode\\\": 404}\"}"));
	CHECK_OK(DO(&c, rev_search_mark(c.rev, MARK, on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_TRANSIENT);
	CHECK(strstr(c.result.why.text, "lapsed"));
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_unknown_field(void)
{
	struct rev_config config = default_config();
	struct client c;
	int err;

	config.mark_field = "no_such_field";
	err = client_open_with(&c, &config);
	CHECK_OK(err);
	CHECK_OK(plant_strangers(3));
	CHECK_OK(DO(&c, rev_get_rights(c.rev, on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_OK);
	CHECK(c.result.can_upload && !c.result.has_mark_field);
	/* By tag alone, and uploads leave the field out. */
	CHECK_OK(upload(&c));
	CHECK_EQ(c.result.class, REV_OK);
	CHECK_OK(DO(&c, rev_search_mark(c.rev, MARK, on_done, &c, &c.call)));
	CHECK_EQ(c.result.video_count, 1);
	CHECK(c.result.search_complete);
	CHECK_EQ(peer_count(&peer, "GET", "/api/v2/videos/search"), 1);
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_patch_forms(void)
{
	char path[128];
	struct client c;
	bool found;
	int err = client_open(&c);

	CHECK_OK(err);
	CHECK_OK(upload(&c));
	snprintf(path, sizeof(path), "/videos/%s", c.result.video_id);
	CHECK_OK(order("/faults", "{\"method\": \"PATCH\", \"path\": \"*\","
				  " \"status\": 500, \"code\":"
				  " \"UnprocessableEntity\"}"));
	CHECK_OK(DO(&c, rev_activate(c.rev, c.result.video_id, MARK, true,
				     on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_OK);
	CHECK_OK(peer_says(path, "\"tags\": [\"first\", \"last\"]", &found));
	CHECK(found);
	/* No right to: that is the answer. */
	CHECK_OK(upload(&c));
	CHECK_OK(order("/users/uploader", "{\"may_patch\": false}"));
	CHECK_OK(DO(&c, rev_activate(c.rev, c.result.video_id, MARK, true,
				     on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_REFUSED);
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_users(void)
{
	static const char *const answers[] = {
		"{\"unknown_user\": 401}",
		"{\"unknown_user\": 403}",
		"{\"unknown_user\": 404}",
		"{\"email_answers_array\": false}",
	};
	struct client c;
	int err = client_open(&c);

	CHECK_OK(err);
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		CHECK_OK(order("/settings", answers[i]));
		CHECK_OK(DO(&c, rev_find_user(c.rev, "nobody", false, on_done,
					      &c, &c.call)));
		CHECK_EQ(c.result.class, REV_GONE);
		CHECK_OK(DO(&c, rev_find_user(c.rev, "OLGA@example.com", true,
					      on_done, &c, &c.call)));
		CHECK_EQ(c.result.class, REV_OK);
		CHECK_STR(c.result.user_name, "olga");
	}
	/* A server that finds somebody else. */
	CHECK_OK(order("/faults", "{\"path\": \"*/users/*\", \"status\": 200,"
				  " \"body\": \"[{\\\"userId\\\": \\\"1\\\","
				  " \\\"username\\\": \\\"olga2\\\"}]\"}"));
	CHECK_OK(DO(&c,
		    rev_find_user(c.rev, "olga", false, on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_GONE);
	CHECK_EQ(logins(), 1);
	err = 0;
out:
	client_close(&c);
	return err;
}

/* ---- limits, ends ------------------------------------------------------- */

static int test_limits(void)
{
	struct rev_config config = default_config();
	struct rev_call *calls[3];
	struct client c;
	int err;

	config.searches_per_minute = 2;
	err = client_open_with(&c, &config);
	CHECK_OK(err);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		CHECK_OK(rev_search_mark(c.rev, MARK, on_done, &c, &calls[i]));
	while (c.done < 2) {
		c.is_done = false;
		CHECK_OK(peer_wait(c.loop, &c.is_done));
	}
	/* The third waits for its minute, says so, and others go on. */
	CHECK(strstr(rev_limit_why(calls[2]), "rev_searches_per_minute"));
	c.is_done = false;
	CHECK_OK(DO(&c, rev_get_rights(c.rev, on_done, &c, &c.call)));
	CHECK_EQ(c.result.class, REV_OK);
	CHECK_EQ(peer_count(&peer, "GET", "/api/v2/videos/search"), 2);
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_cancel(void)
{
	struct rev_call *a, *b;
	struct client c;
	int err = client_open(&c);

	CHECK_OK(err);
	CHECK_OK(order("/faults", "{\"path\": \"*/user/login\", \"delay\":"
				  " 1.0}"));
	CHECK_OK(rev_get_rights(c.rev, on_done, &c, &a));
	CHECK_OK(rev_get_rights(c.rev, on_done, &c, &b));
	CHECK_OK(idle(&c, 50));
	rev_cancel(a);
	CHECK_OK(peer_wait(c.loop, &c.is_done));
	CHECK_EQ(c.done, 1);
	CHECK_EQ(c.result.class, REV_OK);
	/* Freed with calls in every state. */
	CHECK_OK(order("/sessions/kill", "{}"));
	CHECK_OK(rev_get_rights(c.rev, on_done, &c, &a));
	CHECK_OK(rev_search_mark(c.rev, MARK, on_done, &c, &b));
	CHECK_OK(rev_login(c.rev, on_done, &c, &b));
	err = 0;
out:
	client_close(&c);
	return err;
}

static const struct unit_test tests[] = {
	{ "config", test_config, UNIT_NO_OOM },
	{ "memory", test_memory, 0 },
	{ "login", test_login, UNIT_NO_OOM },
	{ "api key", test_api_key, UNIT_NO_OOM },
	{ "locked", test_locked, UNIT_NO_OOM },
	{ "login faults", test_login_faults, UNIT_NO_OOM },
	{ "extend", test_extend, UNIT_NO_OOM },
	{ "extend, older", test_extend_older, UNIT_NO_OOM },
	{ "a session that is over at any time", test_over_any_time,
	  UNIT_NO_OOM },
	{ "late extension", test_late_extension, UNIT_NO_OOM },
	{ "over at its extension", test_over_at_extension, UNIT_NO_OOM },
	{ "dead session", test_dead_session, UNIT_NO_OOM },
	{ "dead session, upload", test_dead_session_upload, UNIT_NO_OOM },
	{ "whole life", test_whole_life, UNIT_NO_OOM },
	{ "metadata", test_metadata, UNIT_NO_OOM },
	{ "upload faults", test_upload_faults, UNIT_NO_OOM },
	{ "a yes to half a file", test_early_yes, UNIT_NO_OOM },
	{ "older upload", test_older_upload, UNIT_NO_OOM },
	{ "v1", test_v1, UNIT_NO_OOM },
	{ "status", test_status, UNIT_NO_OOM },
	{ "search", test_search, UNIT_NO_OOM },
	{ "unknown field", test_unknown_field, UNIT_NO_OOM },
	{ "patch forms", test_patch_forms, UNIT_NO_OOM },
	{ "users", test_users, UNIT_NO_OOM },
	{ "limits", test_limits, UNIT_NO_OOM },
	{ "cancel", test_cancel, UNIT_NO_OOM },
};

UNIT_MAIN(tests)
