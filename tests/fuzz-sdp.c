/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "streamer/answer.h"
#include "tests/fuzz.h"

/* What we answer must itself be a description with as many m-lines. */
static void answer(const struct sdp *offer, enum answer_encryption encryption)
{
	static const struct answer_place place = { .address = "192.0.2.1",
						   .audio_port = 10000,
						   .video_port = 10002 };
	struct answer_rules rules = { .resolution = ANSWER_1080P,
				      .encryption = encryption,
				      .transcode = true };
	struct answer a;
	struct sdp *back;
	struct buf text;

	if (answer_decide(offer, &rules, &a))
		return;
	buf_init(&text, 1 << 20);
	if (answer_format(&a, offer, &place, &text) ||
	    sdp_parse(buf_text(&text), text.len, &back))
		abort();
	if (back->media_count != offer->media_count)
		abort();
	sdp_free(back);
	buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sdp *sdp;

	if (sdp_parse((const char *)data, size, &sdp))
		return 0;
	answer(sdp, ANSWER_OPTIONAL);
	answer(sdp, ANSWER_PROHIBITED);
	sdp_free(sdp);
	return 0;
}
