/* SPDX-License-Identifier: MIT */
#include "lib/crypto.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

struct crypto_hash {
	EVP_MD_CTX *context;
};

static void begin(struct crypto_hash *hash)
{
	if (EVP_DigestInit_ex(hash->context, EVP_sha256(), NULL) != 1)
		abort(); /* no SHA-256: the library is broken */
}

int crypto_hash_new(struct crypto_hash **ret_hash)
{
	struct crypto_hash *hash = calloc(1, sizeof(*hash));

	if (!hash)
		return -ENOMEM;
	hash->context = EVP_MD_CTX_new();
	if (!hash->context) {
		free(hash);
		return -ENOMEM;
	}
	begin(hash);
	*ret_hash = hash;
	return 0;
}

void crypto_hash_free(struct crypto_hash *hash)
{
	if (!hash)
		return;
	EVP_MD_CTX_free(hash->context);
	free(hash);
}

void crypto_hash_add(struct crypto_hash *hash, const void *data, size_t n)
{
	if (EVP_DigestUpdate(hash->context, data, n) != 1)
		abort();
}

void crypto_hash_end(struct crypto_hash *hash,
		     uint8_t ret_digest[CRYPTO_SHA256_SIZE])
{
	if (EVP_DigestFinal_ex(hash->context, ret_digest, NULL) != 1)
		abort();
	begin(hash);
}

int crypto_hmac(const void *key, size_t key_len, const void *data, size_t n,
		uint8_t ret_digest[CRYPTO_SHA256_SIZE])
{
	return HMAC(EVP_sha256(), key, (int)key_len, data, n, ret_digest, NULL)
		       ? 0
		       : -ENOMEM;
}

void crypto_hex(const uint8_t *data, size_t n, char *dst)
{
	for (size_t i = 0; i < n; i++)
		sprintf(dst + 2 * i, "%02x", data[i]);
	dst[2 * n] = '\0';
}

void crypto_random(void *dst, size_t n)
{
	for (uint8_t *p = dst; n; n -= n < 256 ? n : 256, p += 256)
		if (getentropy(p, n < 256 ? n : 256))
			abort();
}
