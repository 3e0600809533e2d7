/* SPDX-License-Identifier: MIT */
/* The bridge client against tests/standin/cms. */
#include "uploader/cms.h"

#include <stdlib.h>

#include "lib/log.h"
#include "lib/str.h"
#include "tests/peer.h"
#include "tests/unit.h"

#define WEEKLY "11111111-1111-4111-8111-111111111111"
#define LONELY "22222222-2222-4222-8222-222222222222"
#define LARGE "33333333-3333-4333-8333-333333333333"
#define NOWHERE "44444444-4444-4444-8444-444444444444"

enum { LARGE_COUNT = 1000 };

static const char seed[] =
	"{\"admins\": [{\"name\": \"apiadmin\", \"password\": \"s3cret\"}],"
	"\"users\": [{\"userJid\": \"one@example.com\", \"name\": \"User One\","
	"  \"email\": \"u1@mail.example\"},"
	" {\"userJid\": \"two@example.com\", \"name\": \"User Two\","
	"  \"email\": \"u2@mail.example\"}],"
	"\"coSpaces\": [{\"id\": \"" WEEKLY
	"\", \"name\": \"W\\u00f6chentlich\","
	"  \"uri\": \"1004\", \"owner\": \"one@example.com\","
	"  \"members\": [\"one@example.com\", \"two@example.com\"]},"
	" {\"id\": \"" LONELY "\", \"name\": \"Lonely\", \"uri\": \"1005\"}]}";

static struct peer peer;

static void stop_peer(void)
{
	peer_stop(&peer);
}

/* One client and what it was told last. */
struct client {
	struct loop *loop;
	struct cms *cms;
	struct secret password;
	int done; /* answers that came */
	bool is_done;
	int err;
	char why[ERR_TEXT_MAX];
	bool exists;
	char name[64], owner_jid[64], owner_email[64];
	size_t member_count, email_count;
	char first_email[64];
};

static void on_space(void *arg, int err, const struct err *why,
		     const struct cms_space *space)
{
	struct client *c = arg;

	c->done++;
	c->is_done = true;
	c->err = err;
	str_copy(c->why, why ? why->text : "", sizeof(c->why));
	loop_stop(c->loop);
	if (!space)
		return;
	c->exists = space->exists;
	str_copy(c->name, space->name ? space->name : "", sizeof(c->name));
	str_copy(c->owner_jid, space->owner.jid ? space->owner.jid : "",
		 sizeof(c->owner_jid));
	str_copy(c->owner_email, space->owner.email ? space->owner.email : "",
		 sizeof(c->owner_email));
	c->member_count = space->member_count;
	c->email_count = 0;
	for (size_t i = 0; i < space->member_count; i++)
		c->email_count += space->members[i].email != NULL;
	if (c->email_count)
		str_copy(c->first_email,
			 space->members[0].email ? space->members[0].email : "",
			 sizeof(c->first_email));
}

static void client_close(struct client *c)
{
	cms_free(c->cms);
	secret_release(&c->password);
	loop_free(c->loop);
}

static int client_open(struct client *c, const char *hosts,
		       const char *password, unsigned cache_ms)
{
	struct cms_config config = { .hosts = hosts,
				     .user = "apiadmin",
				     .trust = peer.ca,
				     .timeout_ms = 15000,
				     .cache_ms = cache_ms };
	struct err why;
	int err;

	memset(c, 0, sizeof(*c));
	if (!peer.child.pid)
		atexit(stop_peer);
	err = peer_start(&peer, "cms", seed);
	if (!err)
		err = peer_order(&peer, "POST", "/reset", NULL, NULL);
	if (!err)
		err = loop_new(&c->loop);
	if (!err)
		err = secret_set(&c->password, password);
	config.port = peer.port;
	config.password = &c->password;
	if (!err)
		err = cms_new(c->loop, &config, &c->cms, &why);
	return err;
}

static int client_get(struct client *c, const char *id)
{
	struct cms_lookup *lookup;
	int err;

	c->is_done = false;
	err = cms_get_space(c->cms, id, on_space, c, &lookup);
	if (!err && c->is_done)
		return -EDEADLK;
	return err ? err : peer_wait(c->loop, &c->is_done);
}

static int order_fault(const char *json)
{
	return peer_order(&peer, "POST", "/faults", json, NULL);
}

/* ---- tests -------------------------------------------------------------- */

