/* SPDX-License-Identifier: MIT */
#include "tests/caller/call.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/ssl.h>

#include "lib/mono.h"
#include "lib/str.h"

enum { MESSAGE_MAX = 16 << 10, SDP_MAX = 8 << 10, URL_MAX = 1024 };

struct calls {
	struct loop *loop;
	struct calls_config config;
	const struct calls_handler *handler;
	void *arg;
	struct call *calls;
	unsigned count;
	SSL_CTX *tls;
	struct bufferevent *bev;
	bool connected;
	unsigned branch;
};

/* A message that came, terminated; the parts point into it. */
struct message {
	char *text;
	int status; /* 0: a request */
	char method[16];
	const char *body;
};

/* ---- what is sent ----------------------------------------------------- */

static void local_host(const struct calls *c, char dst[INET_ADDRSTRLEN])
{
	inet_ntop(AF_INET, &c->config.local.sin_addr, dst, INET_ADDRSTRLEN);
}

void calls_url(const char *url, unsigned number, char *dst, size_t size)
{
	const char *mark = url ? strstr(url, "%u") : NULL;

	if (!url)
		*dst = '\0';
	else if (!mark)
		snprintf(dst, size, "%s", url);
	else
		snprintf(dst, size, "%.*s%u%s", (int)(mark - url), url, number,
			 mark + 2);
}

static int add_contact(struct buf *b, const struct calls *c,
		       const struct call *call)
{
	char host[INET_ADDRSTRLEN], url[URL_MAX];
	int err;

	local_host(c, host);
	calls_url(c->config.url, call->number, url, sizeof(url));
	err = buf_printf(b,
			 "Contact: <sip:space@%s:%u;transport=%s>;audio;video;"
			 "x-cisco-tip;x-cisco-multiple-screen=3;isFocus",
			 host, ntohs(c->config.local.sin_port),
			 c->config.tls ? "tls" : "tcp");
	if (!err && *url)
		err = buf_printf(b, ";x-cisco-stream=\"%s\"", url);
	return err ? err : buf_add_str(b, "\r\n");
}

/* The lines that every request of a call has. */
static int add_head(struct buf *b, struct calls *c, const struct call *call,
		    const char *method, unsigned cseq)
{
	char host[INET_ADDRSTRLEN];

	local_host(c, host);
	return buf_printf(b,
			  "%s %s%s%s%s SIP/2.0\r\n"
			  "Via: SIP/2.0/%s %s:%u;branch=z9hG4bK%u-%d\r\n"
			  "Max-Forwards: 70\r\n"
			  "From: \"%s\" <sip:space@%s>;tag=caller%u\r\n"
			  "To: <sip:%s@%s>%s%s\r\n"
			  "Call-ID: %u-%d\r\nCSeq: %u %s\r\n"
			  "User-Agent: Acano CallBridge\r\n",
			  method, *call->contact ? call->contact : "sip:",
			  *call->contact ? "" : c->config.user,
			  *call->contact ? "" : "@",
			  *call->contact ? "" : c->config.host,
			  c->config.tls ? "TLS" : "TCP", host,
			  ntohs(c->config.local.sin_port), ++c->branch,
			  getpid(), c->config.space, host, call->number,
			  c->config.user, c->config.host,
			  *call->to_tag ? ";tag=" : "", call->to_tag,
			  call->number, getpid(), cseq, method);
}

static int add_timer(struct buf *b, const struct calls *c)
{
	return buf_printf(b,
			  "Allow: INVITE,ACK,CANCEL,OPTIONS,INFO,BYE,UPDATE,"
			  "REFER,SUBSCRIBE,NOTIFY,MESSAGE\r\n"
			  "Supported: timer,X-cisco-callinfo\r\n"
			  "Session-Expires: %u\r\nMin-SE: 90\r\n",
			  c->config.expires_s);
}

