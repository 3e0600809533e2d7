/* SPDX-License-Identifier: MIT */
#include "tests/share.h"

#include "lib/str.h"
#include "tests/unit.h"
#include "uploader/source_ops.h"

enum {
	PATIENCE_MS = 20000, /* then something is broken */
	START_TRIES = 3,
};

struct share share;

/* libnfs loses a name of 28 bytes with each context. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:nfs4_set_client_name\n";
}

/* ---- waiting ------------------------------------------------------------- */

static void on_patience(struct loop_timer *timer)
{
	share.is_late = true;
	loop_stop(share.loop);
}

/* Runs the loop until `done` says so; false: in vain. */
bool share_wait(share_done_fn *done)
{
	share.is_late = false;
	loop_timer_start(&share.patience, PATIENCE_MS);
	while (!done() && !share.is_late)
		if (loop_run(share.loop))
			break;
	loop_timer_stop(&share.patience);
	return done();
}

bool share_is_ready(void)
{
	return share.status.state == SOURCE_READY;
}

bool share_is_down(void)
{
	return share.status.state == SOURCE_DOWN;
}

static bool is_answered(void)
{
	return share.last.is_there;
}

static void on_changed(void *arg, const char *path)
{
	share.changes++;
	if (path)
		str_copy(share.hint, path, sizeof(share.hint));
	if (share.source)
		source_get_status(share.source, &share.status);
	loop_stop(share.loop);
}

static void on_answer(void *arg, const struct source_result *r)
{
	char *at = share.last.names, *end = at + sizeof(share.last.names);

	share.last.is_there = true;
	share.last.err = r->err;
	str_copy(share.last.why, r->why.text, sizeof(share.last.why));
	share.last.attr = r->attr;
	share.last.file = r->file;
	share.last.buffer = r->buffer;
	share.last.length = r->length;
	share.last.entry_count = r->entry_count;
	*at = '\0';
	for (size_t i = 0; i < r->entry_count && at < end - 300; i++)
		at += snprintf(at, (size_t)(end - at), "%s%s ",
			       r->entries[i].name,
			       r->entries[i].attr.is_dir    ? "/"
			       : r->entries[i].attr.is_file ? ""
							    : "@");
	loop_stop(share.loop);
}

/* Waits for the answer of what has just been started. */
static int answer(int started)
{
	if (started)
		return started;
	return share_wait(is_answered) ? share.last.err : -ETIME;
}

static void ask(void)
{
	free(share.last.buffer);
	memset(&share.last, 0, sizeof(share.last));
}

int share_list(const char *dir)
{
	ask();
	return answer(source_list(share.source, dir, on_answer, NULL, NULL));
}

int share_stat(const char *path)
{
	ask();
	return answer(source_stat(share.source, path, on_answer, NULL, NULL));
}

int share_open(const char *path)
{
	ask();
	return answer(
		source_open_file(share.source, path, on_answer, NULL, NULL));
}

int share_rename(const char *from, const char *to)
{
	ask();
	return answer(
		source_rename(share.source, from, to, on_answer, NULL, NULL));
}

int share_remove(const char *path)
{
	ask();
	return answer(source_remove(share.source, path, on_answer, NULL, NULL));
}

int share_pread(struct source_file *file, uint64_t offset, size_t n)
{
	uint8_t *buffer = malloc(n);

	ask();
	return answer(
		source_pread(file, offset, buffer, n, on_answer, NULL, NULL));
}

int share_fstat(struct source_file *file)
{
	ask();
	return answer(source_fstat(file, on_answer, NULL, NULL));
}

/* ---- the share ----------------------------------------------------------- */

const char *share_path(const char *path)
{
	static char text[2048];

	snprintf(text, sizeof(text), "%s/%s", share.dir, path);
	return text;
}

int share_put(const char *path, const char *content)
{
	FILE *f = fopen(share_path(path), "w");

	if (!f)
		return -errno;
	fputs(content, f);
	return fclose(f) ? -errno : 0;
}

bool share_holds(const char *path, const char *content)
{
	char text[256] = "";
	FILE *f = fopen(share_path(path), "r");

	if (!f)
		return false;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	return !strcmp(text, content);
}

