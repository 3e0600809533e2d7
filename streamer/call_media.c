/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/str.h"
#include "streamer/call_priv.h"

/* ---- addresses and ports ------------------------------------------------ */

/*
 * Where our media are: on the address that the call came to, or, if the peer's
 * media are of the other family, on the one that leads there.
 */
static void find_local(const struct call *c,
		       const struct sockaddr_storage *remote,
		       struct sockaddr_storage *ret)
{
	socklen_t len = sizeof(*ret);
	int fd;

	*ret = c->flow.local;
	sip_addr_set_port(ret, 0);
	if (!remote->ss_family || remote->ss_family == ret->ss_family)
		return;
	fd = socket(remote->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (!connect(fd, (const struct sockaddr *)remote, sip_addr_len(remote)))
		(void)!getsockname(fd, (struct sockaddr *)ret, &len);
	close(fd);
	sip_addr_set_port(ret, 0);
}

static const char *shown_address(const struct call *c,
				 const struct sockaddr_storage *local,
				 char *dst)
{
	const char *advertise = c->owner->settings->advertise;
	struct sockaddr_storage sa;

	if (*advertise && !sip_addr_parse(advertise, 0, &sa) &&
	    sa.ss_family == local->ss_family)
		return advertise;
	return sip_addr_host(local, dst);
}

/* Ports that are there already are kept: the session has them. */
static int open_ports(struct call *c, const struct sockaddr_storage *local,
		      bool wanted, uint16_t *port, struct msg_ports *ret)
{
	int err;

	*ret = (struct msg_ports)MSG_PORTS_NONE;
	if (!wanted || *port)
		return 0;
	err = udp_pair_open(local, c->owner->settings->dscp, &c->owner->ports,
			    ret);
	if (err)
		call_error(c, "no ports for media: %s", err_str(err));
	else
		*port = ret->port;
	return err;
}

static int open_all_ports(struct call *c, const struct sockaddr_storage *local,
			  bool audio, bool video, struct msg_setup *setup)
{
	int err = open_ports(c, local, audio, &c->audio_port,
			     &setup->audio_ports);

	if (!err)
		err = open_ports(c, local, video, &c->video_port,
				 &setup->video_ports);
	return err;
}

static void close_ports(struct call *c, struct msg_setup *setup)
{
	if (setup->audio_ports.rtp >= 0)
		c->audio_port = 0;
	if (setup->video_ports.rtp >= 0)
		c->video_port = 0;
	udp_pair_close(&setup->audio_ports);
	udp_pair_close(&setup->video_ports);
}

/* ---- session ------------------------------------------------------------ */

static int apply(struct call *c, struct msg_setup *setup)
{
	if (c->session)
		return session_update(c->session, setup);
	return session_new(c->owner->pool, c->number, setup, call_on_session, c,
			   &c->session);
}

/* Keys that travel in the clear protect from nobody on the way. */
static void warn_of_keys(const struct call *c)
{
	bool keys = c->audio.remote.suite || c->video.remote.suite;

	if (keys && c->flow.transport != SIP_TLS)
		call_warn(c, "the keys of its media come over an "
			     "unencrypted connection");
}

static bool is_held(const struct msg_setup *setup)
{
	return (!setup->audio.enabled || setup->audio.held) &&
	       (!setup->video.enabled || setup->video.held);
}

static void note_media(struct call *c, const struct msg_setup *setup)
{
	bool first = !c->audio.enabled && !c->video.enabled;

	c->audio = setup->audio;
	c->video = setup->video;
	c->held = is_held(setup);
	if (first)
		warn_of_keys(c);
	c->owner->observer.changed(c->owner->observer.arg, c);
}

static void fill_rules(struct call *c)
{
	const struct settings *s = c->owner->settings;

	c->rules.resolution = s->resolution;
	c->rules.encryption = s->encryption;
	c->rules.transcode = session_can_transcode();
	c->rules.secure_offer = c->flow.transport == SIP_TLS;
	c->rules.peer = c->flow.peer;
}

/* ---- their offer -------------------------------------------------------- */

/* The text as it was keeps its version; any other gets the next one. */
static int write_answer(struct call *c, const struct answer *a,
			const struct sdp *offer, struct answer_place *place,
			struct buf *dst)
{
	int err;

	place->version = c->sdp_version;
	place->audio_port = c->audio_port;
	place->video_port = c->video_port;
	err = answer_format(a, offer, place, dst);
	if (err || !c->last_sdp || !strcmp(c->last_sdp, buf_text(dst)))
		return err;
	place->version = ++c->sdp_version;
	buf_clear(dst);
	return answer_format(a, offer, place, dst);
}

static int answer_with(struct call *c, const struct answer *a,
		       const struct sdp *offer, struct buf *dst)
{
	struct msg_setup setup = { .audio = a->audio.media,
				   .video = a->video.media,
				   .audio_ports = MSG_PORTS_NONE,
				   .video_ports = MSG_PORTS_NONE };
	const struct msg_media *any = setup.video.enabled ? &setup.video
							  : &setup.audio;
	struct sockaddr_storage local;
	char host[SIP_ADDR_SIZE];
	struct answer_place place = { 0 };
	int err;

	find_local(c, &any->remote_rtp, &local);
	place.address = shown_address(c, &local, host);
	err = open_all_ports(c, &local, setup.audio.enabled,
			     setup.video.enabled, &setup);
	if (!err)
		err = write_answer(c, a, offer, &place, dst);
	if (!err)
		err = str_replace(&c->last_sdp, buf_text(dst));
	if (!err)
		err = apply(c, &setup);
	if (err)
		close_ports(c, &setup);
	else
		note_media(c, &setup);
	explicit_bzero(&setup, sizeof(setup));
	return err;
}

int call_answer_offer(struct call *c, const char *sdp, size_t len,
		      struct buf *answer, const char **ret_why)
{
	struct answer a;
	struct sdp *offer;
	int err = sdp_parse(sdp, len, &offer);

