/* SPDX-License-Identifier: MIT */
#include "uploader/nfs_session.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "lib/mono.h"
#include "lib/str.h"
#include "uploader/nfs_compat.h"
#include "uploader/nfs_error.h"
#include "uploader/nfs_private.h"

enum {
	TICK_MIN_MS = 100,
	TICK_MAX_MS = 1000,
	/* libnfs times requests, not silence: a slow line is not to blame. */
	PATIENCE = 10,
	/* Bytes for half a million names: libnfs holds a listing as a whole. */
	LIST_BYTES_MAX = 128 << 20,
	LIST_MAX_MS = 300000, /* and no server may go on for ever */
};

static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_writable(evutil_socket_t fd, short what, void *arg);
static void check_listings(struct nfs_session *s, uint64_t now_ms);

/* ---- turns ---------------------------------------------------------- */

static void next_turn(struct nfs_session *s)
{
	struct list *it;

	while (!s->is_turn_taken && !s->is_lost &&
	       (it = list_first(&s->turns))) {
		struct nfs_turn *turn = list_entry(it, struct nfs_turn, node);

		list_del(it);
		s->is_turn_taken = s->version == 4;
		turn->go(turn);
	}
}

void nfs_turn_take(struct nfs_session *s, struct nfs_turn *turn)
{
	list_add_tail(&s->turns, &turn->node);
	nfs_session_wake(s);
}

/*
 * Possibly called back by libnfs because the connection has ended: nothing may
 * be started from there.
 */
void nfs_turn_end(struct nfs_session *s)
{
	s->is_turn_taken = false;
	nfs_session_wake(s);
}

/* Out of libnfs: what has gathered meanwhile. */
static void settle(struct nfs_session *s)
{
	nfs_op_sort_failed(s);
	next_turn(s);
}

/* ---- the socket ---------------------------------------------------------- */

/*
 * While libnfs mounts it changes sockets, also to one of the same number, so
 * the events are made anew each time then.
 */
static void watch(struct nfs_session *s)
{
	int fd, what;

	if (s->is_lost || s->is_dying)
		return;
	fd = nfs_get_fd(s->nfs);
	what = nfs_which_events(s->nfs);
	if (!s->is_mounted || fd != s->fd) {
		struct event_base *base = loop_base(s->loop);

		event_del(s->readable);
		event_del(s->writable);
		event_assign(s->readable, base, fd, EV_READ | EV_PERSIST,
			     on_readable, s);
		event_assign(s->writable, base, fd, EV_WRITE | EV_PERSIST,
			     on_writable, s);
		s->fd = fd;
	}
	if (what & POLLIN)
		event_add(s->readable, NULL);
	if (what & POLLOUT)
		event_add(s->writable, NULL);
	else
		event_del(s->writable);
}

static void unwatch(struct nfs_session *s)
{
	if (s->readable)
		event_del(s->readable);
	if (s->writable)
		event_del(s->writable);
	loop_timer_stop(&s->tick);
}

static bool has_work(const struct nfs_session *s)
{
	return !s->is_mounted || !list_is_empty(&s->ops) || s->is_turn_taken ||
	       (s->version == 4 && !list_is_empty(&s->files));
}

static void start_tick(struct nfs_session *s)
{
	uint64_t ms = s->timeout_ms / 8;

	if (s->version == 4 && s->lease_ms / 8 < ms)
		ms = s->lease_ms / 8;
	ms = ms < TICK_MIN_MS ? TICK_MIN_MS : ms;
	ms = ms > TICK_MAX_MS ? TICK_MAX_MS : ms;
	if (has_work(s) && !s->is_lost && !loop_timer_is_armed(&s->tick))
		loop_timer_start(&s->tick, ms);
}

/*
 * While it mounts, libnfs goes from one connection to the next. What it closes
 * may be a file of another thread by the time that watch() looks: so it is no
 * longer watched then.
 */
static void service(struct nfs_session *s, int revents)
{
	if (!s->is_mounted) {
		event_del(s->readable);
		event_del(s->writable);
	}
	if (nfs_service(s->nfs, revents) < 0)
		nfs_session_lose(s, "lost the connection to %s", s->where);
	settle(s);
	watch(s);
	start_tick(s);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct nfs_session *s = arg;

	s->heard_ms = mono_ms();
	service(s, POLLIN);
	if (s->list_count && !s->is_lost)
		check_listings(s, s->heard_ms);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	service(arg, POLLOUT);
}

/* ---- ends ---------------------------------------------------------------- */

void nfs_session_lose(struct nfs_session *s, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	if (s->is_lost || s->is_dying)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(&s->why, -ENOTCONN, "%s", text);
	s->is_lost = true;
	unwatch(s);
	nfs_session_wake(s);
}