int share_open_source(enum kind kind, struct source **ret)
{
	struct source_nfs_config config = {
		.host = share.host ? share.host : "localhost",
		.directory = share.export ? share.export : "rec",
		.uid = share.uid,
		.gid = share.uid,
		.list_bytes_max = share.list_bytes_max,
		.version = kind == NFS3 ? 3 : 4,
		.nfs_port = share.server.ports[0],
		.mount_port = share.server.ports[1],
		.timeout_ms = TIMEOUT_MS,
		.lease_ms = LEASE_S * 1000,
	};
	struct err err = { 0 };
	int rc;

	if (kind == LOCAL)
		rc = source_local_open(share.loop, share.dir, on_changed, NULL,
				       ret, &err);
	else
		rc = source_nfs_open(share.loop, &config, on_changed, NULL, ret,
				     &err);
	if (rc)
		printf("# %s\n", err.text);
	return rc;
}

int share_begin(enum kind kind)
{
	int err;

	memset(&share, 0, sizeof(share));
	share.kind = kind;
	err = ganesha_init(&share.server);
	share.server.lease_s = LEASE_S;
	share.dir = share.server.export;
	err = err ? err : loop_new(&share.loop);
	if (err)
		return err;
	return loop_timer_init(&share.patience, share.loop, on_patience);
}

static int start_server(void)
{
	int err = share.kind == LOCAL ? 0 : ganesha_start(&share.server);

	for (int tries = 0; err == -ECHILD && tries < START_TRIES; tries++) {
		err = ganesha_find_ports(&share.server);
		if (!err)
			err = ganesha_start(&share.server);
	}
	return err;
}

int share_attach(void)
{
	int err = share_open_source(share.kind, &share.source);

	if (err)
		return err;
	source_get_status(share.source, &share.status);
	return share_wait(share_is_ready) ? 0 : -ETIME;
}

void share_end(void)
{
	source_close(share.source);
	loop_timer_release(&share.patience);
	loop_free(share.loop);
	ganesha_release(&share.server);
	ask();
}

/* One test on one kind of share; skipped where there is no server. */
int share_run(enum kind kind, int (*test)(void))
{
	int err;

	if (kind != LOCAL && !ganesha_is_there()) {
		printf("# SKIP no nfs-ganesha, or not root\n");
		return 0;
	}
	err = share_begin(kind);
	err = err ? err : start_server();
	err = err ? err : share_attach();
	if (err)
		unit_report(__FILE__, __LINE__, "no share: %d %s", err,
			    share.status.why);
	else
		err = test();
	share_end();
	return err;
}

/* ---- big files ------------------------------------------------------- */

static uint8_t pattern(uint64_t i)
{
	return (uint8_t)(i ^ i >> 8 ^ i >> 16);
}

int share_put_big(const char *path, size_t size)
{
	uint8_t *bytes = malloc(size);
	FILE *f = fopen(share_path(path), "w");
	size_t n = 0;

	for (size_t i = 0; bytes && i < size; i++)
		bytes[i] = pattern(i);
	if (f && bytes)
		n = fwrite(bytes, 1, size, f);
	free(bytes);
	if (!f || fclose(f) || n != size)
		return -EIO;
	return 0;
}

static bool is_woken;

static bool is_awake(void)
{
	return is_woken;
}

void share_on_ready(void *arg)
{
	is_woken = true;
	loop_stop(share.loop);
}

/* Reads on to `size`; checks every byte. */
int share_read_to(struct reader *r, uint64_t *at, uint64_t size)
{
	static uint8_t piece[60000];

	while (*at < size) {
		ptrdiff_t n;

		is_woken = false;
		n = reader_read(r, piece, sizeof(piece));
		if (n == -EAGAIN && !share_wait(is_awake))
			return -ETIME;
		if (n == -EAGAIN)
			continue;
		if (n <= 0)
			return n ? (int)n : -ENODATA;
		for (ptrdiff_t i = 0; i < n; i++)
			if (piece[i] != pattern((*at)++))
				return -EBADMSG;
	}
	return 0;
}
