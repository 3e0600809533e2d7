/* SPDX-License-Identifier: MIT */
/*
 * nfs-write [-r BYTES_PER_S] [-p BYTE]... [-s BYTE] [-b BLOCK] URL NAME FILE
 *
 * Copies FILE to NAME on an NFS export, as a recorder writes: block by block,
 * at a rate if one is given, while others may look.
 *
 *	-r	so many bytes per second
 *	-p	at this byte: prints "paused BYTE", waits for a line of input
 *	-s	stops at this byte and leaves the file short
 *	-b	bytes per write: 64 KiB, on v4 3 KiB (libnfs 4.0 fails above)
 *
 * The folders of NAME are made. Prints "done BYTES" at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <nfsc/libnfs.h>

#include "lib/mono.h"
#include "lib/str.h"

enum {
	MAX_PAUSES = 64,
	MAX_BLOCK = 1 << 20,
	V3_BLOCK = 64 << 10,
	V4_BLOCK = 3 << 10,
	TIMEOUT_MS = 30000,
};

struct job {
	const char *url, *name, *file;
	uint64_t rate, stop_at, block;
	uint64_t pauses[MAX_PAUSES];
	size_t pause_count;
};

/* The order of arguments changed in libnfs 6. */
#ifdef LIBNFS_API_V2
static int write_at(struct nfs_context *nfs, struct nfsfh *fh, uint64_t at,
		    const char *data, size_t len)
{
	return nfs_pwrite(nfs, fh, data, len, at);
}
#else
static int write_at(struct nfs_context *nfs, struct nfsfh *fh, uint64_t at,
		    const char *data, size_t len)
{
	return nfs_pwrite(nfs, fh, at, len, data);
}
#endif

static int add_pause(struct job *job, const char *text)
{
	if (job->pause_count == MAX_PAUSES)
		return -EMSGSIZE;
	return str_parse_u64(text, 0, UINT64_MAX,
			     &job->pauses[job->pause_count++]);
}

static int parse_options(struct job *job, int argc, char **argv)
{
	int c, err = 0;

	while (!err && (c = getopt(argc, argv, "r:p:s:b:")) != -1) {
		switch (c) {
		case 'r':
			err = str_parse_size(optarg, &job->rate);
			break;
		case 's':
			err = str_parse_u64(optarg, 0, UINT64_MAX,
					    &job->stop_at);
			break;
		case 'b':
			err = str_parse_u64(optarg, 1, MAX_BLOCK, &job->block);
			break;
		case 'p':
			err = add_pause(job, optarg);
			break;
		default:
			err = -EINVAL;
		}
	}
	if (err || argc - optind != 3)
		return -EINVAL;
	job->url = argv[optind];
	job->name = argv[optind + 1];
	job->file = argv[optind + 2];
	if (!job->block)
		job->block = strstr(job->url, "version=4") ? V4_BLOCK :
							     V3_BLOCK;
	return 0;
}

/* Waits until `sent` bytes are due at the job's rate. */
static void keep_rate(const struct job *job, uint64_t begin_ns, uint64_t sent)
{
	uint64_t due_ns, now_ns = mono_ns();
	struct timespec rest;

	if (!job->rate)
		return;
	due_ns = begin_ns + (uint64_t)((double)sent / (double)job->rate * 1e9);
	if (due_ns <= now_ns)
		return;
	rest.tv_sec = (time_t)((due_ns - now_ns) / 1000000000);
	rest.tv_nsec = (long)((due_ns - now_ns) % 1000000000);
	nanosleep(&rest, NULL);
}

static int pause_here(uint64_t at)
{
	int c;

	printf("paused %ju\n", (uintmax_t)at);
	fflush(stdout);
	while ((c = getchar()) != '\n')
		if (c == EOF)
			return -ECANCELED;
	return 0;
}

/* Bytes that may be written at `at` before something is due. */
static uint64_t room(const struct job *job, uint64_t at)
{
	uint64_t n = job->block;

	if (job->stop_at - at < n)
		n = job->stop_at - at;
	for (size_t i = 0; i < job->pause_count; i++)
		if (job->pauses[i] > at && job->pauses[i] - at < n)
			n = job->pauses[i] - at;
	return n;
}