void nfs_session_wake(struct nfs_session *s)
{
	if (list_is_empty(&s->pump.node) && !s->is_dying)
		loop_defer(s->loop, &s->pump);
}

static bool is_done(const struct nfs_session *s)
{
	return s->is_retired && list_is_empty(&s->ops) &&
	       list_is_empty(&s->handles) && !s->is_turn_taken;
}

/*
 * Sends at once what the dispatch has queued: a turn of the loop less. Telling
 * that it is over comes last, for then we are gone.
 */
static void pump(struct loop_task *task)
{
	struct nfs_session *s = list_entry(task, struct nfs_session, pump);

	if (s->is_mounted && !s->is_lost && !s->is_announced) {
		s->is_announced = true;
		s->calls.mounted(s->calls.arg, s);
	}
	settle(s);
	if (!s->is_lost && s->is_mounted && nfs_which_events(s->nfs) & POLLOUT)
		service(s, POLLOUT);
	start_tick(s);
	if (s->is_told || (!s->is_lost && !is_done(s)))
		return;
	s->is_told = true;
	s->calls.ended(s->calls.arg, s, &s->why);
}

void nfs_session_retire(struct nfs_session *s)
{
	s->is_retired = true;
	nfs_session_wake(s);
}

/* ---- the watchdog -------------------------------------------------------- */

uint64_t nfs_session_other_bytes(const struct nfs_session *s)
{
	struct tcp_info info;
	socklen_t size = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (getsockopt(s->fd, IPPROTO_TCP, TCP_INFO, &info, &size) ||
	    info.tcpi_bytes_received < s->read_bytes)
		return 0;
	return info.tcpi_bytes_received - s->read_bytes;
}

/* libnfs cannot be told to stop a listing: the session has to go. */
static void check_listings(struct nfs_session *s, uint64_t now_ms)
{
	uint64_t bytes = nfs_session_other_bytes(s);

	list_for_each(it, &s->ops) {
		struct nfs_op *op = list_entry(it, struct nfs_op, node);

		if (op->base.verb != SOURCE_LIST ||
		    (bytes <= op->list_mark + s->list_bytes_max &&
		     now_ms <= op->started_ms + LIST_MAX_MS))
			continue;
		op->is_endless = true;
		s->calls.endless(s->calls.arg, op->base.path);
		nfs_session_lose(s, "a folder on %s has too many names",
				 s->where);
		return;
	}
}

static uint64_t waiting_since(const struct nfs_session *s)
{
	struct list *it = list_first(&s->ops);
	uint64_t since_ms = s->begun_ms;

	if (s->is_mounted && it)
		since_ms = list_entry(it, struct nfs_op, node)->started_ms;
	return since_ms > s->heard_ms ? since_ms : s->heard_ms;
}

static void on_tick(struct loop_timer *timer)
{
	struct nfs_session *s = list_entry(timer, struct nfs_session, tick);
	uint64_t now_ms = mono_ms();

	if ((!s->is_mounted || !list_is_empty(&s->ops)) &&
	    now_ms > waiting_since(s) + s->timeout_ms)
		nfs_session_lose(s, "%s did not answer for %llu s", s->where,
				 (unsigned long long)s->timeout_ms / 1000);
	else if (!s->is_mounted &&
		 now_ms > s->begun_ms + PATIENCE * s->timeout_ms)
		nfs_session_lose(s, "mounting %s does not end", s->where);
	if (s->list_count)
		check_listings(s, now_ms);
	if (!s->is_lost && s->is_mounted && s->version == 4 &&
	    now_ms > s->renewed_ms + s->lease_ms / 2)
		nfs_file_touch(s);
	if (!s->is_lost && s->is_mounted)
		service(s, 0);
	start_tick(s);
}

/* ---- version 4: leases --------------------------------------------------- */

bool nfs_session_can_open(const struct nfs_session *s)
{
	if (s->is_lost || s->is_retired)
		return false;
	if (s->version != 4)
		return true;
	if (s->has_failed_open)
		return false;
	return !list_is_empty(&s->files) ||
	       mono_ms() < s->renewed_ms + s->lease_ms / 2;
}

/* ---- birth and death ----------------------------------------------------- */

/* libnfs keeps its sentence in one of three places, by its version. */
static const char *mount_text(struct nfs_context *nfs, const char *data)
{
	const char *texts[] = { data, nfs_get_error(nfs),
				rpc_get_error(nfs_get_rpc_context(nfs)) };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i] && *texts[i])
			return texts[i];
	return "no connection";
}

