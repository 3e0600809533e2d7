/* SPDX-License-Identifier: MIT */
#include "streamer/rtmp.h"

#include "streamer/amf.h"
#include "streamer/chunk.h"
#include "tests/unit.h"

enum { HANDSHAKE = 1537, CAPTURE_MAX = 16 << 10, EVENTS_MAX = 32 };

/* A session under test, and what came of it. */
struct bench {
	struct rtmp *rtmp;
	struct buf out;	   /* from the client */
	struct buf answer; /* one from the server */
	struct chunk_writer server;
	size_t count;
	enum rtmp_event_kind events[EVENTS_MAX];
	uint32_t number;
	char code[64], text[128];
	bool lasting;
};

static void on_event(void *arg, const struct rtmp_event *event)
{
	struct bench *b = arg;

	if (b->count < EVENTS_MAX)
		b->events[b->count++] = event->kind;
	b->number = event->number;
	snprintf(b->code, sizeof(b->code), "%s", event->code);
	snprintf(b->text, sizeof(b->text), "%s", event->text);
	b->lasting = event->lasting;
}

static const struct rtmp_config config = {
	.app = "live",
	.tc_url = "rtmp://host/live",
	.query = "",
	.key = "stream?a=b",
	.chunk_size = 4096,
	.seed = 1,
};

static int bench_init(struct bench *b, const struct rtmp_config *c)
{
	int err;

	memset(b, 0, sizeof(*b));
	buf_init(&b->out, 1 << 20);
	buf_init(&b->answer, 1 << 20);
	chunk_writer_init(&b->server);
	err = rtmp_new(c, on_event, b, &b->rtmp);
	return err ? err : rtmp_start(b->rtmp, &b->out);
}

static void bench_release(struct bench *b)
{
	rtmp_free(b->rtmp);
	buf_release(&b->out);
	buf_release(&b->answer);
}

static enum rtmp_event_kind last_event(const struct bench *b)
{
	return b->count ? b->events[b->count - 1] : RTMP_STATUS;
}

static int hear(struct bench *b, const uint8_t *data, size_t n)
{
	return rtmp_receive(b->rtmp, data, n, &b->out);
}

static int hear_handshake(struct bench *b)
{
	uint8_t s0s1s2[2 * HANDSHAKE - 1] = { 3 };

	return hear(b, s0s1s2, sizeof(s0s1s2));
}

static int hear_message(struct bench *b, uint8_t type, const void *body,
			size_t len)
{
	const struct chunk_message m = { .id = type < 8 ? 2 : 3,
					 .type = type,
					 .len = (uint32_t)len };
	int err;

	buf_clear(&b->answer);
	err = chunk_reserve(&b->server, &b->answer, m.len);
	if (err)
		return err;
	chunk_begin(&b->server, &b->answer, &m);
	chunk_put(&b->server, &b->answer, body, len);
	return hear(b, b->answer.data, b->answer.len);
}

/* name, call, null, and an object of level, code and description */
static int hear_status(struct bench *b, const char *name, double call,
		       const char *level, const char *code, const char *text)
{
	const struct amf_field fields[] = {
		{ .key = "level", .type = AMF_STRING, .text = level },
		{ .key = "code", .type = AMF_STRING, .text = code },
		{ .key = "description", .type = AMF_STRING, .text = text },
	};
	struct buf body;
	int err;

	buf_init(&body, 4096);
	err = amf_put_string(&body, name);
	err = err ? err : amf_put_number(&body, call);
	err = err ? err : amf_put_null(&body);
	err = err ? err : amf_put_object(&body, AMF_OBJECT, fields, 3);
	err = err ? err : hear_message(b, 20, body.data, body.len);
	buf_release(&body);
	return err;
}

static int hear_created(struct bench *b, double id)
{
	struct buf body;
	int err;

	buf_init(&body, 4096);
	err = amf_put_string(&body, "_result");
	err = err ? err : amf_put_number(&body, 4);
	err = err ? err : amf_put_null(&body);
	err = err ? err : amf_put_number(&body, id);
	err = err ? err : hear_message(b, 20, body.data, body.len);
	buf_release(&body);
	return err;
}

