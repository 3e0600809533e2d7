/* SPDX-License-Identifier: MIT */
#include "fs/options.h"

#include <stdlib.h>

#include "fs/command.h"
#include "fs/mountpoint.h"
#include "tests/unit.h"

/* Words separated by a bar. */
static int parse(const char *text, struct options *ret, struct err *err)
{
	static char name[] = "upcast-fs";
	char copy[256], *argv[16] = { name }, *save = NULL;
	int argc = 1;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *p = strtok_r(copy, "|", &save); p && argc < 16;
	     p = strtok_r(NULL, "|", &save))
		argv[argc++] = p;
	return options_parse(argc, argv, ret, err);
}

static int test_options(void)
{
	struct options o = { 0 };
	struct err e;
	int err;

	CHECK_OK(parse("", &o, &e));
	CHECK(!o.source && !o.mountpoint && !o.kernel);
	options_release(&o);
	CHECK_OK(parse("/mnt", &o, &e));
	CHECK_STR(o.mountpoint, "/mnt");
	CHECK(!o.source);
	options_release(&o);
	CHECK_OK(parse("/run/x|/mnt|-o|rw,nofail,x-systemd.requires=a,open,"
		       "noatime,group=adm,config=/c",
		       &o, &e));
	CHECK_STR(o.source, "/run/x");
	CHECK_STR(o.control_dir, "/run/x");
	CHECK_STR(o.mountpoint, "/mnt");
	CHECK_STR(o.group, "adm");
	CHECK_STR(o.config_path, "/c");
	CHECK_STR(o.kernel, "rw,noatime");
	CHECK(o.open);
	options_release(&o);
	CHECK_OK(parse("upcast|/mnt|-ocontrol_dir=/run/y", &o, &e));
	CHECK_STR(o.control_dir, "/run/y");
	options_release(&o);
	CHECK_ERR(parse("/a|/b|/c", &o, &e), -EINVAL);
	CHECK_ERR(parse("mnt", &o, &e), -EINVAL);
	CHECK_ERR(parse("/mnt|-o|uid=3", &o, &e), -EINVAL);
	CHECK(strstr(e.text, "uid=3"));
	CHECK_ERR(parse("/mnt|-o", &o, &e), -EINVAL);
	err = 0;
out:
	options_release(&o);
	return err;
}

static int test_order(void)
{
	struct options o = { 0 };
	struct err e;
	int err;

	CHECK_OK(parse("-o|open|-fv|/mnt|-n|-c|/etc/x|-oro", &o, &e));
	CHECK(o.open);
	CHECK_STR(o.mountpoint, "/mnt");
	CHECK_STR(o.kernel, "ro");
	CHECK_STR(o.config_path, "/etc/x");
	CHECK_EQ(o.argc, 3);
	CHECK_STR(o.argv[1], "-fv");
	CHECK_STR(o.argv[2], "-n");
	err = 0;
out:
	options_release(&o);
	return err;
}

static int format(const char *text, const char *id, char dst[COMMAND_TEXT])
{
	return command_format(text, strlen(text), id, dst);
}

static int test_command(void)
{
	char line[COMMAND_TEXT], longest[COMMAND_TEXT + 1];
	int err;

	CHECK_OK(format("retry\n", "17", line));
	CHECK_STR(line, "retry 17");
	CHECK_OK(format(" publish rtmp://x/y", "3", line));
	CHECK_STR(line, "publish 3 rtmp://x/y");
	CHECK_OK(format("pause", NULL, line));
	CHECK_STR(line, "pause");
	CHECK_ERR(format("", NULL, line), -EINVAL);
	CHECK_ERR(format("\n", NULL, line), -EINVAL);
	CHECK_ERR(format("  \n", NULL, line), -EINVAL);
	CHECK_ERR(format("a\nb\n", NULL, line), -EINVAL);
	CHECK_ERR(format("a\x01", NULL, line), -EINVAL);
	CHECK_ERR(command_format("a\0b", 3, NULL, line), -EINVAL);
	memset(longest, 'x', sizeof(longest));
	CHECK_ERR(command_format(longest, COMMAND_TEXT, NULL, line), -EMSGSIZE);
	CHECK_ERR(command_format(longest, COMMAND_TEXT - 2, "17", line),
		  -EMSGSIZE);
	err = 0;
out:
	return err;
}

static bool is_ours(const char *path)
{
	static char text[] = "/dev/vda / ext4 rw,relatime 0 0\n"
			     "upcast /run/up\\040cast fuse.upcast-fs rw 0 0\n"
			     "x /run/other fuse.sshfs rw 0 0\n"
			     "broken\n";
	FILE *table = fmemopen(text, sizeof(text) - 1, "r");
	bool is = table && mountpoint_is_ours(table, path);

	if (table)
		fclose(table);
	return is;
}

static int test_table(void)
{
	int err;

	CHECK(is_ours("/run/up cast"));
	CHECK(!is_ours("/run/other"));
	CHECK(!is_ours("/run"));
	err = 0;
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "words of mount(8)", test_options, 0 },
	{ "any order", test_order, 0 },
	{ "what is written to ctl", test_command, 0 },
	{ "the table of mounts", test_table, 0 },
};
UNIT_MAIN(tests)
