/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_UNIT_H
#define UPCAST_UNIT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/attr.h"

/*
 * Unit tests, each also run with every allocation failing in turn.
 *
 * A test is a function that returns 0, or a negative errno. A check that does
 * not hold prints where and leaves through the label `out`, with `err` set, so
 * that the test frees what it made. unit_main() runs each test plainly first;
 * then again with the first allocation of ours failing, then the second, until
 * a run meets no failing allocation. In such a round the test must end with 0
 * or -ENOMEM, and in every round it must leave no block allocated.
 *
 * Only calls from our own objects fail (the linker wraps malloc, calloc,
 * realloc, reallocarray, strdup, strndup, asprintf and vasprintf).
 * Tests marked UNIT_NO_OOM run plainly only: those that use threads or wait.
 *
 *	static int test_add(void)
 *	{
 *		struct buf b;
 *		int err;
 *
 *		buf_init(&b, 16);
 *		err = buf_add_str(&b, "x");
 *		CHECK_OK(err);
 *		CHECK_EQ(b.len, 1);
 *	out:
 *		buf_release(&b);
 *		return err;
 *	}
 *
 *	static const struct unit_test tests[] = { { "add", test_add, 0 } };
 *	UNIT_MAIN(tests)
 *
 * The output is TAP. With an argument, only tests whose name holds it run. A
 * test that takes minutes ends the program.
 */
enum { UNIT_NO_OOM = 1 };

struct unit_test {
	const char *name;
	int (*run)(void);
	int flags;
};

int unit_main(const struct unit_test *tests, size_t n, int argc, char **argv);

/* Is this a round with a failing allocation? Then -ENOMEM is no failure. */
bool unit_is_oom(void);
/* Prints why a check failed (not in rounds where that is expected). */
void unit_report(const char *file, int line, const char *fmt, ...)
	ATTR_PRINTF(3, 4);
/* The path of a file in tests/data, in one static buffer. */
const char *unit_data(const char *name);

#define UNIT_MAIN(tests)                                                       \
	int main(int argc, char **argv)                                        \
	{                                                                      \
		return unit_main(tests, ARRAY_SIZE(tests), argc, argv);        \
	}

#define CHECK(cond)                                                            \
	do {                                                                   \
		if (!(cond)) {                                                 \
			unit_report(__FILE__, __LINE__, "%s", #cond);          \
			err = -EBADE;                                          \
			goto out;                                              \
		}                                                              \
	} while (0)

/* `e` is an error code of ours: leaves with it unless it is 0. */
#define CHECK_OK(e)                                                            \
	do {                                                                   \
		int check_err = (e);                                           \
		if (check_err) {                                               \
			if (check_err != -ENOMEM || !unit_is_oom())            \
				unit_report(__FILE__, __LINE__, "%s is %d",    \
					    #e, check_err);                    \
			err = check_err;                                       \
			goto out;                                              \
		}                                                              \
	} while (0)

/* `e` must fail with `want`; -ENOMEM passes on in a failing round. */
#define CHECK_ERR(e, want)                                                     \
	do {                                                                   \
		int check_err = (e);                                           \
		if (check_err == -ENOMEM && unit_is_oom()) {                   \
			err = check_err;                                       \
			goto out;                                              \
		}                                                              \
		if (check_err != (want)) {                                     \
			unit_report(__FILE__, __LINE__, "%s is %d, not %d",    \
				    #e, check_err, (want));                    \
			err = -EBADE;                                          \
			goto out;                                              \
		}                                                              \
	} while (0)

#define CHECK_EQ(a, b)                                                         \
	do {                                                                   \
		long long check_a = (long long)(a);                            \
		long long check_b = (long long)(b);                            \
		if (check_a != check_b) {                                      \
			unit_report(__FILE__, __LINE__,                        \
				    "%s is %lld, not %lld", #a, check_a,       \
				    check_b);                                  \
			err = -EBADE;                                          \
			goto out;                                              \
		}                                                              \
	} while (0)

#define CHECK_STR(a, b)                                                        \
	do {                                                                   \
		const char *check_a = (a), *check_b = (b);                     \
		if (!check_a || !check_b || strcmp(check_a, check_b)) {        \
			unit_report(__FILE__, __LINE__,                        \
				    "%s is \"%s\", not \"%s\"", #a,            \
				    check_a ? check_a : "(null)",              \
				    check_b ? check_b : "(null)");             \
			err = -EBADE;                                          \
			goto out;                                              \
		}                                                              \
	} while (0)

/* A pointer that an allocation gave: leaves with -ENOMEM if it is NULL. */
#define CHECK_ALLOC(p)                                                         \
	do {                                                                   \
		if (!(p)) {                                                    \
			if (!unit_is_oom())                                    \
				unit_report(__FILE__, __LINE__,                \
					    "%s is NULL", #p);                 \
			err = -ENOMEM;                                         \
			goto out;                                              \
		}                                                              \
	} while (0)

#endif
