/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/bridge.h"
#include "cli/cmd.h"
#include "cli/listen.h"
#include "cli/listing.h"
#include "lib/str.h"

enum {
	FORM_MAX = 8192,
	RULES_MAX = 512,
	PRIORITY_TLS = 20, /* the higher one is tried first */
	PRIORITY_TCP = 10,
};

struct rule {
	char id[BRIDGE_ID_SIZE], domain[256], proxy[256], encryption[16];
	bool leads_here;
};

/* A look at the bridge, and what is to be done there. */
struct job {
	struct cli *cli;
	struct bridge *bridge;
	struct err err;
	struct listing *list;
	char profile[BRIDGE_ID_SIZE]; /* call profile of the system, or "" */
	char streamer_uri[256];	      /* in it */
	size_t rule_count;
	struct rule rules[RULES_MAX];
	const char *wanted; /* name of a space */
	char space[BRIDGE_ID_SIZE];
};

static const char *text(const struct cms_xml_node *n, const char *name)
{
	const char *found = cms_xml_text(n, name);

	return found ? found : "";
}

static const char *id_of(const struct cms_xml_node *n)
{
	const char *id = cms_xml_attr(n, "id");

	return id ? id : "";
}

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

static bool leads_here(const struct cli *cli, const struct rule *r)
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
	struct job *job = arg;
	struct rule *r;

	if (job->rule_count == RULES_MAX)
		return 0;
	r = &job->rules[job->rule_count++];
	str_copy(r->id, id_of(n), sizeof(r->id));
	str_copy(r->domain, text(n, "domain"), sizeof(r->domain));
	str_copy(r->proxy, text(n, "sipProxy"), sizeof(r->proxy));
	str_copy(r->encryption, text(n, "sipControlEncryption"),
		 sizeof(r->encryption));
	r->leads_here = leads_here(job->cli, r);
	return 0;
}

