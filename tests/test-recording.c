/* SPDX-License-Identifier: MIT */
#include "uploader/recording.h"

#include "tests/unit.h"

#define ID "c4605aaf-dc49-4cd7-9174-c46185ba1983"

static int test_kinds(void)
{
	static const struct {
		const char *name;
		enum recording_kind kind;
	} cases[] = {
		{ "20210618032309+0000.mp4", RECORDING_NEW },
		{ "20210618032309-0430.MP4", RECORDING_NEW },
		{ "20240229235960+1400.mp4", RECORDING_NEW },
		{ "20210618032309+0000_vid-id=" ID "@vbrick.mp4",
		  RECORDING_UPLOADED },
		{ "20210618032309+0000_VID-ID=C4605AAF-DC49-4CD7-9174-"
		  "C46185BA1983@VBRICK.MP4",
		  RECORDING_UPLOADED },
		{ "20210618032309+0000_vid-id=" ID "@vbrick.mp4.tmp",
		  RECORDING_HIDDEN },
		{ ".20210618032309+0000.mp4", RECORDING_HIDDEN },
		{ "._20210618032309+0000.mp4", RECORDING_HIDDEN },
		{ ".nfs0000000012345678", RECORDING_HIDDEN },
		{ "20210618032309+0000.mp4.PART", RECORDING_HIDDEN },
		{ "20210618032309+0000.mp4~", RECORDING_HIDDEN },
		{ "~$x.mp4", RECORDING_HIDDEN },
		{ "20210618032309+0000_vid-id=" ID ".mp4", RECORDING_STRANGE },
		{ "20210618032309+0000_vid-id=" ID "@vbrick", RECORDING_OTHER },
		{ "20210618032309+0000_vid-id=@vbrick.mp4", RECORDING_STRANGE },
		{ "20210618032309+0000 (1).mp4", RECORDING_STRANGE },
		{ "20210618032309 0000.mp4", RECORDING_STRANGE },
		{ "20211318032309+0000.mp4", RECORDING_STRANGE },
		{ "20210229032309+0000.mp4", RECORDING_STRANGE },
		{ "20210018032309+0000.mp4", RECORDING_STRANGE },
		{ "20210618242309+0000.mp4", RECORDING_STRANGE },
		{ "20210618032309+2400.mp4", RECORDING_STRANGE },
		{ "20210618032309+0060.mp4", RECORDING_STRANGE },
		{ "2021061803230a+0000.mp4", RECORDING_STRANGE },
		{ "holiday.mp4", RECORDING_STRANGE },
		{ "r\xffunion.mp4", RECORDING_STRANGE },
		{ ".mp4", RECORDING_HIDDEN },
		{ "mp4", RECORDING_OTHER },
		{ "20210618032309+0000", RECORDING_OTHER },
		{ "20210618032309+0000.mkv", RECORDING_OTHER },
		{ "a/20210618032309+0000.mp4", RECORDING_OTHER },
		{ "", RECORDING_OTHER },
	};
	struct recording r;
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		recording_parse(cases[i].name, &r);
		if (r.kind != cases[i].kind)
			unit_report(__FILE__, __LINE__, "%s", cases[i].name);
		CHECK_EQ(r.kind, cases[i].kind);
	}
out:
	return err;
}

static int test_times(void)
{
	static const struct {
		const char *name;
		int64_t time_s;
		int offset;
	} cases[] = {
		{ "20210618032309+0000.mp4", 1623986589, 0 },
		{ "20190321145048+0100.mp4", 1553176248, 60 },
		{ "20190321092048-0430.mp4", 1553176248, -270 },
		{ "19700101000000+0000.mp4", 0, 0 },
		{ "20000301000000+0000.mp4", 951868800, 0 },
		{ "20400229120000+0000.mp4", 2214129600, 0 },
	};
	struct recording r;
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		recording_parse(cases[i].name, &r);
		CHECK_EQ(r.kind, RECORDING_NEW);
		CHECK_EQ(r.time_s, cases[i].time_s);
		CHECK_EQ(r.utc_offset_min, cases[i].offset);
	}
	recording_parse("20190321145048+0100_vid-id=" ID "@vbrick.mp4", &r);
	CHECK_EQ(r.time_s, 1553176248);
	CHECK_STR(r.stem, "20190321145048+0100");
	CHECK_STR(r.video_id, ID);
	recording_parse("20190321145048+0100_vid-id=x@vbrick.mp4", &r);
	CHECK_STR(r.stem, "");
