/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SHARE_H
#define UPCAST_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/loop.h"
#include "tests/ganesha.h"
#include "uploader/reader.h"
#include "uploader/source.h"

/*
 * A share with recordings for one test: a directory of this host, and a source
 * on it, local or through an NFS server. Each call below starts one operation
 * and waits for its answer, which is then in share.last.
 *
 *	static int test_x(void)		// share_run(NFS3, test_x)
 *	{
 *		CHECK_OK(share_put("a.mp4", "hello"));
 *		CHECK_OK(share_open("a.mp4"));
 *		file = share.last.file;
 */
enum kind { LOCAL, NFS3, NFS4 };

enum {
	TIMEOUT_MS = 2000, /* nfs_timeout */
	LEASE_S = 3,
};

struct answer {
	bool is_there;
	int err;
	char why[ERR_TEXT_MAX];
	struct source_attr attr;
	struct source_file *file; /* open: now the test's */
	uint8_t *buffer;	  /* pread: until the next call */
	size_t length;
	size_t entry_count;
	char names[1024]; /* "a b/ c@ ": folders, and neither */
};

extern struct share {
	enum kind kind;
	struct loop *loop;
	struct source *source;
	struct ganesha server;
	const char *dir; /* as the recorder's host sees it */
	struct source_status status;
	int changes;
	char hint[256];
	struct answer last;
	const char *host, *export; /* other than usual */
	uint32_t uid;
	uint64_t list_bytes_max;
	struct loop_timer patience;
	bool is_late;
} share;

/* Runs a test on a share; skipped where there is no NFS server to be had. */
int share_run(enum kind kind, int (*test)(void));

/* local_x(), nfs3_x() and nfs4_x(), which run test_x() on such a share. */
#define SHARE_RUN(prefix, kind, name)                                          \
	static int prefix##_##name(void)                                       \
	{                                                                      \
		return share_run(kind, test_##name);                           \
	}
#define SHARE_LOCAL(name) SHARE_RUN(local, LOCAL, name)
#define SHARE_NFS(name) SHARE_RUN(nfs3, NFS3, name) SHARE_RUN(nfs4, NFS4, name)

/* The parts of that: the server is not started, the source not opened yet. */
int share_begin(enum kind kind);
int share_open_source(enum kind kind, struct source **ret);
/* Opens the source and waits until it is ready. */
int share_attach(void);
void share_end(void);

/* Runs the loop until `done` says so; false: in vain. */
typedef bool share_done_fn(void);
bool share_wait(share_done_fn *done);
bool share_is_ready(void);
bool share_is_down(void);

int share_list(const char *dir);
int share_stat(const char *path);
int share_open(const char *path);
int share_rename(const char *from, const char *to);
int share_remove(const char *path);
int share_pread(struct source_file *file, uint64_t offset, size_t n);
int share_fstat(struct source_file *file);

/* On the host, behind the source's back. The path is in one static buffer. */
const char *share_path(const char *path);
int share_put(const char *path, const char *content);
bool share_holds(const char *path, const char *content);

/* A file with a pattern, and a reader that checks it from *at to `size`. */
int share_put_big(const char *path, size_t size);
int share_read_to(struct reader *r, uint64_t *at, uint64_t size);
void share_on_ready(void *arg);

#endif
