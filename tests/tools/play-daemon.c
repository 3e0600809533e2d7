/* SPDX-License-Identifier: MIT */
/*
 * Plays a daemon in the control directory, for tests of its readers:
 *
 *	play-daemon DIR/uploader
 *
 * One order per line of standard input; each is answered with "done" or with
 * what went wrong. Values are percent-encoded, so that any byte can be said.
 *
 *	state KEY=VALUE ...		the daemon's snapshot
 *	put ID KEY=VALUE ...		an object's
 *	remove ID
 *	counters LINE ...		a line per word, percent-encoded
 *	event TEXT
 *	fill COUNT			that many calls or recordings
 *	churn COUNT			each second, the counters of that many
 *
 * On `ctl` it takes "retry ID" and "cancel ID", which change the object's
 * state, and "pause"; it tells who asked in `events`. It ends with its input.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "lib/ctldir.h"
#include "lib/ctlread.h"
#include "lib/ctlsock.h"
#include "lib/mono.h"
#include "lib/snapshot.h"
#include "lib/str.h"

enum { WORDS = 64 };

struct player {
	const char *path;
	const char *kind;
	struct loop *loop;
	struct ctldir *dir;
	struct ctlsock *sock;
	struct bufferevent *input;
	struct loop_timer churn;
	unsigned churn_count, turn;
};

/* ---- snapshots ---------------------------------------------------------- */

static int put(struct player *p, const char *id, const struct buf *b)
{
	return id ? ctldir_put_object(p->dir, id, b)
		  : ctldir_put(p->dir, "state", b);
}

/* Words of KEY=VALUE. */
static int put_words(struct player *p, const char *id, char **words)
{
	struct snapshot_writer w;
	struct buf b;
	int err = 0;

	buf_init(&b, SNAPSHOT_MAX);
	snapshot_begin(&w, &b);
	for (; *words && !err; words++) {
		char *value = strchr(*words, '=');

		if (!value)
			err = -EINVAL;
		else
			*value++ = '\0';
		if (!err)
			err = str_pct_decode(value);
		if (!err)
			snapshot_add(&w, *words, value);
	}
	err = err ? err : w.err;
	if (!err)
		err = put(p, id, &b);
	buf_release(&b);
	return err;
}

/* The object again, in another state. */
static int put_state(struct player *p, const char *id, const char *state)
{
	char *path;
	struct snapshot s;
	struct snapshot_writer w;
	struct buf b;
	int err, fd;

	if (!ctlread_is_id(id) ||
	    asprintf(&path, "%s/%s", p->path, p->kind) < 0)
		return -EINVAL;
	fd = ctlread_open(-1, path);
	free(path);
	err = fd < 0 ? fd : ctlread_snapshot(fd, id, &s, NULL);
	close(fd);
	if (err)
		return err;
	buf_init(&b, SNAPSHOT_MAX);
	snapshot_begin(&w, &b);
	for (size_t i = 0; i < s.count; i++)
		snapshot_add(&w, s.pairs[i].key,
			     strcmp(s.pairs[i].key, "state") ? s.pairs[i].value
							     : state);
	err = w.err ? w.err : put(p, id, &b);
	buf_release(&b);
	snapshot_release(&s);
	return err;
}

/* ---- orders ------------------------------------------------------------- */

static int do_state(struct player *p, char **words)
{
	return put_words(p, NULL, words);
}

static int do_put(struct player *p, char **words)
{
	return *words ? put_words(p, words[0], words + 1) : -EINVAL;
}

static int do_remove(struct player *p, char **words)
{
	return *words ? ctldir_remove_object(p->dir, words[0]) : -EINVAL;
}

static int do_counters(struct player *p, char **words)
{
	struct buf b;
	int err = 0;

	buf_init(&b, CTLREAD_COUNTERS_MAX);
	for (; *words && !err; words++) {
		err = str_pct_decode(*words);
		if (!err)
			err = buf_printf(&b, "%s\n", *words);
	}
	if (!err)
		err = ctldir_put(p->dir, "counters", &b);
	buf_release(&b);
	return err;
}

