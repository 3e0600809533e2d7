/* SPDX-License-Identifier: MIT */
#include "fs/model.h"

#include <stdlib.h>

#include "fs/render.h"
#include "tests/unit.h"

static const int64_t now_ms = 1795559467000; /* 2026-11-24T22:31:07Z */

struct world {
	struct model *m;
	struct render *r;
};

static int start(struct world *w)
{
	int err = model_new(now_ms, &w->m);

	return err ? err : render_new(w->m, &w->r);
}

static void stop(struct world *w)
{
	render_free(w->r);
	model_free(w->m);
}

/* A snapshot of "key=value" lines. */
static int put(struct world *w, const char *folder, const char *id,
	       const char *lines, int64_t at_ms)
{
	char text[SNAPSHOT_MAX];
	struct snapshot s;
	int err;

	snprintf(text, sizeof(text), "format=1\n%s", lines);
	err = snapshot_parse(text, strlen(text), &s);
	if (err)
		return err;
	err = id ? model_set_object(w->m, folder, id, &s, at_ms)
		 : model_set_state(w->m, folder, &s, at_ms);
	snapshot_release(&s);
	return err;
}

/* The node at a path from the root; NULL if there is none. */
static struct node *walk(const struct world *w, const char *path)
{
	struct node *node = tree_root(w->m->tree);
	char copy[1024], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *p = strtok_r(copy, "/", &save); p && node;
	     p = strtok_r(NULL, "/", &save))
		node = tree_child(w->m->tree, node, p);
	return node;
}

static struct render_text said;

/* What the file at `path` says, or NULL. */
static const char *cat(const struct world *w, const char *path, int64_t at_ms)
{
	static char text[65536];
	char dir[1024];
	const char *file = strrchr(path, '/');
	struct node *node;
	int i;

	snprintf(dir, sizeof(dir), "%.*s", file ? (int)(file - path) : 0, path);
	node = walk(w, dir);
	i = node ? layout_find(node->layout, file ? file + 1 : path) : -1;
	if (i < 0 || render_file(w->r, node, (unsigned)i, at_ms, &said) ||
	    said.len >= sizeof(text))
		return NULL;
	memcpy(text, said.text, said.len);
	text[said.len] = '\0';
	return text;
}

static const char *target(const struct world *w, const char *path)
{
	struct node *node = walk(w, path);

	return node ? node->target : NULL;
}

/* In a round with a failing allocation a text may be missing. */
#define CHECK_CAT(w, path, want)                                               \
	do {                                                                   \
		const char *check_text = cat(w, path, now_ms);                 \
		if (!check_text && unit_is_oom()) {                            \
			err = -ENOMEM;                                         \
			goto out;                                              \
		}                                                              \
		CHECK_STR(check_text, want);                                   \
	} while (0)

