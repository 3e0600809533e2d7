/* SPDX-License-Identifier: MIT */
#include "tests/peer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

enum { ORDER_TIMEOUT_MS = 10000, WAIT_MS = 30000, ANSWER_MAX = 16 << 20 };

static int write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return -errno;
	fputs(text, f);
	return fclose(f) ? -errno : 0;
}

static int run_make_certs(const char *top, const char *dir)
{
	char script[512], line[8];
	const char *argv[] = { "python3", script, dir, NULL };
	struct child child;
	int err;

	snprintf(script, sizeof(script), "%s/tests/make_certs.py", top);
	err = child_start(&child, argv);
	if (err)
		return err;
	/* It prints nothing: the end of its output is its end. */
	if (child_read_line(&child, line, sizeof(line)) != -EPIPE)
		err = -EPROTO;
	child_stop(&child);
	return err;
}

static int read_ports(struct peer *p)
{
	char line[256], *at;
	int err = child_read_line(&p->child, line, sizeof(line));

	if (err)
		return err;
	at = strchr(line, '{');
	if (!at || sscanf(at, "{\"port\": %u, \"control_port\": %u", &p->port,
			  &p->control_port) != 2)
		return -EPROTO;
	return 0;
}

int peer_start(struct peer *p, const char *program, const char *seed)
{
	const char *top = getenv("top_srcdir");
	char script[512], cert[512], key[512], seed_path[512];
	const char *argv[] = { "python3", script,   "--cert",  cert, "--key",
			       key,	  "--seed", seed_path, NULL };
	int err;

	if (p->child.pid)
		return 0;
	top = top ? top : ".";
	err = tempdir_make(p->dir);
	if (!err)
		err = run_make_certs(top, p->dir);
	snprintf(p->ca, sizeof(p->ca), "%s/ca.pem", p->dir);
	snprintf(script, sizeof(script), "%s/tests/standin/%s", top, program);
	snprintf(cert, sizeof(cert), "%s/good.pem", p->dir);
	snprintf(key, sizeof(key), "%s/good.key", p->dir);
	snprintf(seed_path, sizeof(seed_path), "%s/seed.json", p->dir);
	if (!err)
		err = write_file(seed_path, seed);
	if (!err)
		err = child_start(&p->child, argv);
	if (!err)
		err = read_ports(p);
	if (err)
		child_stop(&p->child);
	return err;
}

void peer_stop(struct peer *p)
{
	child_stop(&p->child);
	tempdir_remove(p->dir);
	*p->dir = '\0';
}

/* ---- orders ------------------------------------------------------------- */

struct order {
	struct loop *loop;
	struct buf *answer;
	int err;
};

static void on_answer(void *arg, struct http_response *r)
{
	struct order *o = arg;

	o->err = r->err;
	if (!o->err && r->status != 200) {
		fprintf(stderr, "# the stand-in answered %d: %s\n", r->status,
			buf_text(&r->body));
		o->err = -EBADE;
	}
	if (!o->err && o->answer)
		o->err = buf_add(o->answer, r->body.data, r->body.len);
	loop_stop(o->loop);
}

static int run_order(struct http *http, const struct http_spec *spec,
		     struct order *o)
{
	struct http_request *request;
	int err = http_start(http, spec, &request);

	if (!err)
		err = loop_run(o->loop);
	return err ? err : o->err;
}

/* On a loop of its own: that of the test stands still meanwhile. */
int peer_order(struct peer *p, const char *method, const char *path,
	       const char *json, struct buf *answer)
{
	struct http_config config = { .user_agent = "test",
				      .connect_timeout_ms = ORDER_TIMEOUT_MS };
	struct order o = { .answer = answer };
	struct http_spec spec = { .method = method,
				  .body = json,
				  .body_len = json ? strlen(json) : 0,
				  .max_body = ANSWER_MAX,
				  .timeout_ms = ORDER_TIMEOUT_MS,
				  .done = on_answer,
				  .arg = &o };
	struct http *http = NULL;
	char url[512];
	int err = loop_new(&o.loop);

	if (err)
		return err;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", p->control_port,
		 path);
	spec.url = url;
	err = http_new(o.loop, &config, &http, NULL);
	if (!err)
		err = run_order(http, &spec, &o);
	http_free(http);
	loop_free(o.loop);
	return err;
}

int peer_count(struct peer *p, const char *method, const char *path)
{
	struct buf answer;
	char key[512];
	const char *at;
	int n = 0, err;

	buf_init(&answer, ANSWER_MAX);
	err = peer_order(p, "GET", "/counts", NULL, &answer);
	snprintf(key, sizeof(key), "\"%s %s\": ", method, path);
	at = err ? NULL : strstr(buf_text(&answer), key);
	if (at)
		n = atoi(at + strlen(key));
	buf_release(&answer);
	return err ? err : n;
}

/* ---- waiting ------------------------------------------------------------ */

struct wait {
	struct loop *loop;
	struct loop_timer timer;
	bool is_late;
};

static void on_late(struct loop_timer *timer)
{
	struct wait *w = container_of(timer, struct wait, timer);

	w->is_late = true;
	loop_stop(w->loop);
}

int peer_wait(struct loop *loop, const bool *flag)
{
	struct wait w = { .loop = loop };
	int err = loop_timer_init(&w.timer, loop, on_late);

	if (err)
		return err;
	loop_timer_start(&w.timer, WAIT_MS);
	while (!err && !*flag && !w.is_late)
		err = loop_run(loop);
	loop_timer_release(&w.timer);
	return err ? err : *flag ? 0 : -ETIME;
}
