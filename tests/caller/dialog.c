/* SPDX-License-Identifier: MIT */
#include "tests/caller/dialog.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/ssl.h>

#include "lib/buf.h"
#include "lib/crypto.h"
#include "lib/mono.h"
#include "lib/str.h"
#include "streamer/sdes.h"
#include "streamer/sdp.h"
#include "streamer/sip_addr.h"
#include "tests/caller/offer.h"

enum { MESSAGE_MAX = 65536, ANSWER_MS = 30000, BYE_MS = 5000, TEXT_MAX = 512 };

enum state { CONNECTING, CALLING, TALKING, LEAVING, ENDED };

struct dialog {
	struct dialog_config *config;
	int number;
	enum state state;
	struct bufferevent *bev;
	uint64_t since_ms; /* of the state */
	uint64_t refresh_ms;
	unsigned cseq, invite_cseq, version;
	bool we_refresh, held, has_held;
	char call_id[40], tag[16];
	char to_tag[128], target[TEXT_MAX], routes[2048];
	char branch[24];
	struct suite_key key[2]; /* video, audio */
};

/* ---- texts ------------------------------------------------------------- */

/* The value of the first header of that name, or its compact form. */
static const char *find_header(const char *msg, const char *name, char *dst,
			       size_t size)
{
	size_t n = strlen(name);

	for (const char *p = strstr(msg, "\r\n"); p && p[2] != '\r';
	     p = strstr(p + 2, "\r\n")) {
		const char *v = p + 2 + n;
		const char *end;

		if (strncasecmp(p + 2, name, n))
			continue;
		while (*v == ' ')
			v++;
		if (*v++ != ':')
			continue;
		while (*v == ' ')
			v++;
		end = strstr(v, "\r\n");
		snprintf(dst, size, "%.*s", (int)(end - v), v);
		return end;
	}
	*dst = '\0';
	return NULL;
}

static const char *transport(const struct dialog *d)
{
	return d->config->tls ? "tls" : "tcp";
}

static void number_url(char *dst, size_t size, const char *url, int number)
{
	const char *at = strstr(url, "%d");

	if (at)
		snprintf(dst, size, "%.*s%d%s", (int)(at - url), url, number,
			 at + 2);
	else
		str_copy(dst, url, size);
}

static void add_contact(struct dialog *d, struct buf *b, const char *url)
{
	char text[TEXT_MAX];

	(void)!buf_printf(b,
			  "Contact: <sip:room%d@%s:%u;transport=%s>;audio;video"
			  ";x-cisco-tip;x-cisco-multiple-screen=3;isFocus",
			  d->number, d->config->host, 5060, transport(d));
	if (url) {
		number_url(text, sizeof(text), url, d->number);
		(void)!buf_printf(b, ";x-cisco-stream=\"%s\"", text);
	}
	(void)!buf_add_str(b, "\r\n");
}

static void write_out(struct dialog *d, struct buf *b)
{
	if (d->config->verbose > 1)
		fprintf(stderr, ">>> call %d\n%s\n", d->number, buf_text(b));
	bufferevent_write(d->bev, b->data, b->len);
	buf_release(b);
}

/* A request of ours within the dialog, or the INVITE that makes one. */
static void send_request(struct dialog *d, const char *method, unsigned cseq,
			 const char *contact_url, const char *body)
{
	const struct dialog_config *c = d->config;
	bool contact = strcmp(method, "BYE") && strcmp(method, "ACK");
	bool timer = contact;
	uint8_t r[8];
	struct buf b;

	crypto_random(r, sizeof(r));
	snprintf(d->branch, sizeof(d->branch), "z9hG4bK%08x", buf_get_u32(r));
	buf_init(&b, MESSAGE_MAX);
	(void)!buf_printf(&b,
			  "%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s:%u;branch=%s;"
			  "rport\r\nMax-Forwards: 70\r\n%s",
			  method, *d->target ? d->target : c->uri,
			  c->tls ? "TLS" : "TCP", c->host, 5060, d->branch,
			  d->routes);
	(void)!buf_printf(&b,
			  "From: \"Room %d\" <sip:room%d@%s>;tag=%s\r\n"
			  "To: <%s>%s%s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n",
			  d->number, d->number, c->host, d->tag, c->uri,
			  *d->to_tag ? ";tag=" : "", d->to_tag, d->call_id,
			  cseq, method);
	(void)!buf_add_str(&b, "Allow: INVITE,ACK,CANCEL,OPTIONS,INFO,BYE,"
			       "UPDATE,REFER,SUBSCRIBE,NOTIFY,MESSAGE\r\n"
			       "User-Agent: upcast caller\r\n"
			       "Supported: timer,X-cisco-callinfo\r\n");
	if (contact)
		add_contact(d, &b, contact_url);
	if (timer)
		(void)!buf_printf(&b, "Session-Expires: %d%s\r\nMin-SE: 90\r\n",
				  c->expires,
				  !*d->to_tag	  ? ""
				  : d->we_refresh ? ";refresher=uac"
						  : ";refresher=uas");
	if (body)
		(void)!buf_add_str(&b, "Content-Type: application/sdp\r\n");
	(void)!buf_printf(&b, "Content-Length: %zu\r\n\r\n%s",
			  body ? strlen(body) : 0, body ? body : "");
	write_out(d, &b);
}

