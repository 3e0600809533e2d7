/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_STREAM_TLS_H
#define UPCAST_STREAM_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/attr.h"
#include "lib/err.h"
#include "streamer/stream.h"

/*
 * TLS of stream.c: what a server must show, and bytes through OpenSSL. A
 * connection is an SSL of OpenSSL; the file descriptor stays stream.c's.
 */
struct stream_tls;
struct ssl_st;

int stream_tls_new(const struct stream_settings *s, struct stream_tls **ret,
		   struct err *err) ATTR_MUST_CHECK;
void stream_tls_free(struct stream_tls *tls);

/* NULL: no memory. */
struct ssl_st *stream_tls_open(struct stream_tls *tls, const char *host,
			       int fd);
void stream_tls_close(struct ssl_st *ssl);
/*
 * 0: shaken hands, and the server is trusted; -EAGAIN: wait until the socket
 * is readable (`*ret_want_write`: writable); -EPROTO, -EKEYREJECTED: `why`.
 */
int stream_tls_shake(struct ssl_st *ssl, const struct stream_tls *tls,
		     bool *ret_want_write, char *why,
		     size_t size) ATTR_MUST_CHECK;
/* As send() and recv(), with a negative errno. */
ssize_t stream_tls_send(struct ssl_st *ssl, const uint8_t *data,
			size_t n) ATTR_MUST_CHECK;
ssize_t stream_tls_receive(struct ssl_st *ssl, uint8_t *dst,
			   size_t n) ATTR_MUST_CHECK;
void stream_tls_shutdown(struct ssl_st *ssl);

#endif
