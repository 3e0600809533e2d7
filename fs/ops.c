/* SPDX-License-Identifier: MIT */
#include "fs/ops_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "lib/log.h"
#include "lib/mono.h"

enum { REQUESTS_A_TURN = 64, NOTICES_MAX = 4096, PATIENCE_NS = 50000 };

/* ---- what is never allowed ---------------------------------------------- */

#define REFUSE(function, ...)                                                  \
	static void refuse_##function(fuse_req_t req, __VA_ARGS__)             \
	{                                                                      \
		fuse_reply_err(req, EPERM);                                    \
	}

REFUSE(name, fuse_ino_t parent, const char *name)
REFUSE(mkdir, fuse_ino_t parent, const char *name, mode_t mode)
REFUSE(mknod, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev)
REFUSE(create, fuse_ino_t parent, const char *name, mode_t mode,
       struct fuse_file_info *fi)
REFUSE(symlink, const char *target, fuse_ino_t parent, const char *name)
REFUSE(rename, fuse_ino_t parent, const char *name, fuse_ino_t to,
       const char *to_name, unsigned flags)
REFUSE(link, fuse_ino_t inode, fuse_ino_t parent, const char *name)
REFUSE(setxattr, fuse_ino_t inode, const char *name, const char *value,
       size_t size, int flags)

/* ---- life of the session ------------------------------------------------ */

static void on_init(void *arg, struct fuse_conn_info *conn)
{
	struct ops *ops = arg;

	conn->want &= ~(unsigned)FUSE_CAP_READDIRPLUS_AUTO;
	conn->want |= conn->capable &
		      (FUSE_CAP_READDIRPLUS | FUSE_CAP_CACHE_SYMLINKS);
	/* Values change in milliseconds, as their times do. */
	conn->time_gran = 1000000;
	ops->greeted = true;
}

/* Once the kernel has its answer to the greeting, too. */
static void tell_ready(struct ops *ops)
{
	if (!ops->greeted || ops->ready_told)
		return;
	ops->ready_told = true;
	ops->config.ready(ops->config.arg);
}

const struct fuse_lowlevel_ops ops_table = {
	.init = on_init,
	.lookup = ops_lookup,
	.getattr = ops_getattr,
	.setattr = ops_setattr,
	.readlink = ops_readlink,
	.opendir = ops_opendir,
	.readdir = ops_readdir,
	.readdirplus = ops_readdirplus,
	.releasedir = ops_releasedir,
	.statfs = ops_statfs,
	.open = ops_open,
	.read = ops_read,
	.write = ops_write,
	.poll = ops_poll,
	.release = ops_release,
	.unlink = refuse_name,
	.rmdir = refuse_name,
	.mkdir = refuse_mkdir,
	.mknod = refuse_mknod,
	.create = refuse_create,
	.symlink = refuse_symlink,
	.rename = refuse_rename,
	.link = refuse_link,
	.setxattr = refuse_setxattr,
	.removexattr = refuse_name,
};

/* ---- notices to the kernel ---------------------------------------------- */

struct notice {
	struct offload_job job;
	struct ops *ops;
	struct fuse_pollhandle *poll_handle; /* or an entry is gone: */
	uint64_t parent, inode;
	char name[];
};

static void send_notice(struct offload_job *job)
{
	struct notice *n = container_of(job, struct notice, job);

	if (n->poll_handle)
		fuse_lowlevel_notify_poll(n->poll_handle);
	else /* What the kernel never looked up it does not know: no error. */
		fuse_lowlevel_notify_delete(n->ops->session, n->parent,
					    n->inode, n->name, strlen(n->name));
}

static void free_notice(struct offload_job *job)
{
	struct notice *n = container_of(job, struct notice, job);

	n->ops->notices--;
	if (n->poll_handle)
		fuse_pollhandle_destroy(n->poll_handle);
	free(n);
}

static struct notice *new_notice(struct ops *ops, const char *name)
{
	size_t size = strlen(name) + 1;
	struct notice *n = calloc(1, sizeof(*n) + size);

	if (!n)
		return NULL;
	n->job =
		(struct offload_job){ .run = send_notice, .done = free_notice };
	n->ops = ops;
	memcpy(n->name, name, size);
	ops->notices++;
	return n;
}

/* There is one for each open file at most, so these are never too many. */
void ops_notify_poll(struct ops *ops, struct fuse_pollhandle *poll_handle)
{
	struct notice *n = new_notice(ops, "");

	if (!n) {
		fuse_pollhandle_destroy(poll_handle);
		return;
	}
	n->poll_handle = poll_handle;
	offload_submit(ops->notifier, &n->job);
}

/* What is dropped lives on for the time-out of its entry. */
static void on_gone(void *arg, uint64_t parent, uint64_t inode,
		    const char *name)
{
	struct ops *ops = arg;
	struct notice *n;

	if (ops->stopping || ops->notices >= NOTICES_MAX)
		return;
	n = new_notice(ops, name);
	if (!n)
		return;
	n->parent = parent;
	n->inode = inode;
	offload_submit(ops->notifier, &n->job);
}

static void run_last(struct offload_job *job)
{
}

static void on_stopped(struct offload_job *job)
{
	struct ops *ops = container_of(job, struct ops, last);

	ops->config.ended(ops->config.arg);
}

