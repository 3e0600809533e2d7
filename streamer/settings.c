/* SPDX-License-Identifier: MIT */
#include "streamer/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"
#include "streamer/route.h"
#include "streamer/sip_tls.h"

static int read_limit(struct settings *s, struct err *err)
{
	const char *text = conf_text(s->conf, OPT_ST_LIMIT);
	uint64_t v = SETTINGS_NO_LIMIT;

	if (strcmp(text, "none") &&
	    str_parse_u64(text, 0, SETTINGS_NO_LIMIT - 1, &v))
		return err_set(err, -EINVAL,
			       "streamer.limit: \"%s\" is no number of calls "
			       "and not none",
			       text);
	s->limit = (unsigned)v;
	return 0;
}

static int read_ports(struct settings *s, struct err *err)
{
	s->port_min = (uint16_t)conf_number(s->conf, OPT_ST_RTP_PORT_MIN);
	s->port_max = (uint16_t)conf_number(s->conf, OPT_ST_RTP_PORT_MAX);
	if (!s->port_min || !s->port_max) {
		s->port_min = s->port_max = 0;
		return 0;
	}
	if (s->port_max < s->port_min + 3)
		return err_set(err, -EINVAL,
			       "streamer.rtp_port_max: %u leaves no room for "
			       "two pairs of ports from %u on",
			       s->port_max, s->port_min);
	return 0;
}

static bool needs_tls(const struct settings *s)
{
	for (size_t i = 0; i < s->sip.net.listens.count; i++)
		if (s->sip.net.listens.at[i].tls)
			return true;
	return false;
}

/* A name without a slash is a file in certs_dir. */
static const char *cert_path(const struct settings *s, enum schema_id id,
			     char *dst, size_t size)
{
	const char *name = conf_text(s->conf, id);

	if (!*name)
		return NULL;
	snprintf(dst, size, "%s%s%s",
		 *name == '/' ? "" : conf_text(s->conf, OPT_CERTS_DIR),
		 *name == '/' ? "" : "/", name);
	return dst;
}

static int read_tls(struct settings *s, struct err *err)
{
	char key[2048], certificate[2048], bundle[2048];
	struct sip_tls_config c = {
		.key = cert_path(s, OPT_ST_SIP_KEY, key, sizeof(key)),
		.certificate = cert_path(s, OPT_ST_SIP_CERTIFICATE, certificate,
					 sizeof(certificate)),
		.bundle =
			cert_path(s, OPT_ST_SIP_BUNDLE, bundle, sizeof(bundle)),
		.verify = conf_bool(s->conf, OPT_ST_SIP_VERIFY),
		.tls13_only = conf_number(s->conf, OPT_ST_SIP_MIN_TLS) == 1,
		.ciphers = conf_text(s->conf, OPT_ST_SIP_CIPHERS),
	};
	int code;

	if (!c.bundle)
		c.bundle =
			cert_path(s, OPT_ST_SIP_TRUST, bundle, sizeof(bundle));
	if (!c.key != !c.certificate)
		return err_set(err, -EINVAL,
			       "streamer.sip_key and sip_certificate: one of "
			       "them alone is of no use");
	if (!c.key && needs_tls(s))
		return err_set(err, -EINVAL,
			       "streamer.sip_listen: TLS port set but no "
			       "certificates configured");
	if (!c.key)
		return 0;
	code = sip_tls_new(&c, &s->tls, err);
	s->sip.net.tls = s->tls;
	return code;
}

static void read_sip(struct settings *s)
{
	const struct conf *c = s->conf;
	struct sip_config *sip = &s->sip;

	sip->net.udp = conf_bool(c, OPT_ST_SIP_UDP);
	sip->net.dscp = (int)conf_number(c, OPT_ST_SIP_DSCP);
	sip->net.max_connections = conf_number(c, OPT_ST_CONNECTIONS);
	sip->net.max_message = conf_number(c, OPT_ST_MAX_MESSAGE);
	sip->net.setup_ms = conf_number(c, OPT_ST_SETUP_TIMEOUT);
	sip->net.idle_ms = conf_number(c, OPT_ST_IDLE_TIMEOUT);
	sip->net.trace = conf_bool(c, OPT_ST_TRAFFIC_TRACE);
	sip->max_transactions = conf_number(c, OPT_ST_TRANSACTIONS);
	sip->expires_s =
		(uint32_t)(conf_number(c, OPT_ST_SESSION_EXPIRES) / 1000);
	str_copy(sip->server, conf_text(c, OPT_ST_SERVER_NAME),
		 sizeof(sip->server));
	str_copy(sip->advertise, s->advertise, sizeof(sip->advertise));
}