/* ---- states ------------------------------------------------------------ */

static void enter(struct dialog *d, enum state state)
{
	d->state = state;
	d->since_ms = mono_ms();
}

static void end(struct dialog *d, const char *error)
{
	if (d->state == ENDED)
		return;
	enter(d, ENDED);
	player_stop(d->config->player, d->number);
	d->config->on_end(d->config->arg, d->number, error);
}

static void make_keys(struct dialog *d)
{
	for (int m = 0; m < 2; m++) {
		d->key[m].suite = d->config->suite;
		crypto_random(d->key[m].key, suite_key_len(d->config->suite));
		if (!d->config->mki)
			continue;
		d->key[m].mki_len = 4;
		d->key[m].mki[3] = (uint8_t)(m + 1);
	}
}

static void send_invite(struct dialog *d)
{
	const struct dialog_config *c = d->config;
	const struct offer offer = {
		.local = c->local,
		.is_ipv6 = c->peer.ss_family == AF_INET6,
		.port = c->media_port,
		.audio = c->audio,
		.video = !c->no_video,
		.inactive = d->held,
		.optional_crypto = c->optional_crypto,
		.no_feedback = c->no_feedback,
		.key = d->key,
		.clip = c->clip,
		.version = d->version++,
	};
	struct buf sdp;

	buf_init(&sdp, MESSAGE_MAX);
	if (offer_format(&offer, &sdp)) {
		end(d, "no room for the offer");
	} else {
		d->invite_cseq = ++d->cseq;
		send_request(d, "INVITE", d->cseq, c->url, buf_text(&sdp));
	}
	buf_release(&sdp);
}

static void set_port(struct sockaddr_storage *sa, const char *address,
		     uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)sa;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)sa;

	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
	} else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
	}
}

/* One m-line of the answer; false if its crypto is not what was offered. */
static bool take_line(struct dialog *d, const struct sdp_media *m, int i,
		      struct player_peer *peer)
{
	struct sdes crypto;

	if (!m->port || !m->address || !m->format_count)
		return true;
	peer->has[i] = true;
	peer->payload_type[i] = (uint8_t)m->formats[0].payload_type;
	set_port(&peer->rtp[i], m->address, m->port);
	set_port(&peer->rtcp[i], m->address,
		 m->rtcp_mux	? m->port
		 : m->rtcp_port ? m->rtcp_port
				: (uint16_t)(m->port + 1));
	if (i && m->formats[0].encoding)
		peer->audio =
			strcasecmp(m->formats[0].encoding, "mpeg4-generic")
				? CLIP_LATM
				: CLIP_HBR;
	if (!m->crypto_count)
		return d->config->suite == SUITE_NONE ||
		       d->config->optional_crypto;
	if (sdes_parse(m->crypto[0], &crypto) ||
	    crypto.key.suite != d->config->suite)
		return false;
	peer->key[i] = d->key[i];
	peer->remote[i] = crypto.key;
	return true;
}

static const char *take_answer(struct dialog *d, const char *body)
{
	struct player_peer peer = { .audio = CLIP_LATM };
	struct sdp *sdp = NULL;
	bool ok = true;

	if (sdp_parse(body, strlen(body), &sdp))
		return "an answer that is none";
	for (size_t i = 0; i < sdp->media_count; i++) {
		const struct sdp_media *m = &sdp->media[i];

		if (!strcmp(m->type, "audio") && !peer.has[1])
			ok &= take_line(d, m, 1, &peer);
		else if (!strcmp(m->type, "video") && !peer.has[0])
			ok &= take_line(d, m, 0, &peer);
	}
	sdp_free(sdp);
	if (!ok)
		return "an answer whose keys do not fit";
	if (!peer.has[0] && !peer.has[1])
		return "an answer that takes nothing";
	if (player_start(d->config->player, d->number, &peer,
			 d->config->delay_ms))
		return "media that cannot start";
	return NULL;
}