static int pauses(const struct job *job, uint64_t at)
{
	for (size_t i = 0; i < job->pause_count; i++)
		if (job->pauses[i] == at)
			return pause_here(at);
	return 0;
}

static int copy(const struct job *job, int from, struct nfs_context *nfs,
		struct nfsfh *to, uint64_t *ret_written)
{
	char *data = malloc(job->block);
	uint64_t begin_ns = mono_ns();
	uint64_t at = 0;
	ssize_t n = 1;
	int err = data ? 0 : -ENOMEM;

	while (!err && at < job->stop_at) {
		err = pauses(job, at);
		if (err)
			break;
		n = read(from, data, room(job, at));
		if (n <= 0)
			break;
		err = write_at(nfs, to, at, data, (size_t)n);
		if (err >= 0)
			err = err == n ? 0 : -EIO;
		at += (uint64_t)n;
		keep_rate(job, begin_ns, at);
	}
	if (n < 0)
		err = -errno;
	free(data);
	*ret_written = at;
	return err;
}

static void make_folders(struct nfs_context *nfs, const char *name)
{
	char path[4096];

	for (const char *p = strchr(name, '/'); p; p = strchr(p + 1, '/')) {
		if (p == name)
			continue;
		snprintf(path, sizeof(path), "%.*s", (int)(p - name), name);
		/* There already: the open says what else is wrong. */
		(void)nfs_mkdir(nfs, path);
	}
}

static int mount_url(struct nfs_context *nfs, const char *text)
{
	struct nfs_url *url = nfs_parse_url_dir(nfs, text);
	int err;

	if (!url)
		return -EINVAL;
	nfs_set_timeout(nfs, TIMEOUT_MS);
	err = nfs_mount(nfs, url->server, url->path);
	nfs_destroy_url(url);
	return err;
}

/*
 * On v4 libnfs 4.0 cannot open an existing file with O_CREAT, and its
 * nfs_creat() opens for reading only.
 */
static int open_name(struct nfs_context *nfs, const char *name,
		     struct nfsfh **ret)
{
	int err = nfs_open2(nfs, name, O_WRONLY | O_TRUNC, 0644, ret);

	if (err != -ENOENT)
		return err;
	return nfs_open2(nfs, name, O_WRONLY | O_CREAT, 0644, ret);
}

static int write_file(const struct job *job, struct nfs_context *nfs, int from,
		      uint64_t *ret_written)
{
	struct nfsfh *to;
	int err = mount_url(nfs, job->url);
	int close_err;

	if (err)
		return err;
	make_folders(nfs, job->name);
	err = open_name(nfs, job->name, &to);
	if (err)
		return err;
	err = copy(job, from, nfs, to, ret_written);
	close_err = nfs_close(nfs, to);
	return err ? err : close_err;
}

int main(int argc, char **argv)
{
	struct job job = { .stop_at = UINT64_MAX };
	struct nfs_context *nfs;
	uint64_t written = 0;
	int from, err;

	if (parse_options(&job, argc, argv)) {
		fprintf(stderr,
			"usage: %s [-r RATE] [-p BYTE]... [-s BYTE] "
			"[-b BLOCK] URL NAME FILE\n",
			argv[0]);
		return 2;
	}
	from = open(job.file, O_RDONLY | O_CLOEXEC);
	if (from < 0) {
		fprintf(stderr, "%s: %s\n", job.file, strerror(errno));
		return 1;
	}
	nfs = nfs_init_context();
	err = nfs ? write_file(&job, nfs, from, &written) : -ENOMEM;
	if (err)
		fprintf(stderr, "%s: %s\n", job.name,
			nfs && nfs_get_error(nfs) ? nfs_get_error(nfs)
						  : strerror(-err));
	else
		printf("done %ju\n", (uintmax_t)written);
	if (nfs)
		nfs_destroy_context(nfs);
	close(from);
	return err ? 1 : 0;
}