out:
	return err;
}

static int test_format(void)
{
	char name[RECORDING_NAME_MAX];
	struct recording r;
	int err;

	CHECK_OK(recording_format_uploaded("20190321145048+0100",
					   "C4605AAF-dc49-4cd7-9174-"
					   "c46185ba1983",
					   name));
	CHECK_STR(name, "20190321145048+0100_vid-id=" ID "@vbrick.mp4");
	recording_parse(name, &r);
	CHECK_EQ(r.kind, RECORDING_UPLOADED);
	CHECK_OK(recording_format_new(r.stem, name));
	CHECK_STR(name, "20190321145048+0100.mp4");
	CHECK_ERR(recording_format_new("20190321145048+010", name), -EINVAL);
	CHECK_ERR(recording_format_new("20190321145048+0100x", name), -EINVAL);
	CHECK_ERR(recording_format_uploaded("", ID, name), -EINVAL);
	CHECK_ERR(recording_format_uploaded("20190321145048+0100", ID "0",
					    name),
		  -EINVAL);
	CHECK_ERR(recording_format_uploaded("20190321145048+0100", "../x",
					    name),
		  -EINVAL);
	err = 0;
out:
	return err;
}

static int test_directories(void)
{
	static const struct {
		const char *path;
		enum recording_dir_kind kind;
	} cases[] = {
		{ "", RECORDING_DIR_ROOT },
		{ "spaces", RECORDING_DIR_SPACES },
		{ "Spaces", RECORDING_DIR_SPACES },
		{ "spaces/" ID, RECORDING_DIR_SPACE },
		{ "spaces/" ID "/x", RECORDING_DIR_OTHER },
		{ "spaces/" ID "0", RECORDING_DIR_OTHER },
		{ "spaces/", RECORDING_DIR_OTHER },
		{ "spaces/..", RECORDING_DIR_OTHER },
		{ "spacesx", RECORDING_DIR_OTHER },
		{ "forwardedCalls", RECORDING_DIR_FORWARDED },
		{ "forwardedcalls/a/b/c/d", RECORDING_DIR_FORWARDED },
		{ "forwardedCalls/a/b/c/d/e", RECORDING_DIR_OTHER },
		{ "forwardedCalls/", RECORDING_DIR_OTHER },
		{ "forwardedCalls/a//b", RECORDING_DIR_OTHER },
		{ "forwardedCalls/../etc", RECORDING_DIR_OTHER },
		{ "forwardedCalls/.snapshot", RECORDING_DIR_OTHER },
		{ "forwardedCallsX", RECORDING_DIR_OTHER },
		{ "lost+found", RECORDING_DIR_OTHER },
	};
	struct recording_dir d;
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		recording_parse_dir(cases[i].path, &d);
		if (d.kind != cases[i].kind)
			unit_report(__FILE__, __LINE__, "%s", cases[i].path);
		CHECK_EQ(d.kind, cases[i].kind);
	}
	recording_parse_dir("spaces/C4605AAF-DC49-4CD7-9174-C46185BA1983", &d);
	CHECK_STR(d.space_id, ID);
	recording_parse_dir("spaces/" ID "/x", &d);
	CHECK_STR(d.space_id, "");
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "names have a kind", test_kinds, 0 },
	{ "times in UTC", test_times, 0 },
	{ "what is written is read back", test_format, 0 },
	{ "directories", test_directories, 0 },
};
UNIT_MAIN(tests)
