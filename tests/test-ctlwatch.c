/* SPDX-License-Identifier: MIT */
#include "lib/ctlwatch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "lib/ctldir.h"
#include "lib/mono.h"
#include "lib/str.h"
#include "tests/tempdir.h"
#include "tests/unit.h"

/* What the watcher has told, in the shape that the tests ask about. */
struct seen {
	char top[TEMPDIR_MAX], path[TEMPDIR_MAX + 16];
	struct loop *loop;
	struct ctlwatch *watch;
	int folders, objects, told, events, settled;
	enum ctlread_status status;
	char state[64], value[64], counters[64], event[128];
	bool is_there[1024]; /* objects by number; others are 1023 */
};

static void on_folder(void *arg, const char *folder, bool exists)
{
	struct seen *s = arg;

	s->folders += exists ? 1 : -1;
	if (exists)
		return;
	s->objects = 0;
	memset(s->is_there, 0, sizeof(s->is_there));
}

static void on_status(void *arg, const char *folder, enum ctlread_status status,
		      int64_t since_s)
{
	((struct seen *)arg)->status = status;
}

static void copy_value(char dst[64], const struct snapshot *s, const char *key)
{
	const char *value = s ? snapshot_get(s, key) : NULL;

	str_copy(dst, value ? value : "", 64);
}

static void on_state(void *arg, const char *folder, const struct snapshot *s,
		     int64_t mtime_ns)
{
	copy_value(((struct seen *)arg)->state, s, "state");
}

static void on_object(void *arg, const char *folder, const char *id,
		      const struct snapshot *s, int64_t mtime_ns)
{
	struct seen *seen = arg;

	size_t i = *id >= '0' && *id <= '9' ? (size_t)atoi(id) % 1023 : 1023;

	seen->told++;
	seen->objects += (s != NULL) - seen->is_there[i];
	seen->is_there[i] = s != NULL;
	if (s && !strcmp(id, "17"))
		copy_value(seen->value, s, "state");
}

static void on_counters(void *arg, const char *folder, char *text)
{
	str_copy(((struct seen *)arg)->counters, text, 64);
}

static void on_event(void *arg, const char *folder, const char *line)
{
	struct seen *s = arg;

	s->events++;
	str_copy(s->event, line, sizeof(s->event));
}

static void on_settled(void *arg)
{
	((struct seen *)arg)->settled++;
}

static const struct ctlwatch_ops ops = {
	.folder = on_folder,
	.status = on_status,
	.state = on_state,
	.object = on_object,
	.counters = on_counters,
	.event = on_event,
	.settled = on_settled,
};

static int start(struct seen *s)
{
	int err;

	*s = (struct seen){ 0 };
	err = tempdir_make(s->top);
	if (err)
		return err;
	snprintf(s->path, sizeof(s->path), "%s/uploader", s->top);
	err = loop_new(&s->loop);
	if (!err)
		err = ctlwatch_new(s->loop, s->top, &ops, s, &s->watch);
	return err;
}

static void stop(struct seen *s)
{
	ctlwatch_free(s->watch);
	loop_free(s->loop);
	tempdir_remove(s->top);
}

static void turn(struct seen *s)
{
	if (event_base_loop(loop_base(s->loop), EVLOOP_ONCE) < 0)
		abort();
}

/* Turns the loop until the condition holds, ten seconds at most. */
#define UNTIL(s, cond)                                                         \
	do {                                                                   \
		uint64_t until_ms = mono_ms() + 10000;                         \
		while (!(cond) && mono_ms() < until_ms)                        \
			turn(s);                                               \
		CHECK(cond);                                                   \
	} while (0)

static int put(struct ctldir *d, const char *id, const char *value)
{
	struct snapshot_writer w;
	struct buf b;
	int err;

	buf_init(&b, SNAPSHOT_MAX);
	snapshot_begin(&w, &b);
	snapshot_add(&w, "state", value);
	err = w.err;
	if (!err)
		err = id ? ctldir_put_object(d, id, &b)
			 : ctldir_put(d, "state", &b);
	buf_release(&b);
	return err;
}

static int put_counters(struct ctldir *d, const char *text)
{
	struct buf b;
	int err;

	buf_init(&b, 4096);
	err = buf_add_str(&b, text);
	if (!err)
		err = ctldir_put(d, "counters", &b);
	buf_release(&b);
	return err;
}

