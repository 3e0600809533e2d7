/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_NFS_ERROR_H
#define UPCAST_NFS_ERROR_H

#include <stdbool.h>

/*
 * What an error of libnfs means. Pure.
 *
 * libnfs squeezes every failure into an errno; the same one may be the answer
 * of the server about one file (NFS3ERR_IO) or a broken connection. Where the
 * server answered, the sentence of libnfs carries the name of the NFS status,
 * and that decides; else the errno does.
 */
struct nfs_error {
	int code;	   /* of source.h; -ENOTCONN: this session */
	const char *words; /* for people, constant */
};

/* `text` may be NULL. */
void nfs_error_sort(int err, const char *text, struct nfs_error *ret);

/* What a failed mount asks of the operator; NULL: nothing better to say. */
const char *nfs_error_mount_hint(const char *text);

#endif
