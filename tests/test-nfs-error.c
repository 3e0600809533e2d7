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
		/* Cut off by libnfs. */
		{ -ENOENT, "NFS: LOOKUP of /a failed with NFS3ERR_NOEN",
		  -ENOENT },
		{ -ENOENT, "NFS: LOOKUP of /a failed with NFS3ERR_", -ENOENT },
		{ -EIO, "NFS: RENAME of /a failed with NFS3ERR_NOEN(-5)",
		  -EIO },
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

static const struct unit_test tests[] = {
	{ "whose fault it is", test_sort, 0 },
	{ "what to do about a mount", test_hints, 0 },
};
UNIT_MAIN(tests)
