/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/ask.h"
#include "cli/bridge_rules.h"
#include "cli/check.h"
#include "cli/cmd.h"
#include "cli/listen.h"
#include "cli/listing.h"
#include "lib/redact.h"
#include "lib/str.h"

enum {
	CHECK_SPACES = 200, /* each is a question of its own */
	URL_BYTES = 4096,
};

/* What a command works with; says what went wrong at its end. */
static int finish(struct bridge_rules *r, int code)
{
	if (code && *r->bridge.err.text)
		cli_failure(code, "%s", r->bridge.err.text);
	bridge_rules_release(r);
	return code;
}

/* ---- bridge show -------------------------------------------------------- */

struct show {
	struct bridge_rules rules;
	struct listing list;
};

static void add_row(struct show *s, const char *kind, const char *name,
		    const char *what, const char *note)
{
	listing_next(&s->list);
	listing_add(&s->list, "kind", kind);
	listing_add(&s->list, "name", name);
	listing_add(&s->list, "leads to", what);
	listing_add(&s->list, "note", note);
}

static int show_profile(void *arg, const char *id, const struct cms_xml_node *n)
{
	struct show *s = arg;
	const char *mode = bridge_text(n, "streamingMode");
	const char *name = bridge_text(n, "name");
	char note[128];

	snprintf(note, sizeof(note), "streaming %s%s", *mode ? mode : "unset",
		 strcmp(id, s->rules.profile) ? "" : ", the system's");
	add_row(s, "call profile", *name ? name : id,
		bridge_text(n, "sipStreamerUri"), note);
	return 0;
}

static void show_rules(struct show *s)
{
	for (size_t i = 0; i < s->rules.count; i++) {
		const struct bridge_rule *r = &s->rules.rules[i];
		char note[128];

		snprintf(note, sizeof(note), "%s, %s", r->encryption,
			 r->obstacle ? r->obstacle : "to this streamer");
		add_row(s, "outbound rule", r->domain, r->proxy, note);
	}
}

static int show_space(void *arg, const char *id, const struct cms_xml_node *n)
{
	char url[512];

	redact_url(bridge_text(n, "streamUrl"), url, sizeof(url));
	if (*url)
		add_row(arg, "space", bridge_text(n, "name"), url, "");
	return 0;
}

int cmd_bridge_show(struct cli *cli, const struct table_match *m)
{
	struct show s;
	struct bridge *b = &s.rules.bridge;
	char why[1024];
	int code = bridge_rules_read(&s.rules, cli);

	listing_init(&s.list);
	if (!code)
		code = bridge_each(b, "callProfiles", show_profile, &s);
	if (!code) {
		show_rules(&s);
		code = bridge_each(b, "coSpaces", show_space, &s);
	}
	if (code)
		listing_release(&s.list);
	else
		code = listing_end_table(&s.list, table_has_flag(m, "--json"));
	if (!code && bridge_rules_obstacle(&s.rules, why, sizeof(why)))
		cli_hint("%s", why);
	return finish(&s.rules, code);
}

/* ---- check -------------------------------------------------------------- */

struct spaces {
	struct check *check;
	unsigned seen, with_url, wrong;
};

/* rtmp[s]://host/app/stream */
static bool has_application(const char *url)
{
	const char *host = strstr(url, "://"), *app, *stream;

	app = host ? strchr(host + 3, '/') : NULL;
	stream = app ? strchr(app + 1, '/') : NULL;
	return !strncasecmp(url, "rtmp", 4) && stream && stream > app + 1 &&
	       stream[1];
}

static int check_space(void *arg, const char *id, const struct cms_xml_node *n)
{
	struct spaces *s = arg;
	const char *url = bridge_text(n, "streamUrl");

	s->with_url += *url != '\0';
	if (*url && !has_application(url)) {
		s->wrong++;
		check_say(s->check, VERDICT_FAIL,
			  "the stream URL of space %s cannot work: it needs an "
			  "application and a stream, rtmp://host/app/stream; "
			  "\"bridge stream\" sets it",
			  bridge_text(n, "name"));
	}
	return ++s->seen == CHECK_SPACES;
}

static int check_spaces(struct check *c, struct bridge *bridge)
{
	struct spaces s = { .check = c };
	int code = bridge_each(bridge, "coSpaces", check_space, &s);

	if (code < 0)
		return code;
	if (code)
		check_say(c, VERDICT_WARN,
			  "only the first %d spaces of the bridge were looked "
			  "at",
			  CHECK_SPACES);
	if (!s.with_url)
		check_say(c, VERDICT_WARN,
			  "no space of the bridge has a stream URL: \"bridge "
			  "stream <space> <url>\"");
	else if (!s.wrong)
		check_say(c, VERDICT_PASS, "%u spaces have a stream URL",
			  s.with_url);
	return 0;
}

