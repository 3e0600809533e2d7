/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SIP_RESPONSE_H
#define UPCAST_SIP_RESPONSE_H

#include "streamer/sip_dialog.h"

/*
 * The text of our responses: what sip_msg_begin() echoes, and our own headers,
 * as the original has them.
 */

struct sip_response {
	const struct sip_dialogs *owner;
	const struct sip_msg *request;
	int status;
	const struct sip_dialog *dialog; /* NULL: outside of dialogs */
	const char *tag; /* of To; NULL: the dialog's, or a fresh one */
	const char *sdp; /* NULL: none */
	size_t sdp_len;
};

int sip_response_format(const struct sip_response *r,
			struct buf *dst) ATTR_MUST_CHECK;
/* Sends it with the request's transaction; short of memory, nothing. */
void sip_response_send(const struct sip_response *r, struct sip_txn *txn);

void sip_response_make_tag(char dst[SIP_TAG_SIZE]);

#endif
