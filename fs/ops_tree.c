/* SPDX-License-Identifier: MIT */
#include "fs/ops_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/mono.h"

/* How long the kernel may believe what it was told, in seconds. */
static const double timeout_s = 1.0;

/* The children of a folder when it was opened, by number. */
struct listing {
	struct list node; /* of ops->folders */
	size_t count;
	uint64_t numbers[];
};

struct node *ops_find(fuse_req_t req, fuse_ino_t inode, unsigned *ret_slot)
{
	struct node *node =
		tree_find(ops_of(req)->config.model->tree, inode, ret_slot);

	/* What was looked up is gone; for this the kernel looks again. */
	if (!node)
		fuse_reply_err(req, ESTALE);
	return node;
}

const struct layout_file *ops_file_of(const struct node *node, unsigned slot)
{
	return slot ? &node->layout->files[slot - 1] : NULL;
}

/* ---- attributes --------------------------------------------------------- */

static void set_times(struct stat *st, int64_t ms)
{
	struct timespec at = { .tv_sec = (time_t)(ms / 1000),
			       .tv_nsec = (long)(ms % 1000 * 1000000) };

	st->st_mtim = st->st_ctim = st->st_atim = at;
}

static int stat_file(struct ops *ops, const struct node *node, unsigned slot,
		     struct stat *st)
{
	const struct layout_file *f = ops_file_of(node, slot);
	const struct eventlog *log = &ops->config.model->log;
	struct render_text text;
	int err;

	st->st_nlink = 1;
	if (f->kind == LAYOUT_EVENTS || f->kind == LAYOUT_STREAM) {
		st->st_size = f->kind == LAYOUT_EVENTS ? (off_t)log->text.len
						       : 0;
		set_times(st,
			  log->changed_ms ? log->changed_ms : node->changed_ms);
	} else {
		err = render_file(ops->config.render, node, slot - 1,
				  mono_wall_ms(), &text);
		if (err)
			return err;
		st->st_size = (off_t)text.len;
		set_times(st, text.changed_ms);
	}
	if (f->kind == LAYOUT_CTL)
		st->st_mode = S_IFREG | 0220;
	else
		st->st_mode = S_IFREG | (ops->config.open ? 0444 : 0440);
	return 0;
}

static int stat_node(struct ops *ops, const struct node *node, unsigned slot,
		     struct stat *st)
{
	*st = (struct stat){ .st_ino = tree_inode(node, slot),
			     .st_uid = geteuid(),
			     .st_gid = ops->config.gid,
			     .st_blksize = 4096 };
	if (slot)
		return stat_file(ops, node, slot, st);
	set_times(st, node->changed_ms);
	st->st_nlink = node->target ? 1 : 2 + node->dir_count;
	if (node->target) {
		st->st_mode = S_IFLNK | 0777;
		st->st_size = (off_t)strlen(node->target);
	} else {
		st->st_mode = S_IFDIR | (ops->config.open ? 0555 : 0550);
	}
	return 0;
}

static int fill_entry(struct ops *ops, const struct node *node, unsigned slot,
		      struct fuse_entry_param *e)
{
	*e = (struct fuse_entry_param){ .ino = tree_inode(node, slot),
					.attr_timeout = timeout_s,
					.entry_timeout = timeout_s };
	return stat_node(ops, node, slot, &e->attr);
}

void ops_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct ops *ops = ops_of(req);
	struct fuse_entry_param e;
	struct node *node;
	unsigned slot;
	int file, err;

	node = ops_find(req, parent, &slot);
	if (!node)
		return;
	file = slot ? -1 : layout_find(node->layout, name);
	if (file < 0)
		node = tree_child(ops->config.model->tree, node, name);
	err = node ? fill_entry(ops, node, (unsigned)(file + 1), &e) : -ENOENT;
	if (err)
		fuse_reply_err(req, -err);
	else
		fuse_reply_entry(req, &e);
}

void ops_getattr(fuse_req_t req, fuse_ino_t inode, struct fuse_file_info *fi)
{
	unsigned slot;
	struct node *node = ops_find(req, inode, &slot);
	struct stat st;
	int err;

	if (!node)
		return;
	err = stat_node(ops_of(req), node, slot, &st);
	if (err)
		fuse_reply_err(req, -err);
	else
		fuse_reply_attr(req, &st, timeout_s);
}

/* "echo retry > ctl" truncates before it writes; nothing else may be set. */
void ops_setattr(fuse_req_t req, fuse_ino_t inode, struct stat *st, int what,
		 struct fuse_file_info *fi)
{
	unsigned slot;
	struct node *node = ops_find(req, inode, &slot);