static int go_live(struct bench *b)
{
	int err = hear_handshake(b);

	err = err ? err
		  : hear_status(b, "_result", 1, "status",
				"NetConnection.Connect.Success", "");
	err = err ? err : hear_created(b, 1);
	return err ? err
		   : hear_status(b, "onStatus", 0, "status",
				 "NetStream.Publish.Start", "");
}

/* Does the client's output hold these commands, in this order? */
static int check_commands(struct bench *b, const char *const *names, size_t n)
{
	const uint8_t *at = b->out.data + 2 * HANDSHAKE - 1, *body;
	size_t left = b->out.len - (2 * HANDSHAKE - 1), i = 0;
	struct chunk_reader *r = NULL;
	struct chunk_message m;
	struct amf_text name;
	int err = 0;

	CHECK_OK(chunk_reader_new(&r));
	while (!(err = chunk_read(r, &at, &left, &m, &body))) {
		struct amf_reader in = { body, m.len };

		if (m.type == 1)
			CHECK_OK(chunk_reader_set_size(r, buf_get_u32(body)));
		if (m.type != 20)
			continue;
		CHECK(i < n);
		CHECK_OK(amf_get_text(&in, &name));
		CHECK(amf_text_is(name, names[i]));
		i++;
	}
	if (err == -EAGAIN)
		err = 0;
	CHECK_OK(err);
	CHECK_EQ(i, n);
out:
	chunk_reader_free(r);
	return err;
}

static int test_publish(void)
{
	static const char *const commands[] = { "connect",     "releaseStream",
						"FCPublish",   "createStream",
						"publish",     "FCUnpublish",
						"deleteStream" };
	static const enum rtmp_event_kind want[] = { RTMP_GOT_S1, RTMP_GOT_S2,
						     RTMP_CONNECTED,
						     RTMP_CREATED,
						     RTMP_PUBLISHING };
	struct bench b;
	int err = 0;

	CHECK_OK(bench_init(&b, &config));
	CHECK_EQ(b.out.len, HANDSHAKE);
	CHECK_EQ(b.out.data[0], 3);
	CHECK(!memcmp(b.out.data + 1, "\0\0\0\0\0\0\0\0", 8));
	CHECK_OK(go_live(&b));
	CHECK(rtmp_is_publishing(b.rtmp));
	CHECK_EQ(b.count, ARRAY_SIZE(want));
	CHECK(!memcmp(b.events, want, sizeof(want)));
	CHECK_OK(check_commands(&b, commands, 5));
	CHECK_OK(rtmp_unpublish(b.rtmp, &b.out));
	CHECK_OK(check_commands(&b, commands, 7));
	CHECK(!rtmp_is_publishing(b.rtmp));
	CHECK_OK(rtmp_unpublish(b.rtmp, &b.out));
out:
	bench_release(&b);
	return err;
}

static int test_query(void)
{
	struct rtmp_config c = config;
	static const char app[] = "app\x02\x00\x10live?authmod=abc";
	static const char tc[] =
		"tcUrl\x02\x00\x1crtmp://host/live?authmod=abc";
	struct bench b;
	int err = 0;

	c.query = "authmod=abc";
	CHECK_OK(bench_init(&b, &c));
	CHECK_OK(hear_handshake(&b));
	CHECK(memmem(b.out.data, b.out.len, app, sizeof(app) - 1));
	CHECK(memmem(b.out.data, b.out.len, tc, sizeof(tc) - 1));
out:
	bench_release(&b);
	return err;
}

/* The answers of real servers, in pieces of `step` bytes. */
static int replay(const char *name, size_t step)
{
	static uint8_t data[CAPTURE_MAX];
	FILE *f = fopen(unit_data(name), "rb");
	struct bench b;
	size_t n = 0;
	bool live = false;
	int err = 0;

	CHECK_OK(bench_init(&b, &config));
	CHECK(f);
	n = fread(data, 1, sizeof(data), f);
	CHECK(n > 2 * HANDSHAKE);
	for (size_t at = 0; at < n; at += step)
		CHECK_OK(hear(&b, data + at, step < n - at ? step : n - at));
	for (size_t i = 0; i < b.count; i++)
		live = live || b.events[i] == RTMP_PUBLISHING;
	CHECK(live);
out:
	if (f)
		fclose(f);
	bench_release(&b);
	return err;
}

