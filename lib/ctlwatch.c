/* SPDX-License-Identifier: MIT */
#include "lib/ctlwatch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "lib/ctldir.h"
#include "lib/hash.h"
#include "lib/list.h"
#include "lib/str.h"

enum {
	TICK_MS = 1000,
	EVENTS_CHUNK = 64 * 1024,
	FOLDER_MASK = IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_DELETE |
		      IN_MOVED_TO | IN_MOVED_FROM | IN_ONLYDIR,
	/* Objects are renamed into place: their writing is not of interest. */
	OBJECT_MASK = IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_ONLYDIR,
	TOP_MASK = IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM |
		   IN_MOVE_SELF | IN_ONLYDIR,
};

/* What of a folder has to be looked at again. */
enum {
	DIRTY_STATUS = 1,
	DIRTY_STATE = 2,
	DIRTY_COUNTERS = 4,
	DIRTY_EVENTS = 8,
	DIRTY_EVENTS_FILE = 16, /* it is another file now */
	DIRTY_OBJECTS = 32,	/* their folder has to be listed */
	DIRTY_ALL = 63,
};

struct object {
	UT_hash_handle hh;
	struct list dirty; /* unlinked: nothing to do */
	struct ctlread_stamp stamp;
	unsigned listing; /* the last one that met it */
	bool told;
	char id[];
};

struct folder {
	struct list node;
	char *name, *path;
	const char *kind;
	int dir_fd, object_fd, wd, object_wd;
	int dirty;
	struct object *objects;
	struct list dirty_objects;
	DIR *listing;
	unsigned listing_count;

	int events_fd;
	off_t events_at;
	struct buf events_part; /* of a line that is not whole yet */
	int64_t last_epoch;
	uint64_t last_seq;

	bool status_told, state_told, counters_told;
	enum ctlread_status status;
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
	struct list folders;
	int folder_count;
	bool settled;
};

/* ---- objects ------------------------------------------------------------ */

static struct object *find_object(const struct folder *f, const char *id)
{
	struct object *o;

	HASH_FIND_STR(f->objects, id, o);
	return o;
}

static void drop_object(struct folder *f, struct object *o)
{
	HASH_DEL(f->objects, o);
	list_del(&o->dirty);
	free(o);
}

static struct object *new_object(struct folder *f, const char *id)
{
	size_t size = strlen(id) + 1;
	struct object *o = calloc(1, sizeof(*o) + size);

	if (!o)
		return NULL;
	memcpy(o->id, id, size);
	list_init(&o->dirty);
	HASH_ADD_KEYPTR(hh, f->objects, o->id, size - 1, o);
	if (!o->hh.tbl) {
		free(o);
		return NULL;
	}
	return o;
}

static void mark_object(struct folder *f, const char *id)
{
	struct object *o;

	if (!ctldir_is_id(id))
		return;
	o = find_object(f, id);
	if (!o && HASH_COUNT(f->objects) >= CTLWATCH_OBJECTS)
		return;
	if (!o)
		o = new_object(f, id);
	if (!o) {
		f->dirty |= DIRTY_OBJECTS;
		return;
	}
	o->listing = f->listing_count;
	if (list_is_empty(&o->dirty))
		list_add_tail(&f->dirty_objects, &o->dirty);
}

static void tell_object(struct ctlwatch *w, struct folder *f, struct object *o)
{
	struct snapshot s;
	int err = ctlread_snapshot(f->object_fd, o->id, &s, &o->stamp);

	list_del(&o->dirty);
	if (err == -ENOMEM) {
		f->dirty |= DIRTY_OBJECTS;
		o->stamp = (struct ctlread_stamp){ 0 };
		return;
	}
	if (!err) {
		o->told = true;
		w->ops->object(w->arg, f->name, o->id, &s, o->stamp.mtime_ns);
		snapshot_release(&s);
		return;
	}
	if (o->told)
		w->ops->object(w->arg, f->name, o->id, NULL, 0);
	drop_object(f, o);
}

static void drop_objects(struct ctlwatch *w, struct folder *f, bool tell)
{
	struct object *o, *next;

	HASH_ITER(hh, f->objects, o, next) {
		if (tell && o->told)
			w->ops->object(w->arg, f->name, o->id, NULL, 0);
		drop_object(f, o);
	}
}

