/* SPDX-License-Identifier: MIT */
#include "cli/bridge_job.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/listen.h"
#include "lib/str.h"

enum { FORM_MAX = 8192 };

/* ---- is it this host? --------------------------------------------------- */

/* Only addresses of this host can be bound to. */
static bool is_own(const char *host)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *found;
	bool own = false;
	int fd;

	if (getaddrinfo(host, "0", &hints, &found))
		return false;
	fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		own = !bind(fd, found->ai_addr, found->ai_addrlen);
		close(fd);
	}
	freeaddrinfo(found);
	return own;
}

static bool has_port(const struct cli *cli, const char *port, bool tls)
{
	const char *at = conf_text(cli->conf, OPT_ST_SIP_LISTEN);
	struct listen l;

	while (listen_next(&at, &l))
		if (!strcmp(port, tls ? l.tls : l.tcp))
			return true;
	return false;
}

static bool leads_here(const struct cli *cli, const struct bridge_rule *r)
{
	const char *colon = strrchr(r->proxy, ':');
	bool tls = !strcmp(r->encryption, "encrypted");
	char host[256];

	snprintf(host, sizeof(host), "%.*s",
		 colon ? (int)(colon - r->proxy) : (int)strlen(r->proxy),
		 r->proxy);
	if (!has_port(cli, colon ? colon + 1 : tls ? "5061" : "5060", tls))
		return false;
	return is_own(host) ||
	       !strcmp(host, conf_text(cli->conf, OPT_ST_ADVERTISE));
}

/* ---- reading ------------------------------------------------------------ */

static int on_rule(void *arg, const struct cms_xml_node *n)
{
	struct bridge_job *job = arg;
	struct bridge_rule *r;

	if (job->rule_count == BRIDGE_RULES_MAX)
		return 0;
	r = &job->rules[job->rule_count++];
	str_copy(r->id, bridge_id(n), sizeof(r->id));
	str_copy(r->domain, bridge_text(n, "domain"), sizeof(r->domain));
	str_copy(r->proxy, bridge_text(n, "sipProxy"), sizeof(r->proxy));
	str_copy(r->encryption, bridge_text(n, "sipControlEncryption"),
		 sizeof(r->encryption));
	r->leads_here = leads_here(job->cli, r);
	return 0;
}

static int read_profile(struct bridge_job *job)
{
	struct cms_xml *xml;
	char path[128];
	int err = bridge_get(job->bridge, "system/profiles", &xml, &job->err);

	if (err)
		return err;
	str_copy(job->profile, bridge_text(cms_xml_root(xml), "callProfile"),
		 sizeof(job->profile));
	cms_xml_free(xml);
	if (!str_is_guid(job->profile)) {
		job->profile[0] = '\0';
		return 0;
	}
	snprintf(path, sizeof(path), "callProfiles/%s", job->profile);
	err = bridge_get(job->bridge, path, &xml, &job->err);
	if (err)
		return err;
	str_copy(job->streamer_uri,
		 bridge_text(cms_xml_root(xml), "sipStreamerUri"),
		 sizeof(job->streamer_uri));
	cms_xml_free(xml);
	return 0;
}

int bridge_job_open(struct cli *cli, struct bridge_job **ret)
{
	struct bridge_job *job = calloc(1, sizeof(*job));
	int err;

	if (!job)
		return cli_failure(-ENOMEM, "out of memory");
	job->cli = cli;
	err = bridge_open(cli, &job->bridge, &job->err);
	if (!err)
		err = read_profile(job);
	if (!err)
		err = bridge_list(job->bridge, "outboundDialPlanRules", on_rule,
				  job, &job->err);
	*ret = job;
	return err;
}

int bridge_job_close(struct bridge_job *job, int err)
{
	if (err && job && *job->err.text)
		cli_failure(err, "%s", job->err.text);
	if (job) {
		bridge_close(job->bridge);
		listing_free(job->list);
	}
	free(job);
	return err;
}

const char *bridge_job_domain(const char *uri)
{
	const char *at = strchr(uri, '@');

	return at ? at + 1 : "";
}

/*
 * Why a call would not arrive, as far as profile and rules tell; NULL where
 * they lead to this streamer. What is to be filled in goes to `ret_name`.
 */
static const char *find_obstacle(const struct bridge_job *job,
				 const char **ret_name)
{
	const char *domain = bridge_job_domain(job->streamer_uri);
	bool any = false;

	*ret_name = domain;
	if (!*job->streamer_uri)
		return "the system's call profile on the bridge names no "
		       "streamer%s: \"bridge setup <domain>\"";
	for (size_t i = 0; i < job->rule_count; i++) {
		if (strcasecmp(job->rules[i].domain, domain))
			continue;
		if (job->rules[i].leads_here)
			return NULL;
		any = true;
	}
	return any ? "no outbound rule for %s leads to a port of this "
		     "streamer: check address, port and encryption"
		   : "there is no outbound rule for %s: \"bridge setup\" "
		     "makes it";
}

const char *bridge_job_obstacle(const struct bridge_job *job, char *dst,
				size_t size)
{
	const char *name, *fmt = find_obstacle(job, &name);
	const char *at = fmt ? strstr(fmt, "%s") : NULL;

	if (!at)
		return NULL;
	snprintf(dst, size, "%.*s%s%s", (int)(at - fmt), fmt, name, at + 2);
	return dst;
}

/* ---- changes ------------------------------------------------------------ */

static int add_field(struct buf *form, const char *name, const char *value)
{
	int err = 0;

	if (form->len)
		err = buf_add_str(form, "&");
	if (!err)
		err = buf_printf(form, "%s=", name);
	return err ? err : str_pct_encode(form, value);
}

int bridge_job_send(struct bridge_job *job, const char *method,
		    const char *path, const struct bridge_field *fields,
		    char *ret_id)
{
	struct buf form;
	int err = 0;

	buf_init(&form, FORM_MAX);
	for (; fields && fields->name && !err; fields++)
		err = add_field(&form, fields->name, fields->value);
	if (err)
		err_set(&job->err, err, "%s", err_str(err));
	else
		err = bridge_send(job->bridge, method, path, buf_text(&form),
				  ret_id, &job->err);
	buf_release(&form);
	return err;
}
