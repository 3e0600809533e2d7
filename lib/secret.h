/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SECRET_H
#define UPCAST_SECRET_H

#include "lib/err.h"

/*
 * One secret, one file: SECRETS_DIR/uploader/rev_password and so on, 0640,
 * root and the daemon's own group. The content is the secret and nothing else;
 * one line end after it is dropped. It is wiped when released; a core dump
 * leaves it out where the kernel can (MADV_DONTDUMP).
 *
 *	struct secret s = { 0 };
 *	err = secret_load(dir, "uploader", "rev_password", &s, &e);
 *	use(secret_text(&s));
 *	secret_release(&s);
 */
enum { SECRET_MAX = 4096 };

struct secret {
	char *text; /* on pages of its own, or NULL */
};

/*
 * -ENOENT where there is none, -EACCES, -EMSGSIZE, -EINVAL (empty, a NUL or a
 * second line in it, no plain file), -EPERM where everyone may read the file.
 * The sentence names the file and what to do, never the content. `ret` must be
 * zeroed or hold a secret, which is released once the new one is there and
 * stays when there is none: a reload that fails loses nothing.
 */
int secret_load(const char *dir, const char *program, const char *name,
		struct secret *ret, struct err *err) ATTR_MUST_CHECK;
/*
 * The same for an instance: NAME@INSTANCE where there is such a file, else
 * NAME. `instance` NULL: as secret_load().
 */
int secret_load_instance(const char *dir, const char *program, const char *name,
			 const char *instance, struct secret *ret,
			 struct err *err) ATTR_MUST_CHECK;
/*
 * Written beside, 0640, fsynced, renamed over; owner root:GROUP if root. The
 * program's folder is made where it is missing.
 */
int secret_store(const char *dir, const char *program, const char *name,
		 const char *text, const char *group,
		 struct err *err) ATTR_MUST_CHECK;
/* A copy of a text that is a secret: -EMSGSIZE, -ENOMEM. */
int secret_set(struct secret *s, const char *text) ATTR_MUST_CHECK;
void secret_release(struct secret *s);
/* "" where there is none. */
const char *secret_text(const struct secret *s);

#endif
