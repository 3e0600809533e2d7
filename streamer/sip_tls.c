/* SPDX-License-Identifier: MIT */
#include "streamer/sip_tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

struct sip_tls {
	SSL_CTX *ctx;
	bool verify;
};

/*
 * The reason behind the last failure of OpenSSL, and an empty queue. Of a file
 * that cannot be opened it says "system lib" last.
 */
static const char *last_reason(void)
{
	unsigned long first = ERR_peek_error();
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	if (ERR_SYSTEM_ERROR(first))
		return err_str(-ERR_GET_REASON(first));
	return reason ? reason : "unknown error";
}

static int load_pair(SSL_CTX *ctx, const struct sip_tls_config *config,
		     struct err *err)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, config->certificate) != 1)
		return err_set(err, -EINVAL,
			       "sip_certificate: %s cannot be used: %s",
			       config->certificate, last_reason());
	if (SSL_CTX_use_PrivateKey_file(ctx, config->key, SSL_FILETYPE_PEM) !=
	    1)
		return err_set(err, -EINVAL,
			       "sip_key: %s cannot be used with %s: %s",
			       config->key, config->certificate, last_reason());
	if (SSL_CTX_check_private_key(ctx) != 1)
		return err_set(err, -EINVAL, "sip_key: %s and %s are no pair",
			       config->key, config->certificate);
	return 0;
}

static int check_dates(SSL_CTX *ctx, const struct sip_tls_config *config,
		       struct err *err)
{
	const X509 *x = SSL_CTX_get0_certificate(ctx);

	if (X509_cmp_current_time(X509_get0_notAfter(x)) < 0)
		return err_set(err, -EINVAL, "sip_certificate: %s has expired",
			       config->certificate);
	return 0;
}

static int load_trust(SSL_CTX *ctx, const struct sip_tls_config *config,
		      struct err *err)
{
	STACK_OF(X509_NAME) * names;

	if (!config->bundle)
		return SSL_CTX_set_default_verify_paths(ctx) == 1 ? 0 : -EINVAL;
	if (SSL_CTX_load_verify_locations(ctx, config->bundle, NULL) != 1)
		return err_set(err, -EINVAL,
			       "sip_bundle or sip_trust: %s cannot be "
			       "used: %s",
			       config->bundle, last_reason());
	names = SSL_load_client_CA_file(config->bundle);
	if (names)
		SSL_CTX_set_client_CA_list(ctx, names);
	/* The bundle may hold the bridges' own certificates, no authority. */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx),
				    X509_V_FLAG_PARTIAL_CHAIN);
	return 0;
}

static int limit_protocol(SSL_CTX *ctx, const struct sip_tls_config *config,
			  struct err *err)
{
	SSL_CTX_set_min_proto_version(ctx, config->tls13_only ? TLS1_3_VERSION
							      : TLS1_2_VERSION);
	if (config->ciphers && *config->ciphers &&
	    SSL_CTX_set_cipher_list(ctx, config->ciphers) != 1)
		return err_set(err, -EINVAL, "sip_ciphers: %s", last_reason());
	return 0;
}

int sip_tls_new(const struct sip_tls_config *config, struct sip_tls **ret,
		struct err *err)
{
	struct sip_tls *tls = calloc(1, sizeof(*tls));
	int code = -ENOMEM;

	if (!tls)
		return err_set(err, code, "no memory");
	tls->verify = config->verify;
	tls->ctx = SSL_CTX_new(TLS_method());
	if (!tls->ctx) {
		err_set(err, code, "no memory");
		goto fail;
	}
	SSL_CTX_set_options(tls->ctx, SSL_OP_CIPHER_SERVER_PREFERENCE |
					      SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_id_context(tls->ctx, (const void *)"sip", 3);
	code = limit_protocol(tls->ctx, config, err);
	if (!code)
		code = load_pair(tls->ctx, config, err);
	if (!code)
		code = check_dates(tls->ctx, config, err);
	if (!code && config->verify)
		code = load_trust(tls->ctx, config, err);
	if (code)
		goto fail;
	*ret = tls;
	return 0;
fail:
	sip_tls_free(tls);
	return code;
}

void sip_tls_free(struct sip_tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->ctx);
	free(tls);
}

int sip_tls_open(struct sip_tls *tls, bool server, struct ssl_st **ret)
{
	SSL *ssl = SSL_new(tls->ctx);
	int mode = SSL_VERIFY_PEER;

	if (!ssl)
		return -ENOMEM;
	if (server)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_set_verify(ssl, tls->verify ? mode : SSL_VERIFY_NONE, NULL);
	*ret = ssl;
	return 0;
}

void sip_tls_explain(struct ssl_st *ssl, unsigned long code, char *dst,
		     size_t size)
{
	long verdict = SSL_get_verify_result(ssl);
	const char *reason = ERR_reason_error_string(code);

	if (verdict != X509_V_OK)
		reason = X509_verify_cert_error_string(verdict);
	snprintf(dst, size, "%s", reason ? reason : "connection closed");
}