void ops_stop(struct ops *ops)
{
	if (ops->stopping)
		return;
	ops->stopping = true;
	ops->last = (struct offload_job){ .run = run_last, .done = on_stopped };
	offload_submit(ops->notifier, &ops->last);
}

/* ---- requests ----------------------------------------------------------- */

/*
 * Whoever asks mostly asks again at once, as find and grep do. To look for it a
 * moment longer costs less than to sleep and be woken for each request; whoever
 * needs this core gets it.
 */
static bool may_come(uint64_t last_ns)
{
	if (mono_ns() - last_ns > PATIENCE_NS)
		return false;
	sched_yield();
	return true;
}

/*
 * Some requests, then the loop's other work. Level-triggered: what is left
 * brings us back here.
 */
static void on_request(evutil_socket_t fd, short what, void *arg)
{
	struct ops *ops = arg;
	uint64_t last_ns = mono_ns();

	for (int i = 0; i < REQUESTS_A_TURN;) {
		int n = fuse_session_receive_buf(ops->session, &ops->request);

		if (n == -EINTR || (n == -EAGAIN && may_come(last_ns)))
			continue;
		if (n == -EAGAIN)
			return;
		i++;
		if (n > 0)
			fuse_session_process_buf(ops->session, &ops->request);
		last_ns = mono_ns();
		tell_ready(ops);
		if (n > 0 && !fuse_session_exited(ops->session))
			continue;
		/* Unmounted by somebody, or broken. */
		if (n < 0)
			log_error("/dev/fuse: %s", err_str(n));
		event_del(ops->event);
		ops_stop(ops);
		return;
	}
}

/* ---- mounting ----------------------------------------------------------- */

static int add_arguments(const struct ops_config *config,
			 struct fuse_args *args)
{
	char *options;
	int err;

	if (asprintf(&options,
		     "fsname=%s,subtype=upcast-fs,default_permissions,nosuid,"
		     "nodev,noexec%s%s%s",
		     config->source, geteuid() == 0 ? ",allow_other" : "",
		     config->options && *config->options ? "," : "",
		     config->options ? config->options : "") < 0)
		return -ENOMEM;
	err = fuse_opt_add_arg(args, "upcast-fs") ||
	      fuse_opt_add_arg(args, "-o") || fuse_opt_add_arg(args, options);
	free(options);
	return err ? -ENOMEM : 0;
}

static int open_session(struct ops *ops, struct err *err)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	const char *mountpoint = ops->config.mountpoint;
	int fd, code = add_arguments(&ops->config, &args);

	if (!code) {
		ops->session = fuse_session_new(&args, &ops_table,
						sizeof(ops_table), ops);
		code = ops->session ? 0 : -EINVAL;
	}
	fuse_opt_free_args(&args);
	if (code)
		return err_set(err, code, "%s: mount options are not accepted",
			       mountpoint);
	if (fuse_session_mount(ops->session, mountpoint))
		return err_set(err, -EIO,
			       "%s: cannot be mounted (root, or the right to "
			       "use /dev/fuse and fusermount3, is needed)",
			       mountpoint);
	ops->mounted = true;
	fd = fuse_session_fd(ops->session);
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK))
		return err_set(err, -errno, "/dev/fuse: %s", err_str(-errno));
	return 0;
}

static int start(struct ops *ops)
{
	int err = offload_new(ops->loop, "notifier", 1, &ops->notifier);

	if (err)
		return err;
	tree_on_gone(ops->config.model->tree, on_gone, ops);
	ops->event = event_new(loop_base(ops->loop),
			       fuse_session_fd(ops->session),
			       EV_READ | EV_PERSIST, on_request, ops);
	return !ops->event || event_add(ops->event, NULL) ? -ENOMEM : 0;
}

int ops_mount(struct loop *loop, const struct ops_config *config,
	      struct ops **ret, struct err *err)
{
	struct ops *ops = calloc(1, sizeof(*ops));
	int code;

	if (!ops)
		return err_set(err, -ENOMEM, "out of memory");
	ops->loop = loop;
	ops->config = *config;
	list_init(&ops->files);
	list_init(&ops->folders);
	list_init(&ops->streams);
	list_init(&ops->orders);
	ops->names = malloc(OPS_NAMES_BYTES);
	code = ops->names ? open_session(ops, err)
			  : err_set(err, -ENOMEM, "out of memory");
	if (!code) {
		code = start(ops);
		if (code)
			err_set(err, code, "%s: %s", config->mountpoint,
				err_str(code));
	}
	if (code) {
		ops_unmount(ops);
		return code;
	}
	*ret = ops;
	return 0;
}

void ops_unmount(struct ops *ops)
{
	if (!ops)
		return;
	tree_on_gone(ops->config.model->tree, NULL, NULL);
	if (ops->event)
		event_free(ops->event);
	ops->stopping = true;
	/* Before the session goes: its last notice must not meet none. */
	offload_free(ops->notifier);
	ops_close_files(ops);
	ops_close_folders(ops);
	if (ops->mounted)
		fuse_session_unmount(ops->session);
	if (ops->session)
		fuse_session_destroy(ops->session);
	free(ops->request.mem);
	free(ops->names);
	free(ops);
}
