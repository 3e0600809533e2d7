/* SPDX-License-Identifier: MIT */
#include "streamer/rtmp.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "streamer/amf.h"
#include "streamer/chunk.h"

enum {
	HANDSHAKE_VERSION = 3,
	HANDSHAKE_SIZE = 1536,
	COMMAND_MAX = 16 << 10,
	WINDOW_DEFAULT = 2500000,
	NUMBER_MAX = 0x7fffffff,

	/* chunk streams */
	ID_CONTROL = 2,
	ID_COMMAND = 3,
	ID_STREAM = 4, /* publish, audio, data */
	ID_VIDEO = 6,

	/* message types */
	TYPE_CHUNK_SIZE = 1,
	TYPE_ABORT = 2,
	TYPE_ACK = 3,
	TYPE_USER_CONTROL = 4,
	TYPE_WINDOW = 5,
	TYPE_BANDWIDTH = 6,
	TYPE_COMMAND_AMF3 = 17,
	TYPE_COMMAND = 20,

	/* user control events */
	CONTROL_BEGIN = 0,
	CONTROL_PING = 6,
	CONTROL_PONG = 7,

	/* transactions */
	CALL_CONNECT = 1,
	CALL_RELEASE,
	CALL_FC_PUBLISH,
	CALL_CREATE,
	CALL_PUBLISH,
	CALL_FC_UNPUBLISH,
	CALL_DELETE,
};

enum state {
	STATE_NEW,
	STATE_S1,      /* wants S0 and S1 */
	STATE_S2,      /* wants S2 */
	STATE_CONNECT, /* wants the result of connect */
	STATE_CREATE,  /* wants the result of createStream */
	STATE_PUBLISH, /* wants onStatus */
	STATE_LIVE,
	STATE_OVER,
};

struct rtmp {
	struct rtmp_config config;
	rtmp_event_fn *fn;
	void *arg;
	enum state state;
	struct chunk_writer writer;
	struct chunk_reader *reader;
	struct buf command; /* one that is being built */
	uint8_t handshake[1 + HANDSHAKE_SIZE];
	size_t handshake_len;
	uint32_t stream_id;
	uint64_t received, acked;
	uint32_t window, told_window;
	char code[64], text[RTMP_DESCRIPTION_MAX];
};

int rtmp_new(const struct rtmp_config *config, rtmp_event_fn *fn, void *arg,
	     struct rtmp **ret_rtmp)
{
	struct rtmp *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->config = *config;
	r->fn = fn;
	r->arg = arg;
	r->window = WINDOW_DEFAULT;
	buf_init(&r->command, COMMAND_MAX);
	chunk_writer_init(&r->writer);
	err = chunk_reader_new(&r->reader);
	if (err) {
		rtmp_free(r);
		return err;
	}
	*ret_rtmp = r;
	return 0;
}

void rtmp_free(struct rtmp *r)
{
	if (!r)
		return;
	chunk_reader_free(r->reader);
	buf_wipe(&r->command);
	free(r);
}

static void tell(struct rtmp *r, enum rtmp_event_kind kind, uint32_t number)
{
	const struct rtmp_event event = {
		.kind = kind, .number = number, .code = "", .text = ""
	};

	r->fn(r->arg, &event);
}

/* ---- what is sent ----------------------------------------------------- */

static int send_message(struct rtmp *r, struct buf *out,
			const struct chunk_message *m, const void *body)
{
	int err = chunk_reserve(&r->writer, out, m->len);

	if (err)
		return err;
	chunk_begin(&r->writer, out, m);
	chunk_put(&r->writer, out, body, m->len);
	return 0;
}

static int send_control(struct rtmp *r, struct buf *out, uint8_t type,
			uint32_t value)
{
	const struct chunk_message m = { .id = ID_CONTROL,
					 .type = type,
					 .len = 4 };
	uint8_t body[4];

	buf_put_u32(body, value);
	return send_message(r, out, &m, body);
}

static int send_pong(struct rtmp *r, struct buf *out, const uint8_t *stamp)
{
	const struct chunk_message m = { .id = ID_CONTROL,
					 .type = TYPE_USER_CONTROL,
					 .len = 6 };
	uint8_t body[6] = { 0, CONTROL_PONG };

	memcpy(body + 2, stamp, 4);
	return send_message(r, out, &m, body);
}

