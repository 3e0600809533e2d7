/* SPDX-License-Identifier: MIT */
#include "cli/bridge_rules.h"

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

enum { RULES_MAX = 100000 };

/* ---- does a rule lead here? --------------------------------------------- */

/* Only addresses of this host can be bound to. */
static bool is_own(const char *host)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *found;
	bool own = false;
	int fd;

	if (!*host || getaddrinfo(host, "0", &hints, &found))
		return false;
	fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		own = !bind(fd, found->ai_addr, found->ai_addrlen);
		close(fd);
	}
	freeaddrinfo(found);
	return own;
}

/* "host", "host:port" or "[address]:port"; the port where none is given. */
static void split_proxy(const struct bridge_rule *r, char *host, size_t size,
			const char **ret_port)
{
	const char *at = r->proxy, *end = at + strcspn(at, ":");

	if (*at == '[') {
		end = at + strcspn(at, "]");
		at++;
	}
	snprintf(host, size, "%.*s", (int)(end - at), at);
	end += strcspn(end, ":");
	*ret_port = !strcmp(r->encryption, "encrypted") ? "5061" : "5060";
	if (*end)
		*ret_port = end + 1;
}

/* With "auto" the bridge tries both. */
static const char *judge_port(const char *listen, const char *port,
			      const char *encryption)
{
	bool tcp = false, tls = false;
	struct listen l;

	while (listen_next(&listen, &l)) {
		tcp |= !strcmp(port, l.tcp);
		tls |= !strcmp(port, l.tls);
	}
	if (!tcp && !tls)
		return "its port is none that the streamer listens on";
	if (!tls && !strcmp(encryption, "encrypted"))
		return "it is encrypted and its port is not the TLS port";
	if (!tcp && !strcmp(encryption, "unencrypted"))
		return "it is unencrypted and its port is the TLS port";
	return NULL;
}

static const char *judge(const struct cli *cli, const struct bridge_rule *r)
{
	char host[256];
	const char *port;

	split_proxy(r, host, sizeof(host), &port);
	if (!is_own(host) &&
	    strcmp(host, conf_text(cli->conf, OPT_ST_ADVERTISE)))
		return "its address is none of this host";
	return judge_port(conf_text(cli->conf, OPT_ST_SIP_LISTEN), port,
			  r->encryption);
}

/* ---- reading ------------------------------------------------------------ */

static int grow(struct bridge_rules *r)
{
	size_t room = r->room ? 2 * r->room : 16;
	struct bridge_rule *rules;

	if (r->count < r->room)
		return 0;
	if (r->count >= RULES_MAX)
		return err_set(&r->bridge.err, -EMSGSIZE,
			       "the bridge has more than %d outbound rules",
			       RULES_MAX);
	rules = reallocarray(r->rules, room, sizeof(*rules));
	if (!rules)
		return err_set(&r->bridge.err, -ENOMEM, "out of memory");
	r->rules = rules;
	r->room = room;
	return 0;
}

static int on_rule(void *arg, const struct cms_xml_node *n)
{
	struct bridge_rules *r = arg;
	struct bridge_rule *rule;
	int code = grow(r);

	if (code)
		return code;
	rule = &r->rules[r->count++];
	str_copy(rule->id, bridge_id(n), sizeof(rule->id));
	str_copy(rule->domain, bridge_text(n, "domain"), sizeof(rule->domain));
	str_copy(rule->proxy, bridge_text(n, "sipProxy"), sizeof(rule->proxy));
	str_copy(rule->encryption, bridge_text(n, "sipControlEncryption"),
		 sizeof(rule->encryption));
	rule->obstacle = judge(r->bridge.cli, rule);
	return 0;
}

/* Without an effect on anything but streaming, as `bridge setup` makes it. */
static bool is_bare(const struct cms_xml_node *profile)
{
	const struct cms_xml_node *n = cms_xml_child(profile, NULL);

	for (; n; n = cms_xml_sibling(n))
		if (strcmp(cms_xml_name(n), "sipStreamerUri") &&
		    strcmp(cms_xml_name(n), "streamingMode"))
			return false;
	return true;
}

static int on_profile(void *arg, const char *id, const struct cms_xml_node *n)
{
	struct bridge_rules *r = arg;
	const char *uri = bridge_text(n, "sipStreamerUri");

	if (!strcmp(id, r->profile)) {
		str_copy(r->streamer_uri, uri, sizeof(r->streamer_uri));
		r->is_disabled =
			!strcmp(bridge_text(n, "streamingMode"), "disabled");
		r->is_bare = is_bare(n);
	} else if (*uri) {
		str_copy(r->other, id, sizeof(r->other));
	}
	return 0;
}

static int read_profile(struct bridge_rules *r)
{
	struct cms_xml *xml;
	int code = bridge_get(&r->bridge, &xml, "system/profiles");

	if (code)
		return code;
	str_copy(r->profile, bridge_text(cms_xml_root(xml), "callProfile"),
		 sizeof(r->profile));
	cms_xml_free(xml);
	if (!str_is_guid(r->profile))
		r->profile[0] = '\0';
	return bridge_each(&r->bridge, "callProfiles", on_profile, r);
}

int bridge_rules_read(struct bridge_rules *ret, struct cli *cli)
{
	int code;

	*ret = (struct bridge_rules){ 0 };
	code = bridge_open(cli, &ret->bridge);
	if (!code)
		code = read_profile(ret);
	if (!code)
		code = bridge_list(&ret->bridge, "outboundDialPlanRules",
				   on_rule, ret);
	return code;
}

void bridge_rules_release(struct bridge_rules *r)
{
	bridge_close(&r->bridge);
	free(r->rules);
	r->rules = NULL;
}

/* ---- what follows from it ----------------------------------------------- */

bool bridge_rules_serves(const struct bridge_rule *rule, const char *domain)
{
	return !rule->obstacle && !strcasecmp(rule->domain, domain);
}

/* What follows the @ of the streamer's address, "" if nothing does. */
static const char *domain_of(const struct bridge_rules *r)
{
	const char *at = strchr(r->streamer_uri, '@');

	return at ? at + 1 : "";
}

static void explain_rules(const struct bridge_rules *r, char *dst, size_t size)
{
	const char *domain = domain_of(r);

	for (size_t i = 0; i < r->count; i++) {
		const struct bridge_rule *rule = &r->rules[i];

		if (strcasecmp(rule->domain, domain))
			continue;
		snprintf(dst, size,
			 "no outbound rule for %s leads to this streamer: of "
			 "the one to %s, %s; correct it, or \"bridge setup "
			 "%s\" makes another",
			 domain, rule->proxy, rule->obstacle, domain);
		return;
	}
	snprintf(dst, size,
		 "there is no outbound rule for %s on the bridge: \"bridge "
		 "setup %s\" makes it",
		 domain, domain);
}

bool bridge_rules_obstacle(const struct bridge_rules *r, char *dst, size_t size)
{
	for (size_t i = 0; *r->streamer_uri && i < r->count; i++)
		if (bridge_rules_serves(&r->rules[i], domain_of(r)))
			return false;
	if (*r->streamer_uri)
		explain_rules(r, dst, size);
	else if (*r->other)
		snprintf(dst, size,
			 "the call profile %s on the bridge names a streamer "
			 "but is not in the system's profile: \"bridge setup "
			 "<domain>\"",
			 r->other);
	else
		snprintf(dst, size,
			 "the system's call profile on the bridge names no "
			 "streamer: \"bridge setup <domain>\"");
	return true;
}