/* What later requests need: the tag, the target, the route set reversed. */
static void take_dialog(struct dialog *d, const char *msg)
{
	char text[TEXT_MAX], rest[sizeof(d->routes) - TEXT_MAX - 16];
	const char *p;

	find_header(msg, "To", text, sizeof(text));
	p = strstr(text, ";tag=");
	if (p)
		snprintf(d->to_tag, sizeof(d->to_tag), "%.*s",
			 (int)strcspn(p + 5, ";"), p + 5);
	find_header(msg, "Contact", text, sizeof(text));
	p = strchr(text, '<');
	if (p)
		snprintf(d->target, sizeof(d->target), "%.*s",
			 (int)strcspn(p + 1, ">"), p + 1);
	*d->routes = '\0';
	for (p = msg;
	     (p = find_header(p, "Record-Route", text, sizeof(text)));) {
		str_copy(rest, d->routes, sizeof(rest));
		snprintf(d->routes, sizeof(d->routes), "Route: %s\r\n%s", text,
			 rest);
	}
}

static void take_timer(struct dialog *d, const char *msg)
{
	char text[TEXT_MAX];

	find_header(msg, "Session-Expires", text, sizeof(text));
	d->we_refresh = strstr(text, "refresher=uac") != NULL;
	d->refresh_ms =
		d->we_refresh ? mono_ms() + strtoul(text, NULL, 10) * 500 : 0;
}

static void send_bye(struct dialog *d)
{
	player_stop(d->config->player, d->number);
	send_request(d, "BYE", ++d->cseq, NULL, NULL);
	enter(d, LEAVING);
}

static void take_invite_answer(struct dialog *d, int status, const char *msg,
			       const char *body)
{
	static char text[TEXT_MAX];
	const char *error;
	bool first = d->state == CALLING;

	if (status < 200)
		return;
	if (status >= 300) {
		send_request(d, "ACK", d->invite_cseq, NULL, NULL);
		snprintf(text, sizeof(text), "refused with %d", status);
		end(d, text);
		return;
	}
	take_dialog(d, msg);
	send_request(d, "ACK", d->invite_cseq, NULL, NULL);
	take_timer(d, msg);
	if (first)
		enter(d, TALKING);
	error = take_answer(d, body);
	if (error) {
		end(d, error);
		return;
	}
	if (first && d->config->update_url)
		send_request(d, "UPDATE", ++d->cseq, d->config->update_url,
			     NULL);
}

static void take_answer_to(struct dialog *d, const char *msg, const char *body)
{
	char cseq[64];
	int status = (int)strtoul(msg + 8, NULL, 10);

	find_header(msg, "CSeq", cseq, sizeof(cseq));
	if (d->config->verbose)
		fprintf(stderr, "call %d: %d for %s\n", d->number, status,
			cseq);
	if (strstr(cseq, "INVITE"))
		take_invite_answer(d, status, msg, body);
	else if (strstr(cseq, "BYE"))
		end(d, status < 300 ? NULL : "BYE refused");
	else if (strstr(cseq, "UPDATE") && status >= 300)
		end(d, "UPDATE refused");
}

/* 200 to all that a peer may ask of a bridge. */
static void take_request(struct dialog *d, const char *msg, const char *body)
{
	static const char *const echo[] = { "Via", "From", "To", "Call-ID",
					    "CSeq" };
	char text[TEXT_MAX];
	struct buf b;

	if (d->config->verbose)
		fprintf(stderr, "call %d: gets %.*s\n", d->number,
			(int)strcspn(msg, " "), msg);
	if (!strncmp(msg, "ACK ", 4))
		return;
	buf_init(&b, MESSAGE_MAX);
	(void)!buf_add_str(&b, "SIP/2.0 200 OK\r\n");
	for (size_t i = 0; i < ARRAY_SIZE(echo); i++) {
		const char *p = msg;

		while ((p = find_header(p, echo[i], text, sizeof(text))))
			(void)!buf_printf(&b, "%s: %s\r\n", echo[i], text);
	}
	find_header(msg, "Session-Expires", text, sizeof(text));
	if (!strncmp(msg, "UPDATE ", 7)) {
		d->config->updates++;
		add_contact(d, &b, d->config->url);
		if (*text)
			(void)!buf_printf(&b, "Session-Expires: %s\r\n", text);
	}
	(void)!buf_add_str(&b, "Content-Length: 0\r\n\r\n");
	write_out(d, &b);
	if (!strncmp(msg, "INFO ", 5) && strstr(body, "picture_fast_update")) {
		d->config->infos++;
		player_key(d->config->player, d->number);
	}
	if (!strncmp(msg, "BYE ", 4))
		end(d, d->config->length_ms ? "the peer hung up" : NULL);
}

