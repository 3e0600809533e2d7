/* SPDX-License-Identifier: MIT */
/*
 * Calls a streamer as a bridge would, and plays a film.
 *
 *	caller [option]... FILM USER@HOST:PORT
 *
 *	-n N	calls at once [1]		-r N	calls a second [20]
 *	-t S	how long each lasts [10]
 *	-w MS	wait so long before the media begin [0]
 *	-u URL	x-cisco-stream; %u becomes the number of the call
 *	-U URL	the same, in RTCP APP packets instead
 *	-N	no UPDATE after ACK
 *	-e S	Session-Expires [1800]
 *	-T	TLS		-V FILE	and verify the streamer
 *	-s SUITE	SRTP: AES_CM_128_HMAC_SHA1_80 and so on
 *	-p		offer it under RTP/AVP, not SAVP
 *	-g	AAC as mpeg4-generic	-i ADDRESS	our own [127.0.0.1]
 *	-l PERMILLE	loss	-d PERMILLE	duplicates
 *	-o PERMILLE	packets that come up to 30 ms late
 *	-j MS	jitter
 *	-v	show the SIP messages
 *
 * Prints a line of counters at the end; exit status 0 if every call was taken
 * and lasted.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "lib/mono.h"
#include "lib/str.h"
#include "tests/caller/call.h"
#include "tests/caller/clip.h"

enum {
	TICK_MS = 5,
	BATCH = 512,
	SOCKETS = 4, /* audio and video: RTP, RTCP */
	SOCKET_BUFFER = 8 << 20,
	LATE_US = 30000,
	RTCP_US = 1000000,
	END_MS = 3000, /* for the answers to BYE */
	AUDIO_PT = 119,
	VIDEO_PT = 116,
	HELD_MAX = 4096,
	NTP_EPOCH = 2208988800u,
};

/* A packet that one call sends later than the others. */
struct held {
	uint64_t due_us;
	uint32_t call;
	uint32_t packet;
};

struct batch {
	int fd;
	unsigned count;
	struct mmsghdr messages[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_in to[BATCH];
};

struct caller {
	struct loop *loop;
	struct calls *calls;
	struct calls_config sip;
	struct clip_config clip_config;
	struct clip *clip;
	unsigned count, rate, seconds;
	const char *app_url;
	unsigned loss, duplicates, late, jitter_ms, wait_ms;
	int fds[SOCKETS];
	struct event *readable[SOCKETS];
	struct batch *batch[CLIP_MEDIA];
	struct held held[HELD_MAX];
	unsigned held_count;
	struct loop_timer tick, invite, end;
	unsigned invited, up, over, refused;
	uint64_t sent, sent_bytes, lost_packets, send_errors;
	uint64_t rtcp_received, pli, fir, late_us;
	bool ending;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "caller: %s%s%s\n", what, why ? ": " : "",
		why ? why : "");
	exit(2);
}

/* ---- sockets ----------------------------------------------------------- */

static int bind_udp(const struct in_addr *host, uint16_t port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr = *host,
				  .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int size = SOCKET_BUFFER;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (!bind(fd, (struct sockaddr *)&sa, sizeof(sa)))
		return fd;
	close(fd);
	return -1;
}

/* An even port and the one above it. */
static uint16_t bind_pair(struct caller *c, int *fds)
{
	for (int i = 0; i < 200; i++) {
		uint16_t port =
			(uint16_t)(20000 + (mono_ns() >> 3) % 20000 / 2 * 2);

		fds[0] = bind_udp(&c->sip.local.sin_addr, port);
		fds[1] = bind_udp(&c->sip.local.sin_addr, (uint16_t)(port + 1));
		if (fds[0] >= 0 && fds[1] >= 0)
			return port;
		for (int k = 0; k < 2; k++)
			if (fds[k] >= 0)
				close(fds[k]);
	}
	die("no ports", NULL);
	return 0;
}

