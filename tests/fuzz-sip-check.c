/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "streamer/sip_check.h"
#include "streamer/sip_frame.h"
#include "tests/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sip_frame frame;
	struct sip_head head;
	struct lex_span tag;
	const char *why;
	char *text;

	if (sip_frame_datagram(data, size, &frame) && !frame.head_len)
		return 0;
	/* Of just its size, so that reading behind the head is seen. */
	text = malloc(frame.head_len);
	if (!text)
		abort();
	memcpy(text, data, frame.head_len);
	if (!sip_head_parse(text, frame.head_len, &head) &&
	    !sip_check_message(&head, frame.body_len, &why) &&
	    head.is_request &&
	    sip_check_support(&head, frame.body_len, &why, &tag) == 420 &&
	    !tag.len)
		abort();
	free(text);
	return 0;
}
