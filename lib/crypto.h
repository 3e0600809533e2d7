/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CRYPTO_H
#define UPCAST_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"

/*
 * Hashes and random numbers, from OpenSSL.
 *
 * A hash: crypto_hash_new(), crypto_hash_add()..., crypto_hash_end(), which
 * gives the digest and leaves the hash ready for the next message,
 * crypto_hash_free().
 */
enum { CRYPTO_SHA256_SIZE = 32 };

struct crypto_hash;

int crypto_hash_new(struct crypto_hash **ret_hash) ATTR_MUST_CHECK;
void crypto_hash_free(struct crypto_hash *hash);
void crypto_hash_add(struct crypto_hash *hash, const void *data, size_t n);
void crypto_hash_end(struct crypto_hash *hash,
		     uint8_t ret_digest[CRYPTO_SHA256_SIZE]);

/* HMAC-SHA256 (RFC 2104) of a whole message. Errors: -ENOMEM. */
int crypto_hmac(const void *key, size_t key_len, const void *data, size_t n,
		uint8_t ret_digest[CRYPTO_SHA256_SIZE]) ATTR_MUST_CHECK;

/* Lower-case hex of `n` bytes; `dst` has 2 * n + 1 bytes. */
void crypto_hex(const uint8_t *data, size_t n, char *dst);

/* Random bytes that nobody can guess. Does not fail: it aborts instead. */
void crypto_random(void *dst, size_t n);

#endif
