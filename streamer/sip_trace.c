/* SPDX-License-Identifier: MIT */
#include "streamer/sip_trace.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/log.h"
#include "lib/str.h"

enum { LINE_MAX_SHOWN = 1800 };

void sip_trace_accepted(const struct sip_flow *flow)
{
	char peer[SIP_ADDR_SIZE], local[SIP_ADDR_SIZE];

	log_info("SIP trace #%llu<: is incoming connection from %s to %s",
		 (unsigned long long)flow->conn,
		 sip_addr_text(&flow->peer, peer),
		 sip_addr_text(&flow->local, local));
}

/* Lines that are secret from some point on. */
static const struct {
	const char *prefix;
	const char *from; /* what follows this is hidden; NULL: the prefix */
} secrets[] = {
	{ "a=crypto:", "inline:" },
	{ "Authorization:", NULL },
	{ "Proxy-Authorization:", NULL },
};

static bool mask_secret(char *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
		char *at = line + strlen(secrets[i].prefix);

		if (strncasecmp(line, secrets[i].prefix,
				strlen(secrets[i].prefix)))
			continue;
		if (secrets[i].from) {
			at = strcasestr(line, secrets[i].from);
			at = at ? at + strlen(secrets[i].from) : NULL;
		}
		if (at)
			str_copy(at, *at ? "***" : "", sizeof("***"));
		return at;
	}
	return false;
}

/* In quotes a URL may hold anything but their end. */
static size_t url_length(const char *at, bool quoted)
{
	size_t n = 0;

	if (!quoted)
		return strcspn(at, "\"<>; \t");
	while (at[n] && at[n] != '"')
		n += at[n] == '\\' && at[n + 1] ? 2 : 1;
	return n;
}

/* Masks each URL of a stream; a URL ends where its quotes or brackets do. */
static void mask_urls(char *line, char *dst, size_t size)
{
	size_t n = 0;
	char *at;

	while ((at = strcasestr(line, "rtmp")) && n < size) {
		bool quoted = at > line && at[-1] == '"';
		size_t len = url_length(at, quoted), before;
		char saved = at[len], masked[1024];

		before = (size_t)(at - line);
		at[len] = '\0';
		str_mask_url(at, masked, sizeof(masked));
		if (!strstr(at, "://"))
			str_copy(masked, at, sizeof(masked));
		at[len] = saved;
		n += (size_t)snprintf(dst + n, size - n, "%.*s%s", (int)before,
				      line, masked);
		line = at + len;
	}
	if (n < size)
		snprintf(dst + n, size - n, "%s", line);
}

void sip_trace_mask(const char *line, size_t len, char *dst, size_t size)
{
	char text[LINE_MAX_SHOWN + 4];

	if (len > LINE_MAX_SHOWN)
		len = LINE_MAX_SHOWN;
	memcpy(text, line, len);
	text[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (!text[i])
			text[i] = '?';
	if (mask_secret(text))
		str_copy(dst, text, size);
	else
		mask_urls(text, dst, size);
	str_clean(dst);
}

void sip_trace_message(const struct sip_flow *flow, bool incoming,
		       const void *data, size_t len)
{
	char peer[SIP_ADDR_SIZE], local[SIP_ADDR_SIZE];
	char shown[LINE_MAX_SHOWN + 8], start[32];
	const char *at = data, *end = at + len;

	snprintf(start, sizeof(start),
		 "SIP trace #%llu%s:", (unsigned long long)flow->conn,
		 incoming ? "<" : ">");
	log_info("%s %s SIP %s data %s %s %s %s, size %zu:", start,
		 incoming ? "incoming" : "outgoing",
		 sip_net_transport_name(flow->transport),
		 incoming ? "from" : "to", sip_addr_text(&flow->peer, peer),
		 incoming ? "to" : "from", sip_addr_text(&flow->local, local),
		 len);
	log_info("%s BEGINNING OF MESSAGE", start);
	while (at < end) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((nl ? nl : end) - at);

		sip_trace_mask(at, n && at[n - 1] == '\r' ? n - 1 : n, shown,
			       sizeof(shown));
		log_info("%s %s", start, shown);
		at += n + 1;
	}
	log_info("%s END OF MESSAGE", start);
}
