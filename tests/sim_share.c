/* SPDX-License-Identifier: MIT */
#include "tests/sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mono.h"
#include "lib/str.h"
#include "uploader/source_ops.h"

struct sim sim;

struct sim_op {
	struct source_op base;
	struct source_entry entries[SIM_FILES_MAX];
	char names[SIM_FILES_MAX][128];
};

struct handle {
	struct source_file base;
	uint64_t fileid;
};

static struct {
	struct source base;
	bool is_open;
} share;

void sim_reset(struct loop *loop)
{
	memset(&sim, 0, sizeof(sim));
	sim.loop = loop;
	sim.next_id = 1;
	sim.processing_ms = 5000;
}

void sim_release(void)
{
	for (size_t i = 0; i < SIM_ROWS_MAX; i++)
		row_release(&sim.rows[i]);
}

void sim_add_fault(struct sim_fault fault)
{
	struct sim_fault *f = sim.faults;

	while (f->times)
		f++;
	*f = fault;
	f->times = f->times ? f->times : 1;
}

const struct sim_fault *sim_fails(enum sim_verb verb, const char *path)
{
	sim.count[verb]++;
	for (size_t i = 0; i < SIM_FAULTS_MAX; i++) {
		struct sim_fault *f = &sim.faults[i];

		if (f->verb != verb || !f->times ||
		    (f->path && !strstr(path, f->path)))
			continue;
		if (f->skip-- > 0)
			return NULL;
		f->times--;
		return f;
	}
	return NULL;
}

/* ---- files ---------------------------------------------------------- */

static void put_box(struct sim_file *file, size_t size, const char *type)
{
	uint8_t *p = file->data + file->size;

	p[2] = (uint8_t)(size >> 8);
	p[3] = (uint8_t)size;
	memcpy(p + 4, type, 4);
	file->size += 8;
}

void sim_write(struct sim_file *file, uint8_t seed)
{
	size_t media = 100 + seed % 16;

	memset(file->data, 0, sizeof(file->data));
	file->size = 0;
	put_box(file, 16, "ftyp");
	file->size += 8;
	put_box(file, 8 + 108 + 8, "moov");
	put_box(file, 108, "mvhd");
	file->size += 100;
	put_box(file, 8, "trak");
	put_box(file, 8 + media, "mdat");
	memset(file->data + file->size, seed, media);
	file->size += media;
	file->mtime_ns = mono_wall_ms() * 1000000 + 1;
}

struct sim_file *sim_put(const char *dir, const char *name, uint8_t seed)
{
	struct sim_file *file = sim.files;

	while (*file->name)
		file++;
	str_copy(file->dir, dir, sizeof(file->dir));
	str_copy(file->name, name, sizeof(file->name));
	file->fileid = ++sim.last_fileid;
	sim_write(file, seed);
	return file;
}

struct sim_file *sim_find(const char *stem)
{
	for (size_t i = 0; i < SIM_FILES_MAX; i++)
		if (!strncmp(sim.files[i].name, stem, strlen(stem)))
			return &sim.files[i];
	return NULL;
}

static struct sim_file *find_path(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	for (size_t i = 0; slash && i < SIM_FILES_MAX; i++) {
		struct sim_file *f = &sim.files[i];

		if (strlen(f->dir) == n && !strncmp(f->dir, path, n) &&
		    !strcmp(f->name, slash + 1))
			return f;
	}
	return NULL;
}

static struct sim_file *find_id(uint64_t fileid)
{
	for (size_t i = 0; i < SIM_FILES_MAX; i++)
		if (*sim.files[i].name && sim.files[i].fileid == fileid)
			return &sim.files[i];
	return NULL;
}

/* ---- operations ----------------------------------------------------- */

static struct source_attr attr_of(const struct sim_file *file)
{
	return (struct source_attr){
		.is_file = true,
		.size = file->size,
		.mtime_ns = file->mtime_ns,
		.ctime_ns = file->mtime_ns,
		.fileid = file->fileid,
	};
}

static void add_entry(struct sim_op *op, const char *name,
		      struct source_attr attr)
{
	size_t i = op->base.result.entry_count++;

	str_copy(op->names[i], name, sizeof(op->names[i]));
	op->entries[i] = (struct source_entry){ op->names[i], attr };
	op->base.result.entries = op->entries;
}

/* A space has a folder once it has a file. */
static bool is_folder(const char *path)
{
	for (size_t i = 0; i < SIM_FILES_MAX; i++)
		if (*sim.files[i].name && !strcmp(sim.files[i].dir, path))
			return true;
	return false;
}

static int do_list(struct sim_op *op)
{
	const struct source_attr dir = { .is_dir = true, .mtime_ns = 1 };
	const char *path = op->base.path;

	if (!*path) {
		add_entry(op, "forwardedCalls", dir);
		add_entry(op, "spaces", dir);
	} else if (!strcmp(path, "spaces") && is_folder(SIM_DIR)) {
		add_entry(op, strchr(SIM_DIR, '/') + 1, dir);
	} else if (!strcmp(path, SIM_DIR) && !is_folder(path)) {
		return -ENOENT;
	}
	for (size_t i = 0; i < SIM_FILES_MAX; i++)
		if (*sim.files[i].name && !strcmp(sim.files[i].dir, path))
			add_entry(op, sim.files[i].name,
				  attr_of(&sim.files[i]));
	return 0;
}

