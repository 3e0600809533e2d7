/* SPDX-License-Identifier: MIT */
#include "uploader/hints.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <event2/event.h>

#include "lib/hash.h"

enum {
	WATCHES_MAX = 16384,
	/* Not IN_MODIFY: a recorder writes a thousand times a minute. */
	EVENTS = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
		 IN_CLOSE_WRITE | IN_ONLYDIR | IN_EXCL_UNLINK,
};

struct watch {
	UT_hash_handle hh;
	int id;
	char path[];
};

struct hints {
	hints_fn *fn;
	void *arg;
	struct event *event;
	int fd;
	struct watch *watches;
};

static struct watch *find(struct hints *h, int id)
{
	struct watch *w;

	HASH_FIND_INT(h->watches, &id, w);
	return w;
}

static void drop(struct hints *h, struct watch *w)
{
	HASH_DEL(h->watches, w);
	free(w);
}

static void tell(struct hints *h, const struct inotify_event *e, int *last)
{
	struct watch *w;

	if (e->mask & IN_Q_OVERFLOW) {
		h->fn(h->arg, NULL);
		return;
	}
	w = find(h, e->wd);
	if (w && e->mask & IN_IGNORED)
		drop(h, w);
	else if (w && *last != e->wd)
		h->fn(h->arg, w->path);
	*last = e->wd;
}

static void on_events(evutil_socket_t fd, short what, void *arg)
{
	char buf[16384] __attribute__((aligned(8)));
	struct hints *h = arg;
	int last = -1;
	ssize_t n = read(fd, buf, sizeof(buf));

	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *e = (const void *)(buf + at);

		tell(h, e, &last);
		at += (ssize_t)(sizeof(*e) + e->len);
	}
}

int hints_add(struct hints *h, int dir)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	return inotify_add_watch(h->fd, path, EVENTS);
}

static struct watch *new_watch(int id, const char *path)
{
	size_t len = strlen(path);
	struct watch *w = calloc(1, sizeof(*w) + len + 1);

	if (w) {
		w->id = id;
		memcpy(w->path, path, len + 1);
	}
	return w;
}

void hints_name(struct hints *h, int watch, const char *path)
{
	struct watch *w = find(h, watch);

	if (w && !strcmp(w->path, path))
		return;
	if (w)
		drop(h, w);
	w = NULL;
	if (HASH_COUNT(h->watches) < WATCHES_MAX)
		w = new_watch(watch, path);
	if (w)
		HASH_ADD_INT(h->watches, id, w);
	if (!w || !w->hh.tbl) {
		free(w);
		inotify_rm_watch(h->fd, watch);
	}
}

int hints_new(struct loop *loop, hints_fn *fn, void *arg, struct hints **ret)
{
	struct hints *h = calloc(1, sizeof(*h));
	int err;

	if (!h)
		return -ENOMEM;
	h->fn = fn;
	h->arg = arg;
	h->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (h->fd < 0) {
		err = -errno;
		free(h);
		return err;
	}
	h->event = event_new(loop_base(loop), h->fd, EV_READ | EV_PERSIST,
			     on_events, h);
	if (!h->event || event_add(h->event, NULL)) {
		hints_free(h);
		return -ENOMEM;
	}
	*ret = h;
	return 0;
}

void hints_free(struct hints *h)
{
	struct watch *w, *next;

	if (!h)
		return;
	HASH_ITER(hh, h->watches, w, next)
		drop(h, w);
	if (h->event)
		event_free(h->event);
	close(h->fd);
	free(h);
}
