/* SPDX-License-Identifier: MIT */
#include "tests/ganesha.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

/* A start takes 0.15 s on an idle machine. */
enum { START_TRIES = 1000, START_TRY_NS = 10000000 };

static const char config_format[] =
	"NFS_CORE_PARAM { Protocols = 3,4; NFS_Port = %d; MNT_Port = %d;\n"
	"NLM_Port = %d; Bind_addr = 127.0.0.1; Enable_RQUOTA = false;\n"
	"Enable_UDP = false; Enable_NLM = false; mount_path_pseudo = true; }\n"
	"NFSv4 { Graceless = true; Lease_Lifetime = %d; RecoveryBackend = fs;\n"
	"RecoveryRoot = \"%s/state\"; Minor_Versions = 0; \n"
	"Only_Numeric_Owners = true; }\n"
	"EXPORT_DEFAULTS { Access_Type = %s; Squash = No_Root_Squash;\n"
	"SecType = sys; Transports = TCP; Protocols = 3,4; }\n"
	"EXPORT { Export_Id = 1; Path = \"%s\"; Pseudo = /rec;\n"
	"Attr_Expiration_Time = 0; FSAL { Name = VFS; } }\n"
	"MDCACHE { Dir_Chunk = 0; }\n"
	"LOG { Default_Log_Level = EVENT; }\n";

bool ganesha_is_there(void)
{
	return geteuid() == 0 && !system("ganesha.nfsd -v >/dev/null 2>&1");
}

int ganesha_find_ports(struct ganesha *g)
{
	int fds[GANESHA_PORTS], err = 0;

	for (int i = 0; i < GANESHA_PORTS; i++) {
		struct sockaddr_in a = {
			.sin_family = AF_INET,
			.sin_addr = { htonl(INADDR_LOOPBACK) },
		};
		socklen_t len = sizeof(a);

		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (bind(fds[i], (void *)&a, sizeof(a)) ||
		    getsockname(fds[i], (void *)&a, &len))
			err = -errno;
		g->ports[i] = ntohs(a.sin_port);
	}
	for (int i = 0; i < GANESHA_PORTS; i++)
		close(fds[i]);
	return err;
}

int ganesha_init(struct ganesha *g)
{
	char state[TEMPDIR_MAX + 16];
	int err;

	memset(g, 0, sizeof(*g));
	g->lease_s = 20;
	err = tempdir_make(g->dir);
	if (err)
		return err;
	snprintf(g->export, sizeof(g->export), "%s/export", g->dir);
	snprintf(state, sizeof(state), "%s/state", g->dir);
	if (mkdir(g->export, 0755) || mkdir(state, 0755))
		return -errno;
	return ganesha_find_ports(g);
}

static int write_config(const struct ganesha *g, const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return -errno;
	fprintf(f, config_format, g->ports[0], g->ports[1], g->ports[2],
		g->lease_s, g->dir, g->read_only ? "RO" : "RW", g->export);
	return fclose(f) ? -errno : 0;
}

static bool has_started(const char *log)
{
	char line[1024];
	bool found = false;
	FILE *f = fopen(log, "r");

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, "NFS SERVER INITIALIZED");
	if (f)
		fclose(f);
	return found;
}

int ganesha_start(struct ganesha *g)
{
	const struct timespec pause = { .tv_nsec = START_TRY_NS };
	const char *top = getenv("top_builddir");
	char preload[4096], log[TEMPDIR_MAX + 16], pid[TEMPDIR_MAX + 16],
		config[TEMPDIR_MAX + 16];
	const char *argv[] = { "env", preload, "ganesha.nfsd", "-F", "-L", log,
			       "-f",  config,  "-p",	       pid,  NULL };
	int err;

	snprintf(preload, sizeof(preload),
		 "LD_PRELOAD=%s/tests/tools/norpcbind.so", top ? top : ".");
	snprintf(log, sizeof(log), "%s/log", g->dir);
	snprintf(pid, sizeof(pid), "%s/pid", g->dir);
	snprintf(config, sizeof(config), "%s/config", g->dir);
	unlink(log);
	err = write_config(g, config);
	err = err ? err : child_start(&g->child, argv);
	for (int i = 0; !err && i < START_TRIES; i++) {
		if (has_started(log))
			return 0;
		if (waitpid(g->child.pid, NULL, WNOHANG) > 0) {
			g->child.pid = 0;
			return -ECHILD;
		}
		nanosleep(&pause, NULL);
	}
	return err ? err : -ETIMEDOUT;
}

void ganesha_stop(struct ganesha *g)
{
	child_stop(&g->child);
}

void ganesha_pause(struct ganesha *g, bool paused)
{
	if (g->child.pid <= 0)
		return;
	kill(g->child.pid, paused ? SIGSTOP : SIGCONT);
	if (paused)
		waitpid(g->child.pid, NULL, WUNTRACED);
}

void ganesha_release(struct ganesha *g)
{
	child_stop(&g->child);
	tempdir_remove(g->dir);
	memset(g, 0, sizeof(*g));
}