static int add_crypto(struct buf *b, const struct calls *c)
{
	return c->config.crypto
		       ? buf_printf(b, "a=crypto:1 %s\r\n", c->config.crypto)
		       : 0;
}

static int add_audio(struct buf *b, const struct calls *c, const char *profile)
{
	const struct calls_config *f = &c->config;
	int err;

	err = buf_printf(b,
			 "m=audio %u RTP/%s 108 107 %u 9 8 0 101\r\n"
			 "b=TIAS:256000\r\n"
			 "a=rtpmap:108 opus/48000/2\r\n"
			 "a=fmtp:108 useinbandfec=1\r\n"
			 "a=rtpmap:107 MP4A-LATM/90000\r\n"
			 "a=fmtp:107 profile-level-id=24;bitrate=64000;"
			 "object=23\r\n"
			 "a=rtpmap:%u %s\r\na=fmtp:%u %s\r\n"
			 "a=rtpmap:9 G722/8000\r\n"
			 "a=rtpmap:101 telephone-event/8000\r\n"
			 "a=fmtp:101 0-15\r\n",
			 f->audio_port, profile, f->audio_pt, f->audio_pt,
			 f->audio_rtpmap, f->audio_pt, f->audio_fmtp);
	err = err ? err : add_crypto(b, c);
	return err ? err : buf_add_str(b, "a=sendrecv\r\n");
}

static int add_video(struct buf *b, const struct calls *c, const char *profile)
{
	const struct calls_config *f = &c->config;
	int err;

	err = buf_printf(b,
			 "m=video %u RTP/%s 97 %u 96 34 31 100\r\n"
			 "b=TIAS:2500000\r\n"
			 "a=rtpmap:97 H264/90000\r\n"
			 "a=fmtp:97 profile-level-id=%06x;max-mbps=489600\r\n"
			 "a=rtpmap:%u H264/90000\r\n"
			 "a=fmtp:%u profile-level-id=%06x;max-mbps=489600;"
			 "max-fs=8160;max-cpb=4000;max-dpb=4752;max-br=1453;"
			 "max-fps=6000;packetization-mode=1\r\n"
			 "a=rtpmap:96 H263-1998/90000\r\n"
			 "a=rtpmap:100 VP8/90000\r\n"
			 "a=rtcp-fb:* nack pli\r\na=rtcp-fb:* ccm fir\r\n"
			 "a=content:main\r\na=label:11\r\n",
			 f->video_port, profile, f->video_pt,
			 f->profile_level_id, f->video_pt, f->video_pt,
			 f->profile_level_id);
	err = err ? err : add_crypto(b, c);
	return err ? err : buf_add_str(b, "a=sendrecv\r\n");
}

static int add_sdp(struct buf *b, const struct calls *c)
{
	const char *profile = c->config.savp && c->config.crypto ? "SAVP"
								 : "AVP";
	char host[INET_ADDRSTRLEN];
	int err;

	local_host(c, host);
	err = buf_printf(b,
			 "v=0\r\no=Acano 0 0 IN IP4 %s\r\ns=-\r\n"
			 "c=IN IP4 %s\r\nb=CT:2000\r\nt=0 0\r\n",
			 host, host);
	err = err ? err : add_audio(b, c, profile);
	err = err ? err : add_video(b, c, profile);
	return err ? err
		   : buf_printf(b,
				"m=video 0 RTP/%s 97\r\na=content:slides\r\n"
				"m=application 0 UDP/BFCP *\r\n",
				profile);
}

static int add_body(struct buf *b, const struct buf *body)
{
	int err = 0;

	if (body)
		err = buf_add_str(b, "Content-Type: application/sdp\r\n");
	err = err ? err
		  : buf_printf(b, "Content-Length: %zu\r\n\r\n",
			       body ? body->len : 0);
	return err || !body ? err : buf_add(b, body->data, body->len);
}

