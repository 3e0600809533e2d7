/* SPDX-License-Identifier: MIT */
#include "uploader/source.h"

#include <string.h>

#include "uploader/source_ops.h"

static int open_nfs(struct loop *loop, const struct conf *conf,
		    source_changed_fn *changed, void *arg, struct source **ret,
		    struct err *err)
{
	struct source_nfs_config config = {
		.host = conf_text(conf, OPT_UP_NFS_HOST),
		.directory = conf_text(conf, OPT_UP_NFS_DIRECTORY),
		.version = (int)conf_number(conf, OPT_UP_NFS_VERSION),
		.nfs_port = (int)conf_number(conf, OPT_UP_NFS_PORT),
		.mount_port = (int)conf_number(conf, OPT_UP_NFS_MOUNT_PORT),
		.uid = (uint32_t)conf_number(conf, OPT_UP_NFS_UID),
		.gid = (uint32_t)conf_number(conf, OPT_UP_NFS_GID),
		.timeout_ms = conf_number(conf, OPT_UP_NFS_TIMEOUT),
		.lease_ms = conf_number(conf, OPT_UP_NFS_LEASE),
	};

	return source_nfs_open(loop, &config, changed, arg, ret, err);
}

int source_open(struct loop *loop, const struct conf *conf,
		source_changed_fn *changed, void *arg, struct source **ret,
		struct err *err)
{
	const char *kind = conf_text(conf, OPT_UP_SOURCE);

	if (!strcmp(kind, "local"))
		return source_local_open(
			loop, conf_text(conf, OPT_UP_LOCAL_DIRECTORY), changed,
			arg, ret, err);
	return open_nfs(loop, conf, changed, arg, ret, err);
}
