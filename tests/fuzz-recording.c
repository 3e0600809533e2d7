/* SPDX-License-Identifier: MIT */
/* Any bytes as a file name and as a directory; what parses is written back. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz.h"
#include "uploader/recording.h"

static void check_name(const char *name)
{
	char again[RECORDING_NAME_MAX];
	struct recording r, s;

	recording_parse(name, &r);
	if (r.kind == RECORDING_NEW) {
		if (recording_format_new(r.stem, again))
			abort();
	} else if (r.kind == RECORDING_UPLOADED) {
		if (recording_format_uploaded(r.stem, r.video_id, again))
			abort();
	} else {
		return;
	}
	if (strcasecmp(again, name))
		abort();
	recording_parse(again, &s);
	if (memcmp(&r, &s, sizeof(r)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct recording_dir dir;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	check_name(text);
	recording_parse_dir(text, &dir);
	if (strstr(text, "/..") && dir.kind != RECORDING_DIR_OTHER)
		abort();
	free(text);
	return 0;
}