/* Sends and releases. */
static int send_out(struct calls *c, struct buf *b, int err)
{
	if (!err && !c->connected)
		err = -EPIPE;
	if (!err && c->config.verbose)
		fprintf(stderr, ">>>\n%s\n", buf_text(b));
	if (!err && bufferevent_write(c->bev, b->data, b->len))
		err = -ENOMEM;
	buf_release(b);
	return err;
}

static int send_request(struct calls *c, struct call *call, const char *method,
			unsigned cseq, bool contact, const struct buf *body)
{
	bool timer = contact && strcmp(method, "ACK");
	struct buf b;
	int err;

	buf_init(&b, MESSAGE_MAX);
	err = add_head(&b, c, call, method, cseq);
	if (!err && contact)
		err = add_contact(&b, c, call);
	if (!err && timer)
		err = add_timer(&b, c);
	err = err ? err : add_body(&b, body);
	return send_out(c, &b, err);
}

int calls_invite(struct calls *c, struct call *call)
{
	struct buf sdp;
	int err;

	buf_init(&sdp, SDP_MAX);
	call->cseq = 1;
	err = add_sdp(&sdp, c);
	err = err ? err : send_request(c, call, "INVITE", 1, true, &sdp);
	buf_release(&sdp);
	if (!err)
		call->state = CALL_INVITED;
	return err;
}

int calls_hang_up(struct calls *c, struct call *call)
{
	call->state = CALL_LEAVING;
	return send_request(c, call, "BYE", ++call->cseq, false, NULL);
}

/* ---- what comes ------------------------------------------------------- */

/* The value of a header field, terminated in place of its line's end. */
static const char *header(const struct message *m, const char *name, char *dst,
			  size_t size)
{
	size_t len = strlen(name), n;

	*dst = '\0';
	for (const char *p = strstr(m->text, "\r\n"); p && p + 2 < m->body;
	     p = strstr(p, "\r\n")) {
		p += 2;
		if (strncasecmp(p, name, len) || p[len] != ':')
			continue;
		p += len + 1;
		p += strspn(p, " ");
		n = strcspn(p, "\r");
		snprintf(dst, size, "%.*s", (int)n, p);
		return dst;
	}
	return dst;
}

/* All lines of that name, as they stand: Via, Record-Route. */
static int copy_headers(const struct message *m, const char *name,
			struct buf *dst)
{
	size_t len = strlen(name);
	int err = 0;

	for (const char *p = strstr(m->text, "\r\n");
	     p && p + 2 < m->body && !err; p = strstr(p, "\r\n")) {
		p += 2;
		if (!strncasecmp(p, name, len) && p[len] == ':')
			err = buf_printf(dst, "%.*s\r\n", (int)strcspn(p, "\r"),
					 p);
	}
	return err;
}

static int respond(struct calls *c, const struct message *m,
		   const struct call *call, int status, const struct buf *body)
{
	static const char *const copied[] = { "Via", "From", "To", "Call-ID",
					      "CSeq" };
	struct buf b;
	int err;

	buf_init(&b, MESSAGE_MAX);
	err = buf_printf(&b, "SIP/2.0 %d %s\r\n", status,
			 status == 200 ? "OK" : "No");
	for (size_t i = 0; i < ARRAY_SIZE(copied) && !err; i++)
		err = copy_headers(m, copied[i], &b);
	if (!err && call)
		err = add_contact(&b, c, call);
	if (!err)
		err = buf_printf(&b,
				 "Supported: timer\r\nRequire: timer\r\n"
				 "Session-Expires: %u;refresher=uac\r\n",
				 c->config.expires_s);
	err = err ? err : add_body(&b, body);
	return send_out(c, &b, err);
}

static void end_call(struct calls *c, struct call *call)
{
	if (call->state == CALL_OVER)
		return;
	call->state = CALL_OVER;
	c->handler->over(c->arg, call);
}

static int on_refresh(struct calls *c, const struct message *m,
		      struct call *call)
{
	struct buf sdp;
	int err;

