/* SPDX-License-Identifier: MIT */
#include "streamer/sip_trace.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/log.h"
#include "lib/redact.h"

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
	const char *mark; /* what follows it is the secret */
} secrets[] = {
	{ "a=crypto:", "inline:" },
	{ "Authorization:", "Authorization:" },
	{ "Proxy-Authorization:", "Authorization:" },
};

static bool hide_secret(char *line, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
		if (!strncasecmp(line, secrets[i].prefix,
				 strlen(secrets[i].prefix)))
			return redact_after(secrets[i].mark, line, size);
	return false;
}

void sip_trace_redact(const char *line, size_t len, char *dst, size_t size)
{
	char text[LINE_MAX_SHOWN + sizeof(REDACTED)];

	if (len > LINE_MAX_SHOWN)
		len = LINE_MAX_SHOWN;
	memcpy(text, line, len);
	text[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (!text[i])
			text[i] = '?';
	(void)hide_secret(text, sizeof(text));
	redact_sip_line(text, dst, size);
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

		sip_trace_redact(at, n && at[n - 1] == '\r' ? n - 1 : n, shown,
				 sizeof(shown));
		log_info("%s %s", start, shown);
		at += n + 1;
	}
	log_info("%s END OF MESSAGE", start);
}