/* Begins a command of the shape: name, transaction, null. */
static int command_begin(struct rtmp *r, const char *name, int call)
{
	int err;

	buf_clear(&r->command);
	err = amf_put_string(&r->command, name);
	err = err ? err : amf_put_number(&r->command, call);
	return err || call == CALL_CONNECT ? err : amf_put_null(&r->command);
}

static int command_send(struct rtmp *r, struct buf *out, uint32_t id,
			uint32_t stream_id)
{
	const struct chunk_message m = { .id = id,
					 .type = TYPE_COMMAND,
					 .stream_id = stream_id,
					 .len = (uint32_t)r->command.len };

	return send_message(r, out, &m, r->command.data);
}

/* name, transaction, null, the stream's key */
static int send_key(struct rtmp *r, struct buf *out, const char *name, int call)
{
	int err = command_begin(r, name, call);

	err = err ? err : amf_put_string(&r->command, r->config.key);
	return err ? err : command_send(r, out, ID_COMMAND, 0);
}

static int send_number(struct rtmp *r, struct buf *out, const char *name,
		       int call, double v)
{
	int err = command_begin(r, name, call);

	err = err ? err : amf_put_number(&r->command, v);
	return err ? err : command_send(r, out, ID_COMMAND, 0);
}

static int send_create(struct rtmp *r, struct buf *out)
{
	int err = command_begin(r, "createStream", CALL_CREATE);

	return err ? err : command_send(r, out, ID_COMMAND, 0);
}

static int send_publish(struct rtmp *r, struct buf *out)
{
	int err = command_begin(r, "publish", CALL_PUBLISH);

	err = err ? err : amf_put_string(&r->command, r->config.key);
	err = err ? err : amf_put_string(&r->command, "live");
	return err ? err : command_send(r, out, ID_STREAM, r->stream_id);
}

static int add_connect(struct rtmp *r, const char *app, const char *tc_url)
{
	const struct amf_field fields[] = {
		{ .key = "app", .type = AMF_STRING, .text = app },
		{ .key = "type", .type = AMF_STRING, .text = "nonprivate" },
		{ .key = "flashVer",
		  .type = AMF_STRING,
		  .text = "FMLE/3.0 (compatible; upcast)" },
		{ .key = "tcUrl", .type = AMF_STRING, .text = tc_url },
	};
	int err = command_begin(r, "connect", CALL_CONNECT);

	return err ? err
		   : amf_put_object(&r->command, AMF_OBJECT, fields,
				    ARRAY_SIZE(fields));
}

static int send_connect(struct rtmp *r, struct buf *out)
{
	const char *mark = *r->config.query ? "?" : "";
	struct buf app, tc_url;
	int err;

	buf_init(&app, COMMAND_MAX);
	buf_init(&tc_url, COMMAND_MAX);
	err = buf_printf(&app, "%s%s%s", r->config.app, mark, r->config.query);
	err = err ? err
		  : buf_printf(&tc_url, "%s%s%s", r->config.tc_url, mark,
			       r->config.query);
	err = err ? err
		  : send_control(r, out, TYPE_CHUNK_SIZE, r->config.chunk_size);
	if (!err) {
		r->writer.size = r->config.chunk_size;
		err = add_connect(r, buf_text(&app), buf_text(&tc_url));
	}
	err = err ? err : command_send(r, out, ID_COMMAND, 0);
	buf_wipe(&app);
	buf_wipe(&tc_url);
	return err;
}

/* ---- handshake, section 5.2, in its plain form ------------------------ */

/* xorshift64*: the bytes need not be secret, only other than the last ones. */
static void fill(uint64_t seed, uint8_t *dst, size_t n)
{
	seed |= 1;
	for (size_t i = 0; i < n; i++) {
		seed ^= seed >> 12;
		seed ^= seed << 25;
		seed ^= seed >> 27;
		dst[i] = (uint8_t)(seed * 0x2545f4914f6cdd1dULL >> 56);
	}
}

int rtmp_start(struct rtmp *r, struct buf *out)
{
	uint8_t c0c1[1 + HANDSHAKE_SIZE] = { HANDSHAKE_VERSION };
	int err;

	assert(r->state == STATE_NEW);
	/* time 0, four zeros, chance */
	fill(r->config.seed, c0c1 + 9, HANDSHAKE_SIZE - 8);
	err = buf_add(out, c0c1, sizeof(c0c1));
	if (!err)
		r->state = STATE_S1;
	return err;
}

