/* SPDX-License-Identifier: MIT */
/*
 * The one-shot SHA-1 functions are deprecated in OpenSSL 3 and still the only
 * way to keep the two states of HMAC that depend on the key alone: copying an
 * EVP digest context allocates, with each packet.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "streamer/srtp_crypto.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <srtp2/auth.h>
#include <srtp2/cipher.h>
#include <srtp2/crypto_types.h>

enum { BLOCK = 16, CM_SALT = 14, GCM_SALT = 12, GCM_TAG_MAX = 16 };

struct cipher {
	srtp_cipher_t base;
	EVP_CIPHER_CTX *evp;
	uint8_t salt[BLOCK]; /* counter mode: what the IV is added to */
	int tag_len;
};

static srtp_err_status_t status(int ok)
{
	return ok == 1 ? srtp_err_status_ok : srtp_err_status_cipher_fail;
}

static srtp_err_status_t cipher_free(srtp_cipher_t *base)
{
	struct cipher *c = base->state;

	EVP_CIPHER_CTX_free(c->evp);
	explicit_bzero(c, sizeof(*c));
	free(c);
	return srtp_err_status_ok;
}

static srtp_err_status_t cipher_alloc(const srtp_cipher_type_t *type,
				      int key_len, int tag_len,
				      srtp_cipher_t **ret)
{
	struct cipher *c = calloc(1, sizeof(*c));

	if (!c)
		return srtp_err_status_alloc_fail;
	c->base = (srtp_cipher_t){ type, c, key_len, (int)type->id };
	c->tag_len = tag_len;
	c->evp = EVP_CIPHER_CTX_new();
	if (!c->evp) {
		cipher_free(&c->base);
		return srtp_err_status_alloc_fail;
	}
	*ret = &c->base;
	return srtp_err_status_ok;
}

/* ---- AES-128 in counter mode, RFC 3711 section 4.1.1 ------------------- */

static const srtp_cipher_type_t counter_type, gcm_128_type, gcm_256_type;

static srtp_err_status_t counter_alloc(srtp_cipher_t **ret, int key_len,
				       int tag_len)
{
	if (key_len != BLOCK + CM_SALT)
		return srtp_err_status_bad_param;
	return cipher_alloc(&counter_type, key_len, 0, ret);
}

static srtp_err_status_t counter_init(void *state, const uint8_t *key)
{
	struct cipher *c = state;

	memset(c->salt, 0, sizeof(c->salt));
	memcpy(c->salt, key + BLOCK, CM_SALT);
	return status(EVP_EncryptInit_ex(c->evp, EVP_aes_128_ctr(), NULL, key,
					 c->salt));
}

static srtp_err_status_t counter_set_iv(void *state, uint8_t *iv,
					srtp_cipher_direction_t direction)
{
	struct cipher *c = state;
	uint8_t counter[BLOCK];

	for (int i = 0; i < BLOCK; i++)
		counter[i] = c->salt[i] ^ iv[i];
	return status(EVP_EncryptInit_ex(c->evp, NULL, NULL, NULL, counter));
}

static srtp_err_status_t counter_run(void *state, uint8_t *data,
				     unsigned int *len)
{
	struct cipher *c = state;
	int n;

	return status(EVP_EncryptUpdate(c->evp, data, &n, data, (int)*len));
}

/* RFC 3711 appendix B.2. */
static const uint8_t counter_key[] = {
	0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7,
	0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c, 0xf0, 0xf1, 0xf2, 0xf3,
	0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd,
};
static uint8_t counter_iv[BLOCK];
static const uint8_t counter_plain[32];
static const uint8_t counter_cipher[] = {
	0xe0, 0x3e, 0xad, 0x09, 0x35, 0xc9, 0x5e, 0x80, 0xe1, 0x66, 0xb1,
	0x6d, 0xd9, 0x2b, 0x4e, 0xb4, 0xd2, 0x35, 0x13, 0x16, 0x2b, 0x02,
	0xd0, 0xf7, 0x2a, 0x43, 0xa2, 0xfe, 0x4a, 0x5f, 0x97, 0xab,
};
static const srtp_cipher_test_case_t counter_test = {
	.key_length_octets = sizeof(counter_key),
	.key = counter_key,
	.idx = counter_iv,
	.plaintext_length_octets = sizeof(counter_plain),
	.plaintext = counter_plain,
	.ciphertext_length_octets = sizeof(counter_cipher),
	.ciphertext = counter_cipher,
};