static int test_recording(void)
{
	static const char folder[] = "uploader/recordings/spaces/s1/2026+0000";
	struct world w = { 0 };
	struct node *dir;
	char path[256];
	int err;

	CHECK_OK(start(&w));
	CHECK_OK(put(&w, "uploader", "17",
		     "state=uploading\npath=spaces/s1/2026+0000.mp4\n"
		     "title=One\\nline\nsize=1000\nbytes_sent=250\nrate=50\n"
		     "space_name=All Hands\nunknown_key=x\n",
		     now_ms));
	snprintf(path, sizeof(path), "%s/title", folder);
	CHECK_CAT(&w, path, "One?line\n");
	snprintf(path, sizeof(path), "%s/progress", folder);
	CHECK_CAT(&w, path, "25\n");
	snprintf(path, sizeof(path), "%s/eta", folder);
	CHECK_CAT(&w, path, "15\n");
	snprintf(path, sizeof(path), "%s/id", folder);
	CHECK_CAT(&w, path, "17\n");
	snprintf(path, sizeof(path), "%s/error", folder);
	CHECK_CAT(&w, path, "");
	CHECK_STR(target(&w, "uploader/by-state/uploading/17"),
		  "../../recordings/spaces/s1/2026+0000");
	CHECK_STR(target(&w, "uploader/by-space/All Hands/2026+0000"),
		  "../../recordings/spaces/s1/2026+0000");

	dir = walk(&w, folder);

	/*
	 * It is uploaded: marked on the share, another state, the same place.
	 */
	CHECK_OK(put(&w, "uploader", "17",
		     "state=ready\n"
		     "path=spaces/s1/2026+0000_vid-id=v@vbrick.mp4\n"
		     "size=1000\nbytes_sent=1000\n",
		     now_ms + 5000));
	CHECK(walk(&w, folder) == dir);
	CHECK(!walk(&w, "uploader/by-state/uploading/17"));
	CHECK(!walk(&w, "uploader/by-space/All Hands"));
	CHECK(walk(&w, "uploader/by-state/ready/17"));
	snprintf(path, sizeof(path), "%s/size", folder);
	CHECK_CAT(&w, path, "1000\n");
	CHECK_EQ(said.changed_ms, now_ms);
	snprintf(path, sizeof(path), "%s/state", folder);
	CHECK_CAT(&w, path, "ready\n");
	CHECK_EQ(said.changed_ms, now_ms + 5000);

	CHECK_OK(model_set_object(w.m, "uploader", "17", NULL, now_ms));
	CHECK(!walk(&w, "uploader/recordings/spaces"));
	CHECK(!walk(&w, "uploader/by-state/ready/17"));
	CHECK(walk(&w, "uploader/by-state/ready"));
	err = 0;
out:
	stop(&w);
	return err;
}

static int test_hostile(void)
{
	struct world w = { 0 };
	int err;

	CHECK_OK(start(&w));
	CHECK_OK(put(&w, "uploader", "1",
		     "state=../../x\npath=../../../etc/passwd\n"
		     "space_name=..\n",
		     now_ms));
	CHECK(walk(&w, "uploader/recordings/%2E%2E/%2E%2E/%2E%2E/etc/passwd"));
	CHECK(walk(&w, "uploader/by-state/..%2F..%2Fx/1"));
	CHECK(walk(&w, "uploader/by-space/%2E%2E/passwd"));
	/* One name twice, in a folder and in a space of two ids. */
	CHECK_OK(put(&w, "uploader", "2", "path=spaces/a/x.mp4\nspace_name=N\n",
		     now_ms));
	CHECK_OK(put(&w, "uploader", "3", "path=spaces/a/x.mp4\nspace_name=N\n",
		     now_ms));
	CHECK_OK(put(&w, "uploader", "4", "path=spaces/b/x.mp4\nspace_name=N\n",
		     now_ms));
	CHECK(walk(&w, "uploader/recordings/spaces/a/x"));
	CHECK(walk(&w, "uploader/recordings/spaces/a/x~3"));
	CHECK_STR(target(&w, "uploader/by-space/N/x~4"),
		  "../../recordings/spaces/b/x");
	CHECK(walk(&w, "uploader/by-space/N/x~3"));
	/* A folder where a recording is, and no path at all. */
	CHECK_OK(put(&w, "uploader", "5", "path=spaces/a/x/y.mp4\n", now_ms));
	CHECK(walk(&w, "uploader/recordings/spaces/a/x~folder/y"));
	CHECK_OK(put(&w, "uploader", "6", "state=queued\n", now_ms));
	CHECK(walk(&w, "uploader/recordings/6"));
	CHECK_OK(put(&w, "uploader", "7", "path=a//b/\n", now_ms));
	CHECK(walk(&w, "uploader/recordings/a/b/7"));
	CHECK_OK(put(&w, "uploader", "8", "path=1/2/3/4/5/6/7/8/9.mp4\n",
		     now_ms));
	CHECK(walk(&w, "uploader/recordings/1/2/3/4/5/6/7%2F8%2F9"));
	err = 0;
out:
	stop(&w);
	return err;
}

