/* SPDX-License-Identifier: MIT */
#include "fs/ops_private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/mono.h"
#include "lib/str.h"

/*
 * An open file. A value is what it was when it was opened; `events` is read
 * where it lies; `stream` goes on from where it is; `ctl` holds nothing.
 */
struct handle {
	enum layout_kind kind;
	struct list node, stream; /* of ops->files, of ops->streams */
	uint64_t at;		  /* in the log: what comes next */
	fuse_req_t req;		  /* a read that waits */
	size_t want;
	struct fuse_pollhandle *poll_handle;
	size_t len;
	char text[];
};

/* A write to `ctl` that waits for its verdict. */
struct order {
	struct list node; /* of ops->orders */
	struct ops *ops;
	fuse_req_t req;
	size_t size;
	struct command *command;
	uid_t uid;
	char folder[128], id[64]; /* of what it is about; "" for a daemon */
	char line[COMMAND_TEXT];
};

static struct handle *handle_of(const struct fuse_file_info *fi)
{
	return (void *)(uintptr_t)fi->fh;
}

/* ---- open and close ----------------------------------------------------- */

static int new_handle(struct ops *ops, const struct node *node, unsigned slot,
		      struct handle **ret)
{
	struct eventlog *log = &ops->config.model->log;
	enum layout_kind kind = ops_file_of(node, slot)->kind;
	struct render_text text;
	struct handle *h;
	int err = render_file(ops->config.render, node, slot - 1,
			      mono_wall_ms(), &text);

	if (err)
		return err;
	h = malloc(sizeof(*h) + text.len);
	if (!h)
		return -ENOMEM;
	*h = (struct handle){ .kind = kind, .len = text.len };
	memcpy(h->text, text.text, text.len);
	list_init(&h->stream);
	list_add_tail(&ops->files, &h->node);
	if (kind == LAYOUT_EVENTS)
		log->holds++;
	if (kind == LAYOUT_STREAM) {
		h->at = eventlog_end(log);
		list_add_tail(&ops->streams, &h->stream);
	}
	ops->handles++;
	*ret = h;
	return 0;
}

static void free_handle(struct ops *ops, struct handle *h)
{
	list_del(&h->node);
	list_del(&h->stream);
	if (h->kind == LAYOUT_EVENTS)
		ops->config.model->log.holds--;
	if (h->poll_handle)
		fuse_pollhandle_destroy(h->poll_handle);
	ops->handles--;
	free(h);
}

void ops_open(fuse_req_t req, fuse_ino_t inode, struct fuse_file_info *fi)
{
	struct ops *ops = ops_of(req);
	unsigned slot;
	struct node *node = ops_find(req, inode, &slot);
	struct handle *h;
	bool is_ctl;
	int err = 0;

	if (!node)
		return;
	is_ctl = slot && ops_file_of(node, slot)->kind == LAYOUT_CTL;
	if (!slot)
		err = -EISDIR;
	else if (!is_ctl && (fi->flags & O_ACCMODE) != O_RDONLY)
		err = -EPERM;
	else if (ops->handles >= OPS_HANDLES_MAX)
		err = -ENFILE;
	else
		err = new_handle(ops, node, slot, &h);
	if (err) {
		fuse_reply_err(req, -err);
		return;
	}
	fi->fh = (uintptr_t)h;
	fi->direct_io = 1;
	fi->nonseekable = h->kind == LAYOUT_STREAM;
	if (fuse_reply_open(req, fi))
		free_handle(ops, h);
}

void ops_release(fuse_req_t req, fuse_ino_t inode, struct fuse_file_info *fi)
{
	free_handle(ops_of(req), handle_of(fi));
	fuse_reply_err(req, 0);
}

/* ---- reading ------------------------------------------------------------ */

