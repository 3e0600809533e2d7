/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_PARTIES_H
#define UPCAST_PARTIES_H

#include "lib/list.h"
#include "lib/secret.h"
#include "uploader/prepare.h"

/*
 * The accounts that the settings name, on Rev and on the bridge, with their
 * secrets. A reload makes new ones; an upload that is on its way keeps the old
 * ones alive until it has ended (`transfers`), so that it goes on.
 *
 * Life cycle: parties_new(), parties_free() (cancels what is under way).
 */
struct parties {
	struct list node; /* the owner's */
	unsigned transfers;
	struct conf *take_conf; /* once retired: an upload reads its texts */
	struct secret rev_password, rev_api_secret, cms_password;
	struct rev *rev; /* NULL: none is set */
	struct cms *cms; /* NULL: none is set */
	struct people *people;
	struct prepare_context prepare;
};

/* `conf` must live as long. The sentence says which setting cannot work. */
int parties_new(struct loop *loop, const struct conf *conf,
		struct parties **ret, struct err *err) ATTR_MUST_CHECK;
void parties_free(struct parties *p);

#endif
