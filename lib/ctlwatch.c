/* SPDX-License-Identifier: MIT */
#include "lib/ctlwatch.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <event2/event.h>

#include "lib/ctlfolder.h"
#include "lib/list.h"

enum {
	TICK_MS = 1000,
	TOP_MASK = IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM |
		   IN_MOVE_SELF | IN_ONLYDIR,
};

struct ctlwatch {
	struct loop *loop;
	char *path;
	const struct ctlwatch_ops *ops;
	void *arg;
	int fd, top_wd;
	struct event *event;
	/* The slices run from a timer: a deferred task that defers itself again
	 * would keep the loop from everything else. */
	struct loop_timer tick, slice;
	struct ctlfolder *folders[CTLWATCH_FOLDERS];
	size_t folder_count;
	bool settled;
};

/* ---- folders ------------------------------------------------------------ */

/* Its place, or folder_count. */
static size_t find_folder(const struct ctlwatch *w, const char *name)
{
	size_t i = 0;

	while (i < w->folder_count &&
	       strcmp(ctlfolder_name(w->folders[i]), name))
		i++;
	return i;
}

static void remove_folder(struct ctlwatch *w, size_t i)
{
	struct ctlfolder *f = w->folders[i];

	w->folders[i] = w->folders[--w->folder_count];
	w->ops->folder(w->arg, ctlfolder_name(f), false);
	ctlfolder_free(f);
}

static void add_folder(struct ctlwatch *w, const char *name)
{
	struct ctlfolder *f;

	if (find_folder(w, name) < w->folder_count ||
	    w->folder_count == CTLWATCH_FOLDERS ||
	    ctlfolder_new(w->fd, w->path, name, w->ops, w->arg, &f))
		return;
	w->folders[w->folder_count++] = f;
	w->ops->folder(w->arg, name, true);
}

static void find_folders(struct ctlwatch *w)
{
	DIR *dir = opendir(w->path);
	struct dirent *e;

	if (!dir)
		return;
	while ((e = readdir(dir)))
		add_folder(w, e->d_name);
	closedir(dir);
}

/* ---- work in slices ----------------------------------------------------- */

static void ask_slice(struct ctlwatch *w)
{
	if (!loop_timer_is_armed(&w->slice))
		loop_timer_start(&w->slice, 0);
}

static void on_slice(struct loop_timer *timer)
{
	struct ctlwatch *w = container_of(timer, struct ctlwatch, slice);
	int budget = CTLWATCH_SLICE;
	bool more = false;

	for (size_t i = 0; i < w->folder_count; i++) {
		ctlfolder_work(w->folders[i], &budget);
		more = more || ctlfolder_has_work(w->folders[i]);
	}
	if (more) {
		ask_slice(w);
	} else if (!w->settled) {
		w->settled = true;
		w->ops->settled(w->arg);
	}
}

static void look_at_top(struct ctlwatch *w)
{
	if (w->top_wd < 0)
		w->top_wd = inotify_add_watch(w->fd, w->path, TOP_MASK);
	/* Again each time: one may have been missed for want of memory. */
	if (w->top_wd >= 0)
		find_folders(w);
}

static void close_top(struct ctlwatch *w)
{
	if (w->top_wd >= 0)
		inotify_rm_watch(w->fd, w->top_wd);
	w->top_wd = -1;
	while (w->folder_count)
		remove_folder(w, 0);
}

/* ---- what inotify says -------------------------------------------------- */

static void on_top_change(struct ctlwatch *w, const struct inotify_event *e)
{
	size_t i;

	if (e->mask & (IN_IGNORED | IN_MOVE_SELF)) {
		close_top(w);
		return;
	}
	if (!e->len)
		return;
	i = find_folder(w, e->name);
	if (i < w->folder_count && e->mask & (IN_DELETE | IN_MOVED_FROM))
		remove_folder(w, i);
	if (e->mask & (IN_CREATE | IN_MOVED_TO))
		add_folder(w, e->name);
}

static void on_overflow(struct ctlwatch *w)
{
	find_folders(w);
	for (size_t i = 0; i < w->folder_count; i++)
		ctlfolder_mark_all(w->folders[i]);
}

static void on_change(struct ctlwatch *w, const struct inotify_event *e)
{
	if (e->mask & IN_Q_OVERFLOW) {
		on_overflow(w);
		return;
	}
	if (e->wd == w->top_wd) {
		on_top_change(w, e);
		return;
	}
	for (size_t i = 0; i < w->folder_count; i++)
		if (ctlfolder_on_change(w->folders[i], e))
			return;
}

static void on_inotify(evutil_socket_t fd, short what, void *arg)
{
	char buf[16384] __attribute__((aligned(__alignof__(uint64_t))));
	struct ctlwatch *w = arg;
	ssize_t n = read((int)fd, buf, sizeof(buf));

	for (char *at = buf; n > 0 && at < buf + n;) {
		const struct inotify_event *e = (void *)at;

		on_change(w, e);
		at += sizeof(*e) + e->len;
	}
	ask_slice(w);
}

/* Nothing tells of a heartbeat that stays away, nor of a missing directory. */
static void on_tick(struct loop_timer *timer)
{
	struct ctlwatch *w = container_of(timer, struct ctlwatch, tick);

	look_at_top(w);
	for (size_t i = 0; i < w->folder_count; i++)
		ctlfolder_mark_status(w->folders[i]);
	ask_slice(w);
	loop_timer_start(&w->tick, TICK_MS);
}

/* ---- life --------------------------------------------------------------- */

static int start(struct ctlwatch *w)
{
	int err = loop_timer_init(&w->tick, w->loop, on_tick);

	if (!err)
		err = loop_timer_init(&w->slice, w->loop, on_slice);
	if (err)
		return err;
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->fd < 0)
		return -errno;
	w->event = event_new(loop_base(w->loop), w->fd, EV_READ | EV_PERSIST,
			     on_inotify, w);
	if (!w->event || event_add(w->event, NULL))
		return -ENOMEM;
	loop_timer_start(&w->tick, 0);
	return 0;
}

int ctlwatch_new(struct loop *loop, const char *path,
		 const struct ctlwatch_ops *ops, void *arg,
		 struct ctlwatch **ret)
{
	struct ctlwatch *w = calloc(1, sizeof(*w));
	int err = -ENOMEM;

	if (!w)
		return err;
	*w = (struct ctlwatch){
		.loop = loop, .ops = ops, .arg = arg, .fd = -1, .top_wd = -1
	};
	w->path = strdup(path);
	if (w->path)
		err = start(w);
	if (err) {
		ctlwatch_free(w);
		return err;
	}
	*ret = w;
	return 0;
}

void ctlwatch_free(struct ctlwatch *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->folder_count; i++)
		ctlfolder_free(w->folders[i]);
	loop_timer_release(&w->slice);
	loop_timer_release(&w->tick);
	if (w->event)
		event_free(w->event);
	if (w->fd >= 0)
		close(w->fd);
	free(w->path);
	free(w);
}
