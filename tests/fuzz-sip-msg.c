/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "streamer/sip_msg.h"
#include "tests/fuzz.h"

/* What is asked of every message; the answer must be one that we would take
 * ourselves, as far as it is one of ours. */
static void use(struct sip_msg *m)
{
	struct sockaddr_storage source = { 0 }, reply;
	char url[64];
	const char *sdp;
	size_t len;
	struct buf b;

	buf_init(&b, 1 << 20);
	(void)!sip_addr_parse("192.0.2.1", 5060, &source);
	(void)!sip_msg_stamp(m, &source);
	sip_msg_stream_url(m, url, sizeof(url));
	sip_msg_sdp(m, &sdp, &len);
	for (int i = 0; !sip_msg_record_route(m, i, &b); i++)
		buf_clear(&b);
	(void)!sip_msg_begin(m, 200, "tag", &b);
	(void)!sip_msg_end(&b, NULL, NULL, 0);
	if (!m->refusal) {
		sip_msg_reply_address(m, &source, &reply);
		(void)!sip_msg_key(m, m->method, &b);
		(void)!sip_msg_caller(m, &b);
		(void)!sip_msg_display(m, &b);
		(void)!sip_msg_contact_uri(m, &b);
		(void)!sip_msg_request_user(m);
	}
	buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool once;
	struct sip_frame frame;
	struct sip_msg *m;
	const char *why;
	int broken = sip_frame_datagram(data, size, &frame);

	if (!once)
		sip_msg_init();
	once = true;
	if (!frame.head_len)
		return 0;
	if (!sip_msg_new(data, &frame, broken, &m, &why)) {
		use(m);
		sip_msg_free(m);
	}
	return 0;
}
