/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SRTP_CRYPTO_H
#define UPCAST_SRTP_CRYPTO_H

#include "lib/attr.h"

/*
 * OpenSSL's AES and SHA-1 for libsrtp2, by its own hooks. Debian builds that
 * library on NSS, where a video packet costs five times as much. libsrtp2 runs
 * its self tests on each replacement.
 *
 * Once, after srtp_init(). -ENOTSUP: a self test failed; nothing may be
 * trusted then.
 */
int srtp_crypto_install(void) ATTR_MUST_CHECK;

#endif
