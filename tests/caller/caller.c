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
 *	-r	no signalling: RTP alone to HOST, four ports a call from PORT
 *		on (video, RTCP, audio, RTCP), payload types 96 and 97, keys of
 *		the bytes 0, 1, 2 ...
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
#include "streamer/sip_addr.h"
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
	bool raw;
	struct {
		bool tls;
		const char *trust, *certificate;
	} tls;
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

static void add_port(struct sockaddr_storage *sa, unsigned n)
{
	in_port_t *port = &((struct sockaddr_in *)sa)->sin_port;

	*port = htons((uint16_t)(ntohs(*port) + n));
}

/* A call that needs no words. */
static int start_raw(struct caller *c, int n)
{
	const struct dialog_config *d = &c->config;
	struct player_peer peer = { .has = { !d->no_video, d->audio },
				    .payload_type = { 96, 97 },
				    .audio = d->audio == 2 ? CLIP_HBR
							   : CLIP_LATM };

	for (unsigned m = 0; m < 2; m++) {
		struct suite_key *key = &peer.key[m];

		peer.rtp[m] = peer.rtcp[m] = d->peer;
		add_port(&peer.rtp[m], 4 * (unsigned)n + 2 * m);
		add_port(&peer.rtcp[m], 4 * (unsigned)n + 2 * m + 1);
		key->suite = d->suite;
		for (size_t i = 0; i < suite_key_len(d->suite); i++)
			key->key[i] = (uint8_t)i;
	}
	return player_start(d->player, n, &peer, 0);
}

static void start_calls(struct caller *c)
{
	uint64_t ms = mono_ms() - c->begin_ms;

	while (c->started < c->count &&
	       (uint64_t)c->started * 1000 / (unsigned)c->per_second <= ms) {
		int n = c->started++;

		if (c->raw ? start_raw(c, n)
			   : dialog_new(&c->config, n, &c->dialog[n]))
			on_end(c, n, "cannot be made");
	}
}

static void end_raw(struct caller *c)
{
	if (mono_ms() - c->begin_ms < c->config.length_ms)
		return;
	for (int n = 0; n < c->count; n++)
		on_end(c, n, NULL);
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
	if (c->raw)
		end_raw(c);
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
		      sip_addr_len(&c->config.peer)) ||
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

static int make_tls(struct caller *c)
{
	const char *trust = c->tls.trust, *certificate = c->tls.certificate;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx)
		return -1;
	c->config.tls = ctx;
	if (trust) {
		if (SSL_CTX_load_verify_locations(ctx, trust, NULL) != 1)
			return -1;
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	}
	return certificate &&
	       (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1 ||
		SSL_CTX_use_PrivateKey_file(ctx, certificate,
					    SSL_FILETYPE_PEM) != 1);
}

/* ---- options ----------------------------------------------------------- */

static int set_suite(struct caller *c, const char *name)
{
	struct dialog_config *d = &c->config;

	d->optional_crypto = *name == '+';
	name += d->optional_crypto;
	d->suite = suite_by_name(name, strlen(name));
	return d->suite == SUITE_NONE ? -1 : 0;
}

static int set_audio(struct caller *c, const char *name)
{
	static const char *const names[] = { "none", "latm", "hbr" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i])) {
			c->config.audio = (int)i;
			return 0;
		}
	return -1;
}

static int disobey(struct caller *c, const char *text)
{
	c->media.obey = false;
	return 0;
}

static int speak_up(struct caller *c, const char *text)
{
	c->config.verbose++;
	return 0;
}

enum kind { FLAG, NUMBER, PERCENT, DURATION, TEXT, FUNCTION };

static const struct option_row {
	char letter;
	enum kind kind;
	size_t at; /* in struct caller */
	unsigned min, max;
	int (*set)(struct caller *c, const char *text);
} rows[] = {
#define AT(member) offsetof(struct caller, member)
	{ 'n', NUMBER, AT(count), 1, CALLS_MAX, NULL },
	{ 'R', NUMBER, AT(per_second), 1, 10000, NULL },
	{ 'x', NUMBER, AT(config.expires), 0, 86400, NULL },
	{ 'D', NUMBER, AT(config.delay_ms), 0, 60000, NULL },
	{ 'J', NUMBER, AT(media.trouble.jitter_ms), 0, 1000, NULL },
	{ 'L', PERCENT, AT(media.trouble.loss), 0, 0, NULL },
	{ '2', PERCENT, AT(media.trouble.duplicate), 0, 0, NULL },
	{ 'O', PERCENT, AT(media.trouble.reorder), 0, 0, NULL },
	{ 'C', TEXT, AT(tls.trust), 0, 0, NULL },
	{ 'E', TEXT, AT(tls.certificate), 0, 0, NULL },
	{ 'u', TEXT, AT(config.url), 0, 0, NULL },
	{ 'U', TEXT, AT(media.url), 0, 0, NULL },
	{ 'p', TEXT, AT(config.update_url), 0, 0, NULL },
	{ 'T', FLAG, AT(tls.tls), 0, 0, NULL },
	{ 'A', FLAG, AT(config.no_video), 0, 0, NULL },
	{ 'H', FLAG, AT(config.hold), 0, 0, NULL },
	{ 'm', FLAG, AT(config.mki), 0, 0, NULL },
	{ 'F', FLAG, AT(config.no_feedback), 0, 0, NULL },
	{ 'r', FLAG, AT(raw), 0, 0, NULL },
	{ 't', DURATION, AT(config.length_ms), 0, 0, NULL },
	{ 's', FUNCTION, 0, 0, 0, set_suite },
	{ 'a', FUNCTION, 0, 0, 0, set_audio },
	{ 'k', FUNCTION, 0, 0, 0, disobey },
	{ 'v', FUNCTION, 0, 0, 0, speak_up },
#undef AT
};

static int set_row(struct caller *c, const struct option_row *row,
		   const char *text)
{
	void *at = (char *)c + row->at;
	uint64_t number;

	switch (row->kind) {
	case FLAG:
		*(bool *)at = true;
		return 0;
	case NUMBER:
		if (str_parse_u64(text, row->min, row->max, &number))
			return -1;
		*(unsigned *)at = (unsigned)number;
		return 0;
	case PERCENT:
		return sscanf(text, "%lf", (double *)at) != 1;
	case DURATION:
		return str_parse_duration(text, at);
	case TEXT:
		*(const char **)at = text;
		return 0;
	default:
		return row->set(c, text);
	}
}

static int set_option(struct caller *c, int letter)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].letter == letter)
			return set_row(c, &rows[i], optarg);
	return -1;
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
	int opt, status;

	while ((opt = getopt(argc, argv,
			     "n:R:t:TC:E:s:mu:U:p:x:a:AD:kFL:2:O:J:Hrv")) >= 0)
		if (set_option(&c, opt))
			return usage();
	if (argc - optind != 2)
		return usage();
	if (srtp_start())
		return fail("srtp", "self test failed");
	if (clip_load(argv[optind], &c.clip))
		return 1;
	if (split_target(&c.config, argv[optind + 1]) || find_local(&c))
		return fail(argv[optind + 1], "no such peer");
	if (c.tls.tls && make_tls(&c))
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
