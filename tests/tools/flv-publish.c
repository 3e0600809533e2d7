/* SPDX-License-Identifier: MIT */
/*
 * Publishes an FLV file (H.264, AAC) through streamer/publish.c, as a call
 * would.
 *
 *	flv-publish [options] FILE URL
 *	-s FACTOR	speed [1]; 0: as fast as the server takes it
 *	-l N		play the file N times [1]
 *	-o MS		where the clock starts [0]
 *	-f BYTES	cut NAL units into slices of that many bytes
 *	-m MS,URL	move to URL after that time
 *	-T FILE -P PIN -n	trust, pins, no verification
 *	-b BYTES -t MS	limit of the buffer, timeout
 *	-a LIST		allowed targets
 *	-d		the digest form of the handshake
 *	-x MS		end after that time in any case [600000]
 *	-S		print the state at each change
 *
 * Prints counters at the end; exit status 0 if all of the file went out.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/mono.h"
#include "streamer/publish.h"

enum { SLICES_MAX = 4096, PPS_MAX = 8, LINGER_MS = 400, FRAMES_AT_ONCE = 64 };

struct player {
	struct loop *loop;
	struct publish_env *env;
	struct publish *publish;
	struct loop_timer timer, end;
	uint8_t *data;
	size_t len, at;
	double speed;
	unsigned loops;
	uint64_t offset_ms, loop_ms, last_ms, start_ms, move_ms;
	size_t fragment;
	const char *url, *move_url;
	bool playing, ended, show_state, wait_key;
	unsigned keys_asked;
};

static const char *const states[] = {
	[PUBLISH_IDLE] = "idle",
	[PUBLISH_CONNECTING] = "connecting",
	[PUBLISH_PUBLISHING] = "publishing",
	[PUBLISH_RETRYING] = "retrying",
	[PUBLISH_FAILED] = "failed",
};

static void die(const char *what)
{
	fprintf(stderr, "flv-publish: %s\n", what);
	exit(2);
}

static void play(struct player *pl);

static void on_state(void *arg)
{
	struct player *pl = arg;

	if (pl->show_state) {
		printf("state=%s why=%s\n", states[publish_state(pl->publish)],
		       publish_why(pl->publish));
		fflush(stdout);
	}
	if (publish_state(pl->publish) == PUBLISH_FAILED)
		loop_stop(pl->loop);
	if (publish_state(pl->publish) == PUBLISH_PUBLISHING && !pl->playing) {
		pl->playing = true;
		pl->start_ms = mono_ms();
		loop_timer_start(&pl->timer, 0);
	}
}

static void on_key_frame(void *arg)
{
	struct player *pl = arg;

	pl->keys_asked++;
}

static void on_log(void *arg, enum log_level level, const char *line)
{
	static const char *const names[] = { "ERROR", "WARNING", "INFO",
					     "DEBUG" };

	fprintf(stderr, "%-7s : %s\n", names[level], line);
}

static const struct publish_handler handler = { on_state, on_key_frame,
						on_log };

/* AVCDecoderConfigurationRecord -> parameter sets. */
static void take_avcc(struct player *pl, const uint8_t *p, size_t n)
{
	struct slice sps, pps[PPS_MAX];
	size_t at = 8, count;

	if (n < 11)
		die("no avcC");
	sps = (struct slice){ p + at, buf_get_u16(p + 6), true };
	at += sps.len;
	count = p[at++];
	for (size_t i = 0; i < count && i < PPS_MAX; i++) {
		pps[i] =
			(struct slice){ p + at + 2, buf_get_u16(p + at), true };
		at += 2 + pps[i].len;
	}
	if (at > n || publish_video_config(pl->publish, &sps, pps, count))
		die("avcC refused");
}