static const srtp_cipher_type_t counter_type = {
	.alloc = counter_alloc,
	.dealloc = cipher_free,
	.init = counter_init,
	.encrypt = counter_run,
	.decrypt = counter_run,
	.set_iv = counter_set_iv,
	.description = "AES-128 counter mode, OpenSSL",
	.test_data = &counter_test,
	.id = SRTP_AES_ICM_128,
};

/* ---- AES in Galois/counter mode, RFC 7714 ------------------------------ */

static srtp_err_status_t gcm_128_alloc(srtp_cipher_t **ret, int key_len,
				       int tag_len)
{
	if (key_len != 16 + GCM_SALT || tag_len > GCM_TAG_MAX)
		return srtp_err_status_bad_param;
	return cipher_alloc(&gcm_128_type, key_len, tag_len, ret);
}

static srtp_err_status_t gcm_256_alloc(srtp_cipher_t **ret, int key_len,
				       int tag_len)
{
	if (key_len != 32 + GCM_SALT || tag_len > GCM_TAG_MAX)
		return srtp_err_status_bad_param;
	return cipher_alloc(&gcm_256_type, key_len, tag_len, ret);
}

/* libsrtp2 has the salt in the IV already. */
static srtp_err_status_t gcm_init(void *state, const uint8_t *key)
{
	struct cipher *c = state;
	const EVP_CIPHER *type = c->base.type == &gcm_256_type
					 ? EVP_aes_256_gcm()
					 : EVP_aes_128_gcm();

	return status(EVP_CipherInit_ex(c->evp, type, NULL, key, NULL, 1));
}

static srtp_err_status_t gcm_set_iv(void *state, uint8_t *iv,
				    srtp_cipher_direction_t direction)
{
	struct cipher *c = state;

	return status(EVP_CipherInit_ex(c->evp, NULL, NULL, NULL, iv,
					direction == srtp_direction_encrypt));
}

static srtp_err_status_t gcm_set_aad(void *state, const uint8_t *aad,
				     uint32_t len)
{
	struct cipher *c = state;
	int n;

	return status(EVP_CipherUpdate(c->evp, NULL, &n, aad, (int)len));
}

static srtp_err_status_t gcm_encrypt(void *state, uint8_t *data,
				     unsigned int *len)
{
	struct cipher *c = state;
	int n;

	if (EVP_EncryptUpdate(c->evp, data, &n, data, (int)*len) != 1)
		return srtp_err_status_cipher_fail;
	return status(EVP_EncryptFinal_ex(c->evp, data + *len, &n));
}

static srtp_err_status_t gcm_get_tag(void *state, uint8_t *tag, uint32_t *len)
{
	struct cipher *c = state;

	*len = (uint32_t)c->tag_len;
	return status(EVP_CIPHER_CTX_ctrl(c->evp, EVP_CTRL_AEAD_GET_TAG,
					  c->tag_len, tag));
}

static srtp_err_status_t gcm_decrypt(void *state, uint8_t *data,
				     unsigned int *len)
{
	struct cipher *c = state;
	int n, body = (int)*len - c->tag_len;

	if (body < 0)
		return srtp_err_status_bad_param;
	if (EVP_CIPHER_CTX_ctrl(c->evp, EVP_CTRL_AEAD_SET_TAG, c->tag_len,
				data + body) != 1 ||
	    EVP_DecryptUpdate(c->evp, data, &n, data, body) != 1)
		return srtp_err_status_cipher_fail;
	if (EVP_DecryptFinal_ex(c->evp, data + body, &n) != 1)
		return srtp_err_status_auth_fail;
	*len = (unsigned int)body;
	return srtp_err_status_ok;
}

/* Test cases 4 and 16 of the specification of GCM (McGrew, Viega). */
static const uint8_t gcm_key[32 + GCM_SALT] = {
	0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c, 0x6d, 0x6a, 0x8f,
	0x94, 0x67, 0x30, 0x83, 0x08, 0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65,
	0x73, 0x1c, 0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08,
};
static uint8_t gcm_iv[] = { 0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce,
			    0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88 };
