/* SPDX-License-Identifier: MIT */
/*
 * The NFS source in trouble: a server that dies, hangs, forgets, refuses.
 */
#include "uploader/source.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/mono.h"
#include "tests/share.h"
#include "tests/unit.h"
#include <sys/resource.h>

static int restart_server(void)
{
	ganesha_stop(&share.server);
	return ganesha_start(&share.server);
}

static double cpu_s(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static uint64_t wake_ms;

static bool is_time(void)
{
	return mono_ms() >= wake_ms;
}

static void on_alarm(struct loop_timer *timer)
{
	loop_stop(share.loop);
}

/* Lets the loop run, as a daemon that waits does. */
static int idle(uint64_t ms)
{
	struct loop_timer alarm = { 0 };
	int err = loop_timer_init(&alarm, share.loop, on_alarm);

	if (err)
		return err;
	wake_ms = mono_ms() + ms;
	loop_timer_start(&alarm, ms + 1);
	err = share_wait(is_time) ? 0 : -ETIME;
	loop_timer_release(&alarm);
	return err;
}

/* The server dies in mid-read; comes back; everything goes on anew. */
static int test_killed(void)
{
	enum { SIZE = 20 * SOURCE_READ_MAX };
	struct reader *r = NULL;
	uint64_t at = 0;
	double cpu;
	int err;

	CHECK_OK(share_put_big("big.mp4", SIZE));
	CHECK_OK(share_open("big.mp4"));
	CHECK_OK(reader_new(share.loop, share.last.file, SIZE, 4,
			    share_on_ready, NULL, &r));
	CHECK_OK(share_read_to(r, &at, 3 * SOURCE_READ_MAX));
	ganesha_stop(&share.server);
	CHECK_EQ(share_read_to(r, &at, SIZE), -ENOTCONN);
	CHECK(*reader_why(r)->text);
	reader_free(r);
	r = NULL;
	CHECK(share_wait(share_is_down));
	if (!strstr(share.status.why, "nothing listens"))
		printf("# %s\n", share.status.why);
	CHECK(strstr(share.status.why, "nothing listens"));
	CHECK(share.status.next_try_s > 0);
	CHECK_EQ(share_list(""), -ENOTCONN);
	cpu = cpu_s();
	CHECK_OK(idle(2000));
	CHECK(cpu_s() - cpu < 0.1);
	CHECK_OK(ganesha_start(&share.server));
	CHECK(share_wait(share_is_ready));
	CHECK_OK(share_open("big.mp4"));
	at = 0;
	CHECK_OK(reader_new(share.loop, share.last.file, SIZE, 4,
			    share_on_ready, NULL, &r));
	CHECK_OK(share_read_to(r, &at, SIZE));
	err = 0;
out:
	reader_free(r);
	return err;
}

/* A restart between two requests: the open file is lost, the source is not. */
static int test_restarted(void)
{
	struct source_file *file = NULL;
	int err;

	CHECK_OK(share_put("a.mp4", "hello"));
	CHECK_OK(share_open("a.mp4"));
	file = share.last.file;
	CHECK_OK(restart_server());
	CHECK_EQ(share_pread(file, 0, 5), -ENOTCONN);
	CHECK_EQ(share_fstat(file), -ENOTCONN);
	source_close_file(file);
	file = NULL;
	CHECK(share_wait(share_is_ready));
	CHECK_OK(share_open("a.mp4"));
	file = share.last.file;
	CHECK_OK(share_pread(file, 0, 5));
	CHECK_EQ(share.last.length, 5);
	err = 0;
out:
	source_close_file(file);
	return err;
}

/* It hangs: what is asked ends in time, and at no cost. */
static int test_silent(void)
{
	struct source_file *file = NULL;
	uint64_t begun;
	double cpu = cpu_s();
	int err;

	CHECK_OK(share_put("a.mp4", "hello"));
	CHECK_OK(share_open("a.mp4"));
	file = share.last.file;
	ganesha_pause(&share.server, true);
	begun = mono_ms();
	CHECK_EQ(share_pread(file, 0, 5), -ENOTCONN);
	CHECK(mono_ms() - begun >= TIMEOUT_MS);
	CHECK(mono_ms() - begun < 3 * TIMEOUT_MS);
	CHECK(strstr(share.last.why, "did not answer"));
	source_close_file(file);
	file = NULL;
	CHECK(share_wait(share_is_down));
	CHECK(cpu_s() - cpu < 0.2);
	ganesha_pause(&share.server, false);
	CHECK(share_wait(share_is_ready));
	CHECK_OK(share_list(""));
	err = 0;
out:
	ganesha_pause(&share.server, false);
	source_close_file(file);
	return err;
}

/* Its names are long: the server's answer must be found behind them. */
static int test_read_only(void)
{
	char name[220];
	int err;

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';

	CHECK_OK(share_put("a.mp4", "hello"));
	share.server.read_only = true;
	CHECK_OK(restart_server());
	share_list("");
	CHECK(share_wait(share_is_ready));
	CHECK_OK(share_list(""));
	CHECK_EQ(share_rename("a.mp4", name), -EROFS);
	CHECK_EQ(share_remove("a.mp4"), -EROFS);
	CHECK_OK(share_open("a.mp4"));
	source_close_file(share.last.file);
	CHECK(share_holds("a.mp4", "hello"));
	err = 0;
out:
	return err;
}

/* Longer than the lease, with a file open and without one. */
static int test_idle(void)
{
	struct source_file *file = NULL, *other = NULL;
	int changes, err;

	CHECK_OK(share_put("a.mp4", "hello"));
	CHECK_OK(share_put("b.mp4", "world"));
	CHECK_OK(share_open("a.mp4"));
	file = share.last.file;
	changes = share.changes;
	CHECK_OK(idle(LEASE_S * 2000));
	err = share_pread(file, 0, 5);
	if (err)
		printf("# %s; %d changes\n", share.last.why,
		       share.changes - changes);
	CHECK_OK(err);
	CHECK_EQ(share.last.length, 5);
	source_close_file(file);
	file = NULL;
	CHECK_OK(idle(LEASE_S * 2000));
	CHECK_OK(share_open("b.mp4"));
	file = share.last.file;
	CHECK_OK(share_open("a.mp4"));
	other = share.last.file;
	CHECK_OK(share_pread(file, 0, 5));
	CHECK(!memcmp(share.last.buffer, "world", 5));
	CHECK_OK(share_list(""));
	CHECK_EQ(share.changes, changes);
	err = 0;
out:
	source_close_file(file);
	source_close_file(other);
	return err;
}

/* Files that may not be read, among others that may. */
static int test_denied(void)
{
	struct source_file *file[6] = { NULL };
	char name[64];
	int err;

	CHECK_OK(chmod(share.dir, 0777));
	source_close(share.source);
	share.source = NULL;
	share.status.state = SOURCE_CONNECTING;
	share.uid = 1000;
	CHECK_OK(share_attach());
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "%d.mp4", i);
		CHECK_OK(share_put(name, name));
		if (i % 2)
			CHECK_OK(chmod(share_path(name), 0600));
	}
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "%d.mp4", i);
		CHECK_EQ(share_open(name), i % 2 ? -EACCES : 0);
		file[i] = share.last.file;
	}
	for (int i = 0; i < 6; i += 2) {
		snprintf(name, sizeof(name), "%d.mp4", i);
		CHECK_OK(share_pread(file[i], 0, 5));
		CHECK(!memcmp(share.last.buffer, name, 5));
	}
	err = 0;
