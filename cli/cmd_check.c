/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#include "cli/check.h"
#include "cli/cmd.h"
#include "cli/service.h"
#include "cli/view.h"
#include "lib/str.h"

enum {
	SOCKET_BYTES = 2 << 20, /* twice what a video socket asks for */
	FILES_EACH = 8,		/* two port pairs, a connection, some room */
	FILES_BASE = 256,
	CALLS = 500, /* where there is no limit: the most that can be set */
};

/* ---- the host ----------------------------------------------------------- */

static void check_settings(struct check *c)
{
	const char *path = c->cli->config_path;

	if (!access(path, R_OK))
		check_say(c, VERDICT_PASS, "%s can be read", path);
	else if (errno == ENOENT)
		check_say(
			c, VERDICT_FAIL,
			"%s does not exist: the first setting that is made, "
			"such as \"streamer sip listen\" or \"uploader nfs\", "
			"makes it",
			path);
	else
		check_say(c, VERDICT_FAIL, "%s: %s", path, err_str(-errno));
}

static void check_clock(struct check *c)
{
	struct timex t = { 0 };

	if (adjtimex(&t) < 0)
		return;
	if (t.status & STA_UNSYNC)
		check_say(c, VERDICT_WARN,
			  "the clock is not synchronised: certificates and "
			  "the times of recordings depend on it; run an NTP "
			  "client");
	else
		check_say(c, VERDICT_PASS, "the clock is synchronised");
}

static void check_buffers(struct check *c)
{
	FILE *file = fopen("/proc/sys/net/core/rmem_max", "re");
	unsigned long long bytes = 0;

	if (file && fscanf(file, "%llu", &bytes) != 1)
		bytes = 0;
	if (file)
		fclose(file);
	if (bytes < SOCKET_BYTES)
		check_say(c, VERDICT_WARN,
			  "net.core.rmem_max is %llu, too small for the "
			  "bursts of key frames: use upcast.sysctl of the "
			  "examples",
			  bytes);
	else
		check_say(c, VERDICT_PASS,
			  "socket buffers may be large enough");
}

/* What a process may have open at most, by its own limits. */
static int read_file_limit(const char *pid, uint64_t *ret)
{
	char path[64], line[256];
	unsigned long long most;
	int err = -ENODATA;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/limits", pid);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (err && fgets(line, sizeof(line), file))
		if (sscanf(line, "Max open files %*s %llu", &most) == 1) {
			*ret = most;
			err = 0;
		}
	fclose(file);
	return err;
}

/*
 * The daemon's, which may be another than the shell's. One that does not run
 * would get the shell's, except from systemd, whose unit raises it.
 */
static int find_file_limit(const struct cli *cli, uint64_t *ret)
{
	struct view *v;
	uint64_t pid;
	int err = view_open(cli, "streamer", &v);

	if (err)
		return err;
	if (v->status == CTLREAD_STOPPED)
		err = service_has_manager() ? -ESRCH
					    : read_file_limit("self", ret);
	else if (str_parse_u64(view_state(v, "pid"), 1, INT32_MAX, &pid))
		err = -ESRCH;
	else
		err = read_file_limit(view_state(v, "pid"), ret);
	view_close(v);
	return err;
}

static void check_files(struct check *c)
{
	uint64_t calls = CALLS, most, need;

	(void)!str_parse_u64(conf_text(c->cli->conf, OPT_ST_LIMIT), 0, CALLS,
			     &calls);
	need = FILES_BASE + calls * FILES_EACH;
	if (find_file_limit(c->cli, &most))
		return;
	if (most < need)
		check_say(c, VERDICT_WARN,
			  "at most %llu files may be open, %llu calls need "
			  "%llu: raise the streamer's limit (LimitNOFILE= of "
			  "its unit), or use \"streamer limit\"",
			  (unsigned long long)most, (unsigned long long)calls,
			  (unsigned long long)need);
	else
		check_say(c, VERDICT_PASS,
			  "enough files may be open for %llu calls",
			  (unsigned long long)calls);
}

/* ---- the daemons -------------------------------------------------------- */

static void check_daemon(struct check *c, enum schema_id enabled)
{
	const char *section = schema_options[enabled].section;
	struct view *v;

	if (view_open(c->cli, section, &v))
		return;
	if (!conf_bool(c->cli->conf, enabled))
		check_say(c, VERDICT_WARN, "%s is disabled: \"%s enable\"",
			  v->folder, section);
	else if (v->status == CTLREAD_RUNNING)
		check_say(c, VERDICT_PASS, "%s is enabled and runs", v->folder);
	else if (v->status == CTLREAD_HANGING)
		check_say(c, VERDICT_FAIL, "%s does not answer: restart it",
			  v->folder);
	else
		check_say(c, VERDICT_FAIL,
			  "%s is enabled and does not run: start it by "
			  "\"systemctl start upcast-%s\", its log says why it "
			  "ended; or \"%s disable\" where it is not wanted",
			  v->folder, v->folder, section);
	view_close(v);
}

/* Outside parties, ports and servers, as the daemon itself meets them. */
static void run_probe(struct check *c, const char *section, bool full)
{
	const char *args[] = { "--probe", full ? "--full" : NULL, NULL };
	int status;

	if (access(c->cli->config_path, F_OK))
		return;
	status = service_daemon(c->cli, section, args, false);
	if (status == -ENOENT)
		check_say(c, VERDICT_FAIL,
			  "upcast-%s is not installed: nothing outside is "
			  "tried",
			  section);
	else if (status)
		c->failures++;
}

static void check_callers(struct check *c)
{
	const struct conf *conf = c->cli->conf;

	if (*conf_text(conf, OPT_ST_ALLOW_FROM) ||
	    conf_bool(conf, OPT_ST_SIP_VERIFY))
		check_say(c, VERDICT_PASS, "who may call is limited");
	else
		check_say(c, VERDICT_WARN,
			  "anyone may call: \"set streamer.allow_from "
			  "<addresses of the bridges>\" or \"tls sip verify "
			  "enable\"");
}

static void check_streamer(struct check *c)
{
	check_daemon(c, OPT_ST_ENABLED);
	check_certificate(c);
	check_bundles(c, "streamer");
	check_callers(c);
	run_probe(c, "streamer", false);
	check_bridge(c);
	check_buffers(c);
	check_files(c);
}

/* One that nobody has begun to set up is nobody's concern. */
static bool is_begun(const struct conf *conf)
{
	return conf_bool(conf, OPT_UP_ENABLED) ||
	       *conf_text(conf, OPT_UP_NFS_HOST) ||
	       *conf_text(conf, OPT_UP_LOCAL_DIRECTORY) ||
	       *conf_text(conf, OPT_UP_REV_HOST);
}

static void check_uploader(struct check *c, bool full)
{
	check_daemon(c, OPT_UP_ENABLED);
	if (!is_begun(c->cli->conf))
		return;
	check_bundles(c, "uploader");
	check_secrets(c);
	if (check_needs(c->cli))
		c->failures++;
	else
		run_probe(c, "uploader", full);
}

int cmd_check(struct cli *cli, const struct table_match *m)
{
	struct check c = { .cli = cli };
	const char *only = table_arg(m, 0);

	check_settings(&c);
	check_clock(&c);
	if (!only || !strcmp(only, "streamer"))
		check_streamer(&c);
	if (!only || !strcmp(only, "uploader"))
		check_uploader(&c, table_has_flag(m, "--full"));
	return c.failures ? -EINVAL : 0;
}