static int read_profile(struct job *job)
{
	struct cms_xml *xml;
	char path[128];
	int err = bridge_get(job->bridge, "system/profiles", &xml, &job->err);

	if (err)
		return err;
	str_copy(job->profile, text(cms_xml_root(xml), "callProfile"),
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
	str_copy(job->streamer_uri, text(cms_xml_root(xml), "sipStreamerUri"),
		 sizeof(job->streamer_uri));
	cms_xml_free(xml);
	return 0;
}

static int open_job(struct cli *cli, struct job **ret)
{
	struct job *job = calloc(1, sizeof(*job));
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

static int close_job(struct job *job, int err)
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

static const char *domain_of(const char *uri)
{
	const char *at = strchr(uri, '@');

	return at ? at + 1 : "";
}

/* ---- bridge show -------------------------------------------------------- */

static int add_row(struct job *job, const char *kind, const char *name,
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

static int show_profile(struct job *job, const char *id, bool is_system)
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
		 *text(n, "streamingMode") ? text(n, "streamingMode") : "unset",
		 is_system ? ", the system's" : "");
	err = add_row(job, "call profile",
		      *text(n, "name") ? text(n, "name") : id,
		      text(n, "sipStreamerUri"), note);
	cms_xml_free(xml);
	return err;
}

struct ids {
	size_t count;
	char at[RULES_MAX][BRIDGE_ID_SIZE];
};

static int on_id(void *arg, const struct cms_xml_node *n)
{
	struct ids *ids = arg;

	if (ids->count < RULES_MAX && str_is_guid(id_of(n)))
		str_copy(ids->at[ids->count++], id_of(n), BRIDGE_ID_SIZE);
	return 0;
}

static int show_rules(struct job *job)
{
	int err = 0;

	for (size_t i = 0; i < job->rule_count && !err; i++) {
		const struct rule *r = &job->rules[i];
		char note[64];

		snprintf(note, sizeof(note), "%s%s", r->encryption,
			 r->leads_here ? ", to this streamer" : "");
		err = add_row(job, "outbound rule", r->domain, r->proxy, note);
	}
	return err;
}

static int show_space(struct job *job, const char *id)
{
	struct cms_xml *xml;
	char path[128], url[512];
	int err;

	snprintf(path, sizeof(path), "coSpaces/%s", id);
	err = bridge_get(job->bridge, path, &xml, &job->err);
	if (err)
		return err;
	str_mask_url(text(cms_xml_root(xml), "streamUrl"), url, sizeof(url));
	if (*url)
		err = add_row(job, "space", text(cms_xml_root(xml), "name"),
			      url, "");
	cms_xml_free(xml);
	return err;
}

static int show_each(struct job *job, struct ids *ids, const char *collection)
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

/* Why a call of a space would not arrive, as far as the rules tell. */
static void say_verdict(const struct job *job)
{
	const char *domain = domain_of(job->streamer_uri);
	bool any = false;

	if (!*job->streamer_uri) {
		cli_hint("the system's call profile names no streamer: "
			 "\"bridge setup <domain>\"");
		return;
	}
	for (size_t i = 0; i < job->rule_count; i++) {
		if (strcasecmp(job->rules[i].domain, domain))
			continue;
		any = true;
		if (job->rules[i].leads_here)
			return;
	}
	cli_hint(any ? "no rule for %s leads to a port of this streamer: check "
		       "address, port and encryption"
		     : "there is no outbound rule for %s: \"bridge setup\" "
		       "makes it",
		 domain);
}

int cmd_bridge_show(struct cli *cli, const struct table_match *m)
{
	struct ids *ids = calloc(1, sizeof(*ids));
	struct job *job = NULL;
	int err = ids ? open_job(cli, &job) : -ENOMEM;

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
	return close_job(job, err);
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

struct field {
	const char *name, *value; /* a NULL name ends them */
};

static int send_form(struct job *job, const char *method, const char *path,
		     const struct field *fields, char *ret_id)
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

static int set_profile(struct job *job, const char *uri, const char *mode)
{
	const struct field fields[] = { { "sipStreamerUri", uri },
					{ mode ? "streamingMode" : NULL, mode },
					{ NULL, NULL } };
	const struct field system[] = { { "callProfile", job->profile },
					{ NULL, NULL } };
	char path[128];
	int err;

	if (*job->profile) {
		snprintf(path, sizeof(path), "callProfiles/%s", job->profile);
		return send_form(job, "PUT", path, fields, NULL);
	}
	err = send_form(job, "POST", "callProfiles", fields, job->profile);
	return err ? err
		   : send_form(job, "PUT", "system/profiles", system, NULL);
}

static bool has_rule(const struct job *job, const char *domain,
		     const char *encryption)
{
	for (size_t i = 0; i < job->rule_count; i++)
		if (job->rules[i].leads_here &&
		    !strcasecmp(job->rules[i].domain, domain) &&
		    !strcmp(job->rules[i].encryption, encryption))
			return true;
	return false;
}

static int make_rule(struct job *job, const char *domain, const char *proxy,
		     bool tls)
{
	char priority[16];
	const struct field fields[] = {
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
	return send_form(job, "POST", "outboundDialPlanRules", fields, NULL);
}

/* ---- bridge setup ------------------------------------------------------- */

struct plan {
	const char *domain, *mode;
	char uri[300], tcp[300], tls[300]; /* "": no such rule */
};

static void plan_rule(struct job *job, const char *domain, const char *host,
		      const char *port, bool tls, char *dst, size_t size)
{
	*dst = '\0';
	if (strcasecmp(port, "none") &&
	    !has_rule(job, domain, tls ? "encrypted" : "unencrypted"))
		snprintf(dst, size, strchr(host, ':') ? "[%s]:%s" : "%s:%s",
			 host, port);
}

static int make_plan(struct job *job, const struct table_match *m,
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

static void print_plan(const struct job *job, const struct plan *p)
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

static int carry_out(struct job *job, const struct plan *p)
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
	struct job *job = NULL;
	struct plan plan;
	int err = open_job(cli, &job);

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
	return close_job(job, err);
}

/* ---- bridge remove ------------------------------------------------------ */

static bool serves_profile(const struct job *job)
{
	for (size_t i = 0; i < job->rule_count; i++)
		if (job->rules[i].leads_here &&
		    !strcasecmp(job->rules[i].domain,
				domain_of(job->streamer_uri)))
			return true;
	return false;
}

static int remove_all(struct job *job)
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
		err = send_form(job, "DELETE", path, NULL, NULL);
	}
	return err;
}

int cmd_bridge_remove(struct cli *cli, const struct table_match *m)
{
	struct job *job = NULL;
	int err = open_job(cli, &job);

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
	return close_job(job, err);
}

/* ---- bridge stream ------------------------------------------------------ */

static int on_space(void *arg, const struct cms_xml_node *n)
{
	struct job *job = arg;

	if (strcmp(text(n, "name"), job->wanted) &&
	    strcasecmp(id_of(n), job->wanted))
		return 0;
	if (*job->space)
		return err_set(&job->err, -EINVAL,
			       "several spaces have the name %s: give its id",
			       job->wanted);
	str_copy(job->space, id_of(n), sizeof(job->space));
	return 0;
}

static int set_stream(struct job *job, const char *url)
{
	const struct field fields[] = {
		{ "streamUrl", strcmp(url, "none") ? url : "" },
		{ NULL, NULL },
	};
	char path[128];

	if (!str_is_guid(job->space))
		return err_set(&job->err, -ENOENT, "the bridge has no space %s",
			       job->wanted);
	snprintf(path, sizeof(path), "coSpaces/%s", job->space);
	return send_form(job, "PUT", path, fields, NULL);
}

int cmd_bridge_stream(struct cli *cli, const struct table_match *m)
{
	struct job *job = NULL;
	int err = open_job(cli, &job);

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
	return close_job(job, err);
}
