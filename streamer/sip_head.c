/* SPDX-License-Identifier: MIT */
#include "streamer/sip_head.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *label, *compact;
} names[SIP_NAMES] = {
	[SIP_ACCEPT] = { "Accept", NULL },
	[SIP_ALLOW] = { "Allow", NULL },
	[SIP_CALL_ID] = { "Call-ID", "i" },
	[SIP_CONTACT] = { "Contact", "m" },
	[SIP_CONTENT_ENCODING] = { "Content-Encoding", "e" },
	[SIP_CONTENT_LENGTH] = { "Content-Length", "l" },
	[SIP_CONTENT_TYPE] = { "Content-Type", "c" },
	[SIP_CSEQ] = { "CSeq", NULL },
	[SIP_EXPIRES] = { "Expires", NULL },
	[SIP_FROM] = { "From", "f" },
	[SIP_MAX_FORWARDS] = { "Max-Forwards", NULL },
	[SIP_MIN_SE] = { "Min-SE", NULL },
	[SIP_PROXY_REQUIRE] = { "Proxy-Require", NULL },
	[SIP_RECORD_ROUTE] = { "Record-Route", NULL },
	[SIP_REQUIRE] = { "Require", NULL },
	[SIP_ROUTE] = { "Route", NULL },
	[SIP_SESSION_EXPIRES] = { "Session-Expires", "x" },
	[SIP_SUPPORTED] = { "Supported", "k" },
	[SIP_TO] = { "To", "t" },
	[SIP_VIA] = { "Via", "v" },
};

const char *sip_head_label(enum sip_name name)
{
	return names[name].label;
}

static enum sip_name find_name(struct lex_span label)
{
	for (int i = 0; i < SIP_NAMES; i++)
		if (names[i].label && (lex_span_is(label, names[i].label) ||
				       (names[i].compact &&
					lex_span_is(label, names[i].compact))))
			return (enum sip_name)i;
	return SIP_OTHER;
}

/* Turns each line end that a blank follows into blanks (section 7.3.1). */
static void unfold(char *text, size_t len)
{
	for (size_t i = 0; i + 2 < len; i++)
		if (text[i] == '\r' && text[i + 1] == '\n' &&
		    (text[i + 2] == ' ' || text[i + 2] == '\t'))
			text[i] = text[i + 1] = ' ';
}

static struct lex_span trim(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return (struct lex_span){ at, (size_t)(end - at) };
}

static void parse_field(const char *at, const char *end, struct sip_field *ret)
{
	struct lex l = { at, end };

	*ret = (struct sip_field){ .name = SIP_BROKEN, .value = trim(at, end) };
	if (!lex_token(&l, &ret->label))
		return;
	lex_blanks(&l);
	if (!lex_byte(&l, ':'))
		return;
	ret->name = find_name(ret->label);
	ret->value = trim(l.at, end);
}

static void parse_start(const char *at, const char *end, struct sip_head *ret)
{
	const char *blank = memchr(at, ' ', (size_t)(end - at));

	ret->line = (struct lex_span){ at, (size_t)(end - at) };
	ret->is_request = end - at < 4 || strncasecmp(at, "SIP/", 4);
	ret->method.at = at;
	ret->method.len = (size_t)((blank ? blank : end) - at);
}

int sip_head_parse(char *text, size_t len, struct sip_head *ret)
{
	const char *at = text, *end = text + len, *nl;

	ret->count = 0;
	unfold(text, len);
	nl = memmem(at, (size_t)(end - at), "\r\n", 2);
	if (!nl || nl == at)
		return -EBADMSG;
	parse_start(at, nl, ret);
	for (at = nl + 2; at < end; at = nl + 2) {
		nl = memmem(at, (size_t)(end - at), "\r\n", 2);
		if (!nl)
			nl = end;
		if (nl <= at)
			break;
		if (ret->count == SIP_FIELDS_MAX)
			return -EMSGSIZE;
		parse_field(at, nl, &ret->fields[ret->count++]);
	}
	return 0;
}

const struct sip_field *sip_head_find(const struct sip_head *head,
				      enum sip_name name)
{
	for (size_t i = 0; i < head->count; i++)
		if (head->fields[i].name == name)
			return &head->fields[i];
	return NULL;
}
