/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_REV_WRITE_H
#define UPCAST_REV_WRITE_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "uploader/rev_json.h"

/*
 * What is written to Rev: JSON bodies. Pure; each adds to `ret`. Text that is
 * not UTF-8 is escaped (\xHH), so that no name can stop an upload. Errors:
 * -ENOMEM, -EMSGSIZE, and those named.
 */

/* {"username", "password"} or {"apiKey", "secret"}: any two members. */
int rev_write_pair(const char *name1, const char *value1, const char *name2,
		   const char *value2, struct buf *ret) ATTR_MUST_CHECK;

/* An upload's metadata; the account of `q` is its uploader and an editor. */
int rev_write_metadata(const struct rev_metadata *m, const struct rev_query *q,
		       struct buf *ret) ATTR_MUST_CHECK;

/*
 * The JSON Patch (RFC 6902) that makes the video of these details active or not
 * and takes the mark from it: from its tags, and from the custom field, which
 * becomes "". -EALREADY where there is nothing to do.
 *
 * A server may take the list of tags as a whole, or take one out by its index:
 * the two forms.
 */
enum rev_patch_form { REV_PATCH_WHOLE, REV_PATCH_INDEX, REV_PATCH_FORMS };
int rev_write_patch(const void *details, size_t len, const struct rev_query *q,
		    bool active, enum rev_patch_form form,
		    struct buf *ret) ATTR_MUST_CHECK;

#endif
