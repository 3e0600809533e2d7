/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SIP_TLS_H
#define UPCAST_SIP_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

/*
 * TLS for signalling: one context, made of files, that connections share. A
 * reload makes a new one; connections made with the old one keep it alive.
 *
 * TLS 1.2 is the least. With `verify` both sides are checked against the
 * bundle: a caller without a certificate from it gets no connection. Without,
 * any caller may come, encrypted all the same.
 */
struct sip_tls;
struct ssl_st;

struct sip_tls_config {
	const char *key, *certificate; /* files */
	const char *bundle;	       /* NULL: the system's authorities */
	bool verify;
	bool tls13_only;
	const char *ciphers; /* of TLS 1.2, NULL or "": OpenSSL's own */
};

/*
 * Errors: -EINVAL and what opening says, with a sentence that names the file:
 * missing, no PEM, key and certificate that are no pair, expired.
 */
int sip_tls_new(const struct sip_tls_config *config, struct sip_tls **ret,
		struct err *err) ATTR_MUST_CHECK;
void sip_tls_free(struct sip_tls *tls);

/* One connection's state, for libevent to own. -ENOMEM. */
int sip_tls_open(struct sip_tls *tls, bool server,
		 struct ssl_st **ret) ATTR_MUST_CHECK;
/* What went wrong with it, in a few words. */
void sip_tls_explain(struct ssl_st *ssl, unsigned long code, char *dst,
		     size_t size);

#endif
