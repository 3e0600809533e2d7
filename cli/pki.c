/* SPDX-License-Identifier: MIT */
#include "cli/pki.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "lib/file.h"
#include "lib/mono.h"
#include "lib/str.h"

enum { FILE_BYTES_MAX = 1 << 20, CHAIN_MAX = 256 };

/* ---- reading ------------------------------------------------------------ */

/* The content of a file, wiped at the end: it may be a key. */
static int read_bio(const char *path, struct buf *bytes, BIO **ret,
		    struct err *err)
{
	int code;

	buf_init(bytes, FILE_BYTES_MAX);
	code = file_read(path, bytes);
	if (code)
		return err_set(err, code, "%s: %s", path, err_str(code));
	*ret = BIO_new_mem_buf(buf_text(bytes), (int)bytes->len);
	return *ret ? 0 : err_set(err, -ENOMEM, "out of memory");
}

/* Nobody is asked for a pass phrase. */
static int no_passphrase(char *dst, int size, int writes, void *arg)
{
	return -1;
}

static int read_key(const char *path, EVP_PKEY **ret, struct err *err)
{
	struct buf bytes;
	BIO *bio = NULL;
	EVP_PKEY *key = NULL;
	int code = read_bio(path, &bytes, &bio, err);

	if (!code) {
		key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
		if (!key && BIO_reset(bio) >= 0)
			key = d2i_PrivateKey_bio(bio, NULL);
		if (!key)
			code = err_set(err, -EINVAL,
				       "%s: holds no private key that can be "
				       "read without a pass phrase",
				       path);
	}
	ERR_clear_error();
	BIO_free(bio);
	buf_wipe(&bytes);
	*ret = key;
	return code;
}

static int take_certificate(STACK_OF(X509) * chain, X509 *x)
{
	if (x && sk_X509_num(chain) < CHAIN_MAX && sk_X509_push(chain, x))
		return 0;
	X509_free(x);
	return -ENOMEM;
}

static void free_chain(STACK_OF(X509) * chain)
{
	sk_X509_pop_free(chain, X509_free);
}

/* Adds all certificates of a file, at least one. */
static int read_chain(const char *path, STACK_OF(X509) * chain, struct err *err)
{
	int before = sk_X509_num(chain);
	struct buf bytes;
	BIO *bio = NULL;
	X509 *x;
	int code = read_bio(path, &bytes, &bio, err);

	while (!code && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
		code = take_certificate(chain, x);
	if (!code && sk_X509_num(chain) == before && BIO_reset(bio) >= 0) {
		x = d2i_X509_bio(bio, NULL);
		if (x)
			code = take_certificate(chain, x);
		else
			code = err_set(err, -EINVAL, "%s: holds no certificate",
				       path);
	}
	if (code == -ENOMEM)
		err_set(err, code, "%s: too many certificates", path);
	ERR_clear_error();
	BIO_free(bio);
	buf_release(&bytes);
	return code;
}

/* ---- questions ---------------------------------------------------------- */

int pki_match(const char *key, const char *certificate, struct err *err)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	EVP_PKEY *pkey = NULL;
	int code = read_key(key, &pkey, err);

	if (!code)
		code = read_chain(certificate, chain, err);
	if (!code && X509_check_private_key(sk_X509_value(chain, 0), pkey) != 1)
		code = err_set(err, -EKEYREJECTED, "%s and %s are no pair", key,
			       certificate);
	ERR_clear_error();
	EVP_PKEY_free(pkey);
	free_chain(chain);
	return code;
}

static int64_t epoch_of(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

/* Zero where it cannot be read: long over. */
static int judge_dates(const char *certificate, int64_t from, int64_t until,
		       struct err *err)
{
	int64_t now = mono_wall_s();
	char text[STR_TIME_SIZE];

	str_format_time(now < from ? from : until, text);
	if (now < from)
		return err_set(err, -EKEYREJECTED,
			       "%s is not valid before %s: is the clock right?",
			       certificate, text);
	if (now > until)
		return err_set(err, -EKEYEXPIRED, "%s has expired on %s",
			       certificate, text);
	return 0;
}

int pki_check_dates(const char *certificate, int64_t *ret_until,
		    struct err *err)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	int code = read_chain(certificate, chain, err);
	int64_t from = 0, until = 0;

	if (!code) {
		from = epoch_of(X509_get0_notBefore(sk_X509_value(chain, 0)));
		until = epoch_of(X509_get0_notAfter(sk_X509_value(chain, 0)));
		code = judge_dates(certificate, from, until, err);
	}
	free_chain(chain);
	if (!code && ret_until)
		*ret_until = until;
	return code;
}