	call->refreshes++;
	buf_init(&sdp, SDP_MAX);
	err = *m->body ? add_sdp(&sdp, c) : 0;
	err = err ? err : respond(c, m, call, 200, sdp.len ? &sdp : NULL);
	buf_release(&sdp);
	return err;
}

static int on_request(struct calls *c, const struct message *m,
		      struct call *call)
{
	int err;

	if (!strcmp(m->method, "ACK"))
		return 0;
	if (!call)
		return respond(c, m, NULL, 481, NULL);
	if (!strcmp(m->method, "UPDATE") || !strcmp(m->method, "INVITE"))
		return on_refresh(c, m, call);
	call->infos += !strcmp(m->method, "INFO");
	err = respond(c, m, call, 200, NULL);
	if (!strcmp(m->method, "BYE"))
		end_call(c, call);
	return err;
}

/* Ports and address of an m-line of the answer. */
static void take_media(const struct message *m, const char *name,
		       struct sockaddr_in *dst)
{
	char mark[16];
	const char *p, *at = strstr(m->body, "c=IN IP4 ");

	snprintf(mark, sizeof(mark), "m=%s ", name);
	p = strstr(m->body, mark);
	memset(dst, 0, sizeof(*dst));
	dst->sin_family = AF_INET;
	if (!p || !at)
		return;
	dst->sin_port = htons((uint16_t)atoi(p + strlen(mark)));
	snprintf(mark, sizeof(mark), "%.*s", (int)strcspn(at + 9, "\r/"),
		 at + 9);
	inet_pton(AF_INET, mark, &dst->sin_addr);
}

static int on_answer(struct calls *c, const struct message *m,
		     struct call *call)
{
	char value[512], *p;
	int err;

	header(m, "To", value, sizeof(value));
	p = strstr(value, ";tag=");
	if (p)
		str_copy(call->to_tag, p + 5, sizeof(call->to_tag));
	header(m, "Contact", value, sizeof(value));
	p = strchr(value, '<');
	if (p)
		snprintf(call->contact, sizeof(call->contact), "%.*s",
			 (int)strcspn(p + 1, ">"), p + 1);
	take_media(m, "audio", &call->audio);
	take_media(m, "video", &call->video);
	err = send_request(c, call, "ACK", call->cseq, true, NULL);
	if (!err && c->config.update)
		err = send_request(c, call, "UPDATE", ++call->cseq, true, NULL);
	call->state = CALL_UP;
	call->up_us = mono_ns() / 1000;
	c->handler->up(c->arg, call);
	return err;
}

static int on_response(struct calls *c, const struct message *m,
		       struct call *call)
{
	char cseq[64];
	bool invite;

	if (!call || m->status < 200)
		return 0;
	header(m, "CSeq", cseq, sizeof(cseq));
	invite = strstr(cseq, "INVITE");
	if (invite && m->status < 300 && call->state == CALL_INVITED)
		return on_answer(c, m, call);
	if (invite && m->status >= 300 && call->state == CALL_INVITED) {
		call->status = m->status;
		(void)!send_request(c, call, "ACK", call->cseq, false, NULL);
		end_call(c, call);
	}
	if (strstr(cseq, "BYE"))
		end_call(c, call);
	return 0;
}

static void on_message(struct calls *c, char *text, const char *body)
{
	struct message m = { .text = text, .body = body };
	struct call *call = NULL;
	char value[128];
	unsigned long number;
	int err;

	if (c->config.verbose)
		fprintf(stderr, "<<<\n%s\n", text);
	header(&m, "Call-ID", value, sizeof(value));
	number = strtoul(value, NULL, 10);
	if (number < c->count)
		call = &c->calls[number];
	if (!strncmp(text, "SIP/2.0 ", 8)) {
		m.status = atoi(text + 8);
		err = on_response(c, &m, call);
	} else {
		snprintf(m.method, sizeof(m.method), "%.*s",
			 (int)strcspn(text, " "), text);
		err = on_request(c, &m, call);
	}
	if (err)
		fprintf(stderr, "caller: %s\n", err_str(err));
}