static int test_follow(void)
{
	struct ctldir *d = NULL;
	struct seen s;
	int err;

	CHECK_OK(start(&s));
	UNTIL(&s, s.settled);
	CHECK_EQ(s.folders, 0);
	CHECK_OK(ctldir_open(s.path, "jobs", &d, NULL));
	CHECK_OK(put(d, NULL, "running"));
	UNTIL(&s, s.folders == 1 && s.status == CTLREAD_RUNNING);
	UNTIL(&s, !strcmp(s.state, "running"));
	CHECK_OK(put(d, "17", "queued"));
	UNTIL(&s, !strcmp(s.value, "queued"));
	CHECK_OK(put(d, "17", "uploading"));
	CHECK_OK(put_counters(d, "17 1 2 3\n"));
	CHECK_OK(ctldir_event(d, "17 uploading"));
	UNTIL(&s,
	      !strcmp(s.value, "uploading") && s.events == 1 && *s.counters);
	CHECK_STR(s.counters, "17 1 2 3\n");
	CHECK(strstr(s.event, " 17 uploading"));
	CHECK_EQ(s.objects, 1);
	CHECK_OK(ctldir_remove_object(d, "17"));
	UNTIL(&s, s.objects == 0);
	ctldir_close(d);
	d = NULL;
	UNTIL(&s, s.status == CTLREAD_STOPPED);
	CHECK_OK(ctldir_open(s.path, "jobs", &d, NULL));
	UNTIL(&s, s.status == CTLREAD_RUNNING);
	CHECK_OK(ctldir_event(d, "again"));
	UNTIL(&s, s.events == 2);
	CHECK_EQ(s.settled, 1);
	err = 0;
out:
	ctldir_close(d);
	stop(&s);
	return err;
}

static int test_start(void)
{
	struct ctldir *d = NULL;
	struct seen s;
	char id[16];
	int err;

	CHECK_OK(start(&s));
	CHECK_OK(ctldir_open(s.path, "jobs", &d, NULL));
	for (int i = 0; i < 1000; i++) {
		snprintf(id, sizeof(id), "%d", i);
		CHECK_OK(put(d, id, "ready"));
		CHECK_OK(ctldir_event(d, "number %d", i));
	}
	UNTIL(&s, s.settled);
	CHECK_EQ(s.objects, 1000);
	CHECK_EQ(s.events, 1000);
	CHECK(strstr(s.event, "number 999"));
	/* Trimming shows no line twice and loses none. */
	for (int i = 1000; i < 13000; i++)
		CHECK_OK(ctldir_event(d, "number %d %070d", i, i));
	UNTIL(&s, strstr(s.event, "number 12999 "));
	CHECK(s.events <= 13000);
	err = 0;
out:
	ctldir_close(d);
	stop(&s);
	return err;
}

static int write_file(const struct seen *s, const char *name, const char *text)
{
	char path[TEMPDIR_MAX + 100], beside[TEMPDIR_MAX + 100];
	FILE *f;

	snprintf(beside, sizeof(beside), "%s/jobs/.x", s->path);
	snprintf(path, sizeof(path), "%s/jobs/%s", s->path, name);
	f = fopen(beside, "we");
	if (!f)
		return -errno;
	fputs(text, f);
	fclose(f);
	return rename(beside, path) ? -errno : 0;
}

static int test_hostile(void)
{
	static const char good[] = "format=1\nstate=good\n";
	char path[TEMPDIR_MAX + 100], big[SNAPSHOT_MAX * 2];
	struct ctldir *d = NULL;
	struct seen s;
	int err;

	CHECK_OK(start(&s));
	CHECK_OK(ctldir_open(s.path, "jobs", &d, NULL));
	snprintf(path, sizeof(path), "%s/jobs/fifo", s.path);
	CHECK(!mkfifo(path, 0600));
	snprintf(path, sizeof(path), "%s/jobs/link", s.path);
	CHECK(!symlink("17", path));
	snprintf(path, sizeof(path), "%s/jobs/dir", s.path);
	CHECK(!mkdir(path, 0700));
	memset(big, 'x', sizeof(big));
	memcpy(big, "format=1\na=", 11);
	big[sizeof(big) - 1] = '\0';
	CHECK_OK(write_file(&s, "big", big));
	CHECK_OK(write_file(&s, "bad", "not a snapshot\n"));
	CHECK_OK(write_file(&s, "bad\nname", good));
	CHECK_OK(write_file(&s, "17", good));
	UNTIL(&s, s.settled);
	CHECK_EQ(s.objects, 1);
	CHECK_EQ(s.told, 1);
	/* What turns bad is gone. */
	CHECK_OK(write_file(&s, "17", "bad\n"));
	UNTIL(&s, s.objects == 0);
	CHECK_OK(write_file(&s, "17", good));
	UNTIL(&s, s.objects == 1);
	err = 0;
out:
	ctldir_close(d);
	stop(&s);
	return err;
}

