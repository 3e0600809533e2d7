/* SPDX-License-Identifier: MIT */
#include "uploader/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/attr.h"
#include "lib/schema.h"
#include "lib/secret.h"

static bool is_nfs(const struct conf *c)
{
	return strcmp(conf_text(c, OPT_UP_SOURCE), "local");
}

static bool is_local(const struct conf *c)
{
	return !is_nfs(c);
}

static bool always(const struct conf *c)
{
	return true;
}

static bool by_key(const struct conf *c)
{
	return conf_number(c, OPT_UP_REV_LOGIN) == 1;
}

static bool by_password(const struct conf *c)
{
	return !by_key(c);
}

static bool has_bridge(const struct conf *c)
{
	return *conf_text(c, OPT_UP_CMS_HOST);
}

static const struct {
	enum schema_id id;
	bool is_secret; /* a file in secrets_dir */
	bool (*applies)(const struct conf *c);
} needs[] = {
	{ OPT_UP_NFS_HOST, false, is_nfs },
	{ OPT_UP_NFS_DIRECTORY, false, is_nfs },
	{ OPT_UP_LOCAL_DIRECTORY, false, is_local },
	{ OPT_UP_REV_HOST, false, always },
	{ OPT_UP_REV_USER, false, by_password },
	{ OPT_UP_REV_PASSWORD, true, by_password },
	{ OPT_UP_REV_API_KEY, false, by_key },
	{ OPT_UP_REV_API_SECRET, true, by_key },
	{ OPT_UP_CMS_USER, false, has_bridge },
	{ OPT_UP_CMS_PASSWORD, true, has_bridge },
};

static bool is_missing(const struct conf *c, size_t i, struct err *why)
{
	const struct schema_option *o = &schema_options[needs[i].id];
	struct secret secret = { 0 };
	int err;

	if (!needs[i].is_secret) {
		err_set(why, -EINVAL, "%s.%s is not set: %s", o->section,
			o->key, o->help);
		return !*conf_text(c, needs[i].id);
	}
	err = secret_load_instance(conf_text(c, OPT_SECRETS_DIR), "uploader",
				   o->key, conf_instance(c), &secret, why);
	secret_release(&secret);
	return err != 0;
}

size_t check_settings(const struct conf *conf, check_tell_fn *tell, void *arg)
{
	size_t missing = 0;
	struct err why;

	if (!conf_bool(conf, OPT_UP_ENABLED))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(needs); i++) {
		if (!needs[i].applies(conf) || !is_missing(conf, i, &why))
			continue;
		missing++;
		tell(arg, why.text);
	}
	return missing;
}
