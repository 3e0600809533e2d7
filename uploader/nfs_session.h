/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_NFS_SESSION_H
#define UPCAST_NFS_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/list.h"
#include "lib/loop.h"
#include "uploader/nfs_error.h"
#include "uploader/source_ops.h"

/*
 * One mounted NFS export: a libnfs context on the loop and the operations on
 * it. A session is disposable: it mounts once, serves, and at the first thing
 * that is not about one file it ends (reconnecting inside libnfs burns a
 * core, or never comes back). Another one takes its place (source_nfs.c).
 *
 * Life cycle: nfs_session_new(); then `mounted` once, or `ended`; `ended` once,
 * after which only nfs_session_free() is of use. nfs_session_free() at any
 * time, not from inside an answer: operations end with -ENOTCONN, open files
 * stay with their owners, but dead.
 *
 * A session is silent when nothing comes from the server for `timeout_ms` while
 * it owes an answer. One answer may take ten times as long while others come.
 */
struct nfs_session;
struct nfs_context;
struct nfsdir;
struct nfsfh;

struct nfs_session_config {
	const char *address; /* numeric */
	const char *where;   /* for sentences: "nfs://host/dir" */
	const char *export;
	int version;
	int nfs_port, mount_port;
	uint32_t uid, gid;
	uint64_t timeout_ms, lease_ms;
	uint64_t list_bytes_max; /* 0: the usual */
};

struct nfs_op;

struct nfs_session_calls {
	void *arg;
	void (*mounted)(void *arg, struct nfs_session *s);
	/* `why` has code 0 for a retired session that has nothing to do. */
	void (*ended)(void *arg, struct nfs_session *s, const struct err *why);
	/* A folder that no listing comes to the end of; then it ends. */
	void (*endless)(void *arg, const char *path);
	/* An open that must go to another session: version 4, see below. */
	void (*again)(void *arg, struct nfs_op *op);
};

/*
 * Version 4 numbers the opens and closes of a client. libnfs 4.0 asks for two
 * at a time with the same number, forgets to count a failed open, and never
 * renews an idle lease. So these wait for their turn here, files are looked at
 * before they are opened, idle open files are read from; and after a failed
 * open, or an idle lease without open files, no more files can be opened on
 * this session.
 */
struct nfs_turn {
	struct list node;
	void (*go)(struct nfs_turn *turn);
};

struct nfs_op {
	struct source_op base;
	struct list node; /* of its session, or parked */
	struct nfs_session *session;
	struct nfs_turn turn;
	unsigned step;
	uint64_t started_ms, step_ms;
	bool has_failed; /* libnfs has given up on this step */
	struct nfs_error error;
	char text[256]; /* what libnfs said to it, cut */
	struct nfsdir *dir;
	struct source_entry *entries;
	uint64_t list_mark; /* other bytes that had come before it */
	bool is_endless;
};

/*
 * What libnfs has open. In version 4 two opens of one file by one client are
 * one open for the server, so whoever opens it shares it.
 */
struct nfs_handle {
	struct list node;
	struct nfs_session *session;
	struct nfs_turn turn; /* to be closed */
	struct nfsfh *fh;
	uint64_t fileid;
	unsigned files;
};

struct nfs_file {
	struct source_file base;
	struct list node;
	struct nfs_session *session; /* NULL: lost */
	struct nfs_handle *handle;
	char *path; /* for sentences, may be NULL */
};

int nfs_session_new(struct loop *loop, const struct nfs_session_config *config,
		    const struct nfs_session_calls *calls,
		    struct nfs_session **ret) ATTR_MUST_CHECK;
void nfs_session_free(struct nfs_session *s);

bool nfs_session_can_open(const struct nfs_session *s);
/* It ends once its operations have and its files are closed. */
void nfs_session_retire(struct nfs_session *s);
void nfs_session_start(struct nfs_session *s, struct nfs_op *op);

/* What source.c asks for. */
void nfs_op_release(struct source_op *op);
void nfs_file_close(struct source_file *file);
/* Ends an operation that has no session: "cannot open x: <why>". */
void nfs_op_refuse(struct nfs_op *op, int err, const char *why);
extern const char nfs_op_endless[]; /* why, for a folder */

#endif
