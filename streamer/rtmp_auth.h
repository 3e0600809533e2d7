/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_RTMP_AUTH_H
#define UPCAST_RTMP_AUTH_H

#include <stdint.h>

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/err.h"

/*
 * RTMP authentication as Adobe's and Limelight's servers ask for it
 * (authmod=adobe, authmod=llnw). Pure.
 *
 * Such a server refuses `connect` with a description; the client connects anew
 * with a query behind application and tcUrl that answers it; that happens
 *twice: first the user's name is told, then the answer to a challenge.
 *
 *	[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] :
 *	[ authmod=adobe ] : ?reason=needauth&user=U&salt=S&challenge=C&opaque=O
 */
struct rtmp_auth_user {
	const char *user, *password;
	const char *app; /* without query */
};

enum { RTMP_AUTH_QUERY_MAX = 4096 };

/*
 * Reads the description of a refusal and adds the query for the next try,
 * "authmod=adobe&user=..." without a question mark, to `ret_query`.
 * `nonce` is 32 bits of the caller's chance. `ret_scheme`: "adobe" or "llnw".
 *
 * Errors: -ENOENT this is no demand for authentication; -ENOKEY it is one but
 * there is no user; -EACCES user or password were refused; -ENOTSUP a scheme
 * that is not known here; -EBADMSG a demand that makes no sense; -EMSGSIZE;
 * -ENOMEM. All but the first come with a sentence.
 */
int rtmp_auth_answer(const char *description, const struct rtmp_auth_user *user,
		     uint32_t nonce, struct buf *ret_query,
		     const char **ret_scheme, struct err *err) ATTR_MUST_CHECK;

#endif
