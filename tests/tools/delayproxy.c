/* SPDX-License-Identifier: MIT */
/*
 * delayproxy LISTEN TARGET [DELAY_MS]
 *
 * A TCP proxy on loopback that holds every byte for DELAY_MS in each
 * direction, so that a test on one machine meets a network's round trip, and
 * that goes wrong when told to. LISTEN 0 takes any port; the first line of
 * output is "listening PORT".
 *
 * Commands come on standard input, a line each; every one is answered "ok" or
 * "error", and the end of the input ends the program:
 *
 *	delay MS		from now on
 *	cut | reset		ends all connections, by FIN or RST
 *	stall on|off		bytes are taken and held, both ways
 *	hold on|off		the same for what the server says only
 *	refuse on|off		new connections are closed at once
 *	cut-after N server|client	cuts once when N more bytes went there
 *	count			connections, bytes to server, bytes to client
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/attr.h"
#include "lib/list.h"
#include "lib/mono.h"
#include "lib/str.h"

enum {
	MAX_LINKS = 512,
	CHUNK_BYTES = 256 * 1024,
	HELD_BYTES = 64 * 1024 * 1024, /* per direction, then TCP waits */
	IDLE_MS = 1000,
};

enum { TO_SERVER, TO_CLIENT, WAYS };

struct chunk {
	struct list node;
	uint64_t due_ns;
	size_t len, pos;
	char data[];
};

struct flow {
	int from, to;
	struct list chunks;
	size_t held;
	bool eof, closed;
};

/* One client's connection and the one to the target that goes with it. */
struct link {
	struct list node;
	struct flow flows[WAYS];
	bool dead; /* freed at the end of the turn */
	bool by_reset;
};

struct proxy {
	int listener;
	uint16_t target;
	uint64_t delay_ns;
	bool stalled, holding, refusing, ended;
	uint64_t connections, moved[WAYS];
	uint64_t cut_at[WAYS]; /* value of `moved` that cuts, 0: none */
	struct list links;
	char line[128];
	size_t line_len;
};

/* What a pollfd belongs to; `flow` is NULL for listener and commands. */
struct watch {
	struct link *link;
	struct flow *flow;
	int way;
};

struct turn {
	struct pollfd fds[2 + MAX_LINKS * 4];
	struct watch watches[2 + MAX_LINKS * 4];
	nfds_t count;
	uint64_t now_ns, wake_ns;
};

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
}

static void set_nodelay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int listen_on(uint16_t port)
{
	struct sockaddr_in addr = loopback(port);
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(fd, SOMAXCONN) ||
	    getsockname(fd, (struct sockaddr *)&addr, &len))
		return -errno;
	printf("listening %u\n", ntohs(addr.sin_port));
	fflush(stdout);
	return fd;
}

static void flow_init(struct flow *f, int from, int to)
{
	*f = (struct flow){ .from = from, .to = to };
	list_init(&f->chunks);
}

static void flow_release(struct flow *f)
{
	list_for_each_safe(it, &f->chunks)
		free(list_entry(it, struct chunk, node));
}

static void link_free(struct link *l)
{
	struct linger at_once = { .l_onoff = 1 };

	for (int i = 0; i < WAYS; i++) {
		if (l->by_reset)
			setsockopt(l->flows[i].from, SOL_SOCKET, SO_LINGER,
				   &at_once, sizeof(at_once));
		flow_release(&l->flows[i]);
		close(l->flows[i].from);
	}
	list_del(&l->node);
	free(l);
}

static void proxy_accept(struct proxy *p)
{
	struct sockaddr_in addr = loopback(p->target);
	int client = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
	struct link *l;
	int server;

	if (client < 0)
		return;
	p->connections++;
	l = calloc(1, sizeof(*l));
	server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* Blocking connect: on loopback it ends at once. */
	if (p->refusing || !l || server < 0 ||
	    connect(server, (struct sockaddr *)&addr, sizeof(addr))) {
		free(l);
		close(client);
		if (server >= 0)
			close(server);
		return;
	}
	set_nodelay(client);
	set_nodelay(server);
	flow_init(&l->flows[TO_SERVER], client, server);
	flow_init(&l->flows[TO_CLIENT], server, client);
	list_add_tail(&p->links, &l->node);
}

static void flow_read(struct proxy *p, struct link *l, struct flow *f)
{
	struct chunk *c = malloc(sizeof(*c) + CHUNK_BYTES);
	struct chunk *fit;
	ssize_t n;

	if (!c)
		return;
	n = recv(f->from, c->data, CHUNK_BYTES, MSG_DONTWAIT);
	if (n <= 0) {
		free(c);
		if (n == 0)
			f->eof = true;
		else if (errno != EAGAIN && errno != EINTR)
			l->dead = l->by_reset = true;
		return;
	}
	fit = realloc(c, sizeof(*c) + (size_t)n);
	if (fit)
		c = fit;
	c->len = (size_t)n;
	c->pos = 0;
	c->due_ns = mono_ns() + p->delay_ns;
	f->held += c->len;
	list_add_tail(&f->chunks, &c->node);
}