out:
	for (int i = 0; i < 6; i++)
		source_close_file(file[i]);
	return err;
}

/* The server dies while opens and closes wait for their turn. */
static struct {
	struct source_file *file[40];
	size_t count;
} opened;

static void on_opened(void *arg, const struct source_result *r)
{
	opened.file[opened.count++] = r->file;
	loop_stop(share.loop);
}

static bool is_one_opened(void)
{
	return opened.count > 0;
}

static bool are_all_answered(void)
{
	return opened.count == ARRAY_SIZE(opened.file);
}

static int test_killed_opening(void)
{
	char name[64];
	int err;

	memset(&opened, 0, sizeof(opened));
	for (size_t i = 0; i < ARRAY_SIZE(opened.file); i++) {
		snprintf(name, sizeof(name), "%zu.mp4", i);
		CHECK_OK(share_put(name, name));
	}
	for (size_t i = 0; i < ARRAY_SIZE(opened.file); i++) {
		snprintf(name, sizeof(name), "%zu.mp4", i);
		CHECK_OK(source_open_file(share.source, name, on_opened, NULL,
					  NULL));
	}
	CHECK(share_wait(is_one_opened));
	ganesha_stop(&share.server);
	source_close_file(opened.file[0]);
	opened.file[0] = NULL;
	CHECK(share_wait(are_all_answered));
	CHECK_OK(ganesha_start(&share.server));
	CHECK(share_wait(share_is_ready));
	CHECK_OK(share_open("0.mp4"));
	source_close_file(share.last.file);
	err = 0;
out:
	for (size_t i = 0; i < ARRAY_SIZE(opened.file); i++)
		source_close_file(opened.file[i]);
	return err;
}

