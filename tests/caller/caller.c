/* SPDX-License-Identifier: MIT */
/*
 * Places calls as a Call Bridge does, and plays a clip into each.
 *
 *	caller [option]... CLIP sip:USER@HOST:PORT
 *
 *	-n N	calls [1]		-R N	new calls a second [20]
 *	-t SEC	length, 0: the clip once [0]
 *	-T	SIP over TLS		-C FILE	verify the peer with it
 *	-E FILE	our certificate and key, PEM
 *	-s NAME	offer SRTP with this suite; "+": as AVP with crypto, not SAVP
 *	-m	a lifetime and an identifier (MKI) with its keys
 *	-u URL	in Contact x-cisco-stream; %d becomes the call's number
 *	-U URL	in an RTCP APP packet each second
 *	-p URL	in the Contact of an UPDATE after the ACK
 *	-x SEC	Session-Expires [1800]
 *	-a KIND	audio: latm, hbr, none [latm]; -A no video
 *	-D MS	media begin so long after the answer [0]
 *	-k	no key frame when one is asked for
 *	-F	offers no RTCP feedback: a key frame takes a SIP INFO
 *	-L PCT	loss   -2 PCT duplicates   -O PCT out of order   -J MS jitter
 *	-H	hold and resume in the middle (re-INVITE)
 *	-v	say what happens, and the SIP messages with -vv
 *
 * The last line has the counters, KEY=VALUE. Exit status 1: a call failed.
 */
#include "tests/caller/dialog.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <openssl/ssl.h>

#include "lib/loop.h"
#include "lib/mono.h"
#include "lib/str.h"
#include "streamer/srtp.h"

enum { CALLS_MAX = 5000, TICK_MS = 1 };

struct caller {
	struct dialog_config config;
	struct player_config media;
	struct clip clip;
	int count, per_second, started, ended, failed;
	struct dialog *dialog[CALLS_MAX];
	struct loop *loop;
	struct loop_timer tick;
	uint64_t begin_ms;
};

static int usage(void)
{
	fprintf(stderr, "usage: caller [option]... CLIP "
			"sip:USER@HOST:PORT\n");
	return 2;
}

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "caller: %s: %s\n", what, why);
	return 1;
}

static void on_end(void *arg, int number, const char *error)
{
	struct caller *c = arg;

	c->ended++;
	c->failed += error != NULL;
	if (error)
		fprintf(stderr, "caller: call %d: %s\n", number, error);
	if (c->ended == c->count)
		loop_stop(c->loop);
}

static void start_calls(struct caller *c)
{
	uint64_t ms = mono_ms() - c->begin_ms;

	while (c->started < c->count &&
	       (uint64_t)c->started * 1000 / (unsigned)c->per_second <= ms) {
		int n = c->started++;

		if (dialog_new(&c->config, n, &c->dialog[n]))
			on_end(c, n, "cannot be made");
	}
}

static void on_tick(struct loop_timer *timer)
{
	struct caller *c = container_of(timer, struct caller, tick);

	loop_timer_start(timer, TICK_MS);
	start_calls(c);
	player_run(c->config.player);
	for (int n = 0; n < c->started; n++)
		if (c->dialog[n])
			dialog_tick(c->dialog[n]);
}

static int split_target(struct dialog_config *d, const char *uri)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *ai;
	char host[256] = "", port[8] = "5060";
	const char *at = strchr(uri, '@'), *h;

	if (strncmp(uri, "sip:", 4) || !at)
		return -1;
	h = at + 1;
	if (*h == '[') {
		if (sscanf(h, "[%255[^]]]:%7[0-9]", host, port) < 1)
			return -1;
	} else if (sscanf(h, "%255[^:]:%7[0-9]", host, port) < 1) {
		return -1;
	}
	if (getaddrinfo(host, port, &hints, &ai))
		return -1;
	memcpy(&d->peer, ai->ai_addr, ai->ai_addrlen);
	freeaddrinfo(ai);
	str_copy(d->uri, uri, sizeof(d->uri));
	return 0;
}

/* The address from which the peer is reached: a socket that sends nothing. */
static int find_local(struct caller *c)
{
	struct sockaddr_storage *sa = &c->media.local;
	socklen_t len = sizeof(*sa);
	int fd = socket(c->config.peer.ss_family, SOCK_DGRAM, 0), err;
	const void *addr = &((struct sockaddr_in *)sa)->sin_addr;

	err = connect(fd, (struct sockaddr *)&c->config.peer,
		      c->config.peer.ss_family == AF_INET6
			      ? sizeof(struct sockaddr_in6)
			      : sizeof(struct sockaddr_in)) ||
	      getsockname(fd, (struct sockaddr *)sa, &len);
	close(fd);
	if (sa->ss_family == AF_INET6)
		addr = &((struct sockaddr_in6 *)sa)->sin6_addr;
	if (!err)
		inet_ntop(sa->ss_family, addr, c->config.local,
			  sizeof(c->config.local));
	snprintf(c->config.host, sizeof(c->config.host),
		 sa->ss_family == AF_INET6 ? "[%s]" : "%s", c->config.local);
	return err;
}

static int make_tls(struct dialog_config *d, const char *trust,
		    const char *certificate)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx)
		return -1;
	d->tls = ctx;
	if (trust) {
		if (SSL_CTX_load_verify_locations(ctx, trust, NULL) != 1)
			return -1;
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	}
	if (certificate &&
	    (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1 ||
	     SSL_CTX_use_PrivateKey_file(ctx, certificate, SSL_FILETYPE_PEM) !=
		     1))
		return -1;
	return 0;
}

