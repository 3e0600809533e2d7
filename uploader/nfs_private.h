/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_NFS_PRIVATE_H
#define UPCAST_NFS_PRIVATE_H

#include "uploader/nfs_session.h"

/*
 * Between nfs_session.c (the connection), nfs_op.c (what is asked on it) and
 * nfs_file.c (what is open on it).
 */
struct event;

struct nfs_session {
	struct loop *loop;
	struct nfs_context *nfs;
	struct nfs_session_calls calls;
	char where[512];
	int version;
	uint64_t timeout_ms, lease_ms;
	struct event *readable, *writable;
	int fd; /* what they watch */
	struct loop_timer tick;
	struct loop_task pump; /* sends, sorts failures, tells */

	struct list ops;    /* all, oldest first */
	struct list failed; /* of these: libnfs has given up on them */
	struct list files;
	struct list handles;
	struct list turns; /* opens and closes that wait; version 4 */
	bool is_turn_taken;
	bool has_failed_open;
	struct source_op *touch; /* a read that keeps the lease */

	bool is_mounted, is_announced, is_lost, is_retired, is_dying, is_told;
	struct err why;
	uint64_t begun_ms;
	uint64_t heard_ms;	 /* when the server last sent anything */
	uint64_t renewed_ms;	 /* a request that renewed the lease was sent */
	uint64_t read_bytes;	 /* file data that came */
	uint64_t list_bytes_max; /* of one listing */
	unsigned list_count;	 /* listings under way */
};

/* It is over; what is under way is ended once we are out of libnfs. */
void nfs_session_lose(struct nfs_session *s, const char *fmt, ...)
	ATTR_PRINTF(2, 3);
/* Something is to be sent or sorted. */
void nfs_session_wake(struct nfs_session *s);
/* Bytes that came and are not file data: replies, listings. */
uint64_t nfs_session_other_bytes(const struct nfs_session *s);

void nfs_turn_take(struct nfs_session *s, struct nfs_turn *turn);
void nfs_turn_end(struct nfs_session *s);

/* The failed ones: a file's error ends the operation, others the session. */
void nfs_op_sort_failed(struct nfs_session *s);
/* Ends all with -ENOTCONN. */
void nfs_op_end_all(struct nfs_session *s);
/* Version 4: the handle that has this file open already, or NULL. */
struct nfs_handle *nfs_file_find(struct nfs_session *s, uint64_t fileid);
/* What an open answers with: one more user of the handle. */
int nfs_file_add(struct nfs_op *op, struct nfs_handle *handle) ATTR_MUST_CHECK;
/* Gives the context's hold on open files back, before it is destroyed. */
void nfs_file_drop_all(struct nfs_session *s);
/* Keeps the lease: reads a byte of an open file. */
void nfs_file_touch(struct nfs_session *s);

#endif