/* What stands behind the first of the chain is not trusted itself. */
static int verify_with(X509_STORE *store, STACK_OF(X509) * chain,
		       const char *certificate, struct err *err)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int code = 0;

	if (!ctx || X509_STORE_CTX_init(ctx, store, sk_X509_value(chain, 0),
					chain) != 1)
		code = err_set(err, -ENOMEM, "out of memory");
	else if (X509_verify_cert(ctx) != 1)
		code = err_set(err, -EKEYREJECTED, "%s: %s", certificate,
			       X509_verify_cert_error_string(
				       X509_STORE_CTX_get_error(ctx)));
	ERR_clear_error();
	X509_STORE_CTX_free(ctx);
	return code;
}

int pki_verify(const char *certificate, const char *bundle, const char *more,
	       struct err *err)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	STACK_OF(X509) *trusted = sk_X509_new_null();
	X509_STORE *store = X509_STORE_new();
	int code = read_chain(certificate, chain, err);

	if (!code && more)
		code = read_chain(more, chain, err);
	if (!code)
		code = read_chain(bundle, trusted, err);
	for (int i = 0; i < sk_X509_num(trusted) && !code; i++)
		if (X509_STORE_add_cert(store, sk_X509_value(trusted, i)) != 1)
			code = err_set(err, -ENOMEM, "out of memory");
	if (!code)
		code = verify_with(store, chain, certificate, err);
	X509_STORE_free(store);
	free_chain(chain);
	free_chain(trusted);
	return code;
}

/* ---- inspect ------------------------------------------------------------ */

static int add_bio(BIO *bio, struct buf *dst)
{
	char *text;
	long n = BIO_get_mem_data(bio, &text);

	return buf_add(dst, text, (size_t)n);
}

static int print_chain(STACK_OF(X509) * chain, BIO *out)
{
	for (int i = 0; i < sk_X509_num(chain); i++)
		if (X509_print_ex(out, sk_X509_value(chain, i), XN_FLAG_ONELINE,
				  X509_FLAG_NO_PUBKEY | X509_FLAG_NO_SIGDUMP) !=
		    1)
			return -ENOMEM;
	return 0;
}

static int print_request(const char *path, BIO *out)
{
	struct buf bytes;
	struct err err;
	BIO *bio = NULL;
	X509_REQ *request = NULL;
	int code = read_bio(path, &bytes, &bio, &err);

	if (!code)
		request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	if (request)
		X509_REQ_print_ex(out, request, XN_FLAG_ONELINE,
				  X509_FLAG_NO_PUBKEY | X509_FLAG_NO_SIGDUMP);
	X509_REQ_free(request);
	BIO_free(bio);
	buf_release(&bytes);
	ERR_clear_error();
	return request ? 0 : -EINVAL;
}

/* The kind and size alone: nothing of it is for a screen. */
static int print_key(const char *path, BIO *out)
{
	EVP_PKEY *key = NULL;
	struct err err;
	int code = read_key(path, &key, &err);

	if (!code)
		BIO_printf(out, "Private key: %s, %d bits\n",
			   EVP_PKEY_get0_type_name(key),
			   EVP_PKEY_get_bits(key));
	EVP_PKEY_free(key);
	return code;
}

int pki_inspect(const char *path, struct buf *dst, struct err *err)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	BIO *out = BIO_new(BIO_s_mem());
	int code = out ? read_chain(path, chain, err)
		       : err_set(err, -ENOMEM, "out of memory");

	if (!code)
		code = print_chain(chain, out);
	else if (code == -EINVAL &&
		 (!print_request(path, out) || !print_key(path, out)))
		code = 0;
	else if (code == -EINVAL)
		err_set(err, code,
			"%s: is no certificate, request or private key", path);
	if (!code)
		code = add_bio(out, dst);
	free_chain(chain);
	BIO_free(out);
	return code;
}
