/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/ask.h"
#include "cli/bridge_job.h"
#include "cli/check.h"
#include "cli/cmd.h"
#include "cli/listen.h"
#include "lib/str.h"

enum {
	PRIORITY_TLS = 20, /* the higher one is tried first */
	PRIORITY_TCP = 10,
};

/* ---- bridge show -------------------------------------------------------- */

static int add_row(struct bridge_job *job, const char *kind, const char *name,
		   const char *what, const char *note)
{
	int err;

	listing_next(job->list);
	err = listing_add(job->list, "kind", kind);
	if (!err)
		err = listing_add(job->list, "name", name);
	if (!err)
		err = listing_add(job->list, "leads to", what);
	return err ? err : listing_add(job->list, "note", note);
}

static int show_profile(struct bridge_job *job, const char *id, bool is_system)
{
	const struct cms_xml_node *n;
	struct cms_xml *xml;
	char path[128], note[128];
	int err;

	snprintf(path, sizeof(path), "callProfiles/%s", id);
	err = bridge_get(job->bridge, path, &xml, &job->err);
	if (err)
		return err;
	n = cms_xml_root(xml);
	snprintf(note, sizeof(note), "streaming %s%s",
		 *bridge_text(n, "streamingMode")
			 ? bridge_text(n, "streamingMode")
			 : "unset",
		 is_system ? ", the system's" : "");
	err = add_row(job, "call profile",
		      *bridge_text(n, "name") ? bridge_text(n, "name") : id,
		      bridge_text(n, "sipStreamerUri"), note);
	cms_xml_free(xml);
	return err;
}

struct ids {
	size_t count;
	char at[BRIDGE_RULES_MAX][BRIDGE_ID_SIZE];
};

static int on_id(void *arg, const struct cms_xml_node *n)
{
	struct ids *ids = arg;

	if (ids->count < BRIDGE_RULES_MAX && str_is_guid(bridge_id(n)))
		str_copy(ids->at[ids->count++], bridge_id(n), BRIDGE_ID_SIZE);
	return 0;
}

static int show_rules(struct bridge_job *job)
{
	int err = 0;

	for (size_t i = 0; i < job->rule_count && !err; i++) {
		const struct bridge_rule *r = &job->rules[i];
		char note[64];

		snprintf(note, sizeof(note), "%s%s", r->encryption,
			 r->leads_here ? ", to this streamer" : "");
		err = add_row(job, "outbound rule", r->domain, r->proxy, note);
	}
	return err;
}

static int show_space(struct bridge_job *job, const char *id)
{
	struct cms_xml *xml;
	char path[128], url[512];
	int err;

	snprintf(path, sizeof(path), "coSpaces/%s", id);
	err = bridge_get(job->bridge, path, &xml, &job->err);
	if (err)
		return err;
	str_mask_url(bridge_text(cms_xml_root(xml), "streamUrl"), url,
		     sizeof(url));
	if (*url)
		err = add_row(job, "space",
			      bridge_text(cms_xml_root(xml), "name"), url, "");
	cms_xml_free(xml);
	return err;
}

static int show_each(struct bridge_job *job, struct ids *ids,
		     const char *collection)
{
	bool spaces = !strcmp(collection, "coSpaces");
	int err;

	ids->count = 0;
	err = bridge_list(job->bridge, collection, on_id, ids, &job->err);
	for (size_t i = 0; i < ids->count && !err; i++)
		err = spaces ? show_space(job, ids->at[i])
			     : show_profile(job, ids->at[i],
					    !strcmp(ids->at[i], job->profile));
	return err;
}

static void say_verdict(const struct bridge_job *job)
{
	char sentence[512];

	if (bridge_job_obstacle(job, sentence, sizeof(sentence)))
		cli_hint("%s", sentence);
}

/* Without a bridge there is nothing to say; the uploader's part does. */
void check_bridge(struct check *c)
{
	struct bridge_job *job = NULL;
	char sentence[512];

	if (!*conf_text(c->cli->conf, OPT_UP_CMS_HOST))
		return;
	if (bridge_job_open(c->cli, &job))
		check_fail(c, "%s", job ? job->err.text : "out of memory");
	else if (bridge_job_obstacle(job, sentence, sizeof(sentence)))
		check_warn(c, "%s", sentence);
	else
		check_pass(c, "the bridge sends %s to this streamer",
			   job->streamer_uri);
	(void)bridge_job_close(job, 0);
}