static int do_event(struct player *p, char **words)
{
	if (!*words || str_pct_decode(words[0]))
		return -EINVAL;
	return ctldir_event(p->dir, "%s", words[0]);
}

static int put_recording(struct player *p, unsigned i)
{
	static const char *const states[] = { "queued", "uploading", "ready",
					      "failed" };
	char id[16], path[128];
	struct snapshot_writer w;
	struct buf b;
	int err;

	buf_init(&b, SNAPSHOT_MAX);
	snprintf(id, sizeof(id), "%u", i);
	snprintf(path, sizeof(path), "spaces/space-%u/2026%010u+0000.mp4",
		 i / 1000, i);
	snapshot_begin(&w, &b);
	snapshot_add(&w, "state", states[i % 4]);
	snapshot_add(&w, "path", path);
	snapshot_add(&w, "title", "A meeting of some length");
	snapshot_add(&w, "owner", "someone@example.com");
	snapshot_add(&w, "why", "rev answered 429, next try soon");
	snapshot_add(&w, "space_name", "Weekly meeting");
	snapshot_add_u64(&w, "size", i * 1000U);
	snapshot_add_time(&w, "modified", mono_wall_s() - i);
	err = w.err ? w.err : put(p, id, &b);
	buf_release(&b);
	return err;
}

static int put_call(struct player *p, unsigned i)
{
	char id[16];
	struct snapshot_writer w;
	struct buf b;
	int err;

	buf_init(&b, SNAPSHOT_MAX);
	snprintf(id, sizeof(id), "%u", i);
	snapshot_begin(&w, &b);
	snapshot_add(&w, "state", "publishing");
	snapshot_add(&w, "space", "meeting@example.com");
	snapshot_add(&w, "url", "rtmp://live.example.com/app/***");
	snapshot_add_time(&w, "started", mono_wall_s());
	err = w.err ? w.err : put(p, id, &b);
	buf_release(&b);
	return err;
}

static int do_fill(struct player *p, char **words)
{
	bool calls = !strcmp(p->kind, "calls");
	uint64_t n;
	int err = *words ? str_parse_u64(words[0], 1, 100000, &n) : -EINVAL;

	for (unsigned i = 1; !err && i <= n; i++)
		err = calls ? put_call(p, i) : put_recording(p, i);
	return err;
}

static int put_counters(struct player *p)
{
	struct buf b;
	int err = 0;

	buf_init(&b, CTLREAD_COUNTERS_MAX);
	err = buf_add_str(&b, "# id duration fps bitrate packets lost jitter "
			      "rtmp_bytes dropped reconnects\n");
	for (unsigned i = 1; i <= p->churn_count && !err; i++)
		err = buf_printf(&b, "%u %u 30 %u %u 0 0.002 %u 0 0\n", i,
				 p->turn, 2000000 + i, p->turn * 300 + i,
				 p->turn * 250000 + i);
	if (!err)
		err = ctldir_put(p->dir, "counters", &b);
	buf_release(&b);
	return err;
}

static void on_churn(struct loop_timer *timer)
{
	struct player *p = container_of(timer, struct player, churn);

	p->turn++;
	if (put_counters(p))
		fprintf(stderr, "the counters cannot be written\n");
	loop_timer_start(timer, 1000);
}

static int do_churn(struct player *p, char **words)
{
	uint64_t n;
	int err = *words ? str_parse_u64(words[0], 1, 10000, &n) : -EINVAL;

	if (err)
		return err;
	p->churn_count = (unsigned)n;
	loop_timer_start(&p->churn, 0);
	return 0;
}

static const struct order {
	const char *word;
	int (*run)(struct player *p, char **words);
} orders[] = {
	{ "state", do_state },	 { "put", do_put },
	{ "remove", do_remove }, { "counters", do_counters },
	{ "event", do_event },	 { "fill", do_fill },
	{ "churn", do_churn },
};