/* A folder without end costs one session; after that it is left alone. */
static int test_endless(void)
{
	char name[64];
	int changes, err;

	CHECK_OK(mkdir(share_path("endless"), 0755));
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "endless/%d.mp4", i);
		CHECK_OK(share_put(name, ""));
	}
	source_close(share.source);
	share.source = NULL;
	share.status.state = SOURCE_CONNECTING;
	share.list_bytes_max = 100000;
	CHECK_OK(share_attach());
	CHECK_EQ(share_list("endless"), -EIO);
	CHECK(strstr(share.last.why, "too many names"));
	CHECK(share_wait(share_is_ready));
	changes = share.changes;
	CHECK_OK(share_list(""));
	CHECK_STR(share.last.names, "endless/ ");
	CHECK_EQ(share_list("endless"), -EIO);
	CHECK_OK(share_stat("endless/7.mp4"));
	CHECK_EQ(share.changes, changes);
	err = 0;
out:
	return err;
}

/* What the host removes while it is open; ganesha keeps it readable. */
static int test_removed(void)
{
	struct source_file *file = NULL;
	int err;

	CHECK_OK(share_put("a.mp4", "hello"));
	CHECK_OK(share_open("a.mp4"));
	file = share.last.file;
	CHECK_OK(unlink(share_path("a.mp4")));
	err = share_pread(file, 0, 5);
	CHECK(!err || err == -ESTALE);
	CHECK_EQ(share_open("a.mp4"), -ENOENT);
	CHECK_OK(share_list(""));
	CHECK_EQ(share.last.entry_count, 0);
	err = 0;
out:
	source_close_file(file);
	return err;
}

static int listen_at(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (void *)&a, sizeof(a)) || listen(fd, 1)) {
		close(fd);
		return -errno;
	}
	return fd;
}

/* Something takes the connection and says nothing. */
static int test_mute(enum kind kind)
{
	int err = share_begin(kind), fd[2] = { -1, -1 };

	CHECK_OK(err);
	fd[0] = listen_at(share.server.ports[0]);
	fd[1] = listen_at(share.server.ports[1]);
	CHECK(fd[0] >= 0 && fd[1] >= 0);
	CHECK_OK(share_open_source(kind, &share.source));
	CHECK_EQ(share_list(""), -ENOTCONN);
	CHECK(share_wait(share_is_down));
	CHECK(strstr(share.status.why, "did not answer"));
	close(fd[0]);
	close(fd[1]);
	fd[0] = fd[1] = -1;
	CHECK_OK(ganesha_start(&share.server));
	CHECK(share_wait(share_is_ready));
	err = 0;
out:
	close(fd[0]);
	close(fd[1]);
	share_end();
	return err;
}

static int nfs3_mute(void)
{
	return ganesha_is_there() ? test_mute(NFS3) : 0;
}