/* Without a bridge there is nothing to say; the uploader's part does. */
void check_bridge(struct check *c)
{
	struct bridge_rules r;
	char why[1024];
	int code;

	if (!*conf_text(c->cli->conf, OPT_UP_CMS_HOST))
		return;
	code = bridge_rules_read(&r, c->cli);
	if (!code && bridge_rules_obstacle(&r, why, sizeof(why)))
		check_say(c, VERDICT_WARN, "%s", why);
	else if (!code && r.is_disabled)
		check_say(c, VERDICT_WARN,
			  "the system's call profile on the bridge disables "
			  "streaming: \"bridge setup <domain>\"");
	else if (!code)
		check_say(c, VERDICT_PASS,
			  "the bridge sends %s to this streamer",
			  r.streamer_uri);
	if (!code)
		code = check_spaces(c, &r.bridge);
	if (code)
		check_say(c, VERDICT_FAIL, "%s", r.bridge.err.text);
	bridge_rules_release(&r);
}

/* ---- bridge setup ------------------------------------------------------- */

static int set_profile(struct bridge_rules *r, const char *uri,
		       const char *mode)
{
	const struct bridge_field fields[] = { { "sipStreamerUri", uri },
					       { mode ? "streamingMode" : NULL,
						 mode },
					       { NULL, NULL } };
	const struct bridge_field system[] = { { "callProfile", r->profile },
					       { NULL, NULL } };
	int code;

	if (*r->profile)
		return bridge_send(&r->bridge, "PUT", "callProfiles",
				   r->profile, fields, NULL);
	code = bridge_send(&r->bridge, "POST", "callProfiles", NULL, fields,
			   r->profile);
	return code ? code
		    : bridge_send(&r->bridge, "PUT", "system/profiles", NULL,
				  system, NULL);
}

/* A rule to be made; "" as its proxy: none. The bridge tries the higher
 * priority first. */
struct new_rule {
	const char *encryption, *failure, *priority;
	char proxy[300];
};

struct plan {
	const char *domain, *mode;
	char uri[300];
	struct new_rule rules[2];
};

static bool has_rule(const struct bridge_rules *r, const char *domain,
		     const char *encryption)
{
	for (size_t i = 0; i < r->count; i++)
		if (bridge_rules_serves(&r->rules[i], domain) &&
		    !strcmp(r->rules[i].encryption, encryption))
			return true;
	return false;
}