static void close_objects(struct ctlwatch *w, struct folder *f, bool tell)
{
	if (f->listing)
		closedir(f->listing);
	f->listing = NULL;
	if (f->object_wd >= 0)
		inotify_rm_watch(w->fd, f->object_wd);
	if (f->object_fd >= 0)
		close(f->object_fd);
	f->object_wd = f->object_fd = -1;
	drop_objects(w, f, tell);
}

/* The watch comes before the first listing, so that nothing is missed. */
static void open_objects(struct ctlwatch *w, struct folder *f)
{
	char *path;

	f->object_fd = ctlread_open(f->dir_fd, f->kind);
	if (f->object_fd < 0)
		return;
	if (asprintf(&path, "%s/%s", f->path, f->kind) >= 0) {
		f->object_wd = inotify_add_watch(w->fd, path, OBJECT_MASK);
		free(path);
	}
}

/* ---- listing all objects, in slices ------------------------------------- */

static void begin_listing(struct ctlwatch *w, struct folder *f)
{
	int fd;

	f->dirty &= ~DIRTY_OBJECTS;
	if (f->object_fd < 0)
		open_objects(w, f);
	if (f->object_fd < 0)
		return;
	if (f->listing) {
		rewinddir(f->listing);
	} else {
		fd = ctlread_open(f->object_fd, ".");
		f->listing = fd < 0 ? NULL : fdopendir(fd);
		if (fd >= 0 && !f->listing)
			close(fd);
	}
	f->listing_count++;
}

