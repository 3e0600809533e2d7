/* SPDX-License-Identifier: MIT */
#include "lib/ctlfolder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/ctldir.h"
#include "lib/hash.h"

enum {
	EVENTS_CHUNK = 64 * 1024,
	FOLDER_MASK = IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_DELETE |
		      IN_MOVED_TO | IN_MOVED_FROM | IN_ONLYDIR,
	/* Objects are renamed into place: their writing is not of interest. */
	OBJECT_MASK = IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_ONLYDIR,
};

/* What has to be looked at again. */
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

struct ctlfolder {
	int inotify_fd;
	const struct ctlwatch_ops *ops;
	void *arg;
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

/* ---- objects ------------------------------------------------------------ */

static struct object *find_object(const struct ctlfolder *f, const char *id)
{
	struct object *o;

	HASH_FIND_STR(f->objects, id, o);
	return o;
}

static void drop_object(struct ctlfolder *f, struct object *o)
{
	HASH_DEL(f->objects, o);
	list_del(&o->dirty);
	free(o);
}

static struct object *new_object(struct ctlfolder *f, const char *id)
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

static void mark_object(struct ctlfolder *f, const char *id)
{
	struct object *o;

	if (!ctlread_is_id(id))
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

static void tell_object(struct ctlfolder *f, struct object *o)
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
		f->ops->object(f->arg, f->name, o->id, &s, o->stamp.mtime_ns);
		snapshot_release(&s);
		return;
	}
	if (o->told)
		f->ops->object(f->arg, f->name, o->id, NULL, 0);
	drop_object(f, o);
}

static void drop_objects(struct ctlfolder *f, bool tell)
{
	struct object *o, *next;

	HASH_ITER(hh, f->objects, o, next) {
		if (tell && o->told)
			f->ops->object(f->arg, f->name, o->id, NULL, 0);
		drop_object(f, o);
	}
}

static void close_objects(struct ctlfolder *f, bool tell)
{
	if (f->listing)
		closedir(f->listing);
	f->listing = NULL;
	if (f->object_wd >= 0)
		inotify_rm_watch(f->inotify_fd, f->object_wd);
	if (f->object_fd >= 0)
		close(f->object_fd);
	f->object_wd = f->object_fd = -1;
	drop_objects(f, tell);
}

/* The watch comes before the first listing, so that nothing is missed. */
static void open_objects(struct ctlfolder *f)
{
	char *path;

	f->object_fd = ctlread_open(f->dir_fd, f->kind);
	if (f->object_fd < 0)
		return;
	if (asprintf(&path, "%s/%s", f->path, f->kind) >= 0) {
		f->object_wd =
			inotify_add_watch(f->inotify_fd, path, OBJECT_MASK);
		free(path);
	}
}

/* ---- listing all objects, in slices ------------------------------------- */

static void begin_listing(struct ctlfolder *f)
{
	int fd;

	f->dirty &= ~DIRTY_OBJECTS;
	if (f->object_fd < 0)
		open_objects(f);
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
static void list_entry_name(struct ctlfolder *f, const char *id)
{
	struct object *o = ctlread_is_id(id) ? find_object(f, id) : NULL;
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

static void end_listing(struct ctlfolder *f)
{
	struct object *o, *next;

	closedir(f->listing);
	f->listing = NULL;
	HASH_ITER(hh, f->objects, o, next) {
		if (o->listing == f->listing_count)
			continue;
		if (o->told)
			f->ops->object(f->arg, f->name, o->id, NULL, 0);
		drop_object(f, o);
	}
}

static void go_on_listing(struct ctlfolder *f, int *budget)
{
	struct dirent *e = NULL;

	while (*budget > 0 && (e = readdir(f->listing))) {
		list_entry_name(f, e->d_name);
		(*budget)--;
	}
	if (!e && *budget > 0)
		end_listing(f);
}

/* ---- the daemon's own files --------------------------------------------- */

static void tell_status(struct ctlfolder *f)
{
	int64_t since_s;
	enum ctlread_status status = ctlread_status(f->dir_fd, &since_s);

	f->dirty &= ~DIRTY_STATUS;
	if (f->status_told && f->status == status)
		return;
	f->status_told = true;
	f->status = status;
	f->ops->status(f->arg, f->name, status, since_s);
}

static void tell_state(struct ctlfolder *f)
{
	struct ctlread_stamp stamp;
	struct snapshot s;
	int err = ctlread_snapshot(f->dir_fd, "state", &s, &stamp);

	f->dirty &= ~DIRTY_STATE;
	if (!err) {
		f->ops->state(f->arg, f->name, &s, stamp.mtime_ns);
		snapshot_release(&s);
	} else if (f->state_told) {
		f->ops->state(f->arg, f->name, NULL, 0);
	}
	f->state_told = !err;
}

static void tell_counters(struct ctlfolder *f)
{
	char none[] = "";
	struct buf b;
	int err;

	f->dirty &= ~DIRTY_COUNTERS;
	buf_init(&b, CTLREAD_COUNTERS_MAX);
	err = ctlread_file(f->dir_fd, "counters", &b, NULL);
	if (!err && b.len)
		f->ops->counters(f->arg, f->name, (char *)b.data);
	else if (f->counters_told)
		f->ops->counters(f->arg, f->name, none);
	f->counters_told = !err && b.len;
	buf_release(&b);
}

/* "epoch.seq ..." says which lines have been told already. */
static void tell_event(struct ctlfolder *f, const char *line)
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
	f->ops->event(f->arg, f->name, line);
}

static void tell_events(struct ctlfolder *f)
{
	struct buf *b = &f->events_part;
	char *line = (char *)b->data, *end;

	while (line &&
	       (end = memchr(line, '\n',
			     b->len - (size_t)(line - (char *)b->data)))) {
		*end = '\0';
		if (strlen(line) < CTLDIR_EVENT_LINE)
			tell_event(f, line);
		line = end + 1;
	}
	if (line)
		buf_consume(b, (size_t)(line - (char *)b->data));
	/* A line without an end is none. */
	if (b->len > CTLDIR_EVENT_LINE)
		buf_clear(b);
}

static void open_events(struct ctlfolder *f)
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
static void read_events(struct ctlfolder *f)
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
	tell_events(f);
	if (n == EVENTS_CHUNK)
		f->dirty |= DIRTY_EVENTS;
}