static void plan_rule(const struct bridge_rules *r, const char *domain,
		      const char *host, const char *port, struct new_rule *dst)
{
	if (strcasecmp(port, "none") && !has_rule(r, domain, dst->encryption))
		snprintf(dst->proxy, sizeof(dst->proxy),
			 strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

static int make_plan(struct bridge_rules *r, const struct table_match *m,
		     struct plan *ret)
{
	const struct conf *conf = r->bridge.cli->conf;
	const char *at = conf_text(conf, OPT_ST_SIP_LISTEN);
	bool tls = table_has_flag(m, "--tls");
	char host[256];
	struct listen l;
	int code = 0;

	*ret = (struct plan){
		.domain = m->argv[0],
		.mode = table_has_flag(m, "--automatic") ? "automatic"
							 : "manual",
		.rules = { { "encrypted", "continue", "20", "" },
			   { "unencrypted", "stop", "10", "" } },
	};
	snprintf(ret->uri, sizeof(ret->uri), "streamer@%s", ret->domain);
	str_copy(host, conf_text(conf, OPT_ST_ADVERTISE), sizeof(host));
	if (!*host)
		code = bridge_own_address(&r->bridge, host, sizeof(host));
	if (code)
		return code;
	if (!listen_next(&at, &l) || (tls && !strcasecmp(l.tls, "none")))
		return err_set(&r->bridge.err, -EINVAL,
			       "the streamer has no such port: \"streamer sip "
			       "listen\"");
	if (tls)
		plan_rule(r, ret->domain, host, l.tls, &ret->rules[0]);
	plan_rule(r, ret->domain, host, l.tcp, &ret->rules[1]);
	return 0;
}

static void print_plan(const struct bridge_rules *r, const struct plan *p)
{
	bool is_other = *r->streamer_uri && strcmp(r->streamer_uri, p->uri);

	printf("%s call profile: sipStreamerUri %s%s%s, streamingMode %s\n",
	       *r->profile ? "Change the system's" : "Create the system's",
	       p->uri, is_other ? " instead of " : "",
	       is_other ? r->streamer_uri : "", p->mode);
	for (size_t i = 0; i < ARRAY_SIZE(p->rules); i++)
		if (*p->rules[i].proxy)
			printf("Create outbound rule: %s to %s, %s\n",
			       p->domain, p->rules[i].proxy,
			       p->rules[i].encryption);
}

static int make_rule(struct bridge *b, const char *domain,
		     const struct new_rule *rule)
{
	const struct bridge_field fields[] = {
		{ "domain", domain },
		{ "priority", rule->priority },
		{ "sipProxy", rule->proxy },
		{ "trunkType", "sip" },
		{ "failureAction", rule->failure },
		{ "sipControlEncryption", rule->encryption },
		{ NULL, NULL },
	};

	return bridge_send(b, "POST", "outboundDialPlanRules", NULL, fields,
			   NULL);
}

static int carry_out(struct bridge_rules *r, const struct plan *p)
{
	int code = set_profile(r, p->uri, p->mode);

	for (size_t i = 0; i < ARRAY_SIZE(p->rules) && !code; i++)
		if (*p->rules[i].proxy)
			code = make_rule(&r->bridge, p->domain, &p->rules[i]);
	return code;
}

static int agree(const struct table_match *m)
{
	if (table_has_flag(m, "--yes") || ask_yes("Do it?"))
		return 0;
	return cli_failure(-ECANCELED, "nothing was changed");
}

int cmd_bridge_setup(struct cli *cli, const struct table_match *m)
{
	struct bridge_rules r;
	struct plan plan;
	int code = bridge_rules_read(&r, cli);

	if (!code)
		code = make_plan(&r, m, &plan);
	if (!code) {
		print_plan(&r, &plan);
		code = agree(m);
	}
	if (!code)
		code = carry_out(&r, &plan);
	if (!code)
		cli_success("the bridge streams to %s", plan.uri);
	return finish(&r, code);
}

/* ---- bridge remove ------------------------------------------------------ */

static bool serves_profile(const struct bridge_rules *r)
{
	char ignored[1024];

	return *r->streamer_uri &&
	       !bridge_rules_obstacle(r, ignored, sizeof(ignored));
}

/* Nobody is left without what else a profile of an administrator's says. */
static int remove_profile(struct bridge_rules *r)
{
	const struct bridge_field system[] = { { "callProfile", "" },
					       { NULL, NULL } };
	int code;

	if (!serves_profile(r))
		return 0;
	if (!r->is_bare)
		return set_profile(r, "", NULL);
	code = bridge_send(&r->bridge, "PUT", "system/profiles", NULL, system,
			   NULL);
	return code ? code
		    : bridge_send(&r->bridge, "DELETE", "callProfiles",
				  r->profile, NULL, NULL);
}

static void print_removal(const struct bridge_rules *r)
{
	if (serves_profile(r) && r->is_bare)
		printf("Delete the system's call profile, which says nothing "
		       "but %s\n",
		       r->streamer_uri);
	else if (serves_profile(r))
		printf("Take %s out of the system's call profile\n",
		       r->streamer_uri);
	for (size_t i = 0; i < r->count; i++)
		if (!r->rules[i].obstacle)
			printf("Delete outbound rule: %s to %s, %s\n",
			       r->rules[i].domain, r->rules[i].proxy,
			       r->rules[i].encryption);
}

static int remove_all(struct bridge_rules *r)
{
	int code = remove_profile(r);

	for (size_t i = 0; i < r->count && !code; i++)
		if (!r->rules[i].obstacle)
			code = bridge_send(&r->bridge, "DELETE",
					   "outboundDialPlanRules",
					   r->rules[i].id, NULL, NULL);
	return code;
}

int cmd_bridge_remove(struct cli *cli, const struct table_match *m)
{
	struct bridge_rules r;
	int code = bridge_rules_read(&r, cli);

	if (!code) {
		print_removal(&r);
		code = agree(m);
	}
	if (!code)
		code = remove_all(&r);
	if (!code)
		cli_success("the bridge no longer streams to this streamer");
	return finish(&r, code);
}

/* ---- bridge stream ------------------------------------------------------ */

struct search {
	struct bridge *bridge;
	const char *wanted;
	char space[BRIDGE_ID_SIZE];
};

static int on_space(void *arg, const struct cms_xml_node *n)
{
	struct search *s = arg;

	if (strcmp(bridge_text(n, "name"), s->wanted) &&
	    strcasecmp(bridge_id(n), s->wanted))
		return 0;
	if (*s->space)
		return err_set(&s->bridge->err, -EINVAL,
			       "several spaces have the name %s: give its id",
			       s->wanted);
	str_copy(s->space, bridge_id(n), sizeof(s->space));
	return 0;
}

static int set_stream(struct bridge *b, const char *wanted, const char *url)
{
	const struct bridge_field fields[] = {
		{ "streamUrl", strcmp(url, "none") ? url : "" },
		{ NULL, NULL },
	};
	struct search s = { .bridge = b, .wanted = wanted };
	int code = bridge_list(b, "coSpaces", on_space, &s);

	if (code)
		return code;
	if (!str_is_guid(s.space))
		return err_set(&b->err, -ENOENT, "the bridge has no space %s",
			       wanted);
	return bridge_send(b, "PUT", "coSpaces", s.space, fields, NULL);
}

int cmd_bridge_stream(struct cli *cli, const struct table_match *m)
{
	struct bridge_rules r = { .count = 0 };
	struct buf url;
	int code;

	buf_init(&url, URL_BYTES);
	code = m->argc > 1 ? ask_words(m, 1, "", &url)
			   : ask_secret("Please enter URL:", &url);
	if (code)
		cli_failure(code, "no URL was given");
	else
		code = bridge_open(cli, &r.bridge);
	if (!code)
		code = set_stream(&r.bridge, m->argv[0], buf_text(&url));
	if (!code)
		cli_success("the stream URL of %s is %s", m->argv[0],
			    strcmp(buf_text(&url), "none") ? "set" : "removed");
	buf_wipe(&url);
	return finish(&r, code);
}
