/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SIP_RESPONSE_H
#define UPCAST_SIP_RESPONSE_H

#include "streamer/sip_dialog.h"

/*
 * The text of our responses: what sip_msg_begin() echoes, and our own headers,
 * as the original has them.
 */

/*
 * Inside a dialog or, where `d` is NULL, outside. `tag` goes to the To header;
 * NULL: the dialog's, or a fresh one. `sdp` may be NULL.
 */
int sip_response_format(const struct sip_dialogs *owner,
			const struct sip_dialog *d, const struct sip_msg *msg,
			int status, const char *tag, const char *sdp,
			size_t len, struct buf *dst) ATTR_MUST_CHECK;

void sip_response_make_tag(char dst[SIP_TAG_SIZE]);

#endif
