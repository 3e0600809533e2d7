/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SUITE_H
#define UPCAST_SUITE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"

/*
 * The SRTP crypto suites that SDES may name (RFC 4568 section 6.2, RFC 7714
 * section 14.2): names and lengths, for the offer, the answer and the media.
 * Pure.
 */
enum suite {
	SUITE_NONE, /* plain RTP */
	SUITE_AES_CM_128_HMAC_SHA1_80,
	SUITE_AES_CM_128_HMAC_SHA1_32,
	SUITE_AEAD_AES_128_GCM,
	SUITE_AEAD_AES_256_GCM,
	SUITE_COUNT,
};

enum {
	SUITE_KEY_MAX = 44, /* AES-256 key and GCM salt */
	SUITE_MKI_MAX = 8,  /* longer identifiers are refused in the offer */
};

/* Master key and how to know it on the wire. All zero: SUITE_NONE. */
struct suite_key {
	enum suite suite;
	uint8_t key[SUITE_KEY_MAX]; /* master key, then master salt */
	uint8_t mki[SUITE_MKI_MAX]; /* big-endian, `mki_len` bytes */
	uint8_t mki_len;	    /* 0: packets carry none */
};

/* "AES_CM_128_HMAC_SHA1_80", ..., "" for SUITE_NONE. Never NULL. */
const char *suite_name(enum suite suite);
/* The suite called `name`, SUITE_NONE if we do not speak it. */
enum suite suite_by_name(const char *name, size_t len);
/* Bytes of master key and salt together, what `inline:` holds. */
size_t suite_key_len(enum suite suite);

#endif
