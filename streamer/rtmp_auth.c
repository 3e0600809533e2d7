/* SPDX-License-Identifier: MIT */
#include "streamer/rtmp_auth.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

enum {
	VALUE_MAX = 256,
	MD5_SIZE = 16,
	BASE64_SIZE = 28, /* of an MD5, with the NUL */
	HEX_SIZE = 33,
	NONCE_SIZE = 9,
};

/* What the server's query says. "" where it says nothing. */
struct demand {
	char reason[VALUE_MAX], user[VALUE_MAX];
	char salt[VALUE_MAX], challenge[VALUE_MAX], opaque[VALUE_MAX];
	char nonce[VALUE_MAX];
};

static const struct {
	const char *key;
	size_t offset;
} demand_keys[] = {
	{ "reason", offsetof(struct demand, reason) },
	{ "user", offsetof(struct demand, user) },
	{ "salt", offsetof(struct demand, salt) },
	{ "challenge", offsetof(struct demand, challenge) },
	{ "opaque", offsetof(struct demand, opaque) },
	{ "nonce", offsetof(struct demand, nonce) },
};

static void take_pair(struct demand *d, const char *key, size_t key_len,
		      const char *value, size_t value_len)
{
	for (size_t i = 0; i < ARRAY_SIZE(demand_keys); i++) {
		char *dst = (char *)d + demand_keys[i].offset;

		if (strlen(demand_keys[i].key) != key_len ||
		    memcmp(demand_keys[i].key, key, key_len))
			continue;
		if (value_len >= VALUE_MAX)
			value_len = VALUE_MAX - 1;
		memcpy(dst, value, value_len);
		dst[value_len] = '\0';
	}
}

/* The values go back as they came: they are base64, not percent-encoded. */
static void parse_demand(const char *query, struct demand *d)
{
	memset(d, 0, sizeof(*d));
	while (*query) {
		size_t len = strcspn(query, "& ;\t]");
		const char *eq = memchr(query, '=', len);

		if (eq)
			take_pair(d, query, (size_t)(eq - query), eq + 1,
				  len - (size_t)(eq + 1 - query));
		query += len;
		query += strspn(query, "& ;\t]");
	}
}

/* MD5 over the texts, up to a NULL. */
static int md5(uint8_t dst[MD5_SIZE], ...)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const char *text;
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_md5(), NULL);
	va_list ap;

	va_start(ap, dst);
	while ((text = va_arg(ap, const char *)) && ok)
		ok = EVP_DigestUpdate(ctx, text, strlen(text));
	va_end(ap);
	ok = ok && EVP_DigestFinal_ex(ctx, dst, NULL);
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : ctx ? -ENOTSUP : -ENOMEM;
}

static void base64(const uint8_t digest[MD5_SIZE], char dst[BASE64_SIZE])
{
	EVP_EncodeBlock((unsigned char *)dst, digest, MD5_SIZE);
}

static void hex(const uint8_t digest[MD5_SIZE], char dst[HEX_SIZE])
{
	for (int i = 0; i < MD5_SIZE; i++)
		snprintf(dst + 2 * i, 3, "%02x", digest[i]);
}

typedef int respond_fn(const struct rtmp_auth_user *user,
		       const struct demand *d, const char *nonce,
		       struct buf *dst);

/* h1 = base64(md5(user salt password)); base64(md5(h1 opaque nonce)) */
static int respond_adobe(const struct rtmp_auth_user *user,
			 const struct demand *d, const char *nonce,
			 struct buf *dst)
{
	const char *mark = *d->opaque ? d->opaque : d->challenge;
	char first[BASE64_SIZE], second[BASE64_SIZE];
	uint8_t digest[MD5_SIZE];
	int err;

	err = md5(digest, user->user, d->salt, user->password, NULL);
	if (err)
		return err;
	base64(digest, first);
	err = md5(digest, first, mark, nonce, NULL);
	explicit_bzero(first, sizeof(first));
	if (err)
		return err;
	base64(digest, second);
	err = buf_printf(dst, "&challenge=%s&response=%s", nonce, second);
	if (!err && *d->opaque)
		err = buf_printf(dst, "&opaque=%s", d->opaque);
	return err;
}

