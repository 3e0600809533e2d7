/* SPDX-License-Identifier: MIT */
/*
 * constant-fs MOUNTPOINT SPACES RECORDINGS FILES
 *
 * A file system of the shape of upcast-fs's recordings that answers constants,
 * by libfuse's own threads: what upcast-fs is measured against.
 *
 *	space-<i>/<j>/f<k>	each file says "constant"
 */
#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char content[] = "constant\n";
static unsigned spaces, recordings, files;

/* Inodes: 1, then the spaces, then each recording followed by its files. */
static fuse_ino_t space_inode(unsigned s)
{
	return 2 + s;
}

static fuse_ino_t recording_inode(unsigned s, unsigned r)
{
	return 2 + spaces + ((fuse_ino_t)s * recordings + r) * (files + 1);
}

enum kind { ROOT, SPACE, RECORDING, VALUE };

static enum kind kind_of(fuse_ino_t inode)
{
	if (inode == 1)
		return ROOT;
	if (inode < 2 + spaces)
		return SPACE;
	return (inode - 2 - spaces) % (files + 1) ? VALUE : RECORDING;
}

static void fill(fuse_ino_t inode, struct fuse_entry_param *e)
{
	*e = (struct fuse_entry_param){ .ino = inode,
					.attr_timeout = 1,
					.entry_timeout = 1 };
	e->attr.st_ino = inode;
	e->attr.st_nlink = 1;
	e->attr.st_mode = kind_of(inode) == VALUE ? S_IFREG | 0440
						  : S_IFDIR | 0550;
	if (kind_of(inode) == VALUE)
		e->attr.st_size = sizeof(content) - 1;
}

static fuse_ino_t child(fuse_ino_t parent, unsigned i)
{
	switch (kind_of(parent)) {
	case ROOT:
		return i < spaces ? space_inode(i) : 0;
	case SPACE:
		return i < recordings ? recording_inode((unsigned)parent - 2, i)
				      : 0;
	case RECORDING:
		return i < files ? parent + 1 + i : 0;
	default:
		return 0;
	}
}

static const char *const formats[] = { "space-%u", "%u", "f%u", "" };

static void on_init(void *arg, struct fuse_conn_info *conn)
{
	conn->want &= ~(unsigned)FUSE_CAP_READDIRPLUS_AUTO;
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e;
	unsigned i;

	if (sscanf(name, formats[kind_of(parent)], &i) != 1 ||
	    !child(parent, i)) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	fill(child(parent, i), &e);
	fuse_reply_entry(req, &e);
}

static void on_getattr(fuse_req_t req, fuse_ino_t inode,
		       struct fuse_file_info *fi)
{
	struct fuse_entry_param e;

	fill(inode, &e);
	fuse_reply_attr(req, &e.attr, 1);
}

static void on_readdirplus(fuse_req_t req, fuse_ino_t inode, size_t size,
			   off_t at, struct fuse_file_info *fi)
{
	char *data = malloc(size), name[32];
	size_t len = 0, need;
	struct fuse_entry_param e;

	for (unsigned i = (unsigned)at; data && child(inode, i); i++) {
		snprintf(name, sizeof(name), formats[kind_of(inode)], i);
		fill(child(inode, i), &e);
		need = fuse_add_direntry_plus(req, data + len, size - len, name,
					      &e, i + 1);
		if (need > size - len)
			break;
		len += need;
	}
	fuse_reply_buf(req, data, len);
	free(data);
}

static void on_open(fuse_req_t req, fuse_ino_t inode, struct fuse_file_info *fi)
{
	char *copy = strdup(content);

	fi->fh = (uintptr_t)copy;
	fi->direct_io = 1;
	fuse_reply_open(req, fi);
}

static void on_read(fuse_req_t req, fuse_ino_t inode, size_t size, off_t at,
		    struct fuse_file_info *fi)
{
	size_t len = sizeof(content) - 1;

	fuse_reply_buf(req, content + (at < (off_t)len ? at : 0),
		       at < (off_t)len ? len - (size_t)at : 0);
}

static void on_release(fuse_req_t req, fuse_ino_t inode,
		       struct fuse_file_info *fi)
{
	free((void *)(uintptr_t)fi->fh);
	fuse_reply_err(req, 0);
}

static const struct fuse_lowlevel_ops ops = {
	.init = on_init,
	.lookup = on_lookup,
	.getattr = on_getattr,
	.readdirplus = on_readdirplus,
	.open = on_open,
	.read = on_read,
	.release = on_release,
};

int main(int argc, char **argv)
{
	char option[] = "-odefault_permissions";
	char *arguments[] = { argv[0], option, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(2, arguments);
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	struct fuse_session *session;
	int err;

	if (argc != 5)
		return 2;
	spaces = (unsigned)atoi(argv[2]);
	recordings = (unsigned)atoi(argv[3]);
	files = (unsigned)atoi(argv[4]);
	session = fuse_session_new(&args, &ops, sizeof(ops), NULL);
	if (!session || fuse_set_signal_handlers(session) ||
	    fuse_session_mount(session, argv[1]))
		return 1;
	err = fuse_session_loop_mt(session, config);
	fuse_session_unmount(session);
	fuse_remove_signal_handlers(session);
	fuse_session_destroy(session);
	fuse_loop_cfg_destroy(config);
	return err < 0;
}