static int run_order(struct player *p, char *line)
{
	char *words[WORDS + 1] = { 0 }, *save = NULL;
	int n = 0;

	for (char *word = strtok_r(line, " ", &save); word && n < WORDS;
	     word = strtok_r(NULL, " ", &save))
		words[n++] = word;
	for (size_t i = 0; n && i < ARRAY_SIZE(orders); i++)
		if (!strcmp(orders[i].word, words[0]))
			return orders[i].run(p, words + 1);
	return -EINVAL;
}

static void on_input(struct bufferevent *stream, void *arg)
{
	struct player *p = arg;
	char *line;

	while ((line = evbuffer_readln(bufferevent_get_input(stream), NULL,
				       EVBUFFER_EOL_LF))) {
		int err = run_order(p, line);

		printf("%s\n", err ? err_str(err) : "done");
		free(line);
	}
}

static void on_input_end(struct bufferevent *stream, short what, void *arg)
{
	struct player *p = arg;

	on_input(stream, arg);
	loop_stop(p->loop);
}

/* ---- commands ----------------------------------------------------------- */

static int on_command(void *arg, const struct ctlsock_command *command,
		      struct err *answer)
{
	static const struct {
		const char *word, *state;
	} changes[] = { { "retry", "queued" }, { "cancel", "ignored" } };
	const char *id = command->argc > 1 ? command->argv[1] : "";
	struct player *p = arg;
	int err;

	err = ctldir_event(p->dir, "uid %u: %s %s", (unsigned)command->uid,
			   command->argv[0], id);
	if (!strcmp(command->argv[0], "pause"))
		return err;
	for (size_t i = 0; i < ARRAY_SIZE(changes) && !err; i++) {
		if (strcmp(changes[i].word, command->argv[0]))
			continue;
		err = put_state(p, id, changes[i].state);
		return err ? err_set(answer, err, "no recording has the id %s",
				     id)
			   : 0;
	}
	return err_set(answer, -EINVAL, "%s is not a command, retry is",
		       command->argv[0]);
}

static int start(struct player *p, struct err *err)
{
	char *path;
	int code = loop_new(&p->loop);

	if (!code)
		code = ctldir_open(p->path, p->kind, &p->dir, err);
	if (!code)
		code = loop_timer_init(&p->churn, p->loop, on_churn);
	if (code)
		return code;
	if (asprintf(&path, "%s/ctl", p->path) < 0)
		return -ENOMEM;
	code = ctlsock_listen(p->loop, path, (gid_t)-1, on_command, p, &p->sock,
			      err);
	free(path);
	if (code)
		return code;
	p->input = bufferevent_socket_new(loop_base(p->loop), STDIN_FILENO, 0);
	if (!p->input)
		return -ENOMEM;
	bufferevent_setcb(p->input, on_input, NULL, on_input_end, p);
	return bufferevent_enable(p->input, EV_READ);
}

int main(int argc, char **argv)
{
	struct player p = { 0 };
	struct err err = { 0 };
	const char *name;
	int code = -EINVAL;

	setvbuf(stdout, NULL, _IOLBF, 0);
	name = argc == 2 ? strrchr(argv[1], '/') : NULL;
	p.path = argc == 2 ? argv[1] : "";
	p.kind = name ? ctlread_kind(name + 1) : NULL;
	if (p.kind)
		code = start(&p, &err);
	if (!code) {
		printf("done\n");
		code = loop_run(p.loop);
	}
	if (code)
		fprintf(stderr, "play-daemon: %s\n",
			*err.text ? err.text : err_str(code));
	if (p.input)
		bufferevent_free(p.input);
	ctlsock_close(p.sock);
	loop_timer_release(&p.churn);
	ctldir_close(p.dir);
	loop_free(p.loop);
	return code ? 1 : 0;
}