/* How many of `len` bytes may go before a cut is due. */
static size_t allowed(const struct proxy *p, int way, size_t len)
{
	uint64_t left = p->cut_at[way] - p->moved[way];

	if (!p->cut_at[way] || left > len)
		return len;
	return (size_t)left;
}

static void flow_write(struct proxy *p, struct link *l, struct flow *f, int way)
{
	struct chunk *c = list_entry(f->chunks.next, struct chunk, node);
	ssize_t n = send(f->to, c->data + c->pos,
			 allowed(p, way, c->len - c->pos),
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			l->dead = l->by_reset = true;
		return;
	}
	c->pos += (size_t)n;
	f->held -= (size_t)n;
	p->moved[way] += (uint64_t)n;
	if (p->cut_at[way] && p->moved[way] >= p->cut_at[way]) {
		p->cut_at[way] = 0;
		l->dead = true;
	}
	if (c->pos == c->len) {
		list_del(&c->node);
		free(c);
	}
}

/* Passes an end of stream on when all before it has gone. */
static void flow_finish(struct link *l, struct flow *f)
{
	if (!f->eof || f->closed || !list_is_empty(&f->chunks))
		return;
	f->closed = true;
	shutdown(f->to, SHUT_WR);
	if (l->flows[TO_SERVER].closed && l->flows[TO_CLIENT].closed)
		l->dead = true;
}

/* ---- commands ----------------------------------------------------------- */

static void end_links(struct proxy *p, bool by_reset)
{
	list_for_each(it, &p->links) {
		struct link *l = list_entry(it, struct link, node);

		l->dead = true;
		l->by_reset = by_reset;
	}
}

static int do_delay(struct proxy *p, char **words)
{
	uint64_t ms;

	if (str_parse_u64(words[0], 0, 60000, &ms))
		return -EINVAL;
	p->delay_ns = ms * 1000000;
	return 0;
}

static int do_cut(struct proxy *p, char **words)
{
	end_links(p, false);
	return 0;
}

static int do_reset(struct proxy *p, char **words)
{
	end_links(p, true);
	return 0;
}

static int do_stall(struct proxy *p, char **words)
{
	return str_parse_bool(words[0], &p->stalled);
}

static int do_hold(struct proxy *p, char **words)
{
	return str_parse_bool(words[0], &p->holding);
}

static int do_refuse(struct proxy *p, char **words)
{
	return str_parse_bool(words[0], &p->refusing);
}

static int do_cut_after(struct proxy *p, char **words)
{
	int way = strcmp(words[1], "client") ? TO_SERVER : TO_CLIENT;
	uint64_t n;

	if (str_parse_u64(words[0], 1, UINT64_MAX / 2, &n))
		return -EINVAL;
	p->cut_at[way] = p->moved[way] + n;
	return 0;
}

static int do_count(struct proxy *p, char **words)
{
	printf("ok %ju %ju %ju\n", (uintmax_t)p->connections,
	       (uintmax_t)p->moved[TO_SERVER], (uintmax_t)p->moved[TO_CLIENT]);
	return 1;
}

static const struct command {
	const char *name;
	int words;
	int (*run)(struct proxy *p, char **words); /* 1: has answered */
} commands[] = {
	{ "delay", 1, do_delay }, { "cut", 0, do_cut },
	{ "reset", 0, do_reset }, { "stall", 1, do_stall },
	{ "hold", 1, do_hold },	  { "refuse", 1, do_refuse },
	{ "count", 0, do_count }, { "cut-after", 2, do_cut_after },
};

