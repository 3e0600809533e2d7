/* SPDX-License-Identifier: MIT */
#include "cli/pki.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "lib/crypto.h"
#include "lib/str.h"

enum {
	KEY_BITS = 2048,
	A_DOT = 16,
	ALT_NAMES_MAX = 4096,
	VALID_S = 365 * 24 * 3600,
};

static int no_openssl(struct err *err, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return err_set(err, -EINVAL, "%s: %s", what,
		       reason ? reason : "out of memory");
}

/* ---- the key ------------------------------------------------------------ */

struct search {
	pki_progress_fn *progress;
	unsigned candidates;
};

/* A dot for so many candidates, a new line where a prime is found. */
static int on_candidate(EVP_PKEY_CTX *ctx)
{
	struct search *s = EVP_PKEY_CTX_get_app_data(ctx);
	int stage = EVP_PKEY_CTX_get_keygen_info(ctx, 0);

	if (stage == 3 || (stage == 0 && s->candidates++ % A_DOT == 0))
		s->progress(stage == 3);
	return 1;
}

static int make_key(pki_progress_fn *progress, EVP_PKEY **ret, struct err *err)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
	struct search search = { progress, 0 };
	EVP_PKEY *key = NULL;

	if (ctx && EVP_PKEY_keygen_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, KEY_BITS) == 1) {
		EVP_PKEY_CTX_set_app_data(ctx, &search);
		EVP_PKEY_CTX_set_cb(ctx, on_candidate);
		if (EVP_PKEY_keygen(ctx, &key) != 1)
			key = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	if (!key)
		return no_openssl(err, "making a key");
	*ret = key;
	return 0;
}

/* ---- the subject -------------------------------------------------------- */

static const char *const attributes[] = { "CN", "O", "OU",	    "L",
					  "ST", "C", "emailAddress" };

static int add_name(X509_NAME *name, const char *key, size_t len,
		    const char *value, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		if (strlen(attributes[i]) != len ||
		    memcmp(attributes[i], key, len))
			continue;
		if (X509_NAME_add_entry_by_txt(
			    name, attributes[i], MBSTRING_UTF8,
			    (const unsigned char *)value, -1, -1, 0) == 1)
			return 0;
		return no_openssl(err, attributes[i]);
	}
	return err_set(err, -EINVAL,
		       "%.*s: attributes are CN, O, OU, L, ST, C, "
		       "emailAddress and subjectAltName",
		       (int)len, key);
}

/* The extension's own language must not be spoken by a name. */
static int add_alt_name(struct buf *dst, const char *word, size_t len,
			struct err *err)
{
	unsigned char address[16];
	char name[256];
	bool is_address;

	if (len >= sizeof(name) || strcspn(word, "\n\r;@") < len)
		return err_set(err, -EINVAL, "subjectAltName: %.*s is no name",
			       (int)len, word);
	snprintf(name, sizeof(name), "%.*s", (int)len, word);
	is_address = inet_pton(AF_INET, name, address) == 1 ||
		     inet_pton(AF_INET6, name, address) == 1;
	if (buf_printf(dst, "%s%s:%s", dst->len ? "," : "",
		       is_address ? "IP" : "DNS", name))
		return err_set(err, -EINVAL, "subjectAltName: too long");
	return 0;
}

static int add_alt_names(struct buf *dst, const char *names, struct err *err)
{
	const char *word;
	size_t len;
	int code = 0;

	while (!code && str_next_word(&names, &word, &len))
		code = add_alt_name(dst, word, len, err);
	return code;
}

/* Attributes become the name; alternative names are gathered in `alt`. */
static int read_subject(const struct pki_subject *subject, X509_NAME *name,
			struct buf *alt, struct err *err)
{
	int code = 0;

	for (int i = 0; i < subject->count && !code; i++) {
		const char *text = subject->attributes[i];
		const char *colon = strchr(text, ':');

		if (!colon || !colon[1])
			code = err_set(err, -EINVAL,
				       "%s: wanted is attribute:value, such "
				       "as CN:streamer.example.com",
				       text);
		else if (!strncmp(text, "subjectAltName:",
				  (size_t)(colon - text) + 1))
			code = add_alt_names(alt, colon + 1, err);
		else
			code = add_name(name, text, (size_t)(colon - text),
					colon + 1, err);
	}
	return code;
}

static X509_EXTENSION *make_alt_extension(const struct buf *alt)
{
	return X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
				   buf_text(alt));
}

/* ---- what is written ---------------------------------------------------- */

/* A file that is there is somebody's. */
static int write_bio(const char *path, BIO *bio, mode_t mode, struct err *err)
{
	char *data;
	long n = BIO_get_mem_data(bio, &data);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	int code = 0;

	if (fd < 0)
		return err_set(err, -errno, "%s: %s", path, err_str(-errno));
	if (fchmod(fd, mode) || write(fd, data, (size_t)n) != n || fsync(fd))
		code = err_set(err, errno ? -errno : -EIO, "%s: %s", path,
			       err_str(errno ? -errno : -EIO));
	close(fd);
	if (code)
		unlink(path);
	return code;
}

