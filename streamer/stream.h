/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_STREAM_H
#define UPCAST_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/loop.h"

/*
 * A TCP connection out, with or without TLS, and one send buffer. Nothing
 * blocks: names are looked up on helper threads. The only user of
 * openssl/ssl.h in the streamer.
 *
 * Life cycle: stream_env_new() once for each loop. stream_open(); on_open();
 * then add to stream_out() and stream_flush(), and take on_data(), until either
 * on_close() tells why it is over, or stream_close() ends it at once, or
 * stream_finish() sends what is in the buffer and then ends it, by itself.
 * After on_close() the object is still to be given to stream_close().
 *
 * on_data() must not close or finish the stream, the other two may. None is
 * called from within a function of this module.
 *
 * A server must prove its name by a certificate that the trust bundle leads to,
 * or have a public key that is pinned. TLS 1.2 is the least.
 */
struct stream;
struct stream_env;

enum {
	STREAM_FINISH_MS = 1000, /* how long stream_finish() may take */
	STREAM_PINS_MAX = 8,
};

struct stream_settings {
	const char *trust; /* PEM file; "" or NULL: the system's */
	const char *pins;  /* "sha256//BASE64", by commas or blanks; or NULL */
	bool no_verify;
};

/* Errors: -ENOMEM, -EINVAL with a sentence about the bundle or the pins. */
int stream_env_new(struct loop *loop, const struct stream_settings *s,
		   struct stream_env **ret_env,
		   struct err *err) ATTR_MUST_CHECK;
/* For streams opened from now on. On failure the old settings stay. */
int stream_env_reload(struct stream_env *env, const struct stream_settings *s,
		      struct err *err) ATTR_MUST_CHECK;
/* Closes what is still finishing; all other streams are closed before. */
void stream_env_free(struct stream_env *env);

struct stream_handler {
	/* Connected, and verified with TLS. `fd` is for the log. */
	void (*on_open)(void *arg, int fd);
	void (*on_data)(void *arg, const uint8_t *data, size_t n);
	/*
	 * Why it is over, with a sentence: -EKEYREJECTED the certificate is
	 * not trusted, -ECONNRESET the far end closed, -EHOSTUNREACH no such
	 * name, or what the system says.
	 */
	void (*on_close)(void *arg, const struct err *why);
};

struct stream_target {
	const char *host; /* a name or an address */
	uint16_t port;
	bool tls;
	/* How long what was sent may go unacknowledged; 0: minutes. */
	uint32_t silence_ms;
	int dscp; /* of what is sent */
};

/* `buffer_bytes` is the most that the send buffer may hold. */
int stream_open(struct stream_env *env, const struct stream_target *target,
		size_t buffer_bytes, const struct stream_handler *handler,
		void *arg, struct stream **ret_stream) ATTR_MUST_CHECK;
void stream_close(struct stream *s);
void stream_finish(struct stream *s);

/* The send buffer, to add to. Only valid until the next call. */
struct buf *stream_out(struct stream *s);
/* Sends what it can now; the rest follows by itself. */
void stream_flush(struct stream *s);
/* What is added and not yet sent; all that was ever sent. */
size_t stream_pending(const struct stream *s);
uint64_t stream_sent(const struct stream *s);

#endif
