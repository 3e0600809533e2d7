/* SPDX-License-Identifier: MIT */
/*
 * The files of the mounted tree for tests/check-files.sh: the section of
 * upcast-fs(1), the name, the section of upcast-control(7) and the key there,
 * separated by tabs.
 */
#include <stdio.h>

#include "fs/layout.h"
#include "lib/attr.h"

static const struct {
	const char *section, *control;
	const struct layout *layout;
} tables[] = {
	{ "The root", "", &layout_root },
	{ "streamer/", "The streamer", &layout_streamer },
	{ "streamer/calls/<id>/", "A call", &layout_call },
	{ "uploader/", "The uploader", &layout_uploader },
	{ "uploader/recordings/.../<stem>/", "A recording", &layout_recording },
};

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (size_t k = 0; k < tables[i].layout->count; k++) {
			const struct layout_file *f =
				&tables[i].layout->files[k];

			printf("%s\t%s\t%s\t%s\n", tables[i].section, f->name,
			       tables[i].control, f->key ? f->key : "");
		}
	return 0;
}