static void take_picture(struct player *pl, const uint8_t *p, size_t n,
			 uint64_t ts)
{
	struct slice s[SLICES_MAX];
	bool key = p[0] >> 4 == 1;
	int32_t cts = (int32_t)(buf_get_u24(p + 2) << 8) >> 8;
	size_t count = 0;

	for (size_t at = 5; at + 4 <= n;) {
		size_t len = buf_get_u32(p + at), done = 0;

		at += 4;
		while (done < len) {
			size_t part = len - done;

			if (pl->fragment && part > pl->fragment)
				part = pl->fragment;
			if (count == SLICES_MAX)
				die("too many slices");
			s[count++] = (struct slice){ p + at + done, part,
						     done == 0 };
			done += part;
		}
		at += len;
	}
	publish_video(pl->publish, s, count, key, ts,
		      (uint64_t)((int64_t)ts + cts));
}

static void take_tag(struct player *pl, int type, const uint8_t *p, size_t n,
		     uint64_t ts)
{
	struct asc asc;

	if (type == 9 && n >= 5 && p[1] == 0)
		take_avcc(pl, p + 5, n - 5);
	else if (type == 9 && n >= 5 && p[1] == 1)
		take_picture(pl, p, n, ts);
	else if (type == 8 && n >= 2 && p[1] == 0) {
		if (asc_parse(p + 2, n - 2, &asc) ||
		    publish_audio_config(pl->publish, &asc))
			die("AudioSpecificConfig refused");
	} else if (type == 8 && n >= 2)
		publish_audio(pl->publish, p + 2, n - 2, ts);
}

static bool rewind_file(struct player *pl)
{
	if (pl->at + 11 <= pl->len)
		return true;
	if (--pl->loops == 0)
		return false;
	pl->loop_ms = pl->last_ms + 33;
	pl->at = 13;
	return true;
}

/* Sends what is due; false at the end of the file. */
static bool play_due(struct player *pl, uint64_t *ret_wait_ms)
{
	uint64_t now = mono_ms() - pl->start_ms;

	for (int frames = 0;; frames++) {
		const uint8_t *tag = pl->data + pl->at;
		uint64_t ts, due;
		size_t n;

		if (!rewind_file(pl))
			return false;
		tag = pl->data + pl->at;
		n = buf_get_u24(tag + 1);
		ts = buf_get_u24(tag + 4) | (uint32_t)tag[7] << 24;
		ts += pl->loop_ms;
		due = pl->speed > 0 ? (uint64_t)((double)ts / pl->speed) : 0;
		if (due > now || frames == FRAMES_AT_ONCE) {
			*ret_wait_ms = due > now ? due - now : 0;
			return true;
		}
		if (pl->at + 11 + n > pl->len)
			die("file ends in a tag");
		take_tag(pl, tag[0] & 31, tag + 11, n, ts + pl->offset_ms);
		pl->last_ms = ts;
		pl->at += 11 + n + 4;
	}
}

static void play(struct player *pl)
{
	struct publish_stats st;
	uint64_t wait_ms = 0;

	publish_stats(pl->publish, &st);
	/* At full speed the buffer sets the pace. */
	if (pl->speed <= 0 && st.pending_bytes > 100000) {
		loop_timer_start(&pl->timer, 1);
		return;
	}
	if (pl->move_url && mono_ms() - pl->start_ms >= pl->move_ms) {
		if (publish_set_url(pl->publish, pl->move_url, NULL))
			die("cannot move");
		pl->move_url = NULL;
	}
	if (!pl->ended && !play_due(pl, &wait_ms)) {
		pl->ended = true;
		wait_ms = LINGER_MS / 4;
	} else if (pl->ended && !st.pending_bytes) {
		loop_stop(pl->loop);
		return;
	}
	loop_timer_start(&pl->timer, wait_ms);
}

static void on_timer(struct loop_timer *timer)
{
	play(container_of(timer, struct player, timer));
}

static void on_end(struct loop_timer *timer)
{
	loop_stop(container_of(timer, struct player, end)->loop);
}

