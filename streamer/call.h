/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CALL_H
#define UPCAST_CALL_H

#include "lib/list.h"
#include "streamer/session.h"
#include "streamer/settings.h"

/*
 * The calls: where signalling, media and the question where to publish meet.
 * On the signalling thread. Each call is a SIP dialog, a session of media on a
 * worker, and one of the states that upcast-control(7) names.
 *
 *	ringing -> answered -> waiting-url -> connecting -> publishing
 *					      retrying, held ... -> ended
 *
 * The URL that the bridge named last wins: in a Contact, or in an RTCP packet.
 * Where it names none for `url_wait`, [route] and then default_url decide, if
 * there are such.
 *
 * Life cycle: calls_new(), events on the loop, calls_free(). Commands and
 * reports find calls by number; a `struct call` is good until its ended() has
 * been reported.
 */
enum call_state {
	CALL_RINGING,
	CALL_ANSWERED,
	CALL_WAITING_URL,
	CALL_CONNECTING,
	CALL_PUBLISHING,
	CALL_RETRYING,
	CALL_HELD,
	CALL_ENDED,
};
/* "waiting-url" and so on. */
const char *call_state_name(enum call_state state);

enum call_url_source {
	CALL_URL_NONE,
	CALL_URL_CONTACT,
	CALL_URL_RTCP,
	CALL_URL_ROUTE,
	CALL_URL_DEFAULT,
};
const char *call_url_source_name(enum call_url_source source);

struct calls;

/* For looking at; only call.c writes, except for `shown`. */
struct call {
	struct list node;
	struct list shown; /* the observer's own */
	struct calls *owner;
	uint64_t number; /* since the start */
	enum call_state state;
	char why[256];	 /* what holds it there, a sentence without secrets */
	char error[256]; /* the last trouble, kept when it is over */
	char user[128], caller[256], display[256], call_id[256];
	struct sip_flow flow;	       /* where it came from */
	struct msg_media audio, video; /* with keys: not for showing */
	char shown_url[512];	       /* masked; "" if there is none */
	enum call_url_source url_source;
	int64_t started_s, answered_s, ended_s; /* wall clock, 0: not yet */
	uint64_t started_ms, ended_ms;		/* monotonic, 0: not yet */
	struct msg_status status;		/* of the media, as last told */

	/* The inside. */
	struct sip_dialog *dialog; /* NULL: over */
	struct session *session;   /* NULL: none, or it has ended */
	bool stopping;
	bool established;
	unsigned url_tries;
	char *url; /* in use, with credentials */
	uint32_t sdp_version;
	char *last_sdp;			 /* what we said last; with keys */
	uint16_t audio_port, video_port; /* ours, 0: none yet */
	struct msg_setup offered;	 /* ports of an offer of ours */
	bool held;
	struct answer_rules rules;
	struct loop_timer url_timer;
	struct loop_task free_task;
};

/* Who shows the calls to the world. */
struct calls_observer {
	/* Another state, or another reason for it. */
	void (*moved)(void *arg, struct call *call);
	/* Something else that a snapshot shows. */
	void (*changed)(void *arg, struct call *call);
	/* Fresh figures: once a second for each call. */
	void (*counted)(void *arg, struct call *call);
	/* The last word on a call. */
	void (*ended)(void *arg, struct call *call);
	void *arg;
};

/* `settings` stay the caller's, until calls_reload(). The pool, too. */
int calls_new(struct loop *loop, const struct settings *settings,
	      struct session_pool *pool, const struct calls_observer *observer,
	      struct calls **ret, struct err *err) ATTR_MUST_CHECK;
/* Ends all without a word. */
void calls_free(struct calls *calls);
void calls_reload(struct calls *calls, const struct settings *settings);

/*
 * No new calls. After `grace_ms` those that are left are hung up; `done` is
 * called on the loop when none is left. A second call shortens the time.
 */
typedef void calls_drained_fn(void *arg);
void calls_drain(struct calls *calls, uint64_t grace_ms, calls_drained_fn *done,
		 void *arg);
/* Takes calls again. */
void calls_undrain(struct calls *calls);

/* Commands. -ENOENT: there is no such call; the sentence says so. */
int calls_hangup(struct calls *calls, uint64_t number,
		 struct err *err) ATTR_MUST_CHECK;
int calls_keyframe(struct calls *calls, uint64_t number,
		   struct err *err) ATTR_MUST_CHECK;
int calls_reconnect(struct calls *calls, uint64_t number,
		    struct err *err) ATTR_MUST_CHECK;
void calls_set_trace(struct calls *calls, bool on);
/* Until the settings are read again; SETTINGS_NO_LIMIT. */
void calls_set_limit(struct calls *calls, unsigned limit);

/* All calls, oldest first: entries are `struct call`, by `node`. */
const struct list *calls_list(const struct calls *calls);
unsigned calls_active(const struct calls *calls);
unsigned calls_limit(const struct calls *calls);
uint64_t calls_total(const struct calls *calls);
bool calls_is_draining(const struct calls *calls);

#endif
