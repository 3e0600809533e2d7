/* SPDX-License-Identifier: MIT */
#include "streamer/amf.h"

#include <stdlib.h>

#include "tests/unit.h"

static int test_write(void)
{
	static const uint8_t want[] = "\x02\x00\x07"
				      "connect"
				      "\x00\x3f\xf0\x00\x00\x00\x00\x00\x00"
				      "\x03\x00\x03"
				      "app\x02\x00\x04live"
				      "\x00\x04"
				      "fpad\x01\x00"
				      "\x00\x03"
				      "num\x00\x40\x59\x00\x00\x00\x00\x00\x00"
				      "\x00\x00\x09\x05\x01\x01";
	const struct amf_field fields[] = {
		{ .key = "app", .type = AMF_STRING, .text = "live" },
		{ .key = "left out", .type = AMF_STRING },
		{ .key = "fpad", .type = AMF_BOOLEAN },
		{ .key = "num", .type = AMF_NUMBER, .number = 100 },
	};
	struct buf b;
	int err = 0;

	buf_init(&b, 1024);
	CHECK_OK(amf_put_string(&b, "connect"));
	CHECK_OK(amf_put_number(&b, 1));
	CHECK_OK(amf_put_object(&b, AMF_OBJECT, fields, ARRAY_SIZE(fields)));
	CHECK_OK(amf_put_null(&b));
	CHECK_OK(amf_put_boolean(&b, true));
	CHECK_EQ(b.len, sizeof(want) - 1);
	CHECK(!memcmp(b.data, want, b.len));
out:
	buf_release(&b);
	return err;
}

static int test_array_count(void)
{
	const struct amf_field fields[] = {
		{ .key = "a", .type = AMF_STRING },
		{ .key = "b", .type = AMF_NUMBER, .number = 1 },
	};
	struct buf b;
	int err = 0;

	buf_init(&b, 64);
	CHECK_OK(
		amf_put_object(&b, AMF_ECMA_ARRAY, fields, ARRAY_SIZE(fields)));
	CHECK_EQ(b.data[0], AMF_ECMA_ARRAY);
	CHECK_EQ(buf_get_u32(b.data + 1), 1);
out:
	buf_release(&b);
	return err;
}

static int test_long_string(void)
{
	char *text = malloc(65537);
	struct buf b;
	int err = 0;

	buf_init(&b, 1 << 20);
	CHECK_ALLOC(text);
	memset(text, 'x', 65536);
	text[65536] = '\0';
	CHECK_ERR(amf_put_string(&b, text), -EMSGSIZE);
	text[65535] = '\0';
	buf_clear(&b);
	CHECK_OK(amf_put_string(&b, text));
	CHECK_EQ(b.len, 65538);
out:
	buf_release(&b);
	free(text);
	return err;
}

/* An answer with every kind of value before what is wanted. */
static const uint8_t answer[] = "\x02\x00\x08onStatus"
				"\x00\x00\x00\x00\x00\x00\x00\x00\x00"
				"\x05"
				"\x03"
				"\x00\x01o\x03\x00\x01x\x05\x00\x00\x09"
				"\x00\x01"
				"e\x08\x00\x00\x00\x01\x00\x01y\x06\x00\x00\x09"
				"\x00\x01"
				"a\x0a\x00\x00\x00\x02\x05\x01\x01"
				"\x00\x01"
				"d\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
				"\x00\x01l\x0c\x00\x00\x00\x02zz"
				"\x00\x04"
				"code\x02\x00\x03"
				"A.B"
				"\x00\x01t\x10\x00\x01T\x00\x00\x09"
				"\x00\x05level\x02\x00\x05"
				"error"
				"\x00\x00\x09\x02\x00\x04tail";

static int test_read(void)
{
	struct amf_reader r = { answer, sizeof(answer) - 1 };
	struct amf_text name, code = { 0 }, level = { 0 }, none = { 0 }, tail;
	const struct amf_wanted wanted[] = { { "level", &level },
					     { "code", &code },
					     { "absent", &none } };
	double call = 7;
	char text[4];
	int err = 0;

	CHECK_ERR(amf_get_number(&r, &call), -ENOENT);
	CHECK_OK(amf_get_text(&r, &name));
	CHECK(amf_text_is(name, "onStatus"));
	CHECK(!amf_text_is(name, "onStatu"));
	CHECK_OK(amf_get_number(&r, &call));
	CHECK(call == 0);
	CHECK_ERR(amf_get_object(&r, wanted, 3), -ENOENT);
	CHECK_OK(amf_skip(&r));
	CHECK_OK(amf_get_object(&r, wanted, 3));
	CHECK(amf_text_is(code, "A.B"));
	CHECK(amf_text_is(level, "error"));
	CHECK(!none.at);
	CHECK_OK(amf_get_text(&r, &tail));
	CHECK_EQ(r.left, 0);
	amf_text_copy(tail, text, sizeof(text));
	CHECK_STR(text, "tai");
	CHECK_ERR(amf_skip(&r), -EBADMSG);
out:
	return err;
}

static int test_cut(void)
{
	struct amf_text t;
	int err = 0;

	/* The object begins at byte 21; no prefix of it is one. */
	for (size_t n = 21; n < sizeof(answer) - 1 - 7; n++) {
		struct amf_reader r = { answer + 21, n - 21 };
		const struct amf_wanted wanted = { "code", &t };

		CHECK_ERR(amf_get_object(&r, &wanted, 1), -EBADMSG);
		CHECK_EQ(r.left, n - 21);
		CHECK_ERR(amf_skip(&r), -EBADMSG);
	}
out:
	return err;
}

static int test_deep(void)
{
	uint8_t nested[9 * 4] = { 0 };
	struct amf_reader r = { nested, sizeof(nested) };
	int err = 0;

	for (int i = 0; i < 9; i++)
		memcpy(nested + 4 * i, "\x03\x00\x01x", 4);
	CHECK_ERR(amf_skip(&r), -EBADMSG);
	/* A strict array that claims to have 2^32 members of no length. */
	memcpy(nested, "\x0a\xff\xff\xff\xff\x05\x05", 7);
	CHECK_ERR(amf_skip(&r), -EBADMSG);
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "write", test_write, 0 },
	{ "count of an array", test_array_count, 0 },
	{ "longest string", test_long_string, 0 },
	{ "read", test_read, 0 },
	{ "cut short", test_cut, 0 },
	{ "nested too deep", test_deep, 0 },
};

UNIT_MAIN(tests)