	*ret_why = "the offer cannot be read";
	if (err)
		return err == -ENOMEM ? 500 : 400;
	call_info(c, "answering session description offer");
	fill_rules(c);
	*ret_why = "nothing of what is offered can be used";
	err = answer_decide(offer, &c->rules, &a);
	if (!err) {
		*ret_why = "no resources for its media";
		err = answer_with(c, &a, offer, answer) ? 500 : 0;
		explicit_bzero(&a, sizeof(a));
	} else {
		err = 488;
	}
	sdp_free(offer);
	return err;
}

/* ---- our offer ---------------------------------------------------------- */

int call_make_offer(struct call *c, struct buf *offer, const char **ret_why)
{
	bool video = c->owner->settings->resolution != ANSWER_AUDIO;
	struct sockaddr_storage local, none = { 0 };
	char host[SIP_ADDR_SIZE];
	struct answer_place place = { 0 };
	int err;

	*ret_why = "no resources for its media";
	fill_rules(c);
	find_local(c, &none, &local);
	place.address = shown_address(c, &local, host);
	/* They wait for the answer; a session has its own already. */
	err = open_all_ports(c, &local, true, video, &c->offered);
	if (err)
		return 500;
	place.version = c->last_sdp ? ++c->sdp_version : 0;
	place.audio_port = c->audio_port;
	place.video_port = c->video_port;
	err = answer_format_offer(&c->rules, &place, offer);
	return err || str_replace(&c->last_sdp, buf_text(offer)) ? 500 : 0;
}

int call_take_answer(struct call *c, const char *sdp, size_t len,
		     const char **ret_why)
{
	struct msg_setup *setup = &c->offered;
	struct answer a;
	struct sdp *answer;
	int err;

	*ret_why = "the caller gave no answer to our offer";
	if (!sdp || sdp_parse(sdp, len, &answer))
		return 400;
	*ret_why = "nothing of what is answered can be used";
	err = answer_decide(answer, &c->rules, &a);
	sdp_free(answer);
	if (err)
		return 488;
	setup->audio = a.audio.media;
	setup->video = a.video.media;
	explicit_bzero(&a, sizeof(a));
	*ret_why = "no resources for its media";
	err = apply(c, setup);
	if (err)
		return 500;
	setup->audio_ports = setup->video_ports =
		(struct msg_ports)MSG_PORTS_NONE;
	note_media(c, setup);
	return 0;
}

/* ---- what the media say ------------------------------------------------- */

/* A target that refused for good leaves a call that waits for another one. */
static const enum call_state states[] = {
	[MSG_WAITING_URL] = CALL_WAITING_URL,
	[MSG_CONNECTING] = CALL_CONNECTING,
	[MSG_PUBLISHING] = CALL_PUBLISHING,
	[MSG_RETRYING] = CALL_RETRYING,
	[MSG_FAILED] = CALL_WAITING_URL,
	[MSG_ENDED] = CALL_ENDED,
};

static void on_status(struct call *c, const struct msg_event *event)
{
	const struct msg_status *s = &event->status;
	bool resized = s->width != c->status.width ||
		       s->height != c->status.height;

	c->status = *s;
	if (s->state == MSG_RETRYING || s->state == MSG_FAILED)
		str_copy(c->error, s->why, sizeof(c->error));
	if (c->held)
		call_set_state(c, CALL_HELD, "the caller sends nothing now");
	else if (s->state == MSG_WAITING_URL && c->why[0])
		call_set_state(c, CALL_WAITING_URL, "%s", c->why);
	else if (s->state != MSG_ENDED)
		call_set_state(c, states[s->state], "%s", s->why);
	if (resized)
		c->owner->observer.changed(c->owner->observer.arg, c);
	c->owner->observer.counted(c->owner->observer.arg, c);
}

static void on_url(struct call *c, const struct msg_event *event)
{
	call_new_url(c, event->url, CALL_URL_RTCP);
}

static void on_need_info(struct call *c, const struct msg_event *event)
{
	if (c->dialog)
		sip_ask_keyframe(c->dialog);
}

static void on_media_timeout(struct call *c, const struct msg_event *event)
{
	call_hangup(c, "its media have stopped");
}

static void on_rtcp_bye(struct call *c, const struct msg_event *event)
{
	call_info(c, "the caller left its media");
}

static void (*const events[])(struct call *c, const struct msg_event *event) = {
	[MSG_EVENT_STATUS] = on_status,
	[MSG_EVENT_URL] = on_url,
	[MSG_EVENT_NEED_INFO] = on_need_info,
	[MSG_EVENT_MEDIA_TIMEOUT] = on_media_timeout,
	[MSG_EVENT_RTCP_BYE] = on_rtcp_bye,
};

void call_on_session(void *arg, struct session *session,
		     const struct msg_event *event)
{
	struct call *c = arg;

	if (event->kind == MSG_EVENT_ENDED) {
		c->status = event->status;
		c->session = NULL;
		loop_defer(c->owner->loop, &c->free_task);
	} else if (!c->stopping) {
		events[event->kind](c, event);
	}
}
