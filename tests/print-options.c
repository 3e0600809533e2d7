/* SPDX-License-Identifier: MIT */
/*
 * The option table as text, for tests/check-options.sh: section, key and the
 * sentence that upcast.ini(5) says of each, separated by tabs. With a file as
 * argument: is it a settings file?
 */
#include <stdio.h>

#include "lib/conf.h"

static void print_sentence(size_t i)
{
	const struct schema_option *o = &schema_options[i];
	char range[256];

	if (o->flags & SCHEMA_SECRET) {
		printf("A secret.");
		return;
	}
	schema_format_range((enum schema_id)i, range, sizeof(range));
	printf("Default %s; %s.", *o->default_text ? o->default_text : "none",
	       range);
	if (o->flags & SCHEMA_RESTART)
		printf(" Needs a restart.");
}

static int check_file(const char *path)
{
	struct conf *conf = NULL;
	struct err err;

	if (conf_load(path, NULL, &conf, &err)) {
		printf("%s\n", err.text);
		return 1;
	}
	conf_free(conf);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return check_file(argv[1]);
	for (size_t i = 0; i < SCHEMA_COUNT; i++) {
		printf("%s\t%s\t", schema_options[i].section,
		       schema_options[i].key);
		print_sentence(i);
		printf("\t%s\n", schema_options[i].help);
	}
	return 0;
}