static int run_command(struct proxy *p, char *line)
{
	char *words[4] = { NULL };
	char *save = NULL;
	int n = 0;

	for (char *w = strtok_r(line, " ", &save); w && n < 4;
	     w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	for (size_t i = 0; n && i < ARRAY_SIZE(commands); i++)
		if (!strcmp(words[0], commands[i].name))
			return n - 1 == commands[i].words
				       ? commands[i].run(p, words + 1)
				       : -EINVAL;
	return -EINVAL;
}

static void read_commands(struct proxy *p)
{
	char *end;
	ssize_t n = read(STDIN_FILENO, p->line + p->line_len,
			 sizeof(p->line) - 1 - p->line_len);

	if (n <= 0) {
		p->ended = true;
		return;
	}
	p->line_len += (size_t)n;
	p->line[p->line_len] = '\0';
	while ((end = strchr(p->line, '\n'))) {
		int result;

		*end = '\0';
		result = run_command(p, p->line);
		if (result <= 0)
			puts(result ? "error" : "ok");
		fflush(stdout);
		p->line_len -= (size_t)(end + 1 - p->line);
		memmove(p->line, end + 1, p->line_len + 1);
	}
	if (p->line_len == sizeof(p->line) - 1)
		p->ended = true;
}

/* ---- one turn of the loop ------------------------------------------------ */

static void turn_watch(struct turn *t, int fd, short events, struct link *l,
		       struct flow *f, int way)
{
	t->fds[t->count] = (struct pollfd){ .fd = fd, .events = events };
	t->watches[t->count++] = (struct watch){ l, f, way };
}

static void turn_watch_flow(struct turn *t, const struct proxy *p,
			    struct link *l, int way)
{
	struct flow *f = &l->flows[way];
	const struct chunk *c;

	if (!f->eof && f->held < HELD_BYTES)
		turn_watch(t, f->from, POLLIN, l, f, way);
	if (list_is_empty(&f->chunks) || p->stalled ||
	    (p->holding && way == TO_CLIENT))
		return;
	c = list_entry(f->chunks.next, struct chunk, node);
	if (c->due_ns <= t->now_ns)
		turn_watch(t, f->to, POLLOUT, l, f, way);
	else if (c->due_ns < t->wake_ns)
		t->wake_ns = c->due_ns;
}

static void turn_prepare(struct turn *t, const struct proxy *p)
{
	size_t links = 0;

	t->count = 0;
	t->now_ns = mono_ns();
	t->wake_ns = t->now_ns + IDLE_MS * UINT64_C(1000000);
	turn_watch(t, STDIN_FILENO, POLLIN, NULL, NULL, 0);
	turn_watch(t, p->listener, POLLIN, NULL, NULL, 0);
	list_for_each(it, &p->links) {
		struct link *l = list_entry(it, struct link, node);

		for (int way = 0; way < WAYS; way++)
			turn_watch_flow(t, p, l, way);
		if (++links == MAX_LINKS)
			break;
	}
	if (links == MAX_LINKS)
		t->fds[1].events = 0;
}

static void turn_dispatch(struct turn *t, struct proxy *p)
{
	for (nfds_t i = 2; i < t->count; i++) {
		struct watch *w = &t->watches[i];

		if (!t->fds[i].revents || w->link->dead)
			continue;
		if (t->fds[i].events == POLLIN)
			flow_read(p, w->link, w->flow);
		else
			flow_write(p, w->link, w->flow, w->way);
	}
	if (t->fds[0].revents)
		read_commands(p);
	if (t->fds[1].revents)
		proxy_accept(p);
}

static void turn_reap(struct proxy *p)
{
	list_for_each_safe(it, &p->links) {
		struct link *l = list_entry(it, struct link, node);

		for (int way = 0; way < WAYS; way++)
			flow_finish(l, &l->flows[way]);
		if (l->dead)
			link_free(l);
	}
}

static int run(struct proxy *p)
{
	struct turn *t = calloc(1, sizeof(*t));
	int err = t ? 0 : -ENOMEM;

	while (!err && !p->ended) {
		struct timespec wait;
		uint64_t ns;

		turn_prepare(t, p);
		ns = t->wake_ns - t->now_ns;
		wait.tv_sec = (time_t)(ns / 1000000000);
		wait.tv_nsec = (long)(ns % 1000000000);
		if (ppoll(t->fds, t->count, &wait, NULL) < 0) {
			err = errno == EINTR ? 0 : -errno;
			continue;
		}
		turn_dispatch(t, p);
		turn_reap(p);
	}
	free(t);
	end_links(p, false);
	turn_reap(p);
	return err;
}

int main(int argc, char **argv)
{
	struct proxy p = { .links = LIST_INIT(p.links) };
	uint64_t port, target, delay_ms = 0;
	int err;

	if (argc < 3 || argc > 4 || str_parse_u64(argv[1], 0, 65535, &port) ||
	    str_parse_u64(argv[2], 1, 65535, &target) ||
	    (argc == 4 && str_parse_u64(argv[3], 0, 60000, &delay_ms))) {
		fprintf(stderr, "usage: %s LISTEN TARGET [DELAY_MS]\n",
			argv[0]);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	p.target = (uint16_t)target;
	p.delay_ns = delay_ms * 1000000;
	p.listener = listen_on((uint16_t)port);
	err = p.listener < 0 ? p.listener : run(&p);
	if (err)
		fprintf(stderr, "%s: %s\n", argv[0], strerror(-err));
	return err ? 1 : 0;
}
