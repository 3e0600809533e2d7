/* SPDX-License-Identifier: MIT */
#include "streamer/sip_response.h"

#include <string.h>

#include "lib/crypto.h"

/* Where a session timer is agreed on, the answer says so (RFC 4028). */
static int add_timer(const struct sip_dialog *d, struct buf *dst)
{
	int err = 0;

	if (!d->expires.interval_s)
		return 0;
	if (d->expires.require)
		err = buf_add_str(dst, "Require: timer\r\n");
	if (!err)
		err = buf_printf(dst,
				 "Session-Expires: %u;refresher=%s\r\n"
				 "Min-SE: %u\r\n",
				 d->expires.interval_s,
				 d->expires.by_us ? "uas" : "uac",
				 SIP_EXPIRES_MIN_S);
	return err;
}

/* What certain statuses must carry (RFC 3261 section 21.4). */
static int add_for_status(const struct sip_msg *msg, int status,
			  struct buf *dst)
{
	switch (status) {
	case 405:
	case 501:
		return buf_add_str(dst, "Allow: " SIP_CHECK_ALLOWED "\r\n");
	case 406:
	case 415:
		return buf_add_str(dst, "Accept: " SIP_CHECK_ACCEPTED "\r\n");
	case 420:
		return buf_printf(dst, "Unsupported: %s\r\n", msg->unsupported);
	case 422:
		return buf_printf(dst, "Min-SE: %u\r\n", SIP_EXPIRES_MIN_S);
	case 500:
	case 503:
		return buf_add_str(dst, "Retry-After: 5\r\n");
	default:
		return 0;
	}
}

static bool makes_session(const struct sip_msg *msg)
{
	return msg->method == SIP_INVITE || msg->method == SIP_UPDATE;
}

static int add_success(const struct sip_dialog *d, const struct sip_msg *msg,
		       struct buf *dst)
{
	bool session = d && makes_session(msg);
	int err = session ? buf_printf(dst, "Contact: <%s>\r\n", d->contact)
			  : 0;

	if (!err && (session || msg->method == SIP_OPTIONS))
		err = buf_add_str(dst,
				  "Allow: " SIP_CHECK_ALLOWED "\r\n"
				  "Supported: " SIP_CHECK_SUPPORTED "\r\n");
	if (!err && msg->method == SIP_OPTIONS)
		err = buf_add_str(dst, "Accept: " SIP_CHECK_ACCEPTED "\r\n");
	return !err && session ? add_timer(d, dst) : err;
}

void sip_response_make_tag(char dst[SIP_TAG_SIZE])
{
	uint8_t random[8];

	crypto_random(random, sizeof(random));
	crypto_hex(random, sizeof(random), dst);
}

int sip_response_format(const struct sip_response *r, struct buf *dst)
{
	const struct sip_dialog *d = r->dialog;
	const struct sip_msg *msg = r->request;
	char fresh[SIP_TAG_SIZE];
	const char *tag = r->tag ? r->tag : d ? d->local_tag : fresh;
	int err;

	sip_response_make_tag(fresh);
	err = sip_msg_begin(msg, r->status, tag, dst);
	if (!err)
		err = buf_printf(dst, "Server: %s\r\n",
				 r->owner->config.server);
	if (!err && r->status >= 200 && r->status < 300)
		err = add_success(d, msg, dst);
	if (!err)
		err = add_for_status(msg, r->status, dst);
	if (!err && r->status >= 400 && msg->why && !strchr(msg->why, '"'))
		err = buf_printf(dst, "Warning: 399 upcast \"%s\"\r\n",
				 msg->why);
	return err ? err
		   : sip_msg_end(dst, SIP_CHECK_ACCEPTED, r->sdp, r->sdp_len);
}

void sip_response_send(const struct sip_response *r, struct sip_txn *txn)
{
	struct buf text;

	buf_init(&text, SIP_TEXT_MAX);
	if (!sip_response_format(r, &text))
		sip_txn_respond(txn, r->status, &text);
	buf_release(&text);
}
