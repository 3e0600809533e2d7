/* SPDX-License-Identifier: MIT */
#include "tests/fuzz.h"

#include "streamer/amf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct amf_text code = { 0 }, text;
	const struct amf_wanted wanted[] = { { "code", &code } };
	struct amf_reader r = { data, size };
	char copy[32];
	double number;

	while (r.left) {
		if (!amf_get_text(&r, &text))
			amf_text_copy(text, copy, sizeof(copy));
		else if (amf_get_number(&r, &number) &&
			 amf_get_object(&r, wanted, 1) && amf_skip(&r))
			break;
	}
	if (code.at)
		amf_text_copy(code, copy, sizeof(copy));
	return 0;
}