static int on_s1(struct rtmp *r, struct buf *out)
{
	int err;

	if (r->handshake[0] != HANDSHAKE_VERSION)
		return -EPROTO;
	tell(r, RTMP_GOT_S1, buf_get_u32(r->handshake + 5));
	err = buf_add(out, r->handshake + 1, HANDSHAKE_SIZE); /* C2 */
	r->handshake_len = 1;
	r->state = STATE_S2;
	return err;
}

static int on_s2(struct rtmp *r, struct buf *out)
{
	int err = send_connect(r, out);

	/* What S2 echoes is not compared: half of the servers get it wrong. */
	if (!err)
		tell(r, RTMP_GOT_S2, 0);
	r->state = STATE_CONNECT;
	return err;
}

static int shake(struct rtmp *r, const uint8_t **data, size_t *n,
		 struct buf *out)
{
	size_t left = sizeof(r->handshake) - r->handshake_len;
	size_t part = *n < left ? *n : left;

	memcpy(r->handshake + r->handshake_len, *data, part);
	r->handshake_len += part;
	*data += part;
	*n -= part;
	/* A server of another protocol may say less than a handshake. */
	if (r->handshake[0] != HANDSHAKE_VERSION)
		return -EPROTO;
	if (part < left)
		return 0;
	return r->state == STATE_S1 ? on_s1(r, out) : on_s2(r, out);
}

/* ---- what the server says ---------------------------------------------- */

static const struct code {
	const char *code;
	enum rtmp_event_kind kind;
	bool lasting;
} codes[] = {
	{ "NetStream.Publish.Start", RTMP_PUBLISHING, false },
	{ "NetStream.Publish.BadName", RTMP_REFUSED, false },
	{ "NetStream.Publish.Denied", RTMP_REFUSED, true },
	{ "NetStream.Publish.Rejected", RTMP_REFUSED, true },
	{ "NetStream.Publish.Unauthorized", RTMP_REFUSED, true },
	{ "NetStream.Failed", RTMP_REFUSED, false },
	{ "NetStream.Unpublish.Success", RTMP_ENDED, false },
	{ "NetConnection.Connect.Rejected", RTMP_REFUSED, true },
	{ "NetConnection.Connect.InvalidApp", RTMP_REFUSED, true },
	{ "NetConnection.Connect.Failed", RTMP_REFUSED, false },
	{ "NetConnection.Connect.AppShutdown", RTMP_REFUSED, false },
	{ "NetConnection.Connect.Closed", RTMP_REFUSED, false },
	{ "NetConnection.Connect.ReconnectRequest", RTMP_MOVE, false },
};

static const struct code *find_code(const char *code)
{
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (!strcmp(codes[i].code, code))
			return &codes[i];
	return NULL;
}

/* The last word of the server about this session. */
static void finish(struct rtmp *r, bool lasting)
{
	const struct rtmp_event event = {
		.kind = r->state == STATE_LIVE ? RTMP_ENDED : RTMP_REFUSED,
		.code = r->code,
		.text = r->text,
		.lasting = lasting,
	};

	if (r->state == STATE_OVER)
		return;
	r->state = STATE_OVER;
	r->fn(r->arg, &event);
}

/* Reads the information object, if one stands there. */
static void take_info(struct rtmp *r, struct amf_reader *in, bool *ret_error)
{
	struct amf_text level = { NULL, 0 }, code = { NULL, 0 };
	struct amf_text text = { NULL, 0 }, tc_url = { NULL, 0 };
	const struct amf_wanted wanted[] = {
		{ "level", &level },
		{ "code", &code },
		{ "description", &text },
		{ "tcUrl", &tc_url },
	};

	if (amf_get_object(in, wanted, ARRAY_SIZE(wanted)))
		level.at = code.at = text.at = NULL;
	*ret_error = amf_text_is(level, "error");
	amf_text_copy(code.at ? code : (struct amf_text){ "", 0 }, r->code,
		      sizeof(r->code));
	text = tc_url.at ? tc_url : text;
	amf_text_copy(text.at ? text : (struct amf_text){ "", 0 }, r->text,
		      sizeof(r->text));
}