static int write_key(const char *path, EVP_PKEY *key, struct err *err)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	int code;

	if (!bio ||
	    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		code = no_openssl(err, path);
	else
		code = write_bio(path, bio, 0600, err);
	BIO_free(bio);
	return code;
}

static int write_request(const char *path, X509_REQ *request, struct err *err)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int code;

	if (!bio || PEM_write_bio_X509_REQ(bio, request) != 1)
		code = no_openssl(err, path);
	else
		code = write_bio(path, bio, 0644, err);
	BIO_free(bio);
	return code;
}

static int write_certificate(const char *path, X509 *x, struct err *err)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int code;

	if (!bio || PEM_write_bio_X509(bio, x) != 1)
		code = no_openssl(err, path);
	else
		code = write_bio(path, bio, 0644, err);
	BIO_free(bio);
	return code;
}

static int check_new(const char *key, const char *other, struct err *err)
{
	const char *paths[] = { key, other };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (!access(paths[i], F_OK))
			return err_set(err, -EEXIST, "%s: is there already",
				       paths[i]);
	return 0;
}

/* ---- request and certificate -------------------------------------------- */

static int add_request_extension(X509_REQ *request, const struct buf *alt)
{
	STACK_OF(X509_EXTENSION) *all = sk_X509_EXTENSION_new_null();
	X509_EXTENSION *one = make_alt_extension(alt);
	bool good = all && one && sk_X509_EXTENSION_push(all, one);

	if (!good)
		X509_EXTENSION_free(one);
	good = good && X509_REQ_add_extensions(request, all) == 1;
	sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
	return good ? 0 : -EINVAL;
}

static int fill_request(X509_REQ *request, EVP_PKEY *key, const struct buf *alt,
			struct err *err)
{
	if ((alt->len && add_request_extension(request, alt)) ||
	    X509_REQ_set_pubkey(request, key) != 1 ||
	    !X509_REQ_sign(request, key, EVP_sha256()))
		return no_openssl(err, "making the request");
	return 0;
}

int pki_request(const char *key, const char *request,
		const struct pki_subject *subject, pki_progress_fn *progress,
		struct err *err)
{
	X509_REQ *r = X509_REQ_new();
	EVP_PKEY *pkey = NULL;
	struct buf alt;
	int code = r ? check_new(key, request, err) : -ENOMEM;

	buf_init(&alt, ALT_NAMES_MAX);
	if (!code)
		code = read_subject(subject, X509_REQ_get_subject_name(r), &alt,
				    err);
	if (!code)
		code = make_key(progress, &pkey, err);
	if (!code)
		code = fill_request(r, pkey, &alt, err);
	if (!code)
		code = write_key(key, pkey, err);
	if (!code)
		code = write_request(request, r, err);
	buf_release(&alt);
	EVP_PKEY_free(pkey);
	X509_REQ_free(r);
	return code;
}

static int add_certificate_extension(X509 *x, const struct buf *alt)
{
	X509_EXTENSION *one = make_alt_extension(alt);
	int good = one && X509_add_ext(x, one, -1) == 1;

	X509_EXTENSION_free(one);
	return good ? 0 : -EINVAL;
}

static int set_serial(X509 *x)
{
	uint64_t serial;

	crypto_random(&serial, sizeof(serial));
	return ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1);
}

static int fill_certificate(X509 *x, EVP_PKEY *key, const struct buf *alt,
			    struct err *err)
{
	if (X509_set_version(x, X509_VERSION_3) != 1 || set_serial(x) != 1 ||
	    !X509_gmtime_adj(X509_getm_notBefore(x), 0) ||
	    !X509_gmtime_adj(X509_getm_notAfter(x), VALID_S) ||
	    X509_set_issuer_name(x, X509_get_subject_name(x)) != 1 ||
	    X509_set_pubkey(x, key) != 1 ||
	    (alt->len && add_certificate_extension(x, alt)) ||
	    !X509_sign(x, key, EVP_sha256()))
		return no_openssl(err, "making the certificate");
	return 0;
}

int pki_self_sign(const char *key, const char *certificate,
		  const struct pki_subject *subject, pki_progress_fn *progress,
		  struct err *err)
{
	X509 *x = X509_new();
	EVP_PKEY *pkey = NULL;
	struct buf alt;
	int code = x ? check_new(key, certificate, err) : -ENOMEM;

	buf_init(&alt, ALT_NAMES_MAX);
	if (!code)
		code = read_subject(subject, X509_get_subject_name(x), &alt,
				    err);
	if (!code)
		code = make_key(progress, &pkey, err);
	if (!code)
		code = fill_certificate(x, pkey, &alt, err);
	if (!code)
		code = write_key(key, pkey, err);
	if (!code)
		code = write_certificate(certificate, x, err);
	buf_release(&alt);
	EVP_PKEY_free(pkey);
	X509_free(x);
	return code;
}