static void load(struct player *pl, const char *path)
{
	FILE *f = fopen(path, "rb");
	long n = 0;

	if (f && !fseek(f, 0, SEEK_END))
		n = ftell(f);
	if (n < 13)
		die("cannot read the file");
	rewind(f);
	pl->len = (size_t)n;
	pl->data = malloc(pl->len);
	if (!pl->data || fread(pl->data, 1, pl->len, f) != pl->len)
		die("cannot read the file");
	fclose(f);
	pl->at = 13;
}

static void print_stats(struct player *pl)
{
	struct publish_stats st;

	publish_stats(pl->publish, &st);
	printf("state=%s bytes=%llu video=%llu audio=%llu video_dropped=%llu "
	       "audio_dropped=%llu reconnects=%u keys_asked=%u why=%s\n",
	       states[publish_state(pl->publish)], (unsigned long long)st.bytes,
	       (unsigned long long)st.video, (unsigned long long)st.audio,
	       (unsigned long long)st.video_dropped,
	       (unsigned long long)st.audio_dropped, st.reconnects,
	       pl->keys_asked, publish_why(pl->publish));
}

static void run(struct player *pl, const struct publish_settings *s,
		uint64_t most_ms)
{
	struct err err;

	if (loop_new(&pl->loop) ||
	    loop_timer_init(&pl->timer, pl->loop, on_timer) ||
	    loop_timer_init(&pl->end, pl->loop, on_end))
		die("no loop");
	if (publish_env_new(pl->loop, s, &pl->env, &err))
		die(err.text);
	if (publish_new(pl->env, &handler, pl, PUBLISH_AUDIO | PUBLISH_VIDEO,
			&pl->publish))
		die("out of memory");
	if (publish_set_url(pl->publish, pl->url, &err))
		die(err.text);
	loop_timer_start(&pl->end, most_ms);
	if (loop_run(pl->loop))
		die("loop failed");
	print_stats(pl);
	publish_free(pl->publish);
	loop_timer_stop(&pl->timer);
	loop_timer_start(&pl->end, LINGER_MS);
	pl->publish = NULL;
}

int main(int argc, char **argv)
{
	struct player pl = { .speed = 1, .loops = 1 };
	struct publish_settings s = { 0 };
	uint64_t most_ms = 600000;
	int c;

	while ((c = getopt(argc, argv, "s:l:o:f:m:T:P:nb:t:a:x:dS")) != -1) {
		switch (c) {
		case 's':
			pl.speed = atof(optarg);
			break;
		case 'l':
			pl.loops = (unsigned)atoi(optarg);
			break;
		case 'o':
			pl.offset_ms = strtoull(optarg, NULL, 10);
			break;
		case 'f':
			pl.fragment = (size_t)atol(optarg);
			break;
		case 'm':
			pl.move_ms = strtoull(optarg, NULL, 10);
			pl.move_url = strchr(optarg, ',') + 1;
			break;
		case 'T':
			s.trust = optarg;
			break;
		case 'P':
			s.pins = optarg;
			break;
		case 'n':
			s.no_verify = true;
			break;
		case 'd':
			s.digest = true;
			break;
		case 'b':
			s.buffer_bytes = (size_t)atol(optarg);
			break;
		case 't':
			s.timeout_ms = (uint32_t)atol(optarg);
			break;
		case 'a':
			s.allowed = optarg;
			break;
		case 'x':
			most_ms = strtoull(optarg, NULL, 10);
			break;
		case 'S':
			pl.show_state = true;
			break;
		default:
			die("bad option");
		}
	}
	if (argc - optind != 2)
		die("FILE URL");
	load(&pl, argv[optind]);
	pl.url = argv[optind + 1];
	run(&pl, &s, most_ms);
	/* What finishes politely gets its time. */
	if (loop_run(pl.loop))
		die("loop failed");
	publish_env_free(pl.env);
	loop_timer_release(&pl.timer);
	loop_timer_release(&pl.end);
	loop_free(pl.loop);
	free(pl.data);
	return pl.ended ? 0 : 1;
}