int cmd_bridge_show(struct cli *cli, const struct table_match *m)
{
	struct ids *ids = calloc(1, sizeof(*ids));
	struct bridge_job *job = NULL;
	int err = ids ? bridge_job_open(cli, &job) : -ENOMEM;

	if (!err)
		err = listing_new(&job->list);
	if (!err)
		err = show_each(job, ids, "callProfiles");
	if (!err)
		err = show_rules(job);
	if (!err)
		err = show_each(job, ids, "coSpaces");
	if (!err)
		err = listing_print_table(job->list,
					  table_has_flag(m, "--json"));
	if (!err)
		say_verdict(job);
	free(ids);
	return bridge_job_close(job, err);
}

/* ---- bridge setup ------------------------------------------------------- */

static int set_profile(struct bridge_job *job, const char *uri,
		       const char *mode)
{
	const struct bridge_field fields[] = { { "sipStreamerUri", uri },
					       { mode ? "streamingMode" : NULL,
						 mode },
					       { NULL, NULL } };
	const struct bridge_field system[] = { { "callProfile", job->profile },
					       { NULL, NULL } };
	char path[128];
	int err;

	if (*job->profile) {
		snprintf(path, sizeof(path), "callProfiles/%s", job->profile);
		return bridge_job_send(job, "PUT", path, fields, NULL);
	}
	err = bridge_job_send(job, "POST", "callProfiles", fields,
			      job->profile);
	return err ? err
		   : bridge_job_send(job, "PUT", "system/profiles", system,
				     NULL);
}

static bool has_rule(const struct bridge_job *job, const char *domain,
		     const char *encryption)
{
	for (size_t i = 0; i < job->rule_count; i++)
		if (job->rules[i].leads_here &&
		    !strcasecmp(job->rules[i].domain, domain) &&
		    !strcmp(job->rules[i].encryption, encryption))
			return true;
	return false;
}

static int make_rule(struct bridge_job *job, const char *domain,
		     const char *proxy, bool tls)
{
	char priority[16];
	const struct bridge_field fields[] = {
		{ "domain", domain },
		{ "priority", priority },
		{ "sipProxy", proxy },
		{ "trunkType", "sip" },
		{ "failureAction", tls ? "continue" : "stop" },
		{ "sipControlEncryption", tls ? "encrypted" : "unencrypted" },
		{ NULL, NULL },
	};

	snprintf(priority, sizeof(priority), "%d",
		 tls ? PRIORITY_TLS : PRIORITY_TCP);
	return bridge_job_send(job, "POST", "outboundDialPlanRules", fields,
			       NULL);
}

struct plan {
	const char *domain, *mode;
	char uri[300], tcp[300], tls[300]; /* "": no such rule */
};

static void plan_rule(struct bridge_job *job, const char *domain,
		      const char *host, const char *port, bool tls, char *dst,
		      size_t size)
{
	*dst = '\0';
	if (strcasecmp(port, "none") &&
	    !has_rule(job, domain, tls ? "encrypted" : "unencrypted"))
		snprintf(dst, size, strchr(host, ':') ? "[%s]:%s" : "%s:%s",
			 host, port);
}

static int make_plan(struct bridge_job *job, const struct table_match *m,
		     struct plan *ret)
{
	const char *at = conf_text(job->cli->conf, OPT_ST_SIP_LISTEN);
	const char *advertised = conf_text(job->cli->conf, OPT_ST_ADVERTISE);
	char host[256];
	struct listen l;
	int err = 0;

	ret->domain = m->argv[0];
	ret->mode = table_has_flag(m, "--automatic") ? "automatic" : "manual";
	snprintf(ret->uri, sizeof(ret->uri), "streamer@%s", ret->domain);
	str_copy(host, advertised, sizeof(host));
	if (!*host)
		err = bridge_own_address(job->bridge, host, sizeof(host),
					 &job->err);
	if (!err && !listen_next(&at, &l))
		err = err_set(&job->err, -EINVAL,
			      "the streamer listens "
			      "nowhere");
	if (err)
		return err;
	plan_rule(job, ret->domain, host,
		  table_has_flag(m, "--tls") ? l.tls : "none", true, ret->tls,
		  sizeof(ret->tls));
	plan_rule(job, ret->domain, host, l.tcp, false, ret->tcp,
		  sizeof(ret->tcp));
	if (table_has_flag(m, "--tls") && !strcasecmp(l.tls, "none"))
		return err_set(&job->err, -EINVAL,
			       "the streamer has no TLS port: \"streamer sip "
			       "listen\"");
	return 0;
}

static void print_plan(const struct bridge_job *job, const struct plan *p)
{
	printf("%s call profile: sipStreamerUri %s, streamingMode %s\n",
	       *job->profile ? "Change the system's" : "Create the system's",
	       p->uri, p->mode);
	if (*p->tls)
		printf("Create outbound rule: %s to %s, encrypted\n", p->domain,
		       p->tls);
	if (*p->tcp)
		printf("Create outbound rule: %s to %s, unencrypted\n",
		       p->domain, p->tcp);
}

