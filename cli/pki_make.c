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

static int check_new(const char *key, const char *other, struct err *err)
{
	const char *paths[] = { key, other };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (!access(paths[i], F_OK))
			return err_set(err, -EEXIST, "%s: is there already",
				       paths[i]);
	return 0;
}

/* One of them. */
struct pem {
	EVP_PKEY *key;
	X509_REQ *request;
	X509 *certificate;
};

static int write_pem(const char *path, const struct pem *p, struct err *err)
{
	BIO *bio = BIO_new(p->key ? BIO_s_secmem() : BIO_s_mem());
	int good = 0, code;

	if (bio && p->key)
		good = PEM_write_bio_PrivateKey(bio, p->key, NULL, NULL, 0,
						NULL, NULL);
	else if (bio && p->request)
		good = PEM_write_bio_X509_REQ(bio, p->request);
	else if (bio)
		good = PEM_write_bio_X509(bio, p->certificate);
	code = good == 1 ? write_bio(path, bio, p->key ? 0600 : 0644, err)
			 : no_openssl(err, path);
	BIO_free(bio);
	return code;
}

/* ---- request and certificate -------------------------------------------- */

static int add_alt_extension(X509_REQ *request, const struct buf *alt)
{
	STACK_OF(X509_EXTENSION) *all = sk_X509_EXTENSION_new_null();
	X509_EXTENSION *one = X509V3_EXT_conf_nid(
		NULL, NULL, NID_subject_alt_name, buf_text(alt));
	bool good = all && one && sk_X509_EXTENSION_push(all, one);

	if (!good)
		X509_EXTENSION_free(one);
	good = good && X509_REQ_add_extensions(request, all) == 1;
	sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
	return good ? 0 : -EINVAL;
}

static int name_request(const struct pki_subject *subject, X509_REQ *request,
			struct err *err)
{
	struct buf alt;
	int code;

	buf_init(&alt, ALT_NAMES_MAX);
	code = read_subject(subject, X509_REQ_get_subject_name(request), &alt,
			    err);
	if (!code && alt.len && add_alt_extension(request, &alt))
		code = no_openssl(err, "subjectAltName");
	buf_release(&alt);
	return code;
}

static bool copy_extensions(X509_REQ *request, X509 *x)
{
	STACK_OF(X509_EXTENSION) *all = X509_REQ_get_extensions(request);
	bool good = true;

	for (int i = 0; i < sk_X509_EXTENSION_num(all) && good; i++)
		good = X509_add_ext(x, sk_X509_EXTENSION_value(all, i), -1);
	sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
	return good;
}

/* What the request asks for, signed with its own key. */
static int sign_self(X509_REQ *request, EVP_PKEY *key, X509 *x, struct err *err)
{
	X509_NAME *name = X509_REQ_get_subject_name(request);
	uint64_t serial;

	crypto_random(&serial, sizeof(serial));
	if (X509_set_version(x, X509_VERSION_3) == 1 &&
	    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) &&
	    X509_gmtime_adj(X509_getm_notBefore(x), 0) &&
	    X509_gmtime_adj(X509_getm_notAfter(x), VALID_S) &&
	    X509_set_subject_name(x, name) == 1 &&
	    X509_set_issuer_name(x, name) == 1 &&
	    X509_set_pubkey(x, key) == 1 && copy_extensions(request, x) &&
	    X509_sign(x, key, EVP_sha256()))
		return 0;
	return no_openssl(err, "making the certificate");
}

static int write_both(const char *key_path, const char *path, EVP_PKEY *key,
		      X509_REQ *request, X509 *x, struct err *err)
{
	const struct pem first = { .key = key };
	const struct pem second = { .request = x ? NULL : request,
				    .certificate = x };
	int code = write_pem(key_path, &first, err);

	return code ? code : write_pem(path, &second, err);
}

int pki_make(enum pki_kind kind, const char *key, const char *path,
	     const struct pki_subject *subject, pki_progress_fn *progress,
	     struct err *err)
{
	X509_REQ *request = X509_REQ_new();
	X509 *x = kind == PKI_SELF_SIGNED ? X509_new() : NULL;
	EVP_PKEY *pkey = NULL;
	int code = check_new(key, path, err);

	if (!code && (!request || (kind == PKI_SELF_SIGNED && !x)))
		code = err_set(err, -ENOMEM, "out of memory");
	if (!code)
		code = name_request(subject, request, err);
	if (!code)
		code = make_key(progress, &pkey, err);
	if (!code && (X509_REQ_set_pubkey(request, pkey) != 1 ||
		      !X509_REQ_sign(request, pkey, EVP_sha256())))
		code = no_openssl(err, "making the request");
	if (!code && x)
		code = sign_self(request, pkey, x, err);
	if (!code)
		code = write_both(key, path, pkey, request, x, err);
	EVP_PKEY_free(pkey);
	X509_REQ_free(request);
	X509_free(x);
	return code;
}
