/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CHUNK_H
#define UPCAST_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/buf.h"

/*
 * RTMP chunk streams (Adobe's RTMP specification 1.0, section 5.3): messages
 * cut into chunks and put together again. Pure.
 */
enum {
	CHUNK_SIZE_DEFAULT = 128,
	CHUNK_SIZE_MAX = 0xffffff,
	CHUNK_ID_MAX = 8,	      /* highest that we write on */
	CHUNK_STREAMS_MAX = 16,	      /* that a peer may write on */
	CHUNK_MESSAGE_MAX = 64 << 10, /* longest that we read */
};

struct chunk_message {
	uint32_t id;	    /* chunk stream */
	uint8_t type;	    /* message type */
	uint32_t stream_id; /* message stream */
	uint32_t ts_ms;	    /* modulo 2^32 */
	uint32_t len;
};

/*
 * Writing. A message is begun, and then its `len` bytes follow in any number of
 * pieces, each copied straight to where it belongs in `dst`. Headers carry
 * time differences, so a timestamp may pass 2^32. chunk_reserve() before makes
 * room for all of it: the others then cannot fail and return nothing.
 */
struct chunk_writer {
	uint32_t size; /* of our chunks; changed between messages */
	uint32_t id;   /* the message that is being written */
	uint32_t room; /* in its chunk */
	uint32_t left; /* of the message */
	bool extended; /* each chunk repeats the time */
	uint32_t extended_ts;
	struct {
		bool used;
		uint32_t stream_id, ts_ms;
	} streams[CHUNK_ID_MAX + 1];
};

void chunk_writer_init(struct chunk_writer *w);
int chunk_reserve(const struct chunk_writer *w, struct buf *dst,
		  uint32_t len) ATTR_MUST_CHECK;
void chunk_begin(struct chunk_writer *w, struct buf *dst,
		 const struct chunk_message *m);
void chunk_put(struct chunk_writer *w, struct buf *dst, const void *data,
	       size_t n);

/*
 * Reading. Feed what has arrived; each call takes some of it and returns
 *	0	a message; its body is valid until the next call
 *	-EAGAIN	all taken, more is needed
 *	-EBADMSG, -EMSGSIZE, -ENOMEM: the connection is of no use any more
 * A reader holds CHUNK_STREAMS_MAX unfinished messages of CHUNK_MESSAGE_MAX
 * bytes at most.
 */
struct chunk_reader;

int chunk_reader_new(struct chunk_reader **ret_reader) ATTR_MUST_CHECK;
void chunk_reader_free(struct chunk_reader *r);
int chunk_read(struct chunk_reader *r, const uint8_t **data, size_t *n,
	       struct chunk_message *ret_m,
	       const uint8_t **ret_body) ATTR_MUST_CHECK;
/* What the peer's messages of these names ask for. */
int chunk_reader_set_size(struct chunk_reader *r,
			  uint32_t size) ATTR_MUST_CHECK;
void chunk_reader_abort(struct chunk_reader *r, uint32_t id);

#endif