static const uint8_t gcm_aad[] = {
	0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xfe, 0xed,
	0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xab, 0xad, 0xda, 0xd2,
};
static const uint8_t gcm_plain[] = {
	0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5, 0xa5, 0x59, 0x09, 0xc5,
	0xaf, 0xf5, 0x26, 0x9a, 0x86, 0xa7, 0xa9, 0x53, 0x15, 0x34, 0xf7, 0xda,
	0x2e, 0x4c, 0x30, 0x3d, 0x8a, 0x31, 0x8a, 0x72, 0x1c, 0x3c, 0x0c, 0x95,
	0x95, 0x68, 0x09, 0x53, 0x2f, 0xcf, 0x0e, 0x24, 0x49, 0xa6, 0xb5, 0x25,
	0xb1, 0x6a, 0xed, 0xf5, 0xaa, 0x0d, 0xe6, 0x57, 0xba, 0x63, 0x7b, 0x39,
};
static const uint8_t gcm_128_cipher[] = {
	0x42, 0x83, 0x1e, 0xc2, 0x21, 0x77, 0x74, 0x24, 0x4b, 0x72, 0x21,
	0xb7, 0x84, 0xd0, 0xd4, 0x9c, 0xe3, 0xaa, 0x21, 0x2f, 0x2c, 0x02,
	0xa4, 0xe0, 0x35, 0xc1, 0x7e, 0x23, 0x29, 0xac, 0xa1, 0x2e, 0x21,
	0xd5, 0x14, 0xb2, 0x54, 0x66, 0x93, 0x1c, 0x7d, 0x8f, 0x6a, 0x5a,
	0xac, 0x84, 0xaa, 0x05, 0x1b, 0xa3, 0x0b, 0x39, 0x6a, 0x0a, 0xac,
	0x97, 0x3d, 0x58, 0xe0, 0x91, 0x5b, 0xc9, 0x4f, 0xbc, 0x32, 0x21,
	0xa5, 0xdb, 0x94, 0xfa, 0xe9, 0x5a, 0xe7, 0x12, 0x1a, 0x47,
};
static const uint8_t gcm_256_cipher[] = {
	0x52, 0x2d, 0xc1, 0xf0, 0x99, 0x56, 0x7d, 0x07, 0xf4, 0x7f, 0x37,
	0xa3, 0x2a, 0x84, 0x42, 0x7d, 0x64, 0x3a, 0x8c, 0xdc, 0xbf, 0xe5,
	0xc0, 0xc9, 0x75, 0x98, 0xa2, 0xbd, 0x25, 0x55, 0xd1, 0xaa, 0x8c,
	0xb0, 0x8e, 0x48, 0x59, 0x0d, 0xbb, 0x3d, 0xa7, 0xb0, 0x8b, 0x10,
	0x56, 0x82, 0x88, 0x38, 0xc5, 0xf6, 0x1e, 0x63, 0x93, 0xba, 0x7a,
	0x0a, 0xbc, 0xc9, 0xf6, 0x62, 0x76, 0xfc, 0x6e, 0xce, 0x0f, 0x4e,
	0x17, 0x68, 0xcd, 0xdf, 0x88, 0x53, 0xbb, 0x2d, 0x55, 0x1b,
};

