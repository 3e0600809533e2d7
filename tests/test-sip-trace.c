/* SPDX-License-Identifier: MIT */
#include "streamer/sip_trace.h"

#include "tests/unit.h"

static const struct {
	const char *line, *want;
} lines[] = {
	{ "Via: SIP/2.0/TCP h", "Via: SIP/2.0/TCP h" },
	{ "Contact: <sip:a@b>;x-cisco-stream=\"rtmp://u:p@h/live/a\";b",
	  "Contact: <sip:a@b>;x-cisco-stream=\"rtmp://u:***@h/live/a\";b" },
	{ "Contact: <sip:a@b>;x-cisco-stream=\"rtmp://u:p;q@h/live/a\";b",
	  "Contact: <sip:a@b>;x-cisco-stream=\"rtmp://u:***@h/live/a\";b" },
	{ "m: <sip:a@b>;x-cisco-stream=\"rtmp://u:p\\\"<q@h/live/a\";b",
	  "m: <sip:a@b>;x-cisco-stream=\"rtmp://u:***@h/live/a\";b" },
	{ "m: <sip:a@b>;x-cisco-stream=\"rtmp://h/live/k;ey\"",
	  "m: <sip:a@b>;x-cisco-stream=\"rtmp://h/live/***\"" },
	{ "x rtmps://h/live/key y RTMP://h/a/k", "x rtmps://h/live/*** y "
						 "RTMP://h/a/***" },
	{ "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc|2^31",
	  "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:***" },
	{ "authorization: Digest response=\"x\"", "authorization:***" },
	{ "a=rtmp", "a=rtmp" },
	{ "tab\there", "tab?here" },
	{ "", "" },
};

static int test_lines(void)
{
	char shown[256];
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		sip_trace_redact(lines[i].line, strlen(lines[i].line), shown,
				 sizeof(shown));
		CHECK_STR(shown, lines[i].want);
	}
	sip_trace_redact("a\0b", 3, shown, sizeof(shown));
	CHECK_STR(shown, "a?b");
	sip_trace_redact("a=crypto:1 x inline:abc", 23, shown, 10);
	CHECK_STR(shown, "a=crypto:");
	err = 0;
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "secrets are masked", test_lines, 0 },
};
UNIT_MAIN(tests)
