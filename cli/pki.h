/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_PKI_H
#define UPCAST_PKI_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

/*
 * Keys, certificates and requests as files, by OpenSSL. PEM is written; PEM and
 * DER are read. Every failure has a sentence that names the file.
 *
 * A key that is encrypted is refused: no daemon could read it.
 */

/* -EKEYREJECTED where they are no pair. */
int pki_match(const char *key, const char *certificate,
	      struct err *err) ATTR_MUST_CHECK;

/*
 * Is the (first) certificate of a file in date? -EKEYEXPIRED, -EKEYREJECTED not
 * yet. `ret_until` may be NULL.
 */
int pki_check_dates(const char *certificate, int64_t *ret_until,
		    struct err *err) ATTR_MUST_CHECK;

/*
 * What a subject says: "CN:host" and so on, and
 * "subjectAltName:a.example.com,192.0.2.1". -EINVAL for other attributes.
 */
struct pki_subject {
	int count;
	const char *const *attributes;
};

/*
 * A new key of 2048 bits, and a request for it, or a certificate that it signs
 * itself. The files must not be there yet (-EEXIST). The key's is 0600.
 * `progress` is called while the key is looked for.
 */
enum pki_kind { PKI_REQUEST, PKI_SELF_SIGNED };
typedef void pki_progress_fn(bool line_ends);
int pki_make(enum pki_kind kind, const char *key, const char *path,
	     const struct pki_subject *subject, pki_progress_fn *progress,
	     struct err *err) ATTR_MUST_CHECK;

/* Adds what a file holds, for people; of a key only its kind. */
int pki_inspect(const char *path, struct buf *dst,
		struct err *err) ATTR_MUST_CHECK;

/*
 * Does the certificate lead to an authority of the bundle, with the others in
 * its own file and in `more` (or NULL) in between? -EKEYREJECTED.
 */
int pki_verify(const char *certificate, const char *bundle, const char *more,
	       struct err *err) ATTR_MUST_CHECK;

#endif