#define GCM_TEST(bits)                                                         \
	{                                                                      \
		.key_length_octets = bits / 8 + GCM_SALT, .key = gcm_key,      \
		.idx = gcm_iv, .plaintext_length_octets = sizeof(gcm_plain),   \
		.plaintext = gcm_plain,                                        \
		.ciphertext_length_octets = sizeof(gcm_##bits##_cipher),       \
		.ciphertext = gcm_##bits##_cipher,                             \
		.aad_length_octets = sizeof(gcm_aad), .aad = gcm_aad,          \
		.tag_length_octets = GCM_TAG_MAX,                              \
	}
static const srtp_cipher_test_case_t gcm_128_test = GCM_TEST(128);
static const srtp_cipher_test_case_t gcm_256_test = GCM_TEST(256);

#define GCM_TYPE(bits)                                                         \
	{                                                                      \
		.alloc = gcm_##bits##_alloc, .dealloc = cipher_free,           \
		.init = gcm_init, .set_aad = gcm_set_aad,                      \
		.encrypt = gcm_encrypt, .decrypt = gcm_decrypt,                \
		.set_iv = gcm_set_iv, .get_tag = gcm_get_tag,                  \
		.description = "AES-" #bits " GCM, OpenSSL",                   \
		.test_data = &gcm_##bits##_test, .id = SRTP_AES_GCM_##bits,    \
	}
static const srtp_cipher_type_t gcm_128_type = GCM_TYPE(128);
static const srtp_cipher_type_t gcm_256_type = GCM_TYPE(256);

/* ---- HMAC-SHA1, RFC 2104 ----------------------------------------------- */

struct hmac {
	srtp_auth_t base;
	SHA_CTX inner, outer; /* after the padded key */
	SHA_CTX sum;
};

static const srtp_auth_type_t hmac_type;

static srtp_err_status_t hmac_alloc(srtp_auth_t **ret, int key_len, int out_len)
{
	struct hmac *h;

	if (key_len > SHA_DIGEST_LENGTH || out_len > SHA_DIGEST_LENGTH)
		return srtp_err_status_bad_param;
	h = calloc(1, sizeof(*h));
	if (!h)
		return srtp_err_status_alloc_fail;
	h->base = (srtp_auth_t){ &hmac_type, h, out_len, key_len, 0 };
	*ret = &h->base;
	return srtp_err_status_ok;
}

static srtp_err_status_t hmac_free(srtp_auth_t *base)
{
	struct hmac *h = base->state;

	explicit_bzero(h, sizeof(*h));
	free(h);
	return srtp_err_status_ok;
}

static void pad_key(SHA_CTX *sha, uint8_t pad, const uint8_t *key, int len)
{
	uint8_t block[SHA_CBLOCK];

	memset(block, pad, sizeof(block));
	for (int i = 0; i < len; i++)
		block[i] ^= key[i];
	SHA1_Init(sha);
	SHA1_Update(sha, block, sizeof(block));
	explicit_bzero(block, sizeof(block));
}

static srtp_err_status_t hmac_init(void *state, const uint8_t *key, int len)
{
	struct hmac *h = state;

	pad_key(&h->inner, 0x36, key, len);
	pad_key(&h->outer, 0x5c, key, len);
	h->sum = h->inner;
	return srtp_err_status_ok;
}

static srtp_err_status_t hmac_start(void *state)
{
	struct hmac *h = state;

	h->sum = h->inner;
	return srtp_err_status_ok;
}

static srtp_err_status_t hmac_update(void *state, const uint8_t *data, int len)
{
	struct hmac *h = state;

	SHA1_Update(&h->sum, data, (size_t)len);
	return srtp_err_status_ok;
}

static srtp_err_status_t hmac_compute(void *state, const uint8_t *data, int len,
				      int tag_len, uint8_t *tag)
{
	struct hmac *h = state;
	uint8_t digest[SHA_DIGEST_LENGTH];

	if (tag_len > SHA_DIGEST_LENGTH)
		return srtp_err_status_bad_param;
	SHA1_Update(&h->sum, data, (size_t)len);
	SHA1_Final(digest, &h->sum);
	h->sum = h->outer;
	SHA1_Update(&h->sum, digest, sizeof(digest));
	SHA1_Final(digest, &h->sum);
	memcpy(tag, digest, (size_t)tag_len);
	return srtp_err_status_ok;
}

/* RFC 2202 section 3, test case 1. */
static const uint8_t hmac_key[] = { 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b,
				    0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b,
				    0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b };
static const uint8_t hmac_data[] = { 'H', 'i', ' ', 'T', 'h', 'e', 'r', 'e' };
static const uint8_t hmac_tag[] = { 0xb6, 0x17, 0x31, 0x86, 0x55, 0x05, 0x72,
				    0x64, 0xe2, 0x8b, 0xc0, 0xb6, 0xfb, 0x37,
				    0x8c, 0x8e, 0xf1, 0x46, 0xbe, 0x00 };
static const srtp_auth_test_case_t hmac_test = {
	.key_length_octets = sizeof(hmac_key),
	.key = hmac_key,
	.data_length_octets = sizeof(hmac_data),
	.data = hmac_data,
	.tag_length_octets = sizeof(hmac_tag),
	.tag = hmac_tag,
};

static const srtp_auth_type_t hmac_type = {
	.alloc = hmac_alloc,
	.dealloc = hmac_free,
	.init = hmac_init,
	.compute = hmac_compute,
	.update = hmac_update,
	.start = hmac_start,
	.description = "HMAC-SHA1, OpenSSL",
	.test_data = &hmac_test,
	.id = SRTP_HMAC_SHA1,
};

int srtp_crypto_install(void)
{
	static const srtp_cipher_type_t *const ciphers[] = {
		&counter_type,
		&gcm_128_type,
		&gcm_256_type,
	};

	for (size_t i = 0; i < ARRAY_SIZE(ciphers); i++)
		if (srtp_replace_cipher_type(ciphers[i], ciphers[i]->id))
			return -ENOTSUP;
	if (srtp_replace_auth_type(&hmac_type, hmac_type.id))
		return -ENOTSUP;
	return 0;
}