static int do_stat(struct sim_op *op)
{
	struct sim_file *file = find_path(op->base.path);

	if (!file)
		return -ENOENT;
	op->base.result.attr = attr_of(file);
	return 0;
}

static int do_open(struct sim_op *op)
{
	struct sim_file *file = find_path(op->base.path);
	struct handle *h = file ? calloc(1, sizeof(*h)) : NULL;

	if (!h)
		return file ? -ENOMEM : -ENOENT;
	h->base.source = op->base.source;
	h->fileid = file->fileid;
	op->base.result.file = &h->base;
	op->base.result.attr = attr_of(file);
	return 0;
}

static int do_rename(struct sim_op *op)
{
	struct sim_file *file = find_path(op->base.path);

	if (!file)
		return -ENOENT;
	if (find_path(op->base.to))
		return -EEXIST;
	str_copy(file->name, strrchr(op->base.to, '/') + 1, sizeof(file->name));
	return 0;
}

static int do_may_write(struct sim_op *op)
{
	return 0;
}

static int do_remove(struct sim_op *op)
{
	struct sim_file *file = find_path(op->base.path);

	if (!file)
		return -ENOENT;
	memset(file, 0, sizeof(*file));
	return 0;
}

static struct sim_file *file_of(struct sim_op *op)
{
	struct handle *h = list_entry(op->base.file, struct handle, base);

	return find_id(h->fileid);
}

static int do_read(struct sim_op *op)
{
	struct sim_file *file = file_of(op);
	size_t n = op->base.length;

	if (!file)
		return -ESTALE;
	if (op->base.offset >= file->size)
		n = 0;
	else if (n > file->size - op->base.offset)
		n = file->size - op->base.offset;
	if (n)
		memcpy(op->base.buffer, file->data + op->base.offset, n);
	op->base.result.length = n;
	return 0;
}

static int do_fstat(struct sim_op *op)
{
	struct sim_file *file = file_of(op);

	if (!file)
		return -ESTALE;
	op->base.result.attr = attr_of(file);
	return 0;
}

static const struct {
	int (*run)(struct sim_op *op);
	enum sim_verb verb;
} verbs[] = {
	[SOURCE_LIST] = { do_list, SIM_LIST },
	[SOURCE_STAT] = { do_stat, SIM_STAT },
	[SOURCE_OPEN] = { do_open, SIM_OPEN },
	[SOURCE_RENAME] = { do_rename, SIM_RENAME },
	[SOURCE_REMOVE] = { do_remove, SIM_REMOVE },
	[SOURCE_MAY_WRITE] = { do_may_write, SIM_MAY_WRITE },
	[SOURCE_PREAD] = { do_read, SIM_READ },
	[SOURCE_FSTAT] = { do_fstat, SIM_FSTAT },
};

static void start_op(struct source_op *base)
{
	struct sim_op *op = list_entry(base, struct sim_op, base);
	const struct sim_fault *f =
		sim_fails(verbs[base->verb].verb, base->path ? base->path : "");
	int err = 0;

	if (sim.share_is_down)
		err = -ENOTCONN;
	else if (!f || f->done)
		err = verbs[base->verb].run(op);
	if (f)
		err = f->error;
	if (f && f->touch)
		sim_write(sim_find(SIM_STEM), 99);
	if (err)
		source_op_fail(base, err, "%s %s: %s",
			       source_verb_text(base->verb),
			       base->path ? base->path : "", err_str(err));
	else
		source_op_finish(base);
}

static void release_op(struct source_op *op)
{
}

static void close_file(struct source_file *file)
{
	free(list_entry(file, struct handle, base));
}

static void close_share(struct source *source)
{
	share.is_open = false;
}

static void get_status(const struct source *source,
		       struct source_status *ret_status)
{
	*ret_status = (struct source_status){
		.state = sim.share_is_down ? SOURCE_DOWN : SOURCE_READY,
		.where = "sim",
	};
	if (sim.share_is_down)
		str_copy(ret_status->why, "the share is away",
			 sizeof(ret_status->why));
}

static const struct source_ops ops = {
	.op_size = sizeof(struct sim_op),
	.start = start_op,
	.release = release_op,
	.close_file = close_file,
	.close = close_share,
	.get_status = get_status,
};

int source_open(struct loop *loop, const struct conf *conf,
		source_changed_fn *changed, void *arg, struct source **ret,
		struct err *err)
{
	source_init(&share.base, &ops, loop, changed, arg);
	share.is_open = true;
	*ret = &share.base;
	return 0;
}

void sim_share_goes(void)
{
	sim.share_is_down = true;
	share.base.changed(share.base.changed_arg, NULL);
}

void sim_share_comes(void)
{
	sim.share_is_down = false;
	share.base.changed(share.base.changed_arg, NULL);
}