/* What the streamer asks; under SRTP only the first header can be read. */
static void take_rtcp(struct caller *c, const uint8_t *p, size_t n)
{
	c->rtcp_received++;
	while (n >= 4) {
		size_t len = 4u * (1u + (size_t)(p[2] << 8 | p[3]));

		if (len > n)
			return;
		c->pli += p[1] == 206 && (p[0] & 31) == 1;
		c->fir += p[1] == 206 && (p[0] & 31) == 4;
		p += len;
		n -= len;
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	uint8_t packet[2048];
	ssize_t n;

	while ((n = recv(fd, packet, sizeof(packet), MSG_DONTWAIT)) > 0)
		take_rtcp(arg, packet, (size_t)n);
}

/* ---- sending ------------------------------------------------------------ */

static void flush(struct caller *c, struct batch *b)
{
	unsigned done = 0;

	while (done < b->count) {
		int n = sendmmsg(b->fd, b->messages + done, b->count - done, 0);

		if (n <= 0) { /* a port that is closed, say */
			c->send_errors++;
			n = 1;
		}
		done += (unsigned)n;
	}
	c->sent += b->count;
	b->count = 0;
}

static void send_packet(struct caller *c, const struct call *call,
			const struct clip_packet *p)
{
	struct batch *b = c->batch[p->medium];
	unsigned i = b->count++;

	b->to[i] = p->medium == CLIP_AUDIO ? call->audio : call->video;
	b->iov[i] = (struct iovec){ c->clip->data + p->at, p->len };
	b->messages[i].msg_hdr = (struct msghdr){
		.msg_name = &b->to[i],
		.msg_namelen = sizeof(b->to[i]),
		.msg_iov = &b->iov[i],
		.msg_iovlen = 1,
	};
	c->sent_bytes += p->len;
	if (b->count == BATCH)
		flush(c, b);
}

static uint64_t chance(struct call *call)
{
	call->seed ^= call->seed >> 12;
	call->seed ^= call->seed << 25;
	call->seed ^= call->seed >> 27;
	return call->seed * 0x2545f4914f6cdd1dULL >> 32;
}

static bool hold(struct caller *c, const struct call *call, uint64_t due_us)
{
	if (c->held_count == HELD_MAX)
		return false;
	c->held[c->held_count++] =
		(struct held){ due_us, call->number, (uint32_t)call->at };
	return true;
}

/* What becomes of one packet of one call. */
static void handle_packet(struct caller *c, struct call *call, uint64_t now_us)
{
	const struct clip_packet *p = &c->clip->packets[call->at];
	uint16_t port = p->medium == CLIP_AUDIO ? call->audio.sin_port
						: call->video.sin_port;

	if (!port)
		return;
	call->packets[p->medium]++;
	call->octets[p->medium] += p->len;
	if (c->loss && chance(call) % 1000 < c->loss) {
		c->lost_packets++;
		return;
	}
	if (c->late && chance(call) % 1000 < c->late &&
	    hold(c, call, now_us + chance(call) % LATE_US))
		return;
	send_packet(c, call, p);
	if (c->duplicates && chance(call) % 1000 < c->duplicates)
		send_packet(c, call, p);
}

static void send_held(struct caller *c, uint64_t now_us)
{
	for (unsigned i = 0; i < c->held_count;) {
		const struct held *h = &c->held[i];

		if (h->due_us > now_us) {
			i++;
			continue;
		}
		send_packet(c, calls_at(c->calls, h->call),
			    &c->clip->packets[h->packet]);
		c->held[i] = c->held[--c->held_count];
	}
}

/* Jitter keeps the order: no packet is due before the one ahead of it. */
static uint64_t due_us(struct caller *c, struct call *call)
{
	uint64_t due = call->up_us + c->clip->packets[call->at].due_us;

	if (!c->jitter_ms)
		return due;
	due += chance(call) % (c->jitter_ms * 1000);
	call->last_us = due > call->last_us ? due : call->last_us;
	return call->last_us;
}

/* ---- RTCP ---------------------------------------------------------------- */

static size_t put_sr(struct caller *c, const struct call *call,
		     enum clip_medium medium, uint8_t *p)
{
	uint64_t wall_us = (uint64_t)mono_wall_ms() * 1000;
	uint64_t at_us = mono_ns() / 1000 - call->up_us;

	p[0] = 0x80;
	p[1] = 200;
	buf_put_u16(p + 2, 6);
	buf_put_u32(p + 4, c->clip_config.ssrc[medium]);
	buf_put_u32(p + 8, (uint32_t)(wall_us / 1000000 + NTP_EPOCH));
	buf_put_u32(p + 12, (uint32_t)((wall_us % 1000000 << 32) / 1000000));
	buf_put_u32(p + 16,
		    clip_rtp_time(c->clip, &c->clip_config, medium, at_us));
	buf_put_u32(p + 20, call->packets[medium]);
	buf_put_u32(p + 24, call->octets[medium]);
	/* SDES with a name of three letters */
	memcpy(p + 28, "\x81\xca\0\2", 4);
	buf_put_u32(p + 32, c->clip_config.ssrc[medium]);
	memcpy(p + 36, "\1\1x\0", 4);
	return 40;
}

/* The URL in a record of 1024 bytes, as the bridge's packets are long. */
static size_t put_app(struct caller *c, const struct call *call, uint8_t *p)
{
	memset(p, 0, 12 + 1024);
	p[0] = 0x80;
	p[1] = 204;
	buf_put_u16(p + 2, (12 + 1024) / 4 - 1);
	buf_put_u32(p + 4, c->clip_config.ssrc[CLIP_AUDIO]);
	memcpy(p + 8, "STRM", 4);
	calls_url(c->app_url, call->number, (char *)p + 12, 1024);
	return 12 + 1024;
}

static void send_rtcp(struct caller *c, const struct call *call,
		      enum clip_medium medium)
{
	struct sockaddr_in to = medium == CLIP_AUDIO ? call->audio
						     : call->video;
	uint8_t packet[2048];
	int len;

	if (!to.sin_port)
		return;
	len = (int)put_sr(c, call, medium, packet);
	if (c->app_url && medium == CLIP_AUDIO)
		len += (int)put_app(c, call, packet + len);
	if (c->clip_config.srtp)
		len = srtp_out_protect_rtcp(c->clip_config.srtp, packet,
					    (size_t)len);
	if (len < 0)
		die("cannot encrypt RTCP", NULL);
	to.sin_port = htons((uint16_t)(ntohs(to.sin_port) + 1));
	if (sendto(c->fds[2 * medium + 1], packet, (size_t)len, 0,
		   (struct sockaddr *)&to, sizeof(to)) < 0)
		c->send_errors++;
}

/* ---- time -----------------------------------------------------------------
 */

static void hang_up(struct caller *c, struct call *call)
{
	if (calls_hang_up(c->calls, call))
		die("cannot hang up", NULL);
}

static void serve_call(struct caller *c, struct call *call, uint64_t now_us)
{
	while (call->at < c->clip->count && due_us(c, call) <= now_us) {
		handle_packet(c, call, now_us);
		call->at++;
	}
	if (now_us >= call->sr_us) {
		call->sr_us = now_us + RTCP_US;
		send_rtcp(c, call, CLIP_AUDIO);
		send_rtcp(c, call, CLIP_VIDEO);
	}
	if (now_us - call->up_us >= c->seconds * 1000000ULL)
		hang_up(c, call);
}

static void on_tick(struct loop_timer *timer)
{
	struct caller *c = container_of(timer, struct caller, tick);
	uint64_t now_us = mono_ns() / 1000;

	send_held(c, now_us);
	for (unsigned i = 0; i < c->count; i++) {
		struct call *call = calls_at(c->calls, i);

		if (call->state == CALL_UP && now_us >= call->up_us)
			serve_call(c, call, now_us);
	}
	flush(c, c->batch[CLIP_AUDIO]);
	flush(c, c->batch[CLIP_VIDEO]);
	loop_timer_start(timer, TICK_MS);
}

static void on_invite(struct loop_timer *timer)
{
	struct caller *c = container_of(timer, struct caller, invite);

	if (c->invited == c->count)
		return;
	if (calls_invite(c->calls, calls_at(c->calls, c->invited++)))
		die("cannot call", NULL);
	loop_timer_start(timer, 1000 / c->rate);
}

static void on_end(struct loop_timer *timer)
{
	loop_stop(container_of(timer, struct caller, end)->loop);
}

static void on_up(void *arg, struct call *call)
{
	struct caller *c = arg;

	c->up++;
	call->up_us += c->wait_ms * 1000ULL;
	call->seed = 0x9e3779b97f4a7c15ULL * (call->number + 1);
	if (!loop_timer_is_armed(&c->tick))
		loop_timer_start(&c->tick, 0);
}

static void on_over(void *arg, struct call *call)
{
	struct caller *c = arg;

	if (call->status >= 300) {
		c->refused++;
		fprintf(stderr, "caller: call %u refused with %d\n",
			call->number, call->status);
	}
	if (++c->over == c->count)
		loop_stop(c->loop);
}

static void on_connected(void *arg)
{
	struct caller *c = arg;

	loop_timer_start(&c->invite, 0);
}

static void on_lost(void *arg, const char *why)
{
	struct caller *c = arg;

	fprintf(stderr, "caller: %s\n", why);
	loop_stop(c->loop);
}

static const struct calls_handler handler = { on_up, on_over, on_connected,
					      on_lost };

/* ---- start and end ----------------------------------------------------------
 */

static void parse_target(struct caller *c, char *target)
{
	char *at = strchr(target, '@'), *colon = strrchr(target, ':');

	if (!at || !colon || colon < at)
		die("USER@HOST:PORT", NULL);
	*at = *colon = '\0';
	c->sip.user = target;
	c->sip.host = at + 1;
	c->sip.server.sin_family = AF_INET;
	c->sip.server.sin_port = htons((uint16_t)atoi(colon + 1));
	if (inet_pton(AF_INET, at + 1, &c->sip.server.sin_addr) != 1)
		die("HOST must be an IPv4 address", NULL);
}

static void parse_options(struct caller *c, int argc, char **argv,
			  const char **ret_suite)
{
	int o;

	while ((o = getopt(argc, argv, "n:r:t:w:u:U:Ne:TV:s:pgi:l:d:o:j:v")) !=
	       -1) {
		switch (o) {
		case 'n':
			c->count = (unsigned)atoi(optarg);
			break;
		case 'r':
			c->rate = (unsigned)atoi(optarg);
			break;
		case 't':
			c->seconds = (unsigned)atoi(optarg);
			break;
		case 'w':
			c->wait_ms = (unsigned)atoi(optarg);
			break;
		case 'u':
			c->sip.url = optarg;
			break;
		case 'U':
			c->app_url = optarg;
			break;
		case 'N':
			c->sip.update = false;
			break;
		case 'e':
			c->sip.expires_s = (unsigned)atoi(optarg);
			break;
		case 'T':
			c->sip.tls = true;
			break;
		case 'V':
			c->sip.trust = optarg;
			break;
		case 's':
			*ret_suite = optarg;
			break;
		case 'p':
			c->sip.savp = false;
			break;
		case 'g':
			c->clip_config.generic = true;
			break;
		case 'i':
			if (inet_pton(AF_INET, optarg,
				      &c->sip.local.sin_addr) != 1)
				die("-i", "not an IPv4 address");
			break;
		case 'l':
			c->loss = (unsigned)atoi(optarg);
			break;
		case 'd':
			c->duplicates = (unsigned)atoi(optarg);
			break;
		case 'o':
			c->late = (unsigned)atoi(optarg);
			break;
		case 'j':
			c->jitter_ms = (unsigned)atoi(optarg);
			break;
		case 'v':
			c->sip.verbose = true;
			break;
		default:
			die("see the head of tests/caller/main.c", NULL);
		}
	}
	if (argc - optind != 2 || !c->count || !c->rate || c->rate > 1000)
		die("see the head of tests/caller/main.c", NULL);
	c->clip_config.path = argv[optind];
	parse_target(c, argv[optind + 1]);
}

static void prepare(struct caller *c, const char *suite)
{
	static char rtpmap[64], fmtp[128];
	struct err err;

	if (suite && srtp_out_new(suite, &c->clip_config.srtp))
		die("no such suite", suite);
	c->clip_config.seconds = c->seconds + 1;
	if (clip_new(&c->clip_config, &c->clip, &err))
		die(err.text, NULL);
	snprintf(rtpmap, sizeof(rtpmap), "%s/%u%s",
		 c->clip_config.generic ? "mpeg4-generic" : "MP4A-LATM",
		 c->clip->audio_rate, c->clip->channels > 1 ? "/2" : "");
	if (c->clip_config.generic)
		snprintf(fmtp, sizeof(fmtp),
			 "profile-level-id=16;streamtype=5;config=%02X%02X;"
			 "mode=AAC-hbr;sizelength=13;indexlength=3;"
			 "indexdeltalength=3",
			 c->clip->asc[0], c->clip->asc[1]);
	else
		snprintf(fmtp, sizeof(fmtp),
			 "profile-level-id=30;bitrate=64000;object=2");
	c->sip.audio_rtpmap = rtpmap;
	c->sip.audio_fmtp = fmtp;
	c->sip.profile_level_id = c->clip->profile_level_id;
	if (suite)
		c->sip.crypto = srtp_out_inline(c->clip_config.srtp);
	if (c->app_url)
		c->sip.url = NULL;
}

static void open_media(struct caller *c)
{
	struct event_base *base = loop_base(c->loop);

	c->sip.audio_port = bind_pair(c, &c->fds[0]);
	c->sip.video_port = bind_pair(c, &c->fds[2]);
	for (int i = 0; i < SOCKETS; i++) {
		c->readable[i] = event_new(
			base, c->fds[i], EV_READ | EV_PERSIST, on_readable, c);
		if (!c->readable[i] || event_add(c->readable[i], NULL))
			die("no memory", NULL);
	}
	for (int m = 0; m < CLIP_MEDIA; m++) {
		c->batch[m] = calloc(1, sizeof(*c->batch[m]));
		if (!c->batch[m])
			die("no memory", NULL);
		c->batch[m]->fd = c->fds[2 * m];
	}
}

static void print_result(const struct caller *c)
{
	struct rusage u;
	double cpu;

	getrusage(RUSAGE_SELF, &u);
	cpu = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	      (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
	printf("calls=%u up=%u refused=%u packets=%llu bytes=%llu lost=%llu "
	       "errors=%llu rtcp=%llu pli=%llu fir=%llu pictures=%llu "
	       "frames=%llu cpu=%.2f\n",
	       c->count, c->up, c->refused, (unsigned long long)c->sent,
	       (unsigned long long)c->sent_bytes,
	       (unsigned long long)c->lost_packets,
	       (unsigned long long)c->send_errors,
	       (unsigned long long)c->rtcp_received, (unsigned long long)c->pli,
	       (unsigned long long)c->fir,
	       (unsigned long long)c->clip->frames[CLIP_VIDEO],
	       (unsigned long long)c->clip->frames[CLIP_AUDIO], cpu);
}

static void release(struct caller *c)
{
	for (int i = 0; i < SOCKETS; i++) {
		event_free(c->readable[i]);
		close(c->fds[i]);
	}
	free(c->batch[CLIP_AUDIO]);
	free(c->batch[CLIP_VIDEO]);
	loop_timer_release(&c->tick);
	loop_timer_release(&c->invite);
	loop_timer_release(&c->end);
	calls_free(c->calls);
	clip_free(c->clip);
	srtp_out_free(c->clip_config.srtp);
	loop_free(c->loop);
}

static void run(struct caller *c)
{
	uint64_t most_ms = (c->seconds + c->count / c->rate) * 1000ULL;
	struct err err;

	if (loop_new(&c->loop) || loop_timer_init(&c->tick, c->loop, on_tick) ||
	    loop_timer_init(&c->invite, c->loop, on_invite) ||
	    loop_timer_init(&c->end, c->loop, on_end))
		die("no loop", NULL);
	open_media(c);
	if (calls_new(c->loop, &c->sip, c->count, &handler, c, &c->calls, &err))
		die(err.text, NULL);
	loop_timer_start(&c->end, most_ms + END_MS);
	if (loop_run(c->loop))
		die("loop failed", NULL);
}

int main(int argc, char **argv)
{
	static struct caller c = {
		.count = 1,
		.rate = 20,
		.seconds = 10,
		.sip = { .update = true,
			 .savp = true,
			 .expires_s = 1800,
			 .space = "Weekly",
			 .audio_pt = AUDIO_PT,
			 .video_pt = VIDEO_PT },
		.clip_config = { .payload_type = { AUDIO_PT, VIDEO_PT },
				 .ssrc = { 0x11223344, 0x55667788 },
				 /* both wrap soon */
				 .first_seq = { 65400, 65000 },
				 .first_ts = { 0xffff0000, 0xfffe0000 } },
	};
	const char *suite = NULL;
	bool good;

	c.sip.local.sin_family = AF_INET;
	c.sip.local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	parse_options(&c, argc, argv, &suite);
	prepare(&c, suite);
	run(&c);
	print_result(&c);
	good = c.up == c.count && c.over == c.count && !c.refused;
	release(&c);
	return good ? 0 : 1;
}
