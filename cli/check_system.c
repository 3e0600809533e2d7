/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timex.h>

#include "cli/check.h"
#include "cli/view.h"
#include "lib/str.h"

enum {
	SOCKET_BYTES = 2 << 20, /* twice what a video socket asks for */
	FILES_EACH = 8,		/* two port pairs, a connection, some room */
	FILES_BASE = 256,
	CALLS = 500, /* where there is no limit: the most that can be set */
};

static uint64_t read_number(const char *path)
{
	unsigned long long v = 0;
	FILE *file = fopen(path, "re");

	if (!file)
		return 0;
	if (fscanf(file, "%llu", &v) != 1)
		v = 0;
	fclose(file);
	return v;
}

static void check_buffers(struct check *c)
{
	uint64_t bytes = read_number("/proc/sys/net/core/rmem_max");

	if (bytes < SOCKET_BYTES)
		check_warn(c,
			   "net.core.rmem_max is %llu, too small for the "
			   "bursts of key frames: use upcast.sysctl of the "
			   "examples",
			   (unsigned long long)bytes);
	else
		check_pass(c, "socket buffers may be large enough");
}

/* systemd's unit has a limit of its own; without it the shell's counts. */
static void check_files(struct check *c)
{
	uint64_t calls = CALLS, need;
	struct rlimit limit;

	(void)!str_parse_u64(conf_text(c->cli->conf, OPT_ST_LIMIT), 0, CALLS,
			     &calls);
	need = FILES_BASE + calls * FILES_EACH;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	if (limit.rlim_max < need)
		check_warn(c,
			   "at most %llu files may be open, %llu calls need "
			   "%llu: raise the limit, or \"streamer limit\"",
			   (unsigned long long)limit.rlim_max,
			   (unsigned long long)calls, (unsigned long long)need);
	else
		check_pass(c, "enough files may be open for %llu calls",
			   (unsigned long long)calls);
}

void check_limits(struct check *c)
{
	check_buffers(c);
	check_files(c);
}

void check_clock(struct check *c)
{
	struct timex t = { 0 };

	if (adjtimex(&t) < 0)
		return;
	if (t.status & STA_UNSYNC)
		check_warn(c, "the clock is not synchronised: certificates and "
			      "the times of recordings depend on it; run an "
			      "NTP client");
	else
		check_pass(c, "the clock is synchronised");
}

void check_daemon(struct check *c, const char *section, enum schema_id enabled)
{
	bool wanted = conf_bool(c->cli->conf, enabled);
	struct view *v;

	if (view_open(c->cli, section, &v))
		return;
	if (!wanted)
		check_warn(c, "%s is disabled: \"%s enable\"", v->folder,
			   section);
	else if (v->status == CTLREAD_RUNNING)
		check_pass(c, "%s is enabled and runs", v->folder);
	else if (v->status == CTLREAD_HANGING)
		check_fail(c, "%s does not answer: restart it", v->folder);
	else
		check_fail(c,
			   "%s is enabled and does not run: start it; its log "
			   "says why it ended",
			   v->folder);
	view_close(v);
}