static int set_suite(struct dialog_config *d, const char *name)
{
	if (*name == '+') {
		d->optional_crypto = true;
		name++;
	}
	d->suite = suite_by_name(name, strlen(name));
	return d->suite == SUITE_NONE ? -1 : 0;
}

static int set_audio(struct dialog_config *d, const char *name)
{
	static const char *const names[] = { "none", "latm", "hbr" };

	for (int i = 0; i < 3; i++)
		if (!strcmp(name, names[i])) {
			d->audio = i;
			return 0;
		}
	return -1;
}

struct files {
	bool tls;
	const char *trust, *certificate;
};

static int set_option(struct caller *c, int opt, struct files *files)
{
	struct dialog_config *d = &c->config;
	struct player_trouble *t = &c->media.trouble;

	switch (opt) {
	case 'n':
		c->count = atoi(optarg);
		return c->count < 1 || c->count > CALLS_MAX;
	case 'R':
		c->per_second = atoi(optarg);
		return c->per_second < 1;
	case 't':
		d->length_ms = (uint64_t)(atof(optarg) * 1000);
		return 0;
	case 'T':
		files->tls = true;
		return 0;
	case 'C':
		files->trust = optarg;
		return 0;
	case 'E':
		files->certificate = optarg;
		return 0;
	case 's':
		return set_suite(d, optarg);
	case 'u':
		d->url = optarg;
		return 0;
	case 'U':
		c->media.url = optarg;
		return 0;
	case 'p':
		d->update_url = optarg;
		return 0;
	case 'x':
		d->expires = atoi(optarg);
		return 0;
	case 'a':
		return set_audio(d, optarg);
	case 'A':
		d->no_video = true;
		return 0;
	case 'D':
		d->delay_ms = (unsigned)atoi(optarg);
		return 0;
	case 'm':
		d->mki = true;
		return 0;
	case 'F':
		d->no_feedback = true;
		return 0;
	case 'k':
		c->media.obey = false;
		return 0;
	case 'L':
		t->loss = atof(optarg);
		return 0;
	case '2':
		t->duplicate = atof(optarg);
		return 0;
	case 'O':
		t->reorder = atof(optarg);
		return 0;
	case 'J':
		t->jitter_ms = (unsigned)atoi(optarg);
		return 0;
	case 'H':
		d->hold = true;
		return 0;
	case 'v':
		d->verbose++;
		return 0;
	default:
		return -1;
	}
}

static void print_result(const struct caller *c)
{
	const struct player_counts *n = player_counts(c->config.player);

	printf("calls=%d ok=%d failed=%d packets=%llu bytes=%llu skipped=%llu "
	       "errors=%llu reports=%llu plis=%llu firs=%llu infos=%d "
	       "updates=%d lost=%u/256\n",
	       c->count, c->count - c->failed, c->failed,
	       (unsigned long long)n->packets, (unsigned long long)n->bytes,
	       (unsigned long long)n->skipped, (unsigned long long)n->errors,
	       (unsigned long long)n->reports, (unsigned long long)n->plis,
	       (unsigned long long)n->firs, c->config.infos, c->config.updates,
	       n->lost);
}

static int run(struct caller *c)
{
	if (loop_new(&c->loop) || loop_timer_init(&c->tick, c->loop, on_tick))
		return fail("loop", "no memory");
	c->config.base = loop_base(c->loop);
	c->begin_ms = mono_ms();
	loop_timer_start(&c->tick, TICK_MS);
	if (loop_run(c->loop))
		return fail("loop", "it failed");
	print_result(c);
	for (int n = 0; n < c->started; n++)
		dialog_free(c->dialog[n]);
	loop_timer_release(&c->tick);
	loop_free(c->loop);
	return c->failed > 0;
}

int main(int argc, char **argv)
{
	static struct caller c = { .count = 1,
				   .per_second = 20,
				   .media.obey = true,
				   .config.expires = 1800,
				   .config.audio = 1 };
	struct files files = { false, NULL, NULL };
	int opt, status;

	while ((opt = getopt(argc, argv,
			     "n:R:t:TC:E:s:mu:U:p:x:a:AD:kFL:2:O:J:Hv")) >= 0)
		if (set_option(&c, opt, &files))
			return usage();
	if (argc - optind != 2)
		return usage();
	if (srtp_start())
		return fail("srtp", "self test failed");
	if (clip_load(argv[optind], &c.clip))
		return 1;
	if (split_target(&c.config, argv[optind + 1]) || find_local(&c))
		return fail(argv[optind + 1], "no such peer");
	if (files.tls && make_tls(&c.config, files.trust, files.certificate))
		return fail("tls", "trust or certificate is of no use");
	c.media.clip = &c.clip;
	c.media.once = !c.config.length_ms;
	if (player_new(&c.media, c.count, &c.config.player))
		return fail("media", "no sockets");
	c.config.clip = &c.clip;
	c.config.media_port =
		ntohs(((struct sockaddr_in *)&c.media.local)->sin_port);
	c.config.on_end = on_end;
	c.config.arg = &c;
	status = run(&c);
	player_free(c.config.player);
	clip_release(&c.clip);
	SSL_CTX_free(c.config.tls);
	return status;
}