static void on_mounted(int err, struct nfs_context *nfs, void *data,
		       void *private)
{
	struct nfs_session *s = private;
	const char *text, *hint;

	if (s->is_dying)
		return;
	if (err) {
		text = mount_text(nfs, data);
		hint = nfs_error_mount_hint(text);
		nfs_session_lose(s, "cannot mount %s: %s%s%s%s", s->where,
				 hint ? hint : "", hint ? " (" : "", text,
				 hint ? ")" : "");
		return;
	}
	s->is_mounted = true;
	s->fd = -1;
	s->renewed_ms = mono_ms();
	nfs_session_wake(s);
}

/*
 * There is no other way than a URL to set some of this in libnfs 4.0; nothing
 * from the settings but numbers goes into it.
 */
static int set_options(struct nfs_session *s,
		       const struct nfs_session_config *config)
{
	uint32_t nonce[2] = { 0 };
	char text[256], host[64] = "";
	struct nfs_url *url;

	snprintf(text, sizeof(text),
		 "nfs://?version=%d&nfsport=%d&mountport=%d&"
		 "auto-traverse-mounts=0",
		 config->version, config->nfs_port, config->mount_port);
	url = nfs_parse_url_incomplete(s->nfs, text);
	if (!url)
		return -ENOMEM;
	nfs_destroy_url(url);
	nfs_set_uid(s->nfs, (int)config->uid);
	nfs_set_gid(s->nfs, (int)config->gid);
	nfs_set_dircache(s->nfs, 0);
	nfs_set_autoreconnect(s->nfs, 0);
	nfs_set_timeout(s->nfs, (int)(s->timeout_ms * PATIENCE));
	/* Two sessions of one name would throw each other out. */
	gethostname(host, sizeof(host) - 1);
	if (getrandom(nonce, sizeof(nonce), 0) < 0)
		nonce[0] = (uint32_t)mono_ns();
	snprintf(text, sizeof(text), "upcast %s %d %08x%08x", host,
		 (int)getpid(), nonce[0], nonce[1]);
	/* libnfs 4 forgets to free the name that it made itself. */
	if (s->version == 4)
		nfs4_set_client_name(s->nfs, text);
	return 0;
}

static int set_up(struct nfs_session *s,
		  const struct nfs_session_config *config)
{
	int err;

	s->nfs = nfs_init_context();
	s->readable = event_new(loop_base(s->loop), -1, 0, on_readable, s);
	s->writable = event_new(loop_base(s->loop), -1, 0, on_writable, s);
	if (!s->nfs || !s->readable || !s->writable)
		return -ENOMEM;
	err = loop_timer_init(&s->tick, s->loop, on_tick);
	return err ? err : set_options(s, config);
}

int nfs_session_new(struct loop *loop, const struct nfs_session_config *config,
		    const struct nfs_session_calls *calls,
		    struct nfs_session **ret)
{
	struct nfs_session *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->loop = loop;
	s->calls = *calls;
	s->version = config->version;
	s->timeout_ms = config->timeout_ms;
	s->lease_ms = config->lease_ms;
	s->list_bytes_max = config->list_bytes_max ? config->list_bytes_max
						   : LIST_BYTES_MAX;
	s->begun_ms = s->heard_ms = mono_ms();
	s->fd = -1;
	str_copy(s->where, config->where, sizeof(s->where));
	list_init(&s->ops);
	list_init(&s->failed);
	list_init(&s->files);
	list_init(&s->handles);
	list_init(&s->turns);
	loop_task_init(&s->pump, pump);
	err = set_up(s, config);
	if (err) {
		nfs_session_free(s);
		return err;
	}
	if (nfs_mount_async(s->nfs, config->address, config->export, on_mounted,
			    s))
		nfs_session_lose(s, "cannot mount %s: %s", s->where,
				 nfs_get_error(s->nfs));
	watch(s);
	start_tick(s);
	*ret = s;
	return 0;
}

/*
 * libnfs calls back for everything that it still holds. It may not be given
 * anything new while it does (an assertion of its own); and what waits for a
 * connection is let go only if it learns that there will be none.
 */
static void destroy_context(struct nfs_session *s)
{
	if (s->is_mounted)
		rpc_disconnect(nfs_get_rpc_context(s->nfs), "closed");
	else
		nfs_service(s->nfs, POLLHUP);
	nfs_file_drop_all(s);
	nfs_destroy_context(s->nfs);
}

void nfs_session_free(struct nfs_session *s)
{
	if (!s)
		return;
	s->is_dying = true;
	unwatch(s);
	loop_cancel(s->loop, &s->pump);
	if (!s->why.code)
		err_set(&s->why, -ENOTCONN, "closed");
	if (s->touch)
		source_cancel(s->touch);
	if (s->nfs)
		destroy_context(s);
	nfs_op_end_all(s);
	loop_timer_release(&s->tick);
	if (s->readable)
		event_free(s->readable);
	if (s->writable)
		event_free(s->writable);
	free(s);
}