static void read_session(struct settings *s)
{
	const struct conf *c = s->conf;
	struct session_config *session = &s->session;
	struct publish_settings *publish = &session->publish;

	session->workers = (int)conf_number(c, OPT_ST_WORKERS);
	session->media_timeout_ms =
		(uint32_t)conf_number(c, OPT_ST_MEDIA_TIMEOUT);
	session->reorder_ms = (uint32_t)conf_number(c, OPT_ST_REORDER_WAIT);
	session->keyframe_interval_ms =
		(uint32_t)conf_number(c, OPT_ST_KEYFRAME_INTERVAL);
	publish->trust = cert_path(s, OPT_ST_RTMPS_BUNDLE, s->rtmps_trust,
				   sizeof(s->rtmps_trust));
	publish->late_ms = session->reorder_ms;
	publish->pins = conf_text(c, OPT_ST_RTMPS_PINS);
	publish->no_verify = !conf_bool(c, OPT_ST_RTMPS_VERIFY);
	publish->allowed = s->allowed_targets;
	publish->timeout_ms = (uint32_t)conf_number(c, OPT_ST_RTMP_TIMEOUT);
	publish->retry_max_ms = (uint32_t)conf_number(c, OPT_ST_RTMP_RETRY_MAX);
	publish->buffer_bytes = conf_number(c, OPT_ST_RTMP_BUFFER);
	publish->chunk_size = (uint32_t)conf_number(c, OPT_ST_RTMP_CHUNK);
	publish->dscp = (int)conf_number(c, OPT_ST_RTMP_DSCP);
	publish->digest = conf_number(c, OPT_ST_RTMP_HANDSHAKE) == 1;
}

static void read_plain(struct settings *s)
{
	const struct conf *c = s->conf;

	s->enabled = conf_bool(c, OPT_ST_ENABLED);
	s->calls_per_second = (unsigned)conf_number(c, OPT_ST_CALLS_PER_SECOND);
	s->half_open = (unsigned)conf_number(c, OPT_ST_HALF_OPEN);
	s->resolution =
		(enum answer_resolution)conf_number(c, OPT_ST_RESOLUTION);
	s->encryption =
		(enum answer_encryption)conf_number(c, OPT_ST_ENCRYPTION);
	s->url_wait_ms = conf_number(c, OPT_ST_URL_WAIT);
	s->drain_ms = conf_number(c, OPT_ST_DRAIN_TIME);
	s->dscp = (int)conf_number(c, OPT_ST_DSCP);
	s->allow_from = conf_text(c, OPT_ST_ALLOW_FROM);
	s->allowed_targets = conf_text(c, OPT_ST_ALLOWED_TARGETS);
	s->advertise = conf_text(c, OPT_ST_ADVERTISE);
}

/* Media are told an address, not a name. */
static int check_advertise(struct settings *s, struct err *err)
{
	struct sockaddr_storage sa;

	if (*s->advertise && sip_addr_parse(s->advertise, 0, &sa))
		return err_set(err, -EINVAL,
			       "streamer.advertise_address: \"%s\" is no IPv4 "
			       "or IPv6 address",
			       s->advertise);
	return 0;
}

static int check_callers(struct settings *s, struct err *err)
{
	if (!route_check_list(s->allow_from, err))
		return 0;
	err_prefix(err, "streamer.allow_from");
	return -EINVAL;
}

static int read_listens(struct settings *s, struct err *err)
{
	return sip_listen_parse(conf_text(s->conf, OPT_ST_SIP_LISTEN),
				&s->sip.net.listens, err);
}

/* What may be wrong although each option for itself is right. */
static int (*const readers[])(struct settings *s, struct err *err) = {
	read_limit,    read_ports,   check_advertise,
	check_callers, read_listens, read_tls,
};

static struct settings *read_checked(struct conf *conf)
{
	struct settings *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->conf = conf;
	read_plain(s);
	read_sip(s);
	read_session(s);
	return s;
}

int settings_new(struct conf *conf, struct settings **ret, struct err *err)
{
	struct settings *s = read_checked(conf);
	int code = s ? 0 : err_set(err, -ENOMEM, "no memory");

	for (size_t i = 0; !code && i < ARRAY_SIZE(readers); i++)
		code = readers[i](s, err);
	if (!code) {
		*ret = s;
		return 0;
	}
	if (s)
		s->conf = NULL; /* stays the caller's */
	settings_free(s);
	return code;
}

int settings_check(struct conf *conf, conf_say_fn *say, void *arg)
{
	struct settings *s = read_checked(conf);
	int code, first = s ? 0 : -ENOMEM;
	struct err err;

	for (size_t i = 0; s && i < ARRAY_SIZE(readers); i++) {
		code = readers[i](s, &err);
		if (code)
			say(arg, err.text);
		first = first ? first : code;
	}
	if (s)
		s->conf = NULL;
	settings_free(s);
	return first;
}

void settings_free(struct settings *s)
{
	if (!s)
		return;
	sip_tls_free(s->tls);
	conf_free(s->conf);
	free(s);
}

int settings_find_url(const struct settings *s, const char *user,
		      struct secret *ret, bool *ret_is_route, struct err *err)
{
	static const char prefix[] = "secret:";
	const char *value = route_find(s->conf, user);

	*ret_is_route = value;
	if (!value)
		value = conf_text(s->conf, OPT_ST_DEFAULT_URL);
	if (strncmp(value, prefix, strlen(prefix)))
		return secret_set(ret, value);
	value += strlen(prefix);
	if (strchr(value, '/'))
		return err_set(err, -EINVAL,
			       "\"secret:%s\": wanted is the name of a file",
			       value);
	return secret_load(conf_text(s->conf, OPT_SECRETS_DIR), "streamer",
			   value, ret, err);
}