static int test_nginx(void)
{
	return replay("rtmp/nginx-answers", CAPTURE_MAX);
}

static int test_node_media_server(void)
{
	return replay("rtmp/nms-answers", CAPTURE_MAX);
}

static int test_bytes(void)
{
	int err = replay("rtmp/nginx-answers", 1);

	return err ? err : replay("rtmp/nms-answers", 1);
}

static const struct {
	const char *name;
	double call;
	const char *level, *code, *text;
	enum rtmp_event_kind kind;
	bool lasting;
} refusals[] = {
	{ "_error", 1, "error", "NetConnection.Connect.Rejected",
	  "[ authmod=adobe ] : ?reason=needauth", RTMP_REFUSED, true },
	{ "_error", 1, "error", "NetConnection.Connect.InvalidApp", "x",
	  RTMP_REFUSED, true },
	{ "_error", 4, "error", "", "", RTMP_REFUSED, true },
	{ "onStatus", 0, "error", "NetStream.Publish.BadName", "taken",
	  RTMP_REFUSED, false },
	{ "onStatus", 0, "error", "NetStream.Publish.Denied", "no",
	  RTMP_REFUSED, true },
	{ "onStatus", 0, "error", "Some.Thing.New", "no", RTMP_REFUSED, false },
	{ "onStatus", 0, "status", "NetConnection.Connect.AppShutdown", "",
	  RTMP_REFUSED, false },
	{ "close", 0, "", "", "", RTMP_REFUSED, false },
};

static int test_refused(void)
{
	struct bench b;
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		CHECK_OK(bench_init(&b, &config));
		CHECK_OK(hear_handshake(&b));
		CHECK_OK(hear_status(&b, refusals[i].name, refusals[i].call,
				     refusals[i].level, refusals[i].code,
				     refusals[i].text));
		CHECK_EQ(last_event(&b), refusals[i].kind);
		CHECK_EQ(b.lasting, refusals[i].lasting);
		CHECK_STR(b.code, refusals[i].code);
		CHECK_STR(b.text, refusals[i].text);
		bench_release(&b);
	}
	return 0;
out:
	bench_release(&b);
	return err;
}

static int test_harmless(void)
{
	struct bench b;
	size_t count;
	int err = 0;

	CHECK_OK(bench_init(&b, &config));
	CHECK_OK(go_live(&b));
	count = b.count;
	CHECK_OK(hear_status(&b, "_error", 2, "error", "x", "releaseStream"));
	CHECK_OK(hear_status(&b, "onBWDone", 0, "", "", ""));
	CHECK_OK(hear_status(&b, "onFCPublish", 0, "status",
			     "NetStream.Publish.Start", ""));
	CHECK_OK(hear_message(&b, 9, "xxxx", 4));
	CHECK_OK(hear_message(&b, 3, "\0\0\0\1", 4));
	CHECK_EQ(b.count, count);
	CHECK_OK(hear_status(&b, "onStatus", 0, "status", "Something", "y"));
	CHECK_EQ(last_event(&b), RTMP_STATUS);
	CHECK(rtmp_is_publishing(b.rtmp));
out:
	bench_release(&b);
	return err;
}

static int test_ended(void)
{
	struct bench b;
	int err = 0;

	CHECK_OK(bench_init(&b, &config));
	CHECK_OK(go_live(&b));
	CHECK_OK(hear_status(&b, "onStatus", 0, "status",
			     "NetStream.Unpublish.Success", "bye"));
	CHECK_EQ(last_event(&b), RTMP_ENDED);
	CHECK(!rtmp_is_publishing(b.rtmp));
out:
	bench_release(&b);
	return err;
}

static int test_move(void)
{
	struct bench b;
	int err = 0;

	CHECK_OK(bench_init(&b, &config));
	CHECK_OK(go_live(&b));
	CHECK_OK(hear_status(&b, "onStatus", 0, "status",
			     "NetConnection.Connect.ReconnectRequest",
			     "a sentence is no tcUrl"));
	CHECK_EQ(last_event(&b), RTMP_MOVE);
	CHECK_STR(b.text, "");
	CHECK(rtmp_is_publishing(b.rtmp));
out:
	bench_release(&b);
	return err;
}