/* ---- the connection ---------------------------------------------------- */

/* A whole message off the front of the input; it is terminated. */
static bool next_message(struct evbuffer *in, char *dst, char **body)
{
	struct evbuffer_ptr p = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	char text[32];
	size_t head, len;

	if (p.pos < 0 || p.pos > MESSAGE_MAX / 2)
		return false;
	head = (size_t)p.pos + 4;
	evbuffer_copyout(in, dst, head);
	dst[head] = '\0';
	find_header(dst, "Content-Length", text, sizeof(text));
	len = strtoul(text, NULL, 10);
	if (len > MESSAGE_MAX / 2 || evbuffer_get_length(in) < head + len)
		return false;
	evbuffer_remove(in, dst, head + len);
	dst[head + len] = '\0';
	*body = dst + head;
	return true;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	static char msg[MESSAGE_MAX + 1];
	struct dialog *d = arg;
	char *body;

	while (d->state != ENDED &&
	       next_message(bufferevent_get_input(bev), msg, &body)) {
		if (d->config->verbose > 1)
			fprintf(stderr, "<<< call %d\n%s\n", d->number, msg);
		if (!strncmp(msg, "SIP/2.0 ", 8))
			take_answer_to(d, msg, body);
		else
			take_request(d, msg, body);
	}
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct dialog *d = arg;

	if (what & BEV_EVENT_CONNECTED) {
		enter(d, CALLING);
		send_invite(d);
	} else if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) {
		end(d, d->state == CONNECTING ? "no connection"
					      : "the connection was lost");
	}
}

int dialog_new(struct dialog_config *config, int number,
	       struct dialog **ret_dialog)
{
	struct dialog *d = calloc(1, sizeof(*d));
	uint8_t r[16];
	SSL *ssl;

	if (!d)
		return -ENOMEM;
	d->config = config;
	d->number = number;
	crypto_random(r, sizeof(r));
	crypto_hex(r, sizeof(r), d->call_id);
	memcpy(d->tag, d->call_id + 20, 8);
	make_keys(d);
	ssl = config->tls ? SSL_new(config->tls) : NULL;
	d->bev =
		ssl ? bufferevent_openssl_socket_new(config->base, -1, ssl,
						     BUFFEREVENT_SSL_CONNECTING,
						     BEV_OPT_CLOSE_ON_FREE)
		    : bufferevent_socket_new(config->base, -1,
					     BEV_OPT_CLOSE_ON_FREE);
	if (!d->bev) {
		free(d);
		return -ENOMEM;
	}
	enter(d, CONNECTING);
	bufferevent_setcb(d->bev, on_read, NULL, on_event, d);
	bufferevent_enable(d->bev, EV_READ | EV_WRITE);
	*ret_dialog = d;
	bufferevent_socket_connect(d->bev, (struct sockaddr *)&config->peer,
				   sip_addr_len(&config->peer));
	return 0;
}

void dialog_free(struct dialog *d)
{
	if (!d)
		return;
	bufferevent_free(d->bev);
	free(d);
}

/* A third of the call in hold, in its middle. */
static void tick_hold(struct dialog *d, uint64_t ms)
{
	uint64_t third = d->config->length_ms / 3;

	if (!d->config->hold || !third)
		return;
	if ((!d->has_held && ms >= third) || (d->held && ms >= 2 * third)) {
		d->held = !d->has_held;
		d->has_held = true;
		send_invite(d);
	}
}

static void tick_talking(struct dialog *d, uint64_t ms)
{
	uint64_t length = d->config->length_ms;

	if (length ? ms >= length + d->config->delay_ms
		   : player_is_done(d->config->player, d->number)) {
		send_bye(d);
		return;
	}
	tick_hold(d, ms);
	if (d->refresh_ms && mono_ms() >= d->refresh_ms) {
		d->refresh_ms = 0;
		send_request(d, "UPDATE", ++d->cseq, d->config->url, NULL);
	}
}

void dialog_tick(struct dialog *d)
{
	uint64_t ms = mono_ms() - d->since_ms;

	if (d->state == TALKING)
		tick_talking(d, ms);
	else if ((d->state == CONNECTING || d->state == CALLING) &&
		 ms > ANSWER_MS)
		end(d, "no answer");
	else if (d->state == LEAVING && ms > BYE_MS)
		end(d, "no answer to BYE");
}