	if (!node)
		return;
	if (!slot || ops_file_of(node, slot)->kind != LAYOUT_CTL ||
	    !(what & FUSE_SET_ATTR_SIZE) ||
	    what & (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		fuse_reply_err(req, EPERM);
	else if (st->st_size)
		fuse_reply_err(req, EINVAL);
	else
		ops_getattr(req, inode, fi);
}

void ops_readlink(fuse_req_t req, fuse_ino_t inode)
{
	unsigned slot;
	struct node *node = ops_find(req, inode, &slot);

	if (!node)
		return;
	if (slot || !node->target)
		fuse_reply_err(req, EINVAL);
	else
		fuse_reply_readlink(req, node->target);
}

/* No blocks: df leaves the mount out of its list. */
void ops_statfs(fuse_req_t req, fuse_ino_t inode)
{
	struct statvfs st = { .f_bsize = 4096,
			      .f_frsize = 4096,
			      .f_namemax = 255 };

	fuse_reply_statfs(req, &st);
}

/* ---- folders ------------------------------------------------------------ */

static void free_listing(struct ops *ops, struct listing *l)
{
	list_del(&l->node);
	ops->handles--;
	free(l);
}

void ops_opendir(fuse_req_t req, fuse_ino_t inode, struct fuse_file_info *fi)
{
	struct ops *ops = ops_of(req);
	unsigned slot;
	struct node *node = ops_find(req, inode, &slot);
	struct listing *l;

	if (!node)
		return;
	if (ops->handles >= OPS_HANDLES_MAX) {
		fuse_reply_err(req, ENFILE);
		return;
	}
	l = malloc(sizeof(*l) + node->child_count * sizeof(l->numbers[0]));
	if (!l) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	l->count = 0;
	tree_for_each(child, node)
		l->numbers[l->count++] = child->number;
	fi->fh = (uintptr_t)l;
	list_add_tail(&ops->folders, &l->node);
	ops->handles++;
	if (fuse_reply_open(req, fi))
		free_listing(ops, l);
}

void ops_releasedir(fuse_req_t req, fuse_ino_t inode, struct fuse_file_info *fi)
{
	free_listing(ops_of(req), (void *)(uintptr_t)fi->fh);
	fuse_reply_err(req, 0);
}

void ops_close_folders(struct ops *ops)
{
	list_for_each_safe(it, &ops->folders)
		free_listing(ops, list_entry(it, struct listing, node));
}

struct answer {
	fuse_req_t req;
	bool plus;
	char *data;
	size_t len, size;
};

/* False if there is no room for it any more. */
static bool add_entry(struct answer *a, const char *name,
		      const struct fuse_entry_param *e, off_t next)
{
	char *to = a->data + a->len;
	size_t room = a->size - a->len, need;

	need = a->plus ? fuse_add_direntry_plus(a->req, to, room, name, e, next)
		       : fuse_add_direntry(a->req, to, room, name, &e->attr,
					   next);
	if (need > room)
		return false;
	a->len += need;
	return true;
}

/* "." and "..": not looked up, so without an inode for the kernel to keep. */
static bool add_dots(struct answer *a, const struct node *dir, off_t *at)
{
	struct fuse_entry_param e = { .attr.st_mode = S_IFDIR };

	for (; *at < 2; (*at)++) {
		e.attr.st_ino = tree_inode(*at ? dir->parent : dir, 0);
		if (!add_entry(a, *at ? ".." : ".", &e, *at + 1))
			return false;
	}
	return true;
}

static bool add_node(struct ops *ops, struct answer *a, const struct node *node,
		     unsigned slot, off_t next)
{
	const char *name = slot ? ops_file_of(node, slot)->name : node->name;
	struct fuse_entry_param e = {
		.attr = { .st_ino = tree_inode(node, slot), .st_mode = S_IFREG }
	};

	if (!slot)
		e.attr.st_mode = node->target ? S_IFLNK : S_IFDIR;
	if (a->plus && fill_entry(ops, node, slot, &e))
		return false;
	return add_entry(a, name, &e, next);
}

/* The dots, then the files, then what was there when it was opened. */
static void fill_names(struct ops *ops, struct answer *a,
		       const struct node *dir, const struct listing *l,
		       off_t at)
{
	size_t files = dir->layout ? dir->layout->count : 0, i;
	struct node *child;

	if (!add_dots(a, dir, &at))
		return;
	for (i = (size_t)at - 2; i < files; i++)
		if (dir->layout->files[i].kind != LAYOUT_STREAM &&
		    !add_node(ops, a, dir, (unsigned)i + 1, (off_t)i + 3))
			return;
	for (; i - files < l->count; i++) {
		child = tree_node(ops->config.model->tree,
				  l->numbers[i - files]);
		if (child && !add_node(ops, a, child, 0, (off_t)i + 3))
			return;
	}
}

static void read_names(fuse_req_t req, fuse_ino_t inode, size_t size, off_t at,
		       struct fuse_file_info *fi, bool plus)
{
	struct ops *ops = ops_of(req);
	unsigned slot;
	struct node *dir = ops_find(req, inode, &slot);
	struct answer a = { .req = req, .plus = plus, .data = ops->names };

	if (!dir)
		return;
	a.size = size < OPS_NAMES_BYTES ? size : OPS_NAMES_BYTES;
	if (at >= 0)
		fill_names(ops, &a, dir, (void *)(uintptr_t)fi->fh, at);
	fuse_reply_buf(req, a.data, a.len);
}

void ops_readdir(fuse_req_t req, fuse_ino_t inode, size_t size, off_t at,
		 struct fuse_file_info *fi)
{
	read_names(req, inode, size, at, fi, false);
}

void ops_readdirplus(fuse_req_t req, fuse_ino_t inode, size_t size, off_t at,
		     struct fuse_file_info *fi)
{
	read_names(req, inode, size, at, fi, true);
}