/* ---- life --------------------------------------------------------------- */

void ctlfolder_free(struct ctlfolder *f)
{
	if (!f)
		return;
	close_objects(f, false);
	if (f->wd >= 0)
		inotify_rm_watch(f->inotify_fd, f->wd);
	if (f->events_fd >= 0)
		close(f->events_fd);
	if (f->dir_fd >= 0)
		close(f->dir_fd);
	buf_release(&f->events_part);
	free(f->path);
	free(f->name);
	free(f);
}

static int fill(struct ctlfolder *f, const char *top, const char *name)
{
	f->name = strdup(name);
	if (!f->name || asprintf(&f->path, "%s/%s", top, name) < 0) {
		f->path = NULL;
		return -ENOMEM;
	}
	f->wd = inotify_add_watch(f->inotify_fd, f->path, FOLDER_MASK);
	f->dir_fd = ctlread_open(AT_FDCWD, f->path);
	return f->wd < 0 || f->dir_fd < 0 ? -EIO : 0;
}

int ctlfolder_new(int inotify_fd, const char *top, const char *name,
		  const struct ctlwatch_ops *ops, void *arg,
		  struct ctlfolder **ret)
{
	struct ctlfolder *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return -ENOMEM;
	f->inotify_fd = inotify_fd;
	f->ops = ops;
	f->arg = arg;
	f->kind = ctlread_kind(name);
	f->dir_fd = f->object_fd = f->wd = f->object_wd = f->events_fd = -1;
	f->dirty = DIRTY_ALL;
	list_init(&f->dirty_objects);
	buf_init(&f->events_part, EVENTS_CHUNK + CTLDIR_EVENT_LINE);
	err = f->kind ? fill(f, top, name) : -EINVAL;
	if (err) {
		ctlfolder_free(f);
		return err;
	}
	*ret = f;
	return 0;
}

const char *ctlfolder_name(const struct ctlfolder *f)
{
	return f->name;
}

void ctlfolder_mark_all(struct ctlfolder *f)
{
	f->dirty = DIRTY_ALL;
}

void ctlfolder_mark_status(struct ctlfolder *f)
{
	f->dirty |= DIRTY_STATUS;
}

/* ---- changes, and the work that they make -------------------------------- */

static void on_own_change(struct ctlfolder *f, const struct inotify_event *e)
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
			close_objects(f, true);
		f->dirty |= DIRTY_OBJECTS;
	}
}

bool ctlfolder_on_change(struct ctlfolder *f, const struct inotify_event *e)
{
	if (e->wd == f->wd && e->len)
		on_own_change(f, e);
	else if (e->wd == f->object_wd && e->len)
		mark_object(f, e->name);
	return e->wd == f->wd || e->wd == f->object_wd;
}

void ctlfolder_work(struct ctlfolder *f, int *budget)
{
	struct list *it;

	if (f->dirty & DIRTY_STATE)
		tell_state(f);
	if (f->dirty & DIRTY_STATUS)
		tell_status(f);
	if (f->dirty & DIRTY_OBJECTS)
		begin_listing(f);
	if (f->listing)
		go_on_listing(f, budget);
	while (*budget > 0 && (it = list_first(&f->dirty_objects))) {
		tell_object(f, list_entry(it, struct object, dirty));
		(*budget)--;
	}
	if (f->dirty & DIRTY_COUNTERS)
		tell_counters(f);
	if (f->dirty & (DIRTY_EVENTS | DIRTY_EVENTS_FILE))
		read_events(f);
}

/* What failed for want of memory waits for the next tick. */
bool ctlfolder_has_work(const struct ctlfolder *f)
{
	return f->listing || !list_is_empty(&f->dirty_objects) ||
	       (f->dirty & ~DIRTY_OBJECTS);
}
