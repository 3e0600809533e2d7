/* SPDX-License-Identifier: MIT */
#include "lib/buf.h"

#include "tests/unit.h"

static int test_integers(void)
{
	static const uint8_t want[] = { 1, 1, 2, 1, 2, 3, 1, 2, 3,
					4, 1, 2, 3, 4, 5, 6, 7, 8 };
	struct buf b;
	int err;

	buf_init(&b, 1024);
	CHECK_OK(buf_add_u8(&b, 1));
	CHECK_OK(buf_add_u16(&b, 0x0102));
	CHECK_OK(buf_add(&b, "\x01\x02\x03", 3));
	CHECK_OK(buf_add_u32(&b, 0x01020304));
	CHECK_OK(buf_add_u64(&b, 0x0102030405060708));
	CHECK_EQ(b.len, sizeof(want));
	CHECK(!memcmp(b.data, want, sizeof(want)));
	CHECK_EQ(buf_get_u16(b.data + 1), 0x0102);
	CHECK_EQ(buf_get_u24(b.data + 3), 0x010203);
	CHECK_EQ(buf_get_u32(b.data + 6), 0x01020304);
	CHECK_EQ(buf_get_u64(b.data + 10), 0x0102030405060708);
	err = 0;
out:
	buf_release(&b);
	return err;
}

static int test_cap(void)
{
	struct buf b;
	int err;

	buf_init(&b, 300);
	CHECK_STR(buf_text(&b), "");
	for (int i = 0; i < 30; i++)
		CHECK_OK(buf_add_str(&b, "0123456789"));
	CHECK_EQ(b.len, 300);
	CHECK_ERR(buf_add_u8(&b, 1), -EMSGSIZE);
	CHECK_ERR(buf_printf(&b, "%d", 1), -EMSGSIZE);
	CHECK_ERR(buf_reserve(&b, SIZE_MAX), -EMSGSIZE);
	CHECK_EQ(b.len, 300);
	CHECK_EQ(b.data[300], 0);
	err = 0;
out:
	buf_wipe(&b);
	return err;
}

static int test_consume(void)
{
	struct buf b;
	int err;

	buf_init(&b, 64);
	buf_consume(&b, 5);
	CHECK_OK(buf_printf(&b, "%s-%d", "hello", 42));
	CHECK_STR(buf_text(&b), "hello-42");
	buf_consume(&b, 6);
	CHECK_STR(buf_text(&b), "42");
	buf_consume(&b, 60);
	CHECK_EQ(b.len, 0);
	CHECK_STR(buf_text(&b), "");
	CHECK_OK(buf_add(&b, NULL, 0));
	CHECK_OK(buf_add_str(&b, "x"));
	buf_clear(&b);
	CHECK_STR(buf_text(&b), "");
	err = 0;
out:
	buf_release(&b);
	return err;
}

static const struct unit_test tests[] = {
	{ "integers are big-endian", test_integers, 0 },
	{ "nothing passes the cap", test_cap, 0 },
	{ "consume and clear", test_consume, 0 },
};
UNIT_MAIN(tests)