static int test_call(void)
{
	char table[] = "# id new_column bitrate lost\n7 x 2000000 3\n9 x 1 1\n",
	     plain[] = "7 60 30 1500000\n";
	struct world w = { 0 };
	int err;

	CHECK_OK(start(&w));
	CHECK_OK(put(&w, "streamer", "7",
		     "state=publishing\nspace=a@b\n"
		     "started=2026-11-24T22:30:07Z\n",
		     now_ms));
	CHECK_STR(target(&w, "streamer/by-state/publishing/7"),
		  "../../calls/7");
	CHECK_CAT(&w, "streamer/calls/7/duration", "60\n");
	CHECK_OK(model_set_counters(w.m, "streamer", table, now_ms + 1000));
	CHECK_CAT(&w, "streamer/calls/7/bitrate", "2000000\n");
	CHECK_EQ(said.changed_ms, now_ms + 1000);
	CHECK_CAT(&w, "streamer/calls/7/lost", "3\n");
	CHECK_CAT(&w, "streamer/calls/7/space", "a@b\n");
	CHECK_OK(model_set_counters(w.m, "streamer", plain, now_ms + 2000));
	CHECK_CAT(&w, "streamer/calls/7/bitrate", "1500000\n");
	CHECK_CAT(&w, "streamer/calls/7/fps", "30\n");
	CHECK_OK(model_set_error(w.m, "streamer", "7", "no", now_ms));
	CHECK_CAT(&w, "streamer/calls/7/error", "no\n");
	err = 0;
out:
	stop(&w);
	return err;
}

static int test_daemon(void)
{
	struct world w = { 0 };
	int err;

	CHECK_OK(start(&w));
	CHECK_CAT(&w, "uploader/state", "stopped\n");
	CHECK_CAT(&w, "uploader/why", "it has never run here\n");
	CHECK_OK(put(&w, "uploader", NULL,
		     "state=running\nwhy=all is well\nwaiting=3\n"
		     "started=2026-11-24T22:31:00Z\n",
		     now_ms));
	model_set_status(w.m, "uploader", CTLREAD_RUNNING, 1795559467, now_ms);
	CHECK_CAT(&w, "uploader/state", "running\n");
	CHECK_CAT(&w, "uploader/why", "all is well\n");
	CHECK_CAT(&w, "uploader/uptime", "7\n");
	CHECK_CAT(&w, "uploader/started", "2026-11-24T22:31:00Z\n");
	CHECK_CAT(&w, "uploader/waiting", "3\n");
	CHECK_CAT(&w, "uploader/ctl", "");
	model_set_status(w.m, "uploader", CTLREAD_HANGING, 1795559467,
			 now_ms + 9);
	CHECK_CAT(&w, "uploader/state", "hanging\n");
	CHECK_EQ(said.changed_ms, now_ms + 9);
	CHECK_CAT(&w, "uploader/why",
		  "not answering since 2026-11-24T22:31:07Z\n");
	model_set_status(w.m, "uploader", CTLREAD_STOPPED, 1795559467, now_ms);
	CHECK_CAT(&w, "uploader/why", "stopped since 2026-11-24T22:31:07Z\n");
	CHECK_CAT(&w, "uploader/uptime", "");
	err = 0;
out:
	stop(&w);
	return err;
}

static int test_instances(void)
{
	struct world w = { 0 };
	int err;

	CHECK_OK(start(&w));
	CHECK_OK(model_set_folder(w.m, "uploader@east", true, now_ms));
	CHECK_OK(model_set_folder(w.m, "uploader@east", true, now_ms));
	CHECK_OK(put(&w, "uploader@east", "1", "path=a/b.mp4\n", now_ms));
	CHECK_OK(put(&w, "uploader", "1", "path=a/b.mp4\nstate=failed\n",
		     now_ms));
	CHECK(walk(&w, "uploader@east/recordings/a/b"));
	CHECK_OK(model_set_folder(w.m, "uploader@east", false, now_ms));
	CHECK(!walk(&w, "uploader@east"));
	CHECK_OK(model_set_folder(w.m, "uploader", false, now_ms));
	CHECK(walk(&w, "uploader/by-state/failed"));
	CHECK(!walk(&w, "uploader/by-state/failed/1"));
	CHECK_OK(put(&w, "nobody", "1", "path=a/b.mp4\n", now_ms));
	err = 0;
out:
	stop(&w);
	return err;
}