static int test_space(void)
{
	struct client c;
	int err = client_open(&c, "localhost", "s3cret", 60000);

	CHECK_OK(err);
	CHECK_OK(client_get(&c, WEEKLY));
	CHECK_EQ(c.err, 0);
	CHECK(c.exists);
	CHECK_STR(c.name, "W\xc3\xb6"
			  "chentlich");
	CHECK_STR(c.owner_jid, "one@example.com");
	CHECK_STR(c.owner_email, "u1@mail.example");
	CHECK_EQ(c.member_count, 2);
	CHECK_EQ(c.email_count, 2);
	/* Asked once, the owner's user too. */
	CHECK_OK(client_get(&c, WEEKLY));
	CHECK_EQ(c.email_count, 2);
	CHECK_EQ(peer_count(&peer, "GET", "/api/v1/coSpaces/{id}"), 1);
	cms_flush(c.cms);
	CHECK_OK(client_get(&c, WEEKLY));
	CHECK_EQ(peer_count(&peer, "GET", "/api/v1/coSpaces/{id}"), 2);
	CHECK_OK(client_get(&c, LONELY));
	CHECK(c.exists);
	CHECK_STR(c.owner_jid, "");
	CHECK_EQ(c.member_count, 0);
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_gone(void)
{
	struct client c;
	int err = client_open(&c, "localhost", "s3cret", 60000);

	CHECK_OK(err);
	CHECK_OK(client_get(&c, NOWHERE));
	CHECK_EQ(c.err, 0);
	CHECK(!c.exists);
	CHECK_OK(client_get(&c, NOWHERE));
	CHECK_EQ(peer_count(&peer, "GET", "/api/v1/coSpaces/{id}"), 1);
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_user_gone(void)
{
	static const char fault[] =
		"{\"path\": \"/api/v1/users/*\", \"status\": 400,"
		" \"content_type\": \"text/xml\", \"body\":"
		" \"<failureDetails><userDoesNotExist /></failureDetails>\"}";
	struct client c;
	int err = client_open(&c, "localhost", "s3cret", 0);

	CHECK_OK(err);
	CHECK_OK(order_fault(fault));
	CHECK_OK(client_get(&c, WEEKLY));
	CHECK_EQ(c.err, 0);
	CHECK_STR(c.owner_jid, "one@example.com");
	CHECK_EQ(c.member_count, 2);
	CHECK(c.email_count >= 1);
	err = 0;
out:
	client_close(&c);
	return err;
}

/* A space may name its owner by id alone. */
static int test_owner_without_jid(void)
{
	static const char faults[] =
		"[{\"path\": \"/api/v1/coSpaces/*\", \"status\": 200,"
		" \"content_type\": \"text/xml\", \"body\": \"<coSpace"
		" id='x'><name>N</name><ownerId>a b/c</ownerId></coSpace>\"},"
		" {\"contains\": \"/users/a%20b%2Fc\", \"status\": 200,"
		" \"content_type\": \"text/xml\", \"body\": \"<user><userJid>"
		"late@example.com</userJid></user>\"}]";
	struct client c;
	int err = client_open(&c, "localhost", "s3cret", 60000);

	CHECK_OK(err);
	CHECK_OK(order_fault(faults));
	CHECK_OK(client_get(&c, WEEKLY));
	CHECK_EQ(c.err, 0);
	CHECK_STR(c.name, "N");
	CHECK_STR(c.owner_jid, "late@example.com");
	CHECK_STR(c.owner_email, "");
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_extra(void)
{
	struct client c;
	int err = client_open(&c, "localhost", "s3cret", 0);

	CHECK_OK(err);
	CHECK_OK(peer_order(&peer, "POST", "/settings",
			    "{\"extra_elements\": true, \"page_max\":"
			    " {\"coSpaceUsers\": 1}}",
			    NULL));
	CHECK_OK(client_get(&c, WEEKLY));
	CHECK_EQ(c.err, 0);
	CHECK_EQ(c.member_count, 2);
	err = 0;
out:
	client_close(&c);
	return err;
}

static int plant_large(void)
{
	struct buf b;
	int err;

	buf_init(&b, 1 << 20);
	err = buf_add_str(&b, "{\"users\": [");
	for (int i = 0; i < LARGE_COUNT && !err; i++)
		err = buf_printf(&b,
				 "%s{\"userJid\": \"m%d@x\", \"email\":"
				 " \"m%d@mail\"}",
				 i ? "," : "", i, i);
	if (!err)
		err = buf_add_str(&b,
				  "], \"coSpaces\": [{\"id\": \"" LARGE
				  "\", \"name\": \"Large\", \"members\": [");
	for (int i = 0; i < LARGE_COUNT && !err; i++)
		err = buf_printf(&b, "%s\"m%d@x\"", i ? "," : "", i);
	if (!err)
		err = buf_add_str(&b, "]}]}");
	if (!err)
		err = peer_order(&peer, "POST", "/seed", buf_text(&b), NULL);
	buf_release(&b);
	return err;
}

static int test_large(void)
{
	struct client c;
	int err = client_open(&c, "localhost", "s3cret", 60000);

	CHECK_OK(err);
	CHECK_OK(plant_large());
	CHECK_OK(client_get(&c, LARGE));
	CHECK_EQ(c.err, 0);
	CHECK_EQ(c.member_count, LARGE_COUNT);
	CHECK_EQ(c.email_count, LARGE_COUNT);
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_refused(void)
{
	struct client c = { 0 }, good = { 0 };
	int err = client_open(&c, "localhost", "wr0ng-one", 60000);

	CHECK_OK(err);
	CHECK_OK(client_get(&c, WEEKLY));
	CHECK_EQ(c.err, -EACCES);
	CHECK(strstr(c.why, "refuses user apiadmin (401)"));
	CHECK(!strstr(c.why, "wr0ng"));
	CHECK_OK(client_open(&good, "localhost", "s3cret", 60000));
	CHECK_OK(order_fault("{\"path\": \"*\", \"redirect\":"
			     " \"/accounts/login/\"}"));
	CHECK_OK(client_get(&good, WEEKLY));
	CHECK_EQ(good.err, -EACCES);
	/* A failure is not remembered. */
	CHECK_OK(client_get(&good, WEEKLY));
	CHECK_EQ(good.err, 0);
	err = 0;
out:
	client_close(&c);
	client_close(&good);
	return err;
}

static int test_busy(void)
{
	struct client c;
	int err = client_open(&c, "localhost", "s3cret", 60000);

	CHECK_OK(err);
	CHECK_OK(peer_order(&peer, "POST", "/settings", "{\"busy\": true}",
			    NULL));
	CHECK_OK(client_get(&c, WEEKLY));
	CHECK_EQ(c.err, -EAGAIN);
	CHECK(strstr(c.why, "busy (503)"));
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_nonsense(void)
{
	static const char *const faults[] = {
		"{\"path\": \"*\", \"status\": 200, \"body\": \"hello\"}",
		"{\"path\": \"*\", \"status\": 404, \"html\": \"Not here\"}",
		"{\"path\": \"*\", \"status\": 200, \"body\":"
		" \"<!DOCTYPE x [<!ENTITY y 'z'>]><coSpace>&y;</coSpace>\"}",
		"{\"path\": \"*/coSpaceUsers\", \"status\": 200,"
		" \"body\": \"<users/>\"}",
	};
	struct client c;
	int err = client_open(&c, "localhost", "s3cret", 60000);

	CHECK_OK(err);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		CHECK_OK(order_fault(faults[i]));
		CHECK_OK(client_get(&c, WEEKLY));
		CHECK_EQ(c.err, -EPROTO);
		CHECK(*c.why);
	}
	CHECK_OK(client_get(&c, WEEKLY));
	CHECK_EQ(c.err, 0);
	err = 0;
out:
	client_close(&c);
	return err;
}

static int test_cluster(void)
{
	struct client c = { 0 }, none = { 0 };
	int err;

	/* Nobody listens on that loopback address. */
	err = client_open(&c, "127.9.9.9, localhost", "s3cret", 0);
	CHECK_OK(err);
	CHECK_OK(client_get(&c, WEEKLY));
	CHECK_EQ(c.err, 0);
	CHECK_EQ(c.member_count, 2);
	CHECK_OK(client_open(&none, "127.9.9.9 127.9.9.8", "s3cret", 0));
	CHECK_OK(client_get(&none, WEEKLY));
	CHECK_EQ(none.err, -EAGAIN);
	CHECK(strstr(none.why, "127.9.9.8"));
	err = 0;
out:
	client_close(&c);
	client_close(&none);
	return err;
}

static int test_together(void)
{
	struct cms_lookup *a, *b, *late;
	struct client c;
	int err = client_open(&c, "localhost", "s3cret", 60000);

	CHECK_OK(err);
	CHECK_OK(cms_get_space(c.cms, WEEKLY, on_space, &c, &a));
	CHECK_OK(cms_get_space(c.cms, WEEKLY, on_space, &c, &b));
	CHECK_OK(cms_get_space(c.cms, LONELY, on_space, &c, &late));
	cms_cancel(a);
	cms_cancel(late);
	CHECK_OK(peer_wait(c.loop, &c.is_done));
	CHECK_EQ(c.done, 1);
	CHECK_EQ(peer_count(&peer, "GET", "/api/v1/coSpaces/{id}"), 1);
	/* Freed with lookups under way, one of them answered already. */
	CHECK_OK(cms_get_space(c.cms, WEEKLY, on_space, &c, &a));
	CHECK_OK(cms_get_space(c.cms, LONELY, on_space, &c, &b));
	err = 0;
out:
	client_close(&c);
	return err;
}

static const struct unit_test tests[] = {
	{ "space", test_space, UNIT_NO_OOM },
	{ "gone", test_gone, UNIT_NO_OOM },
	{ "user gone", test_user_gone, UNIT_NO_OOM },
	{ "owner without JID", test_owner_without_jid, UNIT_NO_OOM },
	{ "extra elements", test_extra, UNIT_NO_OOM },
	{ "large", test_large, UNIT_NO_OOM },
	{ "refused", test_refused, UNIT_NO_OOM },
	{ "busy", test_busy, UNIT_NO_OOM },
	{ "nonsense", test_nonsense, UNIT_NO_OOM },
	{ "cluster", test_cluster, UNIT_NO_OOM },
	{ "together", test_together, UNIT_NO_OOM },
};

UNIT_MAIN(tests)