/* The shape of HTTP digest authentication, with realm "live". */
static int respond_llnw(const struct rtmp_auth_user *user,
			const struct demand *d, const char *nonce,
			struct buf *dst)
{
	const char *instance = strchr(user->app, '/') ? "" : "/_definst_";
	char ha1[HEX_SIZE], ha2[HEX_SIZE], response[HEX_SIZE];
	uint8_t digest[MD5_SIZE];
	int err;

	err = md5(digest, user->user, ":live:", user->password, NULL);
	if (err)
		return err;
	hex(digest, ha1);
	err = md5(digest, "publish:/", user->app, instance, NULL);
	if (!err) {
		hex(digest, ha2);
		err = md5(digest, ha1, ":", d->nonce, ":00000001:", nonce,
			  ":auth:", ha2, NULL);
	}
	explicit_bzero(ha1, sizeof(ha1));
	if (err)
		return err;
	hex(digest, response);
	return buf_printf(dst, "&nonce=%s&cnonce=%s&nc=00000001&response=%s",
			  d->nonce, nonce, response);
}

static const struct scheme {
	const char *name, *mark;
	respond_fn *respond;
} schemes[] = {
	{ "adobe", "authmod=adobe", respond_adobe },
	{ "llnw", "authmod=llnw", respond_llnw },
};

static const struct scheme *find_scheme(const char *description)
{
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (strstr(description, schemes[i].mark))
			return &schemes[i];
	return NULL;
}

static int find_query(const char *description, struct demand *d,
		      struct err *err)
{
	const char *query = strstr(description, "?reason=");

	memset(d, 0, sizeof(*d));
	if (query) {
		parse_demand(query + 1, d);
		if (!strcmp(d->reason, "needauth"))
			return 0;
		if (!strcmp(d->reason, "authfailed"))
			return err_set(err, -EACCES,
				       "RTMP server refused the password");
		if (!strcmp(d->reason, "nosuchuser"))
			return err_set(err, -EACCES,
				       "RTMP server does not know the user");
		return err_set(err, -EACCES,
			       "RTMP server refused the user: %.64s",
			       d->reason);
	}
	if (strstr(description, "need auth"))
		return 0;
	return err_set(err, -EBADMSG,
		       "RTMP server asks for authentication in a way that is "
		       "not known");
}

/*
 * The servers' own tools send the name as it is, so only what would break the
 * query is encoded: an address of mail must stay one.
 */
static int add_user(struct buf *dst, const char *user)
{
	int err = 0;

	for (; *user && !err; user++) {
		unsigned char c = (unsigned char)*user;

		if (c <= ' ' || strchr("&%+=#?\"", c))
			err = buf_printf(dst, "%%%02X", c);
		else
			err = buf_add_u8(dst, c);
	}
	return err;
}

static int add_query(const struct scheme *s, const struct rtmp_auth_user *user,
		     const struct demand *d, uint32_t nonce, struct buf *dst)
{
	char text[NONCE_SIZE];
	int err = buf_printf(dst, "authmod=%s&user=", s->name);

	err = err ? err : add_user(dst, user->user);
	if (err || !*d->reason)
		return err;
	snprintf(text, sizeof(text), "%08x", nonce);
	return s->respond(user, d, text, dst);
}

int rtmp_auth_answer(const char *description, const struct rtmp_auth_user *user,
		     uint32_t nonce, struct buf *ret_query,
		     const char **ret_scheme, struct err *err)
{
	const struct scheme *s = find_scheme(description);
	struct demand d;
	int e;

	if (!s && !strstr(description, "authmod="))
		return -ENOENT;
	if (!s)
		return err_set(err, -ENOTSUP,
			       "RTMP server wants an authentication other than "
			       "adobe or llnw");
	if (!*user->user)
		return err_set(err, -ENOKEY,
			       "no username or password defined for RTMP "
			       "authentication");
	e = find_query(description, &d, err);
	if (e)
		return e;
	e = add_query(s, user, &d, nonce, ret_query);
	if (e)
		return err_set(err, e,
			       "RTMP authentication cannot be "
			       "answered: %s",
			       err_str(e));
	*ret_scheme = s->name;
	return 0;
}
