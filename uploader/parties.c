/* SPDX-License-Identifier: MIT */
#include "uploader/parties.h"

#include <errno.h>
#include <stdlib.h>

static unsigned number(const struct conf *conf, enum schema_id id)
{
	return (unsigned)conf_number(conf, id);
}

/* A secret that is missing is empty: the login says so then. */
static int load_secret(const struct conf *conf, const char *name,
		       struct secret *ret, struct err *err)
{
	int rc = secret_load_instance(conf_text(conf, OPT_SECRETS_DIR),
				      "uploader", name, conf_instance(conf),
				      ret, err);

	return rc == -ENOENT ? 0 : rc;
}

static int load_secrets(struct parties *p, const struct conf *conf,
			struct err *err)
{
	int rc = load_secret(conf, "rev_password", &p->rev_password, err);

	if (rc)
		return rc;
	rc = load_secret(conf, "rev_api_secret", &p->rev_api_secret, err);
	return rc ? rc
		  : load_secret(conf, "cms_password", &p->cms_password, err);
}

static int open_rev(struct parties *p, struct loop *loop, const struct conf *c,
		    struct err *err)
{
	/* The words of rev_api in their order, as struct rev_config counts. */
	static const int apis[] = { 0, 2, 1 };
	struct rev_config config = {
		.host = conf_text(c, OPT_UP_REV_HOST),
		.port = number(c, OPT_UP_REV_PORT),
		.use_api_key = conf_number(c, OPT_UP_REV_LOGIN) == 1,
		.user = conf_text(c, OPT_UP_REV_USER),
		.password = &p->rev_password,
		.api_key = conf_text(c, OPT_UP_REV_API_KEY),
		.api_secret = &p->rev_api_secret,
		.trust = conf_text(c, OPT_UP_REV_TRUST),
		.proxy = conf_text(c, OPT_UP_REV_PROXY),
		.api = apis[conf_number(c, OPT_UP_REV_API)],
		.timeout_ms = number(c, OPT_UP_REV_TIMEOUT),
		.upload_timeout_ms = number(c, OPT_UP_REV_UPLOAD_TIMEOUT),
		.uploads_per_minute = number(c, OPT_UP_REV_UPLOADS_PER_MINUTE),
		.searches_per_minute =
			number(c, OPT_UP_REV_SEARCHES_PER_MINUTE),
		.mark_field = conf_text(c, OPT_UP_MARK_FIELD),
	};
	int rc;

	if (!*config.host)
		return 0;
	rc = rev_new(loop, &config, &p->rev, err);
	return rc ? rc : people_new(loop, p->rev, &p->people);
}

static int open_cms(struct parties *p, struct loop *loop, const struct conf *c,
		    struct err *err)
{
	struct cms_config config = {
		.hosts = conf_text(c, OPT_UP_CMS_HOST),
		.port = number(c, OPT_UP_CMS_PORT),
		.user = conf_text(c, OPT_UP_CMS_USER),
		.password = &p->cms_password,
		.trust = conf_text(c, OPT_UP_CMS_TRUST),
		.timeout_ms = number(c, OPT_UP_CMS_TIMEOUT),
		.cache_ms = number(c, OPT_UP_CMS_CACHE_TIME),
	};

	return *config.hosts ? cms_new(loop, &config, &p->cms, err) : 0;
}

int parties_new(struct loop *loop, const struct conf *conf,
		struct parties **ret, struct err *err)
{
	struct parties *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return err_set(err, -ENOMEM, "out of memory");
	list_init(&p->node);
	err_set(err, -ENOMEM, "out of memory");
	rc = load_secrets(p, conf, err);
	rc = rc ? rc : open_rev(p, loop, conf, err);
	rc = rc ? rc : open_cms(p, loop, conf, err);
	if (rc) {
		parties_free(p);
		return rc;
	}
	p->prepare = (struct prepare_context){
		.loop = loop,
		.conf = conf,
		.cms = p->cms,
		.rev = p->rev,
		.people = p->people,
	};
	*ret = p;
	return 0;
}

void parties_free(struct parties *p)
{
	if (!p)
		return;
	list_del(&p->node);
	people_free(p->people);
	rev_free(p->rev);
	cms_free(p->cms);
	free(p->prepare.self.id);
	free(p->prepare.self.name);
	secret_release(&p->rev_password);
	secret_release(&p->rev_api_secret);
	secret_release(&p->cms_password);
	conf_free(p->take_conf);
	free(p);
}
