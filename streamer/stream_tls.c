/* SPDX-License-Identifier: MIT */
#include "streamer/stream_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "lib/str.h"

enum { PIN_SIZE = 32 };

struct pins {
	int count;
	uint8_t digest[STREAM_PINS_MAX][PIN_SIZE];
};

struct stream_tls {
	SSL_CTX *ctx;
	struct pins pins;
	bool no_verify;
};

static int parse_pin(const char *word, size_t len, uint8_t digest[PIN_SIZE])
{
	static const char mark[] = "sha256//";
	/* 44 characters, the last one padding, make 33 bytes. */
	uint8_t bytes[PIN_SIZE + 1];

	if (len != strlen(mark) + 44 || strncmp(word, mark, strlen(mark)) ||
	    word[len - 1] != '=')
		return -EINVAL;
	if (EVP_DecodeBlock(bytes, (const uint8_t *)word + strlen(mark), 44) !=
	    PIN_SIZE + 1)
		return -EINVAL;
	memcpy(digest, bytes, PIN_SIZE);
	return 0;
}

static int parse_pins(const char *list, struct pins *ret, struct err *err)
{
	struct pins pins = { 0 };
	const char *word;
	size_t len;

	while (list && str_next_word(&list, &word, &len)) {
		if (pins.count == STREAM_PINS_MAX)
			return err_set(err, -EINVAL, "more than %d pins",
				       STREAM_PINS_MAX);
		if (parse_pin(word, len, pins.digest[pins.count]))
			return err_set(err, -EINVAL,
				       "pin %d is not of the form sha256// and "
				       "44 characters of base64",
				       pins.count + 1);
		pins.count++;
	}
	*ret = pins;
	return 0;
}

static int load_trust(SSL_CTX *ctx, const char *path, struct err *err)
{
	if (!path || !*path) {
		/* None is installed: then nothing will be trusted. */
		SSL_CTX_set_default_verify_paths(ctx);
		return 0;
	}
	if (SSL_CTX_load_verify_file(ctx, path) == 1)
		return 0;
	return err_set(err, -EINVAL,
		       "%s: no certificates in PEM form can be read from it",
		       path);
}

static int make_context(const struct stream_settings *s, SSL_CTX **ret,
			struct err *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int e;

	if (!ctx)
		return err_set(err, -ENOMEM, "out of memory");
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_IGNORE_UNEXPECTED_EOF);
	/* It is looked at when the handshake is over: is_trusted(). */
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	e = load_trust(ctx, s->trust, err);
	ERR_clear_error();
	if (e) {
		SSL_CTX_free(ctx);
		return e;
	}
	*ret = ctx;
	return 0;
}

int stream_tls_new(const struct stream_settings *s, struct stream_tls **ret,
		   struct err *err)
{
	struct stream_tls *tls = calloc(1, sizeof(*tls));
	int e;

	if (!tls)
		return err_set(err, -ENOMEM, "out of memory");
	tls->no_verify = s->no_verify;
	e = parse_pins(s->pins, &tls->pins, err);
	e = e ? e : make_context(s, &tls->ctx, err);
	if (e) {
		stream_tls_free(tls);
		return e;
	}
	*ret = tls;
	return 0;
}

void stream_tls_free(struct stream_tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->ctx);
	free(tls);
}

/* ---- a connection ------------------------------------------------------ */

static bool is_address(const char *host)
{
	struct in6_addr addr;

	return inet_pton(AF_INET, host, &addr) == 1 ||
	       inet_pton(AF_INET6, host, &addr) == 1;
}

static bool set_name(SSL *ssl, const char *host)
{
	if (is_address(host))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl),
						     host) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, host) == 1 &&
	       SSL_set_tlsext_host_name(ssl, host) == 1;
}

SSL *stream_tls_open(struct stream_tls *tls, const char *host, int fd)
{
	SSL *ssl = SSL_new(tls->ctx);

	if (ssl && set_name(ssl, host) && SSL_set_fd(ssl, fd) == 1)
		return ssl;
	SSL_free(ssl);
	ERR_clear_error();
	return NULL;
}

void stream_tls_close(SSL *ssl)
{
	SSL_free(ssl);
}

void stream_tls_shutdown(SSL *ssl)
{
	ERR_clear_error();
	SSL_shutdown(ssl);
	ERR_clear_error();
}

static bool is_pinned(const struct stream_tls *tls, const SSL *ssl)
{
	X509 *cert = SSL_get0_peer_certificate(ssl);
	uint8_t digest[EVP_MAX_MD_SIZE], *spki = NULL;
	bool pinned = false;
	int len;

	len = cert ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki) : -1;
	if (len <= 0 ||
	    !EVP_Digest(spki, (size_t)len, digest, NULL, EVP_sha256(), NULL)) {
		OPENSSL_free(spki);
		return false;
	}
	for (int i = 0; i < tls->pins.count; i++)
		pinned |= !memcmp(tls->pins.digest[i], digest, PIN_SIZE);
	OPENSSL_free(spki);
	return pinned;
}

/* Nothing of ours has been sent yet when this is asked. */
static int is_trusted(const struct stream_tls *tls, const SSL *ssl, char *why,
		      size_t size)
{
	long verdict = SSL_get0_peer_certificate(ssl)
			       ? SSL_get_verify_result(ssl)
			       : X509_V_ERR_UNSPECIFIED;

	if (verdict == X509_V_OK || tls->no_verify || is_pinned(tls, ssl))
		return 0;
	snprintf(why, size, "certificate is not trusted: %s",
		 X509_verify_cert_error_string(verdict));
	return -EKEYREJECTED;
}

int stream_tls_shake(SSL *ssl, const struct stream_tls *tls,
		     bool *ret_want_write, char *why, size_t size)
{
	unsigned long code;
	int ok;

	errno = 0;
	ERR_clear_error();
	ok = SSL_connect(ssl);
	if (ok == 1)
		return is_trusted(tls, ssl, why, size);
	switch (SSL_get_error(ssl, ok)) {
	case SSL_ERROR_WANT_READ:
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		*ret_want_write = true;
		return -EAGAIN;
	default:
		code = ERR_peek_error();
		snprintf(why, size, "TLS handshake failed: %s",
			 code	 ? ERR_reason_error_string(code)
			 : errno ? strerrordesc_np(errno)
				 : "far end closed the connection");
		return -EPROTO;
	}
}

ssize_t stream_tls_send(SSL *ssl, const uint8_t *data, size_t n)
{
	size_t written;
	int ok;

	errno = 0;
	ERR_clear_error();
	ok = SSL_write_ex(ssl, data, n, &written);
	if (ok == 1)
		return (ssize_t)written;
	switch (SSL_get_error(ssl, ok)) {
	case SSL_ERROR_WANT_WRITE:
	case SSL_ERROR_WANT_READ:
		return -EAGAIN;
	default:
		return errno ? -errno : -EPIPE;
	}
}

ssize_t stream_tls_receive(SSL *ssl, uint8_t *dst, size_t n)
{
	size_t got;
	int ok;

	errno = 0;
	ERR_clear_error();
	ok = SSL_read_ex(ssl, dst, n, &got);
	if (ok == 1)
		return (ssize_t)got;
	switch (SSL_get_error(ssl, ok)) {
	case SSL_ERROR_WANT_WRITE:
	case SSL_ERROR_WANT_READ:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		return errno ? -errno : -EPROTO;
	}
}
