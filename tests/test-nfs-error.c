/* SPDX-License-Identifier: MIT */
#include "uploader/nfs_error.h"

#include "tests/unit.h"

static int test_sort(void)
{
	static const struct {
		int err;
		const char *text;
		int code;
	} cases[] = {
		{ -ENOENT, "NFS: Lookup of /x failed with NFS3ERR_NOENT(-2)",
		  -ENOENT },
		{ -ERANGE,
		  "NFS4: OPEN (path /x) failed with "
		  "NFS4ERR_SHARE_DENIED(-5)",
		  -EBUSY },
		{ -EAGAIN, "NFS: READ failed with NFS3ERR_JUKEBOX(-11)",
		  -EBUSY },
		{ -EFAULT, "NFS: Read failed with NFS3ERR_IO(-5)", -EIO },
		{ -EFAULT, "NFS: Read failed with NFS3ERR_STALE(-116)",
		  -ESTALE },
		{ -EIO, "NFS: RENAME failed with NFS3ERR_BRANDNEW(-5)", -EIO },
		{ -ERANGE, "NFS4: READ failed with NFS4ERR_EXPIRED(-5)",
		  -ENOTCONN },
		{ -ERANGE, "NFS4: READ failed with NFS4ERR_BAD_STATEID(-22)",
		  -ENOTCONN },
		{ -EIO, "Unknown rpc response from server", -ENOTCONN },
		{ -EFAULT, NULL, -ENOTCONN },
		{ -EINTR, "Command timed out", -ENOTCONN },
		{ -EACCES, "NFS: ACCESS denied. Required access r--", -EACCES },
		{ -EINVAL, "Insufficient ACCESS. Wanted 1 but got 0.",
		  -EACCES },
		{ -ELOOP, "Symbolic link encountered", -EPERM },
		{ -ENOENT, NULL, -ENOENT },
		{ -EIO, "ERR_", -ENOTCONN },
		{ -EIO, "NFS: RENAME failed with NFS3ERR_", -ENOTCONN },
		{ -ENOENT, "NFS: LOOKUP of /a failed with NFS3ERR_", -ENOENT },
		/* Files may have any name. */
		{ -ENOENT,
		  "NFS4: OPEN (path /failed with NFS4ERR_EXPIRED(-5)) "
		  "failed with NFS4ERR_NOENT(-2)",
		  -ENOENT },
		{ -ENOENT, "NFS4ERR_EXPIRED", -ENOENT },
	};
	struct nfs_error e;
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		nfs_error_sort(cases[i].err, cases[i].text, &e);
		if (e.code != cases[i].code)
			unit_report(__FILE__, __LINE__, "%zu", i);
		CHECK_EQ(e.code, cases[i].code);
		CHECK(e.words && *e.words);
	}
out:
	return err;
}

static int test_hints(void)
{
	int err = 0;

	CHECK(strstr(
		nfs_error_mount_hint("Mount failed with MNT3ERR_ACCES(13)"),
		"export"));
	CHECK(!nfs_error_mount_hint("something else"));
	CHECK(!nfs_error_mount_hint(NULL));
out:
	return err;
}

/* What libnfs has cut off at its 1023rd byte. */
static int test_cut(void)
{
	char text[1024];
	struct nfs_error e;
	int err = 0;

	memset(text, 'x', sizeof(text));
	memcpy(text, "failed with NFS4ERR_EXPIRED(", 28);
	text[sizeof(text) - 1] = '\0';
	nfs_error_sort(-EROFS, text, &e);
	CHECK_EQ(e.code, -EROFS);
	text[sizeof(text) - 2] = '\0';
	nfs_error_sort(-EROFS, text, &e);
	CHECK_EQ(e.code, -ENOTCONN);
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "whose fault it is", test_sort, 0 },
	{ "sentences that were cut", test_cut, 0 },
	{ "what to do about a mount", test_hints, 0 },
};
UNIT_MAIN(tests)
