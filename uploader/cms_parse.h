/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CMS_PARSE_H
#define UPCAST_CMS_PARSE_H

#include <stddef.h>

#include "lib/attr.h"
#include "uploader/cms.h"

/*
 * What the bridge's answers say about a space, its members and users. Pure.
 *
 * The caller owns the structs, zeroed at birth; the functions fill them or
 * leave them as they were. Errors: -EBADMSG where the answer is not what was
 * asked for, -EMSGSIZE, -ENOMEM. Unknown elements are passed over.
 */
enum { CMS_MEMBERS_MAX = 20000 };

/* <coSpace>: everything but the members; only the owner's id and JID. */
int cms_parse_space(const void *data, size_t len,
		    struct cms_space *ret) ATTR_MUST_CHECK;

/*
 * A page of <coSpaceUsers>: adds its members. `ret_received` counts the page's
 * items, what the next offset advances by; `ret_total` is the bridge's count of
 * all, 0 where it gives none.
 */
int cms_parse_members(const void *data, size_t len, struct cms_space *space,
		      size_t *ret_received, size_t *ret_total) ATTR_MUST_CHECK;

/* <user>: sets JID, email and name where the answer has them. */
int cms_parse_user(const void *data, size_t len,
		   struct cms_person *person) ATTR_MUST_CHECK;

/*
 * <failureDetails>: the first failure's name, "coSpaceDoesNotExist", with the
 * parameter it is about behind a blank. -EBADMSG where it is something else.
 */
int cms_parse_failure(const void *data, size_t len, char *dst,
		      size_t size) ATTR_MUST_CHECK;

/* Takes out members that are there twice (pages shift) or are nobody. */
void cms_space_tidy(struct cms_space *space);
void cms_space_release(struct cms_space *space);
void cms_person_release(struct cms_person *person);

#endif