static int test_root(void)
{
	struct world w = { 0 };
	const char *text;
	int err;

	CHECK_OK(start(&w));
	CHECK_OK(put(&w, "uploader", "1",
		     "state=uploading\npath=a/b.mp4\nsize=10\nbytes_sent=4\n"
		     "rate=2\nmodified=2026-11-24T22:00:00Z\ntitle=<b>\n",
		     now_ms));
	text = cat(&w, "summary", now_ms);
	CHECK_ALLOC(text);
	CHECK(strstr(text, "\nuploader stopped\n"));
	CHECK(strstr(text, "\nuploader.uploading 1\n"));
	CHECK(strstr(text, "\nuploader.bytes_per_second 2\n"));
	text = cat(&w, "metrics", now_ms);
	CHECK_ALLOC(text);
	CHECK(strstr(text, "upcast_recordings{daemon=\"uploader\","
			   "state=\"uploading\"} 1\n"));
	CHECK(strstr(text, "upcast_upload_bytes_left{daemon=\"uploader\"} 6"));
	text = cat(&w, "recordings.tsv", now_ms);
	CHECK_ALLOC(text);
	CHECK(strstr(text, "\nuploader\t1\tuploading\t<b>\t\ta/b.mp4\t10\t"));
	/* What failed is not done, and waits where it is tried again. */
	CHECK_OK(put(&w, "uploader", "2",
		     "state=failed\npath=c.mp4\nseen=2026-11-24T22:00:00Z\n"
		     "done=2026-11-24T22:10:00Z\n",
		     now_ms));
	CHECK_OK(put(&w, "uploader", "3",
		     "state=ready\npath=d.mp4\nseen=2026-11-24T22:00:00Z\n"
		     "done=2026-11-24T22:10:00Z\n",
		     now_ms));
	CHECK_OK(put(&w, "uploader", "4",
		     "state=queued\npath=e.mp4\nseen=2026-11-24T22:00:00Z\n"
		     "done=2026-11-24T22:10:00Z\n",
		     now_ms));
	text = cat(&w, "queue.svg", now_ms);
	CHECK_ALLOC(text);
	CHECK(strstr(text, ">2 waiting<"));
	CHECK(strstr(text, ">1 done in 24 h<"));
	CHECK(!strstr(text, "<b>"));
	text = cat(&w, "README", now_ms);
	CHECK_ALLOC(text);
	CHECK(strstr(text, "playback_url"));
	CHECK_CAT(&w, "version", UPCAST_VERSION "\n");
	CHECK(cat(&w, "index.html", now_ms) || unit_is_oom());
	err = 0;
out:
	stop(&w);
	return err;
}

static int test_times(void)
{
	int err = 0;

	CHECK_EQ(render_parse_time("1970-01-01T00:00:00Z"), 0);
	CHECK_EQ(render_parse_time("2026-11-24T22:31:07Z"), 1795559467);
	CHECK_EQ(render_parse_time("2024-02-29T12:00:00Z"), 1709208000);
	CHECK_EQ(render_parse_time("2024-02-29T12:00:00"), 0);
	CHECK_EQ(render_parse_time(""), 0);
	CHECK_EQ(render_parse_time("2024-0a-29T12:00:00Z"), 0);
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "a recording and its places", test_recording, 0 },
	{ "hostile names stay inside", test_hostile, 0 },
	{ "a call and its counters", test_call, 0 },
	{ "a daemon that runs, hangs, is stopped", test_daemon, 0 },
	{ "instances", test_instances, 0 },
	{ "the files of the root", test_root, 0 },
	{ "times are read", test_times, 0 },
};
UNIT_MAIN(tests)
