/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_RTMP_H
#define UPCAST_RTMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/buf.h"

/*
 * The client's side of an RTMP session that publishes (Adobe's RTMP
 * specification 1.0): bytes in, bytes out, events. Pure: the caller moves the
 * bytes and keeps the time.
 *
 *	rtmp_new(&config, on_event, arg, &r);
 *	rtmp_start(r, out);			// C0 and C1
 *	rtmp_receive(r, data, n, out);		// what the server says
 *	... RTMP_PUBLISHING ...
 *	rtmp_begin(r, out, RTMP_VIDEO, ts, len);
 *	rtmp_put(r, out, bytes, n);		// until there were `len`
 *	rtmp_unpublish(r, out);
 *
 * All functions add to `out` whole messages or nothing. Errors: -EPROTO and
 * -EBADMSG the peer does not speak RTMP, -EMSGSIZE (also: `out` is full),
 * -ENOMEM. The handler is called from rtmp_receive(); it must not free `r`.
 */
struct rtmp;

enum rtmp_type { RTMP_AUDIO = 8, RTMP_VIDEO = 9, RTMP_DATA = 18 };

enum rtmp_event_kind {
	RTMP_GOT_S1,	    /* number: its bytes 5 to 8, 0 by the book */
	RTMP_GOT_S2,	    /* complete; number: our digest was found */
	RTMP_GOT_WINDOW,    /* number: bytes between acknowledgements */
	RTMP_GOT_BANDWIDTH, /* number, number2: bytes, limit type */
	RTMP_GOT_BEGIN,	    /* number: message stream */
	RTMP_CONNECTED,	    /* asked for a stream */
	RTMP_CREATED,	    /* number: its id; asked to publish */
	RTMP_PUBLISHING,    /* media may be sent */
	RTMP_STATUS,	    /* code, text: something else was said */
	RTMP_REFUSED,	    /* code, text: will not publish; close */
	RTMP_ENDED,	    /* code, text: was publishing; close */
	RTMP_MOVE,	    /* asks to connect anew; text: tcUrl or "" */
};

struct rtmp_event {
	enum rtmp_event_kind kind;
	uint32_t number, number2;
	const char *code; /* "NetStream.Publish.BadName" */
	const char *text; /* its description, control characters cleaned */
	/* Of a refusal: nothing that a second try would change soon. */
	bool lasting;
};

typedef void rtmp_event_fn(void *arg, const struct rtmp_event *event);

/* The strings are borrowed; the query until RTMP_GOT_S2 only. */
struct rtmp_config {
	const char *app, *tc_url;
	const char *query; /* for both, of rtmp_auth.h; "" for none */
	const char *key;
	uint32_t chunk_size;
	bool digest;   /* the form of the handshake: see rtmp_shake.h */
	uint64_t seed; /* what its bytes are made from */
};

enum { RTMP_DESCRIPTION_MAX = 1024 };

int rtmp_new(const struct rtmp_config *config, rtmp_event_fn *fn, void *arg,
	     struct rtmp **ret_rtmp) ATTR_MUST_CHECK;
void rtmp_free(struct rtmp *r);

int rtmp_start(struct rtmp *r, struct buf *out) ATTR_MUST_CHECK;
int rtmp_receive(struct rtmp *r, const uint8_t *data, size_t n,
		 struct buf *out) ATTR_MUST_CHECK;

bool rtmp_is_publishing(const struct rtmp *r);
/* Begins a message of media; only while publishing. */
int rtmp_begin(struct rtmp *r, struct buf *out, enum rtmp_type type,
	       uint32_t ts_ms, uint32_t len) ATTR_MUST_CHECK;
void rtmp_put(struct rtmp *r, struct buf *out, const void *data, size_t n);

/* FCUnpublish and deleteStream: the stream ends here. */
int rtmp_unpublish(struct rtmp *r, struct buf *out) ATTR_MUST_CHECK;

#endif