/* A file that has not changed since it was read is not read again. */
static void list_entry_name(struct folder *f, const char *id)
{
	struct object *o = ctldir_is_id(id) ? find_object(f, id) : NULL;
	struct stat st;

	if (o && o->told &&
	    !fstatat(f->object_fd, id, &st, AT_SYMLINK_NOFOLLOW) &&
	    st.st_ino == o->stamp.inode &&
	    (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec ==
		    o->stamp.mtime_ns)
		o->listing = f->listing_count;
	else
		mark_object(f, id);
}

static void end_listing(struct ctlwatch *w, struct folder *f)
{
	struct object *o, *next;

	closedir(f->listing);
	f->listing = NULL;
	HASH_ITER(hh, f->objects, o, next) {
		if (o->listing == f->listing_count)
			continue;
		if (o->told)
			w->ops->object(w->arg, f->name, o->id, NULL, 0);
		drop_object(f, o);
	}
}

static void go_on_listing(struct ctlwatch *w, struct folder *f, int *budget)
{
	struct dirent *e = NULL;

	while (*budget > 0 && (e = readdir(f->listing))) {
		list_entry_name(f, e->d_name);
		(*budget)--;
	}
	if (!e && *budget > 0)
		end_listing(w, f);
}

/* ---- the daemon's own files --------------------------------------------- */

static void tell_status(struct ctlwatch *w, struct folder *f)
{
	int64_t since_s;
	enum ctlread_status status = ctlread_status(f->dir_fd, &since_s);

	f->dirty &= ~DIRTY_STATUS;
	if (f->status_told && f->status == status)
		return;
	f->status_told = true;
	f->status = status;
	w->ops->status(w->arg, f->name, status, since_s);
}

static void tell_state(struct ctlwatch *w, struct folder *f)
{
	struct ctlread_stamp stamp;
	struct snapshot s;
	int err = ctlread_snapshot(f->dir_fd, "state", &s, &stamp);

	f->dirty &= ~DIRTY_STATE;
	if (!err) {
		w->ops->state(w->arg, f->name, &s, stamp.mtime_ns);
		snapshot_release(&s);
	} else if (f->state_told) {
		w->ops->state(w->arg, f->name, NULL, 0);
	}
	f->state_told = !err;
}

static void tell_counters(struct ctlwatch *w, struct folder *f)
{
	char none[] = "";
	struct buf b;
	int err;

	f->dirty &= ~DIRTY_COUNTERS;
	buf_init(&b, CTLREAD_COUNTERS_MAX);
	err = ctlread_file(f->dir_fd, "counters", &b, NULL);
	if (!err && b.len)
		w->ops->counters(w->arg, f->name, (char *)b.data);
	else if (f->counters_told)
		w->ops->counters(w->arg, f->name, none);
	f->counters_told = !err && b.len;
	buf_release(&b);
}

/* "epoch.seq ..." says which lines have been told already. */
static void tell_event(struct ctlwatch *w, struct folder *f, const char *line)
{
	long long epoch;
	unsigned long long seq;

	if (sscanf(line, "%lld.%llu ", &epoch, &seq) != 2)
		return;
	if (epoch < f->last_epoch ||
	    (epoch == f->last_epoch && seq <= f->last_seq))
		return;
	f->last_epoch = epoch;
	f->last_seq = seq;
	w->ops->event(w->arg, f->name, line);
}

static void tell_events(struct ctlwatch *w, struct folder *f)
{
	struct buf *b = &f->events_part;
	char *line = (char *)b->data, *end;

	while (line &&
	       (end = memchr(line, '\n',
			     b->len - (size_t)(line - (char *)b->data)))) {
		*end = '\0';
		if (strlen(line) < CTLDIR_EVENT_LINE)
			tell_event(w, f, line);
		line = end + 1;
	}
	if (line)
		buf_consume(b, (size_t)(line - (char *)b->data));
	/* A line without an end is none. */
	if (b->len > CTLDIR_EVENT_LINE)
		buf_clear(b);
}

static void open_events(struct folder *f)
{
	f->dirty &= ~DIRTY_EVENTS_FILE;
	if (f->events_fd >= 0)
		close(f->events_fd);
	f->events_fd = openat(f->dir_fd, "events",
			      O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	f->events_at = 0;
	buf_clear(&f->events_part);
}

/* One chunk of `events`; the rest waits for the next slice. */
static void read_events(struct ctlwatch *w, struct folder *f)
{
	struct buf *b = &f->events_part;
	struct stat st;
	ssize_t n;

	if (f->dirty & DIRTY_EVENTS_FILE)
		open_events(f);
	f->dirty &= ~DIRTY_EVENTS;
	if (f->events_fd < 0 || fstat(f->events_fd, &st) ||
	    !S_ISREG(st.st_mode) || buf_reserve(b, EVENTS_CHUNK))
		return;
	if (st.st_size < f->events_at)
		f->events_at = 0;
	n = pread(f->events_fd, b->data + b->len, EVENTS_CHUNK, f->events_at);
	if (n <= 0)
		return;
	f->events_at += n;
	b->len += (size_t)n;
	b->data[b->len] = '\0';
	tell_events(w, f);
	if (n == EVENTS_CHUNK)
		f->dirty |= DIRTY_EVENTS;
}

/* ---- folders ------------------------------------------------------------ */

static void close_folder(struct ctlwatch *w, struct folder *f)
{
	close_objects(w, f, false);
	if (f->wd >= 0)
		inotify_rm_watch(w->fd, f->wd);
	if (f->events_fd >= 0)
		close(f->events_fd);
	if (f->dir_fd >= 0)
		close(f->dir_fd);
	list_del(&f->node);
	w->folder_count--;
	buf_release(&f->events_part);
	free(f->path);
	free(f->name);
	free(f);
}

static struct folder *find_folder(struct ctlwatch *w, const char *name)
{
	list_for_each(it, &w->folders) {
		struct folder *f = list_entry(it, struct folder, node);

		if (!strcmp(f->name, name))
			return f;
	}
	return NULL;
}

static int fill_folder(struct ctlwatch *w, struct folder *f, const char *name)
{
	f->name = strdup(name);
	if (!f->name || asprintf(&f->path, "%s/%s", w->path, name) < 0) {
		f->path = NULL;
		return -ENOMEM;
	}
	f->wd = inotify_add_watch(w->fd, f->path, FOLDER_MASK);
	f->dir_fd = ctlread_open(AT_FDCWD, f->path);
	return f->wd < 0 || f->dir_fd < 0 ? -errno : 0;
}

static void remove_folder(struct ctlwatch *w, struct folder *f)
{
	w->ops->folder(w->arg, f->name, false);
	close_folder(w, f);
}

static void add_folder(struct ctlwatch *w, const char *name)
{
	const char *kind = ctlread_kind(name);
	struct folder *f;

	if (!kind || find_folder(w, name) ||
	    w->folder_count >= CTLWATCH_FOLDERS)
		return;
	f = calloc(1, sizeof(*f));
	if (!f)
		return;
	f->kind = kind;
	f->dir_fd = f->object_fd = f->wd = f->object_wd = f->events_fd = -1;
	f->dirty = DIRTY_ALL;
	list_init(&f->dirty_objects);
	buf_init(&f->events_part, EVENTS_CHUNK + CTLDIR_EVENT_LINE);
	list_add_tail(&w->folders, &f->node);
	w->folder_count++;
	if (fill_folder(w, f, name))
		close_folder(w, f);
	else
		w->ops->folder(w->arg, f->name, true);
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

static void work_on(struct ctlwatch *w, struct folder *f, int *budget)
{
	struct list *it;

	if (f->dirty & DIRTY_STATE)
		tell_state(w, f);
	if (f->dirty & DIRTY_STATUS)
		tell_status(w, f);
	if (f->dirty & DIRTY_OBJECTS)
		begin_listing(w, f);
	if (f->listing)
		go_on_listing(w, f, budget);
	while (*budget > 0 && (it = list_first(&f->dirty_objects))) {
		tell_object(w, f, list_entry(it, struct object, dirty));
		(*budget)--;
	}
	if (f->dirty & DIRTY_COUNTERS)
		tell_counters(w, f);
	if (f->dirty & (DIRTY_EVENTS | DIRTY_EVENTS_FILE))
		read_events(w, f);
}

/* What failed for want of memory waits for the next tick. */
static bool has_work(const struct folder *f)
{
	return f->listing || !list_is_empty(&f->dirty_objects) ||
	       (f->dirty & ~DIRTY_OBJECTS);
}

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

	list_for_each(it, &w->folders) {
		struct folder *f = list_entry(it, struct folder, node);

		work_on(w, f, &budget);
		more = more || has_work(f);
	}
	if (more) {
		ask_slice(w);
	} else if (!w->settled) {
		w->settled = true;
		w->ops->settled(w->arg);
	}
}

static void open_top(struct ctlwatch *w)
{
	if (w->top_wd >= 0)
		return;
	w->top_wd = inotify_add_watch(w->fd, w->path, TOP_MASK);
	if (w->top_wd >= 0)
		find_folders(w);
}

static void close_top(struct ctlwatch *w)
{
	if (w->top_wd >= 0)
		inotify_rm_watch(w->fd, w->top_wd);
	w->top_wd = -1;
	list_for_each_safe(it, &w->folders)
		remove_folder(w, list_entry(it, struct folder, node));
}

/* ---- what inotify says -------------------------------------------------- */

static void on_folder_change(struct ctlwatch *w, struct folder *f,
			     const struct inotify_event *e)
{
	static const struct {
		const char *name;
		int dirty;
	} files[] = {
		{ "state", DIRTY_STATE | DIRTY_STATUS },
		{ "lock", DIRTY_STATUS },
		{ "counters", DIRTY_COUNTERS },
		{ "events", DIRTY_EVENTS },
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (!strcmp(e->name, files[i].name))
			f->dirty |= files[i].dirty;
	if (!strcmp(e->name, "events") &&
	    e->mask & (IN_CREATE | IN_MOVED_TO | IN_DELETE))
		f->dirty |= DIRTY_EVENTS_FILE;
	if (!strcmp(e->name, f->kind)) {
		if (e->mask & (IN_DELETE | IN_MOVED_FROM))
			close_objects(w, f, true);
		f->dirty |= DIRTY_OBJECTS;
	}
}

static void on_top_change(struct ctlwatch *w, const struct inotify_event *e)
{
	struct folder *f;

	if (e->mask & (IN_IGNORED | IN_MOVE_SELF)) {
		close_top(w);
		return;
	}
	f = e->len ? find_folder(w, e->name) : NULL;
	if (f && e->mask & (IN_DELETE | IN_MOVED_FROM))
		remove_folder(w, f);
	if (e->len && e->mask & (IN_CREATE | IN_MOVED_TO))
		add_folder(w, e->name);
}

static void on_overflow(struct ctlwatch *w)
{
	find_folders(w);
	list_for_each(it, &w->folders)
		list_entry(it, struct folder, node)->dirty = DIRTY_ALL;
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
	list_for_each(it, &w->folders) {
		struct folder *f = list_entry(it, struct folder, node);

		if (e->wd == f->wd && e->len)
			on_folder_change(w, f, e);
		else if (e->wd == f->object_wd && e->len)
			mark_object(f, e->name);
		else if (e->wd != f->wd && e->wd != f->object_wd)
			continue;
		break;
	}
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

	open_top(w);
	list_for_each(it, &w->folders)
		list_entry(it, struct folder, node)->dirty |= DIRTY_STATUS;
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
	list_init(&w->folders);
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
	list_for_each_safe(it, &w->folders)
		close_folder(w, list_entry(it, struct folder, node));
	loop_timer_release(&w->slice);
	loop_timer_release(&w->tick);
	if (w->event)
		event_free(w->event);
	if (w->fd >= 0)
		close(w->fd);
	free(w->path);
	free(w);
}