static void say(struct rtmp *r, enum rtmp_event_kind kind)
{
	const struct rtmp_event event = { .kind = kind,
					  .code = r->code,
					  .text = r->text };

	r->fn(r->arg, &event);
}

static int on_status(struct rtmp *r, struct amf_reader *in, struct buf *out)
{
	const struct code *known;
	bool error;

	if (amf_skip(in))
		return -EBADMSG;
	take_info(r, in, &error);
	known = find_code(r->code);
	if (known && known->kind == RTMP_PUBLISHING) {
		if (r->state != STATE_PUBLISH)
			return 0;
		r->state = STATE_LIVE;
		say(r, RTMP_PUBLISHING);
	} else if (known && known->kind == RTMP_MOVE) {
		say(r, RTMP_MOVE);
	} else if (known || error) {
		finish(r, known ? known->lasting : false);
	} else {
		say(r, RTMP_STATUS);
	}
	return 0;
}

static int on_connected(struct rtmp *r, struct buf *out)
{
	int err = send_key(r, out, "releaseStream", CALL_RELEASE);

	err = err ? err : send_key(r, out, "FCPublish", CALL_FC_PUBLISH);
	err = err ? err : send_create(r, out);
	r->state = STATE_CREATE;
	if (!err)
		tell(r, RTMP_CONNECTED, 0);
	return err;
}

static int on_created(struct rtmp *r, struct amf_reader *in, struct buf *out)
{
	double id;
	int err;

	if (amf_skip(in) || amf_get_number(in, &id) || !(id >= 0) ||
	    id > NUMBER_MAX)
		return -EBADMSG;
	r->stream_id = (uint32_t)id;
	r->state = STATE_PUBLISH;
	err = send_publish(r, out);
	if (!err)
		tell(r, RTMP_CREATED, r->stream_id);
	return err;
}

static int on_result(struct rtmp *r, struct amf_reader *in, struct buf *out)
{
	double call;

	if (amf_get_number(in, &call))
		return -EBADMSG;
	if (call == CALL_CONNECT && r->state == STATE_CONNECT)
		return on_connected(r, out);
	if (call == CALL_CREATE && r->state == STATE_CREATE)
		return on_created(r, in, out);
	return 0;
}

/* Servers that know no releaseStream or FCPublish say so; it is no matter. */
static int on_error(struct rtmp *r, struct amf_reader *in, struct buf *out)
{
	const struct code *known;
	double call;
	bool error;

	if (amf_get_number(in, &call))
		return -EBADMSG;
	if (call != CALL_CONNECT && call != CALL_CREATE && call != CALL_PUBLISH)
		return 0;
	if (amf_skip(in))
		return -EBADMSG;
	take_info(r, in, &error);
	known = find_code(r->code);
	finish(r, known ? known->lasting : true);
	return 0;
}

static int on_close(struct rtmp *r, struct amf_reader *in, struct buf *out)
{
	r->code[0] = r->text[0] = '\0';
	finish(r, false);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct rtmp *r, struct amf_reader *in, struct buf *out);
	bool skip_call; /* the transaction is of no interest */
} commands[] = {
	{ "_result", on_result, false },
	{ "_error", on_error, false },
	{ "onStatus", on_status, true },
	{ "close", on_close, true },
};

static int on_command(struct rtmp *r, const uint8_t *body, size_t len,
		      struct buf *out)
{
	struct amf_reader in = { body, len };
	struct amf_text name;

	if (amf_get_text(&in, &name))
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!amf_text_is(name, commands[i].name))
			continue;
		if (commands[i].skip_call && amf_skip(&in))
			return -EBADMSG;
		return commands[i].run(r, &in, out);
	}
	return 0; /* onBWDone, onFCPublish and whatever else: no matter */
}

static int on_user_control(struct rtmp *r, const uint8_t *body, size_t len,
			   struct buf *out)
{
	if (len < 6)
		return 0;
	switch (buf_get_u16(body)) {
	case CONTROL_BEGIN:
		tell(r, RTMP_GOT_BEGIN, buf_get_u32(body + 2));
		return 0;
	case CONTROL_PING:
		return send_pong(r, out, body + 2);
	default:
		return 0;
	}
}