static int carry_out(struct bridge_job *job, const struct plan *p)
{
	int err = set_profile(job, p->uri, p->mode);

	if (!err && *p->tls)
		err = make_rule(job, p->domain, p->tls, true);
	if (!err && *p->tcp)
		err = make_rule(job, p->domain, p->tcp, false);
	return err;
}

static bool agrees(const struct table_match *m)
{
	return table_has_flag(m, "--yes") || ask_yes("Do it?");
}

int cmd_bridge_setup(struct cli *cli, const struct table_match *m)
{
	struct bridge_job *job = NULL;
	struct plan plan;
	int err = bridge_job_open(cli, &job);

	if (!err)
		err = make_plan(job, m, &plan);
	if (!err) {
		print_plan(job, &plan);
		if (!agrees(m))
			err = cli_failure(-ECANCELED, "nothing was changed");
		else
			err = carry_out(job, &plan);
	}
	if (!err)
		cli_success("the bridge streams to %s", plan.uri);
	return bridge_job_close(job, err);
}

/* ---- bridge remove ------------------------------------------------------ */

static bool serves_profile(const struct bridge_job *job)
{
	for (size_t i = 0; i < job->rule_count; i++)
		if (job->rules[i].leads_here &&
		    !strcasecmp(job->rules[i].domain,
				bridge_job_domain(job->streamer_uri)))
			return true;
	return false;
}

static int remove_all(struct bridge_job *job)
{
	char path[128];
	int err = 0;

	if (*job->streamer_uri && serves_profile(job))
		err = set_profile(job, "", NULL);
	for (size_t i = 0; i < job->rule_count && !err; i++) {
		if (!job->rules[i].leads_here)
			continue;
		snprintf(path, sizeof(path), "outboundDialPlanRules/%s",
			 job->rules[i].id);
		err = bridge_job_send(job, "DELETE", path, NULL, NULL);
	}
	return err;
}

int cmd_bridge_remove(struct cli *cli, const struct table_match *m)
{
	struct bridge_job *job = NULL;
	int err = bridge_job_open(cli, &job);

	if (!err) {
		if (*job->streamer_uri && serves_profile(job))
			printf("Take %s out of the system's call profile\n",
			       job->streamer_uri);
		for (size_t i = 0; i < job->rule_count; i++)
			if (job->rules[i].leads_here)
				printf("Delete outbound rule: %s to %s, %s\n",
				       job->rules[i].domain,
				       job->rules[i].proxy,
				       job->rules[i].encryption);
		if (!agrees(m))
			err = cli_failure(-ECANCELED, "nothing was changed");
		else
			err = remove_all(job);
	}
	if (!err)
		cli_success("the bridge no longer streams to this streamer");
	return bridge_job_close(job, err);
}

/* ---- bridge stream ------------------------------------------------------ */

static int on_space(void *arg, const struct cms_xml_node *n)
{
	struct bridge_job *job = arg;

	if (strcmp(bridge_text(n, "name"), job->wanted) &&
	    strcasecmp(bridge_id(n), job->wanted))
		return 0;
	if (*job->space)
		return err_set(&job->err, -EINVAL,
			       "several spaces have the name %s: give its id",
			       job->wanted);
	str_copy(job->space, bridge_id(n), sizeof(job->space));
	return 0;
}

static int set_stream(struct bridge_job *job, const char *url)
{
	const struct bridge_field fields[] = {
		{ "streamUrl", strcmp(url, "none") ? url : "" },
		{ NULL, NULL },
	};
	char path[128];

	if (!str_is_guid(job->space))
		return err_set(&job->err, -ENOENT, "the bridge has no space %s",
			       job->wanted);
	snprintf(path, sizeof(path), "coSpaces/%s", job->space);
	return bridge_job_send(job, "PUT", path, fields, NULL);
}

int cmd_bridge_stream(struct cli *cli, const struct table_match *m)
{
	struct bridge_job *job = NULL;
	int err = bridge_job_open(cli, &job);

	if (!err) {
		job->wanted = m->argv[0];
		err = bridge_list(job->bridge, "coSpaces", on_space, job,
				  &job->err);
	}
	if (!err)
		err = set_stream(job, m->argv[1]);
	if (!err)
		cli_success("the stream URL of %s is %s", m->argv[0],
			    strcmp(m->argv[1], "none") ? "set" : "removed");
	return bridge_job_close(job, err);
}
