/* SPDX-License-Identifier: MIT */
#include "uploader/examine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto.h"

struct examine {
	struct source *source;
	struct source_file *file;
	struct source_op *op;
	struct crypto_hash *hash; /* of the ends; NULL: boxes */
	uint64_t offset;	  /* of the pread under way */
	size_t wanted;
	bool at_tail; /* the pread under way is of the last MiB */
	struct examine_result result;
	examine_done_fn *done;
	void *arg;
};

static void free_examine(struct examine *e)
{
	source_close_file(e->file);
	crypto_hash_free(e->hash);
	free(e);
}

void examine_cancel(struct examine *e)
{
	if (!e)
		return;
	if (e->op)
		source_cancel(e->op);
	free_examine(e);
}

static void finish(struct examine *e)
{
	e->done(e->arg, &e->result);
	free_examine(e);
}

static void fail(struct examine *e, int err, const struct err *why)
{
	e->result.err = err;
	if (why)
		e->result.why = *why;
	else
		err_set(&e->result.why, err, "reading the recording: %s",
			err_str(err));
	finish(e);
}

static void finish_key(struct examine *e)
{
	uint8_t digest[CRYPTO_SHA256_SIZE];

	crypto_hash_end(e->hash, digest);
	/* examine_ends() has put the first half there. */
	crypto_hex(digest, (EXAMINE_NAME_SIZE - 1) / 2,
		   e->result.key + EXAMINE_NAME_SIZE - 1);
}

static void on_fstat(void *arg, const struct source_result *result)
{
	struct examine *e = arg;

	e->op = NULL;
	if (result->err) {
		fail(e, result->err, &result->why);
		return;
	}
	e->result.attr = result->attr;
	if (e->hash)
		finish_key(e);
	finish(e);
}

static void end(struct examine *e)
{
	int err = source_fstat(e->file, on_fstat, e, &e->op);

	if (err)
		fail(e, err, NULL);
}

static void on_bytes(void *arg, const struct source_result *result);

static void read_at(struct examine *e, uint64_t offset, size_t n)
{
	uint8_t *buffer = malloc(n);
	int err;

	e->offset = offset;
	e->wanted = n;
	if (!buffer) {
		fail(e, -ENOMEM, NULL);
		return;
	}
	err = source_pread(e->file, offset, buffer, n, on_bytes, e, &e->op);
	if (err) {
		free(buffer);
		fail(e, err, NULL);
	}
}

static void walk_boxes(struct examine *e)
{
	uint64_t offset;
	size_t n;

	if (mp4_wants(&e->result.mp4, &offset, &n))
		read_at(e, offset, n);
	else
		end(e);
}

/* A file that ends early has shrunk: the attributes will tell. */
static void hash_bytes(struct examine *e, const uint8_t *data, size_t n)
{
	uint64_t size = e->result.attr.size;

	crypto_hash_add(e->hash, data, n);
	if (n && n < e->wanted) {
		read_at(e, e->offset + n, e->wanted - n);
	} else if (e->at_tail || size <= SOURCE_READ_MAX) {
		end(e);
	} else {
		e->at_tail = true;
		read_at(e, size - SOURCE_READ_MAX, SOURCE_READ_MAX);
	}
}

static void on_bytes(void *arg, const struct source_result *result)
{
	struct examine *e = arg;

	e->op = NULL;
	if (result->err) {
		free(result->buffer);
		fail(e, result->err, &result->why);
		return;
	}
	if (e->hash) {
		hash_bytes(e, result->buffer, result->length);
	} else {
		mp4_feed(&e->result.mp4, e->offset, result->buffer,
			 result->length);
		walk_boxes(e);
	}
	free(result->buffer);
}

static void hash_identity(struct examine *e)
{
	char size[32];
	int n = snprintf(size, sizeof(size), "%" PRIu64, e->result.attr.size);

	crypto_hash_add(e->hash, size, (size_t)n + 1);
}

static void on_open(void *arg, const struct source_result *result)
{
	struct examine *e = arg;
	uint64_t size = result->attr.size;

	e->op = NULL;
	if (result->err) {
		fail(e, result->err, &result->why);
		return;
	}
	e->file = result->file;
	e->result.attr = result->attr;
	if (!e->hash) {
		mp4_init(&e->result.mp4, size);
		walk_boxes(e);
		return;
	}
	hash_identity(e);
	if (size)
		read_at(e, 0, size < SOURCE_READ_MAX ? size : SOURCE_READ_MAX);
	else
		end(e);
}

/* With their NULs: no two triples run into one another. */
static void add_identity(struct crypto_hash *hash,
			 const struct examine_identity *identity)
{
	crypto_hash_add(hash, identity->share, strlen(identity->share) + 1);
	crypto_hash_add(hash, identity->dir, strlen(identity->dir) + 1);
	crypto_hash_add(hash, identity->name, strlen(identity->name) + 1);
}

int examine_name(const struct examine_identity *identity,
		 char ret_name[EXAMINE_NAME_SIZE])
{
	uint8_t digest[CRYPTO_SHA256_SIZE];
	struct crypto_hash *hash;
	int err = crypto_hash_new(&hash);

	if (err)
		return err;
	add_identity(hash, identity);
	crypto_hash_end(hash, digest);
	crypto_hash_free(hash);
	crypto_hex(digest, (EXAMINE_NAME_SIZE - 1) / 2, ret_name);
	return 0;
}

static int start(struct source *source, const char *path,
		 const struct examine_identity *identity, examine_done_fn *done,
		 void *arg, struct examine **ret)
{
	struct examine *e = calloc(1, sizeof(*e));
	int err = e ? 0 : -ENOMEM;

	if (err)
		return err;
	e->source = source;
	e->done = done;
	e->arg = arg;
	if (identity) {
		err = examine_name(identity, e->result.key);
		err = err ? err : crypto_hash_new(&e->hash);
		if (err)
			goto fail;
		add_identity(e->hash, identity);
	}
	err = source_open_file(source, path, on_open, e, &e->op);
	if (err)
		goto fail;
	*ret = e;
	return 0;
fail:
	free_examine(e);
	return err;
}

int examine_boxes(struct source *source, const char *path,
		  examine_done_fn *done, void *arg, struct examine **ret)
{
	return start(source, path, NULL, done, arg, ret);
}

int examine_ends(struct source *source, const char *path,
		 const struct examine_identity *identity, examine_done_fn *done,
		 void *arg, struct examine **ret)
{
	return start(source, path, identity, done, arg, ret);
}
