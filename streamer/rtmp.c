/* SPDX-License-Identifier: MIT */
#include "streamer/rtmp.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "streamer/amf.h"
#include "streamer/chunk.h"
#include "streamer/rtmp_info.h"
#include "streamer/rtmp_shake.h"

enum {
	HANDSHAKE_VERSION = 3,
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
	struct rtmp_shake shake;
	uint8_t handshake[1 + RTMP_SHAKE_SIZE]; /* what has come of S0 to S2 */
	size_t handshake_len;
	uint32_t stream_id;
	uint64_t received, acked;
	uint32_t window, told_window;
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

static void tell(struct rtmp *r, struct rtmp_event event)
{
	if (!event.code)
		event.code = event.text = "";
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
		/* Enhanced RTMP 2: it may ask us to connect anew. */
		{ .key = "capsEx", .type = AMF_NUMBER, .number = 1 },
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

/* ---- handshake, section 5.2 -------------------------------------------- */

int rtmp_start(struct rtmp *r, struct buf *out)
{
	uint8_t c0c1[1 + RTMP_SHAKE_SIZE] = { HANDSHAKE_VERSION };
	int err;

	assert(r->state == STATE_NEW);
	err = rtmp_shake_begin(&r->shake, r->config.digest, r->config.seed,
			       c0c1 + 1);
	err = err ? err : buf_add(out, c0c1, sizeof(c0c1));
	if (!err)
		r->state = STATE_S1;
	return err;
}

static int on_s1(struct rtmp *r, struct buf *out)
{
	uint8_t c2[RTMP_SHAKE_SIZE];
	int err;

	tell(r, (struct rtmp_event){ .kind = RTMP_GOT_S1,
				     .number = buf_get_u32(r->handshake + 5) });
	err = rtmp_shake_answer(&r->shake, r->handshake + 1, c2);
	err = err ? err : buf_add(out, c2, sizeof(c2));
	r->handshake_len = 1;
	r->state = STATE_S2;
	return err;
}

static int on_s2(struct rtmp *r, struct buf *out)
{
	int err = send_connect(r, out);

	/* What S2 echoes is not compared: half of the servers get it wrong. */
	if (!err)
		tell(r, (struct rtmp_event){
				.kind = RTMP_GOT_S2,
				.number = rtmp_shake_is_proven(
					&r->shake, r->handshake + 1) });
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

/* The last word of the server about this session. */
static void finish(struct rtmp *r, const char *code, const char *text,
		   bool lasting)
{
	bool live = r->state == STATE_LIVE;

	if (r->state == STATE_OVER)
		return;
	r->state = STATE_OVER;
	tell(r, (struct rtmp_event){ .kind = live ? RTMP_ENDED : RTMP_REFUSED,
				     .code = code,
				     .text = text,
				     .lasting = lasting });
}

static void say(struct rtmp *r, enum rtmp_event_kind kind, const char *code,
		const char *text)
{
	tell(r,
	     (struct rtmp_event){ .kind = kind, .code = code, .text = text });
}

static int on_status(struct rtmp *r, struct amf_reader *in, struct buf *out)
{
	const struct rtmp_code *known;
	struct rtmp_info info;

	if (amf_skip(in))
		return -EBADMSG;
	rtmp_info_read(&info, in);
	known = rtmp_code_find(info.code);
	if (known && known->kind == RTMP_PUBLISHING) {
		if (r->state != STATE_PUBLISH)
			return 0;
		r->state = STATE_LIVE;
		say(r, RTMP_PUBLISHING, info.code, info.text);
	} else if (known && known->kind == RTMP_MOVE) {
		say(r, RTMP_MOVE, info.code, info.tc_url);
	} else if (known || info.error) {
		finish(r, info.code, info.text, known && known->lasting);
	} else {
		say(r, RTMP_STATUS, info.code, info.text);
	}
	return 0;
}

static int on_connected(struct rtmp *r, struct buf *out)
{
	int err = send_key(r, out, "releaseStream", CALL_RELEASE);

	err = err ? err : send_key(r, out, "FCPublish", CALL_FC_PUBLISH);
	err = err ? err : command_begin(r, "createStream", CALL_CREATE);
	err = err ? err : command_send(r, out, ID_COMMAND, 0);
	r->state = STATE_CREATE;
	if (!err)
		tell(r, (struct rtmp_event){ .kind = RTMP_CONNECTED });
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
		tell(r, (struct rtmp_event){ .kind = RTMP_CREATED,
					     .number = r->stream_id });
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
	const struct rtmp_code *known;
	struct rtmp_info info;
	double call;

	if (amf_get_number(in, &call))
		return -EBADMSG;
	if (call != CALL_CONNECT && call != CALL_CREATE && call != CALL_PUBLISH)
		return 0;
	if (amf_skip(in))
		return -EBADMSG;
	rtmp_info_read(&info, in);
	known = rtmp_code_find(info.code);
	finish(r, info.code, info.text, !known || known->lasting);
	return 0;
}

static int on_close(struct rtmp *r, struct amf_reader *in, struct buf *out)
{
	finish(r, "", "", false);
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
		tell(r, (struct rtmp_event){ .kind = RTMP_GOT_BEGIN,
					     .number = buf_get_u32(body + 2) });
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
	uint32_t window = buf_get_u32(body);

	tell(r, (struct rtmp_event){ .kind = RTMP_GOT_BANDWIDTH,
				     .number = window,
				     .number2 = len > 4 ? body[4] : 0 });
	if (window == r->told_window)
		return 0;
	r->told_window = window;
	return send_control(r, out, TYPE_WINDOW, window);
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
		tell(r, (struct rtmp_event){ .kind = RTMP_GOT_WINDOW,
					     .number = value });
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
	err = err ? err : command_begin(r, "deleteStream", CALL_DELETE);
	err = err ? err : amf_put_number(&r->command, r->stream_id);
	return err ? err : command_send(r, out, ID_COMMAND, 0);
}
