/* SPDX-License-Identifier: MIT */
/*
 * Sessions without SIP: media-driver [option]... URL
 *
 *	-n N		so many of them; %d in the URL becomes their number
 *	-w N		workers
 *	-v PT		video, H.264 of that payload type
 *	-a PT:KIND:RATE[:CHANNELS[:CONFIG]]
 *			audio; KIND is latm (in-band without CONFIG), hbr,
 *			opus, g722, pcmu or pcma
 *	-s SUITE KEY	SRTP both ways under this key, in hex, for all
 *	-r PORT		the peer's RTCP of the first call: audio on PORT,
 *			video on PORT + 2
 *	-T FILE		trust for rtmps
 *	-m MS		time without media
 *	-p PORT		ports from there on, video first
 *
 * Prints "ports NUMBER AUDIO VIDEO" for each, and what happens. Commands come
 * on standard input: "key", "reconnect", "hold", "resume", "url URL", "status".
 * At its end everything stops, and a last status of each is printed.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "lib/str.h"
#include "streamer/session.h"
#include "streamer/udp.h"

enum { CALLS_MAX = 2000 };

struct driver {
	struct loop *loop;
	struct session_pool *pool;
	struct event *input;
	struct msg_setup setup;
	const char *url;
	int count, ended;
	uint16_t rtcp_port;
	struct udp_range range;
	struct session *session[CALLS_MAX];
	char line[MSG_URL_MAX + 16];
	size_t line_len;
};

static const char *const states[] = { "waiting-url", "connecting", "publishing",
				      "retrying",    "failed",	   "ended" };

static void print_media(const char *name, const struct msg_media_status *m)
{
	printf(" %s=%llu/%llu lost=%llu late=%llu dup=%llu reordered=%llu "
	       "refused=%llu foreign=%llu kernel=%llu dropped=%llu "
	       "jitter=%u rate=%u",
	       name, (unsigned long long)m->packets,
	       (unsigned long long)m->frames, (unsigned long long)m->lost,
	       (unsigned long long)m->late, (unsigned long long)m->duplicate,
	       (unsigned long long)m->reordered, (unsigned long long)m->refused,
	       (unsigned long long)m->foreign,
	       (unsigned long long)m->kernel_dropped,
	       (unsigned long long)m->dropped, m->jitter_us, m->bitrate);
}

static void print_status(int number, const struct msg_status *s)
{
	printf("status %d %s size=%ux%u fps=%u keys=%u asked=%u", number,
	       states[s->state], s->width, s->height, s->fps_milli,
	       s->keyframes, s->keyframe_requests);
	print_media("audio", &s->audio);
	print_media("video", &s->video);
	for (int i = 0; i < s->target_count; i++)
		printf(" target=%s bytes=%llu dropped=%llu reconnects=%u",
		       states[s->target[i].state],
		       (unsigned long long)s->target[i].bytes,
		       (unsigned long long)s->target[i].dropped,
		       s->target[i].reconnects);
	printf(" why=%s\n", s->why);
}

static int number_of(const struct driver *d, const struct session *s)
{
	for (int i = 0; i < d->count; i++)
		if (d->session[i] == s)
			return i;
	return -1;
}

static void on_event(void *arg, struct session *s, const struct msg_event *e)
{
	static const char *const names[] = {
		[MSG_EVENT_NEED_INFO] = "need-info",
		[MSG_EVENT_MEDIA_TIMEOUT] = "media-timeout",
		[MSG_EVENT_RTCP_BYE] = "rtcp-bye",
	};
	static enum msg_state last[CALLS_MAX];
	struct driver *d = arg;
	int n = number_of(d, s);

	if (e->kind == MSG_EVENT_ENDED) {
		print_status(n, &e->status);
		d->session[n] = NULL;
		if (++d->ended == d->count)
			loop_stop(d->loop);
	} else if (e->kind == MSG_EVENT_URL) {
		printf("url %d %s\n", n, e->url);
	} else if (e->kind != MSG_EVENT_STATUS) {
		printf("%s %d\n", names[e->kind], n);
	} else if (e->status.state != last[n] || d->count == 1) {
		last[n] = e->status.state;
		print_status(n, &e->status);
	}
}

static void must(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "media-driver: %s: %s\n", what, err_str(err));
	exit(1);
}

static void set_url(struct driver *d, int i, const char *url)
{
	struct msg_targets t = { .count = *url ? 1 : 0 };
	const char *at = strstr(url, "%d");

	if (at)
		snprintf(t.url[0], MSG_URL_MAX, "%.*s%d%s", (int)(at - url),
			 url, i, at + 2);
	else
		str_copy(t.url[0], url, MSG_URL_MAX);
	must(session_set_targets(d->session[i], &t), "targets");
}

static void set_peer(struct msg_media *m, uint16_t rtcp)
{
	struct sockaddr_in *rtp = (struct sockaddr_in *)&m->remote_rtp;
	struct sockaddr_in *to = (struct sockaddr_in *)&m->remote_rtcp;

	*rtp = (struct sockaddr_in){ .sin_family = AF_INET };
	rtp->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*to = *rtp;
	to->sin_port = htons(rtcp ? rtcp : 9);
}

static void open_session(struct driver *d, int i)
{
	struct sockaddr_storage local = { .ss_family = AF_INET };
	struct msg_setup setup = d->setup;
	bool first = i == 0 && d->rtcp_port;

	((struct sockaddr_in *)&local)->sin_addr.s_addr =
		htonl(INADDR_LOOPBACK);
	set_peer(&setup.audio, first ? d->rtcp_port : 0);
	set_peer(&setup.video, first ? (uint16_t)(d->rtcp_port + 2) : 0);
	must(udp_pair_open(&local, 0, &d->range, &setup.video_ports), "ports");
	must(udp_pair_open(&local, 0, &d->range, &setup.audio_ports), "ports");
	must(session_new(d->pool, (uint64_t)i, &setup, on_event, d,
			 &d->session[i]),
	     "session");
	printf("ports %d %u %u\n", i, setup.audio_ports.port,
	       setup.video_ports.port);
	set_url(d, i, d->url);
}

static void set_hold(struct driver *d, bool hold)
{
	struct msg_setup setup = d->setup;

	setup.audio_ports = setup.video_ports =
		(struct msg_ports)MSG_PORTS_NONE;
	setup.audio.held = setup.video.held = hold;
	set_peer(&setup.audio, d->rtcp_port);
	set_peer(&setup.video, (uint16_t)(d->rtcp_port + 2));
	must(session_update(d->session[0], &setup), "update");
}

static void run_command(struct driver *d, const char *line)
{
	if (!strcmp(line, "key"))
		must(session_keyframe(d->session[0]), line);
	else if (!strcmp(line, "reconnect"))
		must(session_reconnect(d->session[0]), line);
	else if (!strcmp(line, "hold") || !strcmp(line, "resume"))
		set_hold(d, *line == 'h');
	else if (!strncmp(line, "url ", 4))
		set_url(d, 0, line + 4);
}

static void stop_all(struct driver *d)
{
	event_del(d->input);
	for (int i = 0; i < d->count; i++)
		if (d->session[i])
			session_stop(d->session[i]);
}

static void on_input(evutil_socket_t fd, short what, void *arg)
{
	struct driver *d = arg;
	char c;

	if (read((int)fd, &c, 1) != 1) {
		stop_all(d);
		return;
	}
	if (c != '\n') {
		if (d->line_len + 1 < sizeof(d->line))
			d->line[d->line_len++] = c;
		return;
	}
	d->line[d->line_len] = '\0';
	d->line_len = 0;
	run_command(d, d->line);
}

static void on_signal(void *arg, int signo)
{
	stop_all(arg);
}

static size_t hex(const char *s, uint8_t *dst, size_t size)
{
	size_t n = 0;

	for (; s[0] && s[1] && n < size; s += 2) {
		char byte[] = { s[0], s[1], '\0' };

		dst[n++] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return n;
}

static void set_audio(struct msg_media *m, char *text)
{
	static const char *const kinds[] = { "none", "h264", "latm", "hbr",
					     "opus", "g722", "pcmu", "pcma" };
	char *word[5] = { NULL };

	for (int i = 0; i < 5 && text; i++)
		word[i] = strsep(&text, ":");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (word[1] && !strcmp(word[1], kinds[i]))
			m->codec = (enum msg_codec)i;
	m->enabled = true;
	m->payload_type = (uint8_t)atoi(word[0]);
	m->clock_rate = word[2] ? (uint32_t)atoi(word[2]) : 0;
	m->channels = word[3] ? (uint8_t)atoi(word[3]) : 0;
	m->config_in_band = !word[4];
	if (word[4])
		m->config_len =
			(uint8_t)hex(word[4], m->config, sizeof(m->config));
}

static void set_video(struct msg_media *m, const char *text)
{
	m->enabled = true;
	m->codec = MSG_CODEC_H264;
	m->payload_type = (uint8_t)atoi(text);
	m->clock_rate = 90000;
	m->pli = m->fir = true;
}

static void set_key(struct msg_setup *s, const char *suite, const char *text)
{
	struct suite_key key = { .suite = suite_by_name(suite, strlen(suite)) };

	if (hex(text, key.key, sizeof(key.key)) != suite_key_len(key.suite))
		must(-EINVAL, "key");
	s->audio.remote = s->audio.local = key;
	s->video.remote = s->video.local = key;
}

static void read_options(struct driver *d, struct session_config *config,
			 int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "n:w:v:a:s:r:T:m:p:")) >= 0) {
		if (c == 'n')
			d->count = atoi(optarg);
		else if (c == 'w')
			config->workers = atoi(optarg);
		else if (c == 'v')
			set_video(&d->setup.video, optarg);
		else if (c == 'a')
			set_audio(&d->setup.audio, optarg);
		else if (c == 's')
			set_key(&d->setup, optarg, argv[optind++]);
		else if (c == 'r')
			d->rtcp_port = (uint16_t)atoi(optarg);
		else if (c == 'T')
			config->publish.trust = optarg;
		else if (c == 'p')
			d->range = (struct udp_range){
				.min = (uint16_t)atoi(optarg), .max = 65535
			};
		else if (c == 'm')
			config->media_timeout_ms = (uint32_t)atoi(optarg);
		else
			exit(2);
	}
	if (optind >= argc || d->count < 1 || d->count > CALLS_MAX)
		exit(2);
	d->url = argv[optind];
}

int main(int argc, char **argv)
{
	static struct driver d = { .count = 1 };
	struct session_config config = {
		.workers = 1,
		.reorder_ms = 100,
		.keyframe_interval_ms = 1000,
	};
	struct err err;

	setvbuf(stdout, NULL, _IOLBF, 0);
	read_options(&d, &config, argc, argv);
	must(loop_new(&d.loop), "loop");
	if (session_pool_new(d.loop, &config, &d.pool, &err)) {
		fprintf(stderr, "media-driver: %s\n", err.text);
		return 1;
	}
	for (int i = 0; i < d.count; i++)
		open_session(&d, i);
	must(loop_on_signal(d.loop, SIGTERM, on_signal, &d), "signal");
	d.input = event_new(loop_base(d.loop), 0, EV_READ | EV_PERSIST,
			    on_input, &d);
	if (!d.input || event_add(d.input, NULL))
		return 1;
	must(loop_run(d.loop), "loop");
	event_free(d.input);
	session_pool_free(d.pool);
	loop_free(d.loop);
	return 0;
}
