/* SPDX-License-Identifier: MIT */
#include "tests/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cms_xml.h"
#include "uploader/cms_parse.h"

/* Reads the strings of the first branch of the tree. */
static void walk(const struct cms_xml_node *n)
{
	int depth = 0;

	for (; n; n = cms_xml_child(n, NULL)) {
		const char *text = cms_xml_text(n, NULL);

		if (++depth > CMS_XML_DEPTH_MAX || !*cms_xml_name(n) ||
		    cms_xml_attr(n, "") ||
		    (text && *text && cms_xml_child(n, NULL)))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cms_space space = { 0 };
	struct cms_person person = { 0 };
	size_t received, total;
	struct cms_xml *xml;
	char text[32];

	if (!cms_xml_parse(data, size, &xml)) {
		walk(cms_xml_root(xml));
		cms_xml_free(xml);
	}
	if (!cms_parse_space(data, size, &space) && !space.exists)
		abort();
	if (!cms_parse_members(data, size, &space, &received, &total)) {
		cms_space_tidy(&space);
		if (space.member_count > received)
			abort();
	}
	if (!cms_parse_failure(data, size, text, sizeof(text)) && !*text)
		abort();
	(void)!cms_parse_user(data, size, &person);
	cms_person_release(&person);
	cms_space_release(&space);
	return 0;
}