static int nfs4_mute(void)
{
	return ganesha_is_there() ? test_mute(NFS4) : 0;
}

/* Not there at the start, and wrong in the settings. */
static int test_not_there(enum kind kind)
{
	static const struct {
		const char *host, *export, *why;
	} wrong[] = {
		{ "no-such-host.invalid", NULL, "no-such-host.invalid" },
		{ NULL, "nowhere", "cannot mount nfs://localhost/nowhere" },
	};
	int err = share_begin(kind);

	CHECK_OK(err);
	CHECK_OK(share_open_source(kind, &share.source));
	CHECK(share_wait(share_is_down));
	CHECK_STR(share.status.where, "nfs://localhost/rec");
	CHECK_OK(ganesha_start(&share.server));
	CHECK(share_wait(share_is_ready));
	CHECK_OK(share_list(""));
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		source_close(share.source);
		share.source = NULL;
		memset(&share.status, 0, sizeof(share.status));
		share.host = wrong[i].host;
		share.export = wrong[i].export;
		CHECK_OK(share_open_source(kind, &share.source));
		CHECK(share_wait(share_is_down));
		if (!strstr(share.status.why, wrong[i].why))
			printf("# %s\n", share.status.why);
		CHECK(strstr(share.status.why, wrong[i].why));
	}
	err = 0;
out:
	share_end();
	return err;
}

static int nfs3_not_there(void)
{
	return ganesha_is_there() ? test_not_there(NFS3) : 0;
}

static int nfs4_not_there(void)
{
	return ganesha_is_there() ? test_not_there(NFS4) : 0;
}

SHARE_RUN(nfs4, NFS4, idle)
SHARE_NFS(killed)
SHARE_NFS(killed_opening)
SHARE_NFS(restarted)
SHARE_NFS(silent)
SHARE_NFS(read_only)
SHARE_NFS(denied)
SHARE_NFS(removed)
SHARE_NFS(endless)

static const struct unit_test tests[] = {
	{ "nfs 3: server killed in mid-read", nfs3_killed, UNIT_NO_OOM },
	{ "nfs 3: server killed among opens", nfs3_killed_opening,
	  UNIT_NO_OOM },
	{ "nfs 3: server restarted", nfs3_restarted, UNIT_NO_OOM },
	{ "nfs 3: server hangs", nfs3_silent, UNIT_NO_OOM },
	{ "nfs 3: read-only export", nfs3_read_only, UNIT_NO_OOM },
	{ "nfs 3: files that may not be read", nfs3_denied, UNIT_NO_OOM },
	{ "nfs 3: a file removed while open", nfs3_removed, UNIT_NO_OOM },
	{ "nfs 3: a folder without end", nfs3_endless, UNIT_NO_OOM },
	{ "nfs 3: server mute at the start", nfs3_mute, UNIT_NO_OOM },
	{ "nfs 3: server not there, settings wrong", nfs3_not_there,
	  UNIT_NO_OOM },
	{ "nfs 4: server killed in mid-read", nfs4_killed, UNIT_NO_OOM },
	{ "nfs 4: server killed among opens", nfs4_killed_opening,
	  UNIT_NO_OOM },
	{ "nfs 4: server restarted", nfs4_restarted, UNIT_NO_OOM },
	{ "nfs 4: server hangs", nfs4_silent, UNIT_NO_OOM },
	{ "nfs 4: read-only export", nfs4_read_only, UNIT_NO_OOM },
	{ "nfs 4: idle beyond the lease", nfs4_idle, UNIT_NO_OOM },
	{ "nfs 4: files that may not be read", nfs4_denied, UNIT_NO_OOM },
	{ "nfs 4: a file removed while open", nfs4_removed, UNIT_NO_OOM },
	{ "nfs 4: a folder without end", nfs4_endless, UNIT_NO_OOM },
	{ "nfs 4: server mute at the start", nfs4_mute, UNIT_NO_OOM },
	{ "nfs 4: server not there, settings wrong", nfs4_not_there,
	  UNIT_NO_OOM },
};
UNIT_MAIN(tests)
