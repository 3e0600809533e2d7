/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_NFS_COMPAT_H
#define UPCAST_NFS_COMPAT_H

#include <stdint.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>

#include <nfsc/libnfs.h>
#include <nfsc/libnfs-raw.h>

/*
 * The one place that includes libnfs, and what differs between its versions:
 * 6.0 changed the arguments of the read calls (its header then defines
 * LIBNFS_API_V2). Before, the data of a read was libnfs's and had to be copied
 * in the callback; since, libnfs fills the caller's buffer.
 */
#ifdef LIBNFS_API_V2
static inline int nfs_compat_pread(struct nfs_context *nfs, struct nfsfh *fh,
				   uint8_t *dst, size_t n, uint64_t offset,
				   nfs_cb done, void *arg)
{
	return nfs_pread_async(nfs, fh, dst, n, offset, done, arg);
}

static inline void nfs_compat_take(uint8_t *dst, const void *data, size_t n)
{
}
#else
static inline int nfs_compat_pread(struct nfs_context *nfs, struct nfsfh *fh,
				   uint8_t *dst, size_t n, uint64_t offset,
				   nfs_cb done, void *arg)
{
	return nfs_pread_async(nfs, fh, offset, n, done, arg);
}

static inline void nfs_compat_take(uint8_t *dst, const void *data, size_t n)
{
	memcpy(dst, data, n);
}
#endif

#endif
