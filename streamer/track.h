/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_TRACK_H
#define UPCAST_TRACK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/loop.h"
#include "streamer/aac.h"
#include "streamer/h264.h"
#include "streamer/msg.h"
#include "streamer/rtcp.h"
#include "streamer/udp.h"

/*
 * One medium of a call, from its sockets to its access units: udp -> srtp ->
 * rtp -> h264 or aac; and RTCP both ways. Belongs to one worker's loop.
 *
 * Life cycle: track_new() on any thread; track_start() on the worker;
 * track_setup() again after each offer and answer; track_free() on the worker,
 * or anywhere before the start. The handler's functions are called from the
 * loop; none of them may free the track.
 *
 * Who is listened to: with SRTP whoever has the key. Without, the address that
 * the signalling named, from any port; another one only if that stays silent
 * for TRACK_STRANGER_MS (a peer behind a NAT that does not know it).
 */
enum { TRACK_STRANGER_MS = 2000 };

enum track_kind { TRACK_AUDIO, TRACK_VIDEO, TRACK_KINDS };

struct track;

struct track_handler {
	struct h264_handler h264;
	struct aac_handler aac; /* what is transcoded comes here, too */
	/* Another stream from now on: its clock has this rate. */
	void (*on_clock)(void *arg, enum track_kind kind, uint32_t rate);
	void (*on_sender_report)(void *arg, enum track_kind kind,
				 const struct rtcp_sr *sr);
	void (*on_app)(void *arg, const struct rtcp_app *app);
	void (*on_bye)(void *arg, enum track_kind kind);
	/* Packets were taken in. */
	void (*on_taken)(void *arg, enum track_kind kind);
};

struct track_env {
	struct loop *loop;
	struct udp_batch *batch; /* shared by all tracks of a worker */
	uint32_t reorder_ms;
	const char *cname;
};

/* `handler` and what `env` points to outlive the track. */
int track_new(enum track_kind kind, const struct track_env *env,
	      const struct track_handler *handler, void *arg,
	      struct track **ret_track) ATTR_MUST_CHECK;
void track_free(struct track *t);

/*
 * Media as negotiated; takes `ports` where it has any, on success only. Errors:
 * -ENOMEM and -EINVAL, after which the track should go. A configuration that is
 * of no use is no failure: packets are received and left out, and
 * track_trouble() says why (-ENOTSUP, -EBADMSG).
 */
int track_setup(struct track *t, const struct msg_media *media,
		const struct msg_ports *ports) ATTR_MUST_CHECK;
int track_trouble(const struct track *t);
int track_start(struct track *t) ATTR_MUST_CHECK;

/*
 * Asks for a key frame: PLI or FIR, as the peer understands and as `fir_first`
 * would have it. -ENOTSUP: it understands neither; -EAGAIN: nothing was
 * received yet.
 */
int track_ask_key(struct track *t, bool fir_first) ATTR_MUST_CHECK;
/* Sends a receiver report; `bye`: and that we leave. */
void track_report(struct track *t, bool bye);

bool track_needs_key(const struct track *t);
/* A picture has arrived, perhaps a broken one. */
bool track_has_begun(const struct track *t);
/* Listening and not held. */
bool track_is_live(const struct track *t);
uint64_t track_heard_ms(const struct track *t); /* the latest RTP; 0: none */
/* Arrival of what the handler is given now, however long it was held back. */
uint64_t track_arrival_ms(const struct track *t);
void track_status(const struct track *t, struct msg_media_status *ret);

#endif
