/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_FS_OPS_PRIVATE_H
#define UPCAST_FS_OPS_PRIVATE_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include "fs/ops.h"
#include "lib/list.h"
#include "lib/offload.h"

/*
 * What fs/ops.c (the session), fs/ops_tree.c (folders and attributes) and
 * fs/ops_file.c (what is open) share. The only users of libfuse.
 */
enum { OPS_HANDLES_MAX = 65536 };

struct ops {
	struct loop *loop;
	struct ops_config config;
	struct fuse_session *session;
	struct fuse_buf request;
	struct event *event;
	/*
	 * Tells the kernel of changes. A notice may wait for a lock that a
	 * process holds while it waits for an answer of ours, so it is never
	 * sent from the loop, which goes on answering until the last is sent.
	 */
	struct offload *notifier;
	struct offload_job last;    /* then nothing comes any more */
	unsigned notices;	    /* on their way */
	struct list files, folders; /* what is open */
	struct list streams;	    /* of the files, those on `stream` */
	struct list orders;	    /* commands that wait for their verdict */
	unsigned handles;
	char *names; /* room for the answer to a readdir */
	bool mounted, greeted, ready_told, stopping;
};

static inline struct ops *ops_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

/* The node and, in slot i + 1, file i of it; answers ESTALE if it is gone. */
struct node *ops_find(fuse_req_t req, fuse_ino_t inode, unsigned *ret_slot);
const struct layout_file *ops_file_of(const struct node *node, unsigned slot);

/* The size of a readdir that is answered at once. */
enum { OPS_NAMES_BYTES = 128 * 1024 };

/* Whoever polls there should look again; takes the handle. */
void ops_notify_poll(struct ops *ops, struct fuse_pollhandle *poll_handle);

extern const struct fuse_lowlevel_ops ops_table;

void ops_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void ops_getattr(fuse_req_t req, fuse_ino_t inode, struct fuse_file_info *fi);
void ops_setattr(fuse_req_t req, fuse_ino_t inode, struct stat *st, int what,
		 struct fuse_file_info *fi);
void ops_readlink(fuse_req_t req, fuse_ino_t inode);
void ops_opendir(fuse_req_t req, fuse_ino_t inode, struct fuse_file_info *fi);
void ops_readdir(fuse_req_t req, fuse_ino_t inode, size_t size, off_t at,
		 struct fuse_file_info *fi);
void ops_readdirplus(fuse_req_t req, fuse_ino_t inode, size_t size, off_t at,
		     struct fuse_file_info *fi);
void ops_releasedir(fuse_req_t req, fuse_ino_t inode,
		    struct fuse_file_info *fi);
void ops_statfs(fuse_req_t req, fuse_ino_t inode);

void ops_open(fuse_req_t req, fuse_ino_t inode, struct fuse_file_info *fi);
void ops_read(fuse_req_t req, fuse_ino_t inode, size_t size, off_t at,
	      struct fuse_file_info *fi);
void ops_write(fuse_req_t req, fuse_ino_t inode, const char *data, size_t size,
	       off_t at, struct fuse_file_info *fi);
void ops_poll(fuse_req_t req, fuse_ino_t inode, struct fuse_file_info *fi,
	      struct fuse_pollhandle *poll_handle);
void ops_release(fuse_req_t req, fuse_ino_t inode, struct fuse_file_info *fi);

/* At the end: what is still open, as the kernel no longer says. */
void ops_close_files(struct ops *ops);
void ops_close_folders(struct ops *ops);

#endif