/* More changes than the kernel's queue holds, with nobody reading it. */
static int test_overflow(void)
{
	struct ctldir *d = NULL;
	struct seen s;
	char id[16];
	int err;

	CHECK_OK(start(&s));
	CHECK_OK(ctldir_open(s.path, "jobs", &d, NULL));
	CHECK_OK(put(d, "gone", "ready"));
	UNTIL(&s, s.settled);
	CHECK_EQ(s.objects, 1);
	for (int i = 0; i < 20000; i++) {
		snprintf(id, sizeof(id), "%d", i % 300);
		CHECK_OK(put(d, id, i < 19700 ? "old" : "last"));
	}
	CHECK_OK(ctldir_remove_object(d, "gone"));
	UNTIL(&s, s.objects == 300 && !strcmp(s.value, "last"));
	err = 0;
out:
	ctldir_close(d);
	stop(&s);
	return err;
}

static int test_folders(void)
{
	struct ctldir *d = NULL, *other = NULL;
	char path[TEMPDIR_MAX + 100], moved[TEMPDIR_MAX + 16];
	struct seen s;
	int err;

	CHECK_OK(start(&s));
	CHECK_OK(ctldir_open(s.path, "jobs", &d, NULL));
	snprintf(path, sizeof(path), "%s/uploader@east", s.top);
	CHECK_OK(ctldir_open(path, "jobs", &other, NULL));
	snprintf(moved, sizeof(moved), "%s/nonsense", s.top);
	CHECK(!mkdir(moved, 0700));
	UNTIL(&s, s.folders == 2);
	CHECK_OK(put(d, "17", "queued"));
	UNTIL(&s, s.objects == 1);
	tempdir_remove(path);
	UNTIL(&s, s.folders == 1);
	/* The directory goes away as a whole and comes back. */
	snprintf(moved, sizeof(moved), "%s-moved", s.top);
	CHECK(!rename(s.top, moved));
	UNTIL(&s, s.folders == 0);
	CHECK(!rename(moved, s.top));
	UNTIL(&s, s.folders == 1 && s.told == 2);
	err = 0;
out:
	ctldir_close(d);
	ctldir_close(other);
	stop(&s);
	return err;
}

/* Short of memory it tells less for now, but neither breaks nor leaks. */
static int test_memory(void)
{
	struct ctldir *d = NULL;
	struct seen s;
	int err;

	CHECK_OK(start(&s));
	CHECK_OK(ctldir_open(s.path, "jobs", &d, NULL));
	CHECK_OK(put(d, "17", "queued"));
	CHECK_OK(put_counters(d, "17 1 2 3\n"));
	CHECK_OK(ctldir_event(d, "17 queued"));
	for (int i = 0; i < 4; i++)
		event_base_loop(loop_base(s.loop), EVLOOP_NONBLOCK);
	CHECK(unit_is_oom() || (s.objects == 1 && s.events == 1));
	err = 0;
out:
	ctldir_close(d);
	stop(&s);
	return err;
}

static const struct unit_test tests[] = {
	{ "a daemon is followed", test_follow, UNIT_NO_OOM },
	{ "what is there is told first", test_start, UNIT_NO_OOM },
	{ "what is no snapshot is not told", test_hostile, UNIT_NO_OOM },
	{ "an overflow loses nothing", test_overflow, UNIT_NO_OOM },
	{ "folders come and go", test_folders, UNIT_NO_OOM },
	{ "short of memory", test_memory, 0 },
};
UNIT_MAIN(tests)