static int test_control(void)
{
	static const uint8_t pong[] = { 0x42, 0, 0, 0,	 0,   0,   6,
					4,    0, 7, 0xa, 0xb, 0xc, 0xd };
	static const uint8_t window[] = {
		0x42, 0, 0, 0, 0, 0, 4, 5, 0, 0, 2, 0
	};
	struct bench b;
	size_t at;
	int err = 0;

	CHECK_OK(bench_init(&b, &config));
	CHECK_OK(go_live(&b));
	at = b.out.len;
	CHECK_OK(hear_message(&b, 4, "\0\6\xa\xb\xc\xd", 6));
	CHECK_EQ(b.out.len - at, sizeof(pong));
	CHECK(!memcmp(b.out.data + at, pong, sizeof(pong)));
	CHECK_OK(hear_message(&b, 4, "\0\0\0\0\0\1", 6));
	CHECK_EQ(last_event(&b), RTMP_GOT_BEGIN);
	CHECK_EQ(b.number, 1);
	/* what they may receive; told once */
	at = b.out.len;
	CHECK_OK(hear_message(&b, 6, "\0\0\2\0\2", 5));
	CHECK_EQ(last_event(&b), RTMP_GOT_BANDWIDTH);
	CHECK_EQ(b.number, 512);
	CHECK_EQ(b.out.len - at, 12);
	CHECK(!memcmp(b.out.data + at, window, sizeof(window)));
	at = b.out.len;
	CHECK_OK(hear_message(&b, 6, "\0\0\2\0\2", 5));
	CHECK_EQ(b.out.len, at);
	/* a window that is full already: acknowledged at once */
	CHECK_OK(hear_message(&b, 5, "\0\0\1\0", 4));
	CHECK_EQ(b.out.len - at, 12);
	CHECK_EQ(b.out.data[at + 7], 3);
	CHECK_ERR(hear_message(&b, 1, "\0\0\0\0", 4), -EBADMSG);
out:
	bench_release(&b);
	return err;
}

static int test_stranger(void)
{
	static const uint8_t http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
	struct bench b;
	int err = 0;

	CHECK_OK(bench_init(&b, &config));
	CHECK_ERR(hear(&b, http, sizeof(http) - 1), -EPROTO);
out:
	bench_release(&b);
	return err;
}

static int test_media(void)
{
	static const uint8_t want[] = { 0x06, 0, 0, 5, 0, 0,   2,
					9,    1, 0, 0, 0, 'a', 'b' };
	struct bench b;
	size_t at;
	int err = 0;

	CHECK_OK(bench_init(&b, &config));
	CHECK_OK(go_live(&b));
	at = b.out.len;
	CHECK_OK(rtmp_begin(b.rtmp, &b.out, RTMP_VIDEO, 5, 2));
	rtmp_put(b.rtmp, &b.out, "a", 1);
	rtmp_put(b.rtmp, &b.out, "b", 1);
	CHECK_EQ(b.out.len - at, sizeof(want));
	CHECK(!memcmp(b.out.data + at, want, sizeof(want)));
	CHECK_ERR(rtmp_begin(b.rtmp, &b.out, RTMP_VIDEO, 5, 2 << 20),
		  -EMSGSIZE);
out:
	bench_release(&b);
	return err;
}

static const struct unit_test tests[] = {
	{ "publish and unpublish", test_publish, 0 },
	{ "query of authentication", test_query, 0 },
	{ "answers of nginx-rtmp", test_nginx, 0 },
	{ "answers of node-media-server", test_node_media_server, 0 },
	{ "both byte by byte", test_bytes, UNIT_NO_OOM },
	{ "refused", test_refused, 0 },
	{ "harmless", test_harmless, 0 },
	{ "ended by the server", test_ended, 0 },
	{ "asked to move", test_move, 0 },
	{ "control messages", test_control, 0 },
	{ "another protocol", test_stranger, 0 },
	{ "media", test_media, 0 },
};

UNIT_MAIN(tests)