/* Takes one whole message out of the stream; false if there is none yet. */
static bool take_message(struct calls *c, struct evbuffer *in)
{
	struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	struct message m = { 0 };
	char *text, length[32];
	size_t head, total;

	if (end.pos < 0)
		return false;
	head = (size_t)end.pos + 4;
	text = calloc(1, head + 1);
	if (!text)
		return false;
	evbuffer_copyout(in, text, head);
	m.text = text;
	m.body = text + head;
	total = head +
		strtoul(header(&m, "Content-Length", length, sizeof(length)),
			NULL, 10);
	free(text);
	if (evbuffer_get_length(in) < total)
		return false;
	text = calloc(1, total + 1);
	if (!text)
		return false;
	evbuffer_remove(in, text, total);
	on_message(c, text, text + head);
	free(text);
	return true;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct calls *c = arg;

	while (take_message(c, bufferevent_get_input(bev)))
		;
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct calls *c = arg;
	socklen_t len = sizeof(c->config.local);

	if (what & BEV_EVENT_CONNECTED) {
		c->connected = true;
		if (getsockname(bufferevent_getfd(bev),
				(struct sockaddr *)&c->config.local, &len))
			abort();
		c->handler->connected(c->arg);
		return;
	}
	c->connected = false;
	c->handler->lost(c->arg, what & BEV_EVENT_EOF
					 ? "far end closed"
					 : "connection or handshake failed");
}

/* ---- life -------------------------------------------------------------- */

static int make_bev(struct calls *c, struct err *err)
{
	struct event_base *base = loop_base(c->loop);
	SSL *ssl;

	if (!c->config.tls) {
		c->bev =
			bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
		return c->bev ? 0 : err_set(err, -ENOMEM, "no memory");
	}
	c->tls = SSL_CTX_new(TLS_client_method());
	if (c->config.trust) {
		SSL_CTX_set_verify(c->tls, SSL_VERIFY_PEER, NULL);
		if (SSL_CTX_load_verify_file(c->tls, c->config.trust) != 1)
			return err_set(err, -EINVAL, "%s: no certificates",
				       c->config.trust);
	}
	ssl = SSL_new(c->tls);
	c->bev = bufferevent_openssl_socket_new(base, -1, ssl,
						BUFFEREVENT_SSL_CONNECTING,
						BEV_OPT_CLOSE_ON_FREE);
	return c->bev ? 0 : err_set(err, -ENOMEM, "no memory");
}

int calls_new(struct loop *loop, const struct calls_config *config,
	      unsigned count, const struct calls_handler *handler, void *arg,
	      struct calls **ret, struct err *err)
{
	struct calls *c = calloc(1, sizeof(*c));
	int e;

	if (!c)
		return err_set(err, -ENOMEM, "no memory");
	c->loop = loop;
	c->config = *config;
	c->count = count;
	c->handler = handler;
	c->arg = arg;
	c->calls = calloc(count, sizeof(*c->calls));
	e = c->calls ? make_bev(c, err) : err_set(err, -ENOMEM, "no memory");
	if (e) {
		calls_free(c);
		return e;
	}
	for (unsigned i = 0; i < count; i++)
		c->calls[i].number = i;
	bufferevent_setcb(c->bev, on_read, NULL, on_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	if (bufferevent_socket_connect(c->bev,
				       (struct sockaddr *)&c->config.server,
				       sizeof(c->config.server))) {
		calls_free(c);
		return err_set(err, -EIO, "cannot connect");
	}
	*ret = c;
	return 0;
}

void calls_free(struct calls *c)
{
	if (!c)
		return;
	if (c->bev)
		bufferevent_free(c->bev);
	SSL_CTX_free(c->tls);
	free(c->calls);
	free(c);
}

struct call *calls_at(struct calls *c, unsigned number)
{
	return &c->calls[number];
}