/* What the log has for a reader of `stream`; false if nothing. */
static bool answer_stream(struct ops *ops, struct handle *h, fuse_req_t req,
			  size_t want)
{
	const char *text;
	size_t n = eventlog_read(&ops->config.model->log, &h->at, want, &text);

	if (!n)
		return false;
	if (!fuse_reply_buf(req, text, n))
		h->at += n;
	return true;
}

static void on_interrupt(fuse_req_t req, void *arg)
{
	struct handle *h = arg;

	h->req = NULL;
	fuse_reply_err(req, EINTR);
}

static void read_stream(struct ops *ops, fuse_req_t req, struct handle *h,
			size_t want, bool may_wait)
{
	if (answer_stream(ops, h, req, want))
		return;
	/*
	 * One reader waits; a second one on the same open file may try again.
	 */
	if (!may_wait || h->req || ops->stopping) {
		fuse_reply_err(req, EAGAIN);
	} else if (fuse_req_interrupted(req)) {
		fuse_reply_err(req, EINTR);
	} else {
		h->req = req;
		h->want = want;
		fuse_req_interrupt_func(req, on_interrupt, h);
	}
}

static void read_events(struct ops *ops, fuse_req_t req, size_t want, off_t at)
{
	const struct eventlog *log = &ops->config.model->log;
	uint64_t from = log->base + (uint64_t)at;
	const char *text;
	size_t n = eventlog_read(log, &from, want, &text);

	fuse_reply_buf(req, text, n);
}

void ops_read(fuse_req_t req, fuse_ino_t inode, size_t size, off_t at,
	      struct fuse_file_info *fi)
{
	struct ops *ops = ops_of(req);
	struct handle *h = handle_of(fi);
	size_t left;

	if (h->kind == LAYOUT_STREAM) {
		read_stream(ops, req, h, size, !(fi->flags & O_NONBLOCK));
	} else if (h->kind == LAYOUT_EVENTS) {
		read_events(ops, req, size, at);
	} else {
		left = at < (off_t)h->len ? h->len - (size_t)at : 0;
		fuse_reply_buf(req, h->text + h->len - left,
			       left < size ? left : size);
	}
}

void ops_poll(fuse_req_t req, fuse_ino_t inode, struct fuse_file_info *fi,
	      struct fuse_pollhandle *poll_handle)
{
	struct ops *ops = ops_of(req);
	struct handle *h = handle_of(fi);
	const struct eventlog *log = &ops->config.model->log;
	bool has_more = h->kind != LAYOUT_STREAM || h->at < eventlog_end(log);

	if (poll_handle) {
		if (h->poll_handle)
			fuse_pollhandle_destroy(h->poll_handle);
		h->poll_handle = poll_handle;
	}
	fuse_reply_poll(req,
			(has_more ? POLLIN | POLLRDNORM : 0) |
				(h->kind == LAYOUT_CTL ? POLLOUT | POLLWRNORM
						       : 0));
}

void ops_wake(struct ops *ops)
{
	list_for_each(it, &ops->streams) {
		struct handle *h = list_entry(it, struct handle, stream);
		fuse_req_t req = h->req;

		if (req) {
			h->req = NULL;
			/* No interrupt may meet the answered request. */
			fuse_req_interrupt_func(req, NULL, NULL);
			if (!answer_stream(ops, h, req, h->want))
				fuse_reply_err(req, EAGAIN);
		}
		if (h->poll_handle) {
			ops_notify_poll(ops, h->poll_handle);
			h->poll_handle = NULL;
		}
	}
}

/* ---- commands ----------------------------------------------------------- */

/*
 * The sentence stays where whoever wrote can find it. Of the command only its
 * word does: what follows may be a secret.
 */
