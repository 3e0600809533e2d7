/* SPDX-License-Identifier: MIT */
#include "uploader/nfs_error.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "lib/attr.h"
#include "lib/err.h"

enum {
	SESSION = -ENOTCONN,
	LIBNFS_TEXT_MAX = 1024, /* its buffer for a sentence */
};

/* Names of NFS statuses without NFS3ERR_ and NFS4ERR_; words NULL: errno's. */
static const struct row {
	const char *name;
	int code;
	const char *words;
} statuses[] = {
	{ "PERM", -EPERM, NULL },
	{ "NOENT", -ENOENT, NULL },
	{ "IO", -EIO, "input/output error on the server" },
	{ "NXIO", -EIO, "no such device on the server" },
	{ "ACCES", -EACCES, NULL },
	{ "ACCESS", -EACCES, NULL },
	{ "EXIST", -EEXIST, NULL },
	{ "NOTDIR", -ENOTDIR, NULL },
	{ "ISDIR", -EISDIR, NULL },
	{ "SYMLINK", -EPERM, "it is a symbolic link" },
	{ "NOSPC", -ENOSPC, NULL },
	{ "DQUOT", -ENOSPC, "quota on the server exceeded" },
	{ "ROFS", -EROFS, "the export is read-only" },
	{ "STALE", -ESTALE, "removed or replaced on the server" },
	{ "FHEXPIRED", -ESTALE, "removed or replaced on the server" },
	{ "BADHANDLE", -ESTALE, "the server does not know it any more" },
	{ "JUKEBOX", -EBUSY, "the server asks to try again later" },
	{ "DELAY", -EBUSY, "the server asks to try again later" },
	{ "RESOURCE", -EBUSY, "the server is short of resources" },
	{ "GRACE", -EBUSY, "the server is in its grace period" },
	{ "LOCKED", -EBUSY, "another program holds it" },
	{ "DENIED", -EBUSY, "another program holds it" },
	{ "SHARE_DENIED", -EBUSY, "another program holds it" },
	{ "FILE_OPEN", -EBUSY, "another program holds it" },
	{ "EXPIRED", SESSION, "the server has dropped our lease" },
	{ "STALE_CLIENTID", SESSION, "the server has restarted" },
	{ "STALE_STATEID", SESSION, "the server has restarted" },
	{ "OLD_STATEID", SESSION, "state lost on the server" },
	{ "BAD_STATEID", SESSION, "state lost on the server" },
	{ "BAD_SEQID", SESSION, "state lost on the server" },
	{ "ADMIN_REVOKED", SESSION, "state revoked on the server" },
	{ "CLID_INUSE", SESSION, "another client uses our name" },
	{ "MOVED", -ESTALE, "the export has moved" },
	{ "LEASE_MOVED", SESSION, "the export has moved" },
	{ "NOFILEHANDLE", SESSION, "state lost on the server" },
	{ "WRONGSEC", -EACCES, "the export asks for other security" },
	{ "CB_PATH_DOWN", SESSION, "state lost on the server" },
};

/* Refusals that libnfs makes itself. */
static const struct row phrases[] = {
	{ "ACCESS denied", -EACCES, NULL },
	{ "Insufficient ACCESS", -EACCES, NULL },
	{ "ymbolic link", -EPERM, "it is a symbolic link" },
	{ "Symlink", -EPERM, "it is a symbolic link" },
};

static const struct row mount_hints[] = {
	{ "MNT3ERR_ACCES", 0,
	  "access refused, does the export allow this host?" },
	{ "MNT3ERR_PERM", 0,
	  "access refused, does the export allow this host?" },
	{ "MNT3ERR_NOENT", 0, "no such directory on the server" },
	{ "MNT3ERR_NOTDIR", 0, "not a directory on the server" },
	{ "NFS4ERR_NOENT", 0, "no such directory on the server" },
	{ "NFS4ERR_ACCESS", 0,
	  "access refused, does the export allow this host?" },
	{ "NFS4ERR_PERM", 0,
	  "access refused, does the export allow this host?" },
	{ "NFS4ERR_WRONGSEC", 0, "the export asks for Kerberos, not AUTH_SYS" },
	{ "NFS4ERR_MINOR_VERS", 0, "the server does not speak NFS 4.0" },
	{ "not available", 0, "the server does not offer this NFS version" },
	{ "version mismatch", 0, "the server does not offer this NFS version" },
	{ "not accepted", 0,
	  "the server wants other credentials or a port "
	  "below 1024" },
	{ "refused", 0, "nothing listens at that port of the server" },
	{ "No route", 0, "no route to the server" },
	{ "unreachable", 0, "the network is unreachable" },
	{ "reset by peer", 0, "the server cut the connection" },
};

/* errnos that can only be about a file, when no status is named. */
static const int of_file[] = { ENOENT, EACCES, EISDIR, ENOTDIR,
			       EEXIST, EROFS,  ESTALE, ENOSPC };

/*
 * The status is the last thing in a sentence, behind paths that may be called
 * anything: what stands before the last "failed with" is not looked at, and a
 * sentence so long that libnfs has cut it says nothing.
 */
static size_t find_status(const char *text, const char **ret_name)
{
	static const char before[] = "failed with NFS";
	const char *at = NULL;

	if (!text || strlen(text) >= LIBNFS_TEXT_MAX - 1)
		return 0;
	for (const char *s = text; (s = strstr(s, before)); s++)
		at = s + strlen(before);
	if (!at || !*at || strncmp(at + 1, "ERR_", 4) != 0)
		return 0;
	*ret_name = at + 5;
	return strspn(*ret_name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
}

static void set(struct nfs_error *ret, int code, const char *words)
{
	ret->code = code;
	ret->words = words ? words : err_str(code);
}

static bool sort_status(const char *name, size_t n, struct nfs_error *ret)
{
	for (size_t i = 0; n && i < ARRAY_SIZE(statuses); i++) {
		const struct row *row = &statuses[i];

		if (strlen(row->name) != n || strncmp(row->name, name, n) != 0)
			continue;
		set(ret, row->code, row->words);
		return true;
	}
	if (n)
		set(ret, -EIO, "the server failed");
	return n;
}

void nfs_error_sort(int err, const char *text, struct nfs_error *ret)
{
	const char *name = NULL;
	size_t n = find_status(text, &name);

	if (sort_status(name, n, ret))
		return;
	for (size_t i = 0; text && i < ARRAY_SIZE(phrases); i++)
		if (strstr(text, phrases[i].name)) {
			set(ret, phrases[i].code, phrases[i].words);
			return;
		}
	for (size_t i = 0; i < ARRAY_SIZE(of_file); i++)
		if (err == -of_file[i]) {
			set(ret, err, NULL);
			return;
		}
	set(ret, SESSION, err == -EINTR ? "no answer" : "connection lost");
}

const char *nfs_error_mount_hint(const char *text)
{
	for (size_t i = 0; text && i < ARRAY_SIZE(mount_hints); i++)
		if (strstr(text, mount_hints[i].name))
			return mount_hints[i].words;
	return NULL;
}
