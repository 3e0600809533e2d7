/* SPDX-License-Identifier: MIT */
#include "uploader/nfs_private.h"

#include <errno.h>
#include <stdlib.h>

#include "uploader/nfs_compat.h"

struct nfs_handle *nfs_file_find(struct nfs_session *s, uint64_t fileid)
{
	list_for_each(it, &s->handles) {
		struct nfs_handle *h = list_entry(it, struct nfs_handle, node);

		if (s->version == 4 && fileid && h->fileid == fileid &&
		    h->files)
			return h;
	}
	return NULL;
}

int nfs_file_add(struct nfs_op *op, struct nfs_handle *handle)
{
	struct nfs_file *file = calloc(1, sizeof(*file));

	if (!file)
		return -ENOMEM;
	file->base.source = op->base.source;
	file->session = op->session;
	file->path = strdup(op->base.path);
	file->handle = handle;
	handle->files++;
	list_add_tail(&op->session->files, &file->node);
	op->base.result.file = &file->base;
	return 0;
}

static void on_closed(int err, struct nfs_context *nfs, void *data,
		      void *private)
{
	struct nfs_session *s = private;

	if (s)
		nfs_turn_end(s);
}

static void free_handle(struct nfs_handle *h)
{
	list_del(&h->turn.node);
	list_del(&h->node);
	free(h);
}

/* From here on it is libnfs's. Version 3 calls back at once. */
static void go_close(struct nfs_turn *turn)
{
	struct nfs_handle *h = container_of(turn, struct nfs_handle, turn);
	struct nfs_session *s = h->session;

	if (nfs_close_async(s->nfs, h->fh, on_closed, s))
		nfs_session_lose(s, "out of memory");
	else
		free_handle(h);
}

void nfs_file_close(struct source_file *base)
{
	struct nfs_file *file = list_entry(base, struct nfs_file, base);
	struct nfs_handle *h = file->handle;

	if (h && --h->files == 0 && !h->session->is_lost) {
		h->turn.go = go_close;
		nfs_turn_take(h->session, &h->turn);
	}
	list_del(&file->node);
	free(file->path);
	free(file);
}

void nfs_file_drop_all(struct nfs_session *s)
{
	struct list *it;

	while ((it = list_first(&s->files))) {
		struct nfs_file *file = list_entry(it, struct nfs_file, node);

		list_del(it);
		file->session = NULL;
		file->handle = NULL;
	}
	while ((it = list_first(&s->handles))) {
		struct nfs_handle *h = list_entry(it, struct nfs_handle, node);

		/* If memory is short, this leaks. */
		(void)!nfs_close_async(s->nfs, h->fh, on_closed, NULL);
		free_handle(h);
	}
}

static void on_touched(void *arg, const struct source_result *result)
{
	struct nfs_session *s = arg;

	free(result->buffer);
	s->touch = NULL;
}

/* The next file each time: one that is gone renews nothing. */
void nfs_file_touch(struct nfs_session *s)
{
	uint8_t *buffer;

	if (s->touch)
		return;
	list_for_each(it, &s->files) {
		struct nfs_file *file = list_entry(it, struct nfs_file, node);

		list_del(it);
		list_add_tail(&s->files, it);
		buffer = malloc(1);
		if (!buffer || source_pread(&file->base, 0, buffer, 1,
					    on_touched, s, &s->touch))
			free(buffer);
		return;
	}
}