static void show_error(struct order *o, int err, const char *sentence)
{
	struct model *m = o->ops->config.model;
	char text[ERR_TEXT_MAX + COMMAND_TEXT], line[sizeof(text) + 256];
	char now[STR_TIME_SIZE];

	snprintf(text, sizeof(text), "%.*s%s%s: %s", (int)strcspn(o->line, " "),
		 o->line, *o->id ? " " : "", o->id,
		 *sentence ? sentence : err_str(err));
	str_format_time(mono_wall_s(), now);
	snprintf(line, sizeof(line), "- %s uid %u: %s: %s", now,
		 (unsigned)o->uid, o->folder, text);
	if (model_set_error(m, o->folder, *o->id ? o->id : NULL, text,
			    mono_wall_ms()) ||
	    eventlog_add(&m->log, "upcast-fs", line, mono_wall_ms()))
		log_warning("%s", text);
	ops_wake(o->ops);
}

static void free_order(struct order *o)
{
	list_del(&o->node);
	free(o);
}

static void finish(struct order *o, int err, const char *sentence)
{
	if (err) {
		show_error(o, err, sentence);
		fuse_reply_err(o->req, -err);
	} else {
		fuse_reply_write(o->req, o->size);
	}
	free_order(o);
}

static void on_verdict(void *arg, int err, const char *sentence)
{
	struct order *o = arg;

	fuse_req_interrupt_func(o->req, NULL, NULL);
	finish(o, err, sentence);
}

/* Whoever wrote does not wait any more: then it is not to happen later. */
static void on_write_interrupt(fuse_req_t req, void *arg)
{
	struct order *o = arg;

	command_cancel(o->command);
	fuse_reply_err(req, EINTR);
	free_order(o);
}

static void send_order(struct order *o)
{
	int err = command_send(o->ops->config.commands, o->folder, o->uid,
			       o->line, on_verdict, o, &o->command);

	if (err == -ECONNREFUSED)
		finish(o, err, "the daemon does not run");
	else if (err)
		finish(o, err, "");
	else
		fuse_req_interrupt_func(o->req, on_write_interrupt, o);
}

static int fill_order(struct order *o, const struct node *node,
		      const char *data, size_t size)
{
	const struct object *object = model_object_of(node);
	const struct daemon *d = object ? object_daemon(object)
					: model_daemon_of(node);

	if (!d)
		return -EPERM;
	str_copy(o->folder, d->folder, sizeof(o->folder));
	str_copy(o->id, object ? object_id(object) : "", sizeof(o->id));
	return command_format(data, size, object ? o->id : NULL, o->line);
}

void ops_write(fuse_req_t req, fuse_ino_t inode, const char *data, size_t size,
	       off_t at, struct fuse_file_info *fi)
{
	struct ops *ops = ops_of(req);
	unsigned slot;
	struct node *node = ops_find(req, inode, &slot);
	struct order *o;
	int err;

	if (!node)
		return;
	if (!slot || ops_file_of(node, slot)->kind != LAYOUT_CTL) {
		fuse_reply_err(req, EPERM);
		return;
	}
	o = calloc(1, sizeof(*o));
	err = o ? fill_order(o, node, data, size) : -ENOMEM;
	if (err) {
		fuse_reply_err(req, -err);
		free(o);
		return;
	}
	list_add_tail(&ops->orders, &o->node);
	o->ops = ops;
	o->req = req;
	o->size = size;
	o->uid = fuse_req_ctx(req)->uid;
	send_order(o);
}

/*
 * The commands have been taken back by then. Whoever follows the stream has
 * reached its end.
 */
void ops_close_files(struct ops *ops)
{
	list_for_each_safe(it, &ops->orders) {
		struct order *o = list_entry(it, struct order, node);

		fuse_req_interrupt_func(o->req, NULL, NULL);
		fuse_reply_err(o->req, ECONNABORTED);
		free_order(o);
	}
	list_for_each_safe(it, &ops->files) {
		struct handle *h = list_entry(it, struct handle, node);

		if (h->req) {
			fuse_req_interrupt_func(h->req, NULL, NULL);
			fuse_reply_buf(h->req, NULL, 0);
		}
		free_handle(ops, h);
	}
}