static int on_bandwidth(struct rtmp *r, const uint8_t *body, size_t len,
			struct buf *out)
{
	const struct rtmp_event event = {
		.kind = RTMP_GOT_BANDWIDTH,
		.number = buf_get_u32(body),
		.number2 = len > 4 ? body[4] : 0,
		.code = "",
		.text = "",
	};

	r->fn(r->arg, &event);
	if (event.number == r->told_window)
		return 0;
	r->told_window = event.number;
	return send_control(r, out, TYPE_WINDOW, event.number);
}

/* Messages of one number, section 5.4. */
static int on_control(struct rtmp *r, uint8_t type, const uint8_t *body,
		      size_t len, struct buf *out)
{
	uint32_t value;

	if (len < 4)
		return -EBADMSG;
	value = buf_get_u32(body);
	switch (type) {
	case TYPE_CHUNK_SIZE:
		return chunk_reader_set_size(r->reader, value);
	case TYPE_ABORT:
		chunk_reader_abort(r->reader, value);
		return 0;
	case TYPE_WINDOW:
		r->window = value ? value : WINDOW_DEFAULT;
		tell(r, RTMP_GOT_WINDOW, value);
		return 0;
	default:
		return on_bandwidth(r, body, len, out);
	}
}

static int on_message(struct rtmp *r, const struct chunk_message *m,
		      const uint8_t *body, struct buf *out)
{
	switch (m->type) {
	case TYPE_CHUNK_SIZE:
	case TYPE_ABORT:
	case TYPE_WINDOW:
	case TYPE_BANDWIDTH:
		return on_control(r, m->type, body, m->len, out);
	case TYPE_USER_CONTROL:
		return on_user_control(r, body, m->len, out);
	case TYPE_COMMAND:
		return on_command(r, body, m->len, out);
	case TYPE_COMMAND_AMF3: /* AMF0 behind one byte */
		return m->len ? on_command(r, body + 1, m->len - 1, out) : 0;
	default:
		return 0; /* acknowledgements, and media we did not ask for */
	}
}

static int acknowledge(struct rtmp *r, struct buf *out)
{
	if (r->received - r->acked < r->window)
		return 0;
	r->acked = r->received;
	return send_control(r, out, TYPE_ACK, (uint32_t)r->received);
}

int rtmp_receive(struct rtmp *r, const uint8_t *data, size_t n, struct buf *out)
{
	struct chunk_message m;
	const uint8_t *body;
	int err = 0;

	assert(r->state != STATE_NEW);
	r->received += n;
	while (n && r->state < STATE_CONNECT && !err)
		err = shake(r, &data, &n, out);
	while (!err && n && r->state != STATE_OVER) {
		err = chunk_read(r->reader, &data, &n, &m, &body);
		if (err == -EAGAIN)
			break;
		err = err ? err : on_message(r, &m, body, out);
	}
	if (err && err != -EAGAIN)
		return err;
	return r->state < STATE_CONNECT ? 0 : acknowledge(r, out);
}

/* ---- media ------------------------------------------------------------ */

bool rtmp_is_publishing(const struct rtmp *r)
{
	return r->state == STATE_LIVE;
}

int rtmp_begin(struct rtmp *r, struct buf *out, enum rtmp_type type,
	       uint32_t ts_ms, uint32_t len)
{
	const struct chunk_message m = {
		.id = type == RTMP_VIDEO ? ID_VIDEO : ID_STREAM,
		.type = (uint8_t)type,
		.stream_id = r->stream_id,
		.ts_ms = ts_ms,
		.len = len,
	};
	int err = chunk_reserve(&r->writer, out, len);

	assert(r->state == STATE_LIVE);
	if (!err)
		chunk_begin(&r->writer, out, &m);
	return err;
}

void rtmp_put(struct rtmp *r, struct buf *out, const void *data, size_t n)
{
	chunk_put(&r->writer, out, data, n);
}

int rtmp_unpublish(struct rtmp *r, struct buf *out)
{
	int err;

	if (r->state != STATE_LIVE)
		return 0;
	r->state = STATE_OVER;
	err = send_key(r, out, "FCUnpublish", CALL_FC_UNPUBLISH);
	return err ? err
		   : send_number(r, out, "deleteStream", CALL_DELETE,
				 r->stream_id);
}
