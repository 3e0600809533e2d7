/* SPDX-License-Identifier: MIT */
#include "streamer/sdp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/str.h"

/* What is being filled: the session's own values until the first m-line. */
struct parser {
	struct sdp *sdp;
	struct sdp_media *media; /* NULL before the first */
	const char *address;
	enum sdp_direction direction;
};

/* The types that need no rtpmap (RFC 3551 section 6). */
static const struct {
	int payload_type;
	const char *encoding;
	uint32_t clock_rate;
} statics[] = {
	{ 0, "PCMU", 8000 },   { 8, "PCMA", 8000 },  { 9, "G722", 8000 },
	{ 15, "G728", 8000 },  { 18, "G729", 8000 }, { 31, "H261", 90000 },
	{ 34, "H263", 90000 },
};

/* Cuts the next word off at a blank: *at moves behind it. NULL at the end. */
static char *take_word(char **at)
{
	char *word = *at + strspn(*at, " \t"), *end;

	if (!*word)
		return NULL;
	end = word + strcspn(word, " \t");
	*at = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

static void add_format(struct sdp_media *m, const char *name)
{
	struct sdp_format *f;
	uint64_t v;

	if (m->format_count == SDP_FORMATS_MAX)
		return;
	f = &m->formats[m->format_count++];
	f->name = name;
	f->payload_type = -1;
	if (!m->is_rtp || str_parse_u64(name, 0, 127, &v))
		return;
	f->payload_type = (int)v;
	for (size_t i = 0; i < ARRAY_SIZE(statics); i++) {
		if (statics[i].payload_type != f->payload_type)
			continue;
		f->encoding = statics[i].encoding;
		f->clock_rate = statics[i].clock_rate;
	}
}

static void set_proto(struct sdp_media *m, const char *proto)
{
	static const struct {
		const char *name;
		bool secure;
	} protos[] = {
		{ "RTP/AVP", false },
		{ "RTP/AVPF", false },
		{ "RTP/SAVP", true },
		{ "RTP/SAVPF", true },
	};

	m->proto = proto;
	for (size_t i = 0; i < ARRAY_SIZE(protos); i++) {
		if (strcasecmp(proto, protos[i].name))
			continue;
		m->is_rtp = true;
		m->is_secure = protos[i].secure;
	}
}

/* m=video 34906/2 RTP/AVP 97 116 */
static int parse_media(struct parser *p, char *line)
{
	char *type = take_word(&line), *port = take_word(&line);
	char *proto = take_word(&line), *name;
	struct sdp_media *m;
	uint64_t v;

	if (!proto)
		return -EBADMSG;
	port[strcspn(port, "/")] = '\0';
	if (str_parse_u64(port, 0, 65535, &v))
		return -EBADMSG;
	if (p->sdp->media_count == SDP_MEDIA_MAX)
		return -EMSGSIZE;
	m = p->media = &p->sdp->media[p->sdp->media_count++];
	m->type = type;
	m->port = (uint16_t)v;
	m->address = p->address;
	m->direction = p->direction;
	set_proto(m, proto);
	while ((name = take_word(&line)))
		add_format(m, name);
	return m->format_count ? 0 : -EBADMSG;
}

/* c=IN IP4 192.0.2.1/127 */
static int parse_connection(struct parser *p, char *line)
{
	const char *net = take_word(&line), *family = take_word(&line);
	char *address = take_word(&line);

	if (!address || strcasecmp(net, "IN") || strncasecmp(family, "IP", 2))
		return 0;
	address[strcspn(address, "/")] = '\0';
	if (p->media)
		p->media->address = address;
	else
		p->address = address;
	return 0;
}

/* b=TIAS:64000 is exact and wins over b=AS:64, kilobits with all overhead. */
static int parse_bandwidth(struct parser *p, char *line)
{
	static const struct {
		const char *name;
		uint64_t factor;
	} kinds[] = { { "TIAS:", 1 }, { "AS:", 1000 } };
	uint64_t v;

	for (size_t i = 0; p->media && i < ARRAY_SIZE(kinds); i++) {
		size_t n = strlen(kinds[i].name);

		if (strncasecmp(line, kinds[i].name, n) ||
		    str_parse_u64(line + n, 0, UINT32_MAX, &v))
			continue;
		if (kinds[i].factor == 1 || !p->media->bandwidth)
			p->media->bandwidth = v * kinds[i].factor;
	}
	return 0;
}

static int parse_origin(struct parser *p, char *line)
{
	if (!p->media && !p->sdp->origin)
		p->sdp->origin = line;
	return 0;
}

static struct sdp_format *find(struct sdp_media *m, const char *name)
{
	for (size_t i = 0; i < m->format_count; i++)
		if (!strcmp(m->formats[i].name, name))
			return &m->formats[i];
	return NULL;
}

const struct sdp_format *sdp_find(const struct sdp_media *m, int payload_type)
{
	for (size_t i = 0; i < m->format_count; i++)
		if (m->formats[i].payload_type == payload_type)
			return &m->formats[i];
	return NULL;
}

/* 119 MP4A-LATM/32000/2 */
static void on_rtpmap(struct sdp_media *m, char *value)
{
	struct sdp_format *f;
	char *name = take_word(&value), *encoding = take_word(&value);
	char *clock, *channels;
	uint64_t rate, n = 0;

	f = encoding ? find(m, name) : NULL;
	clock = f ? strchr(encoding, '/') : NULL;
	if (!clock)
		return;
	*clock++ = '\0';
	channels = strchr(clock, '/');
	if (channels)
		*channels++ = '\0';
	if (str_parse_u64(clock, 1, 1000000, &rate) ||
	    (channels && str_parse_u64(channels, 0, 64, &n)))
		return;
	f->encoding = encoding;
	f->clock_rate = (uint32_t)rate;
	f->channels = (unsigned)n;
}

static void on_fmtp(struct sdp_media *m, char *value)
{
	char *name = take_word(&value);
	struct sdp_format *f = name ? find(m, name) : NULL;

	if (f)
		f->fmtp = value + strspn(value, " \t");
}

/* 116 nack pli, * ccm fir; whatever the profile of the m-line says. */
static void on_feedback(struct sdp_media *m, char *value)
{
	const char *name = take_word(&value), *kind = take_word(&value);
	const char *detail = take_word(&value);
	struct sdp_format *f;
	bool pli, fir;

	if (!detail)
		return;
	pli = !strcasecmp(kind, "nack") && !strcasecmp(detail, "pli");
	fir = !strcasecmp(kind, "ccm") && !strcasecmp(detail, "fir");
	if (!strcmp(name, "*")) {
		m->pli |= pli;
		m->fir |= fir;
		return;
	}
	f = find(m, name);
	if (f) {
		f->pli |= pli;
		f->fir |= fir;
	}
}

static void on_rtcp(struct sdp_media *m, char *value)
{
	const char *port = take_word(&value);
	uint64_t v;

	if (port && !str_parse_u64(port, 1, 65535, &v))
		m->rtcp_port = (uint16_t)v;
}

static void on_rtcp_mux(struct sdp_media *m, char *value)
{
	m->rtcp_mux = true;
}

static void on_label(struct sdp_media *m, char *value)
{
	m->label = value;
}

static void on_content(struct sdp_media *m, char *value)
{
	m->content = value;
}

static void on_crypto(struct sdp_media *m, char *value)
{
	if (m->crypto_count < SDP_CRYPTO_MAX)
		m->crypto[m->crypto_count++] = value;
}

static const struct {
	const char *name;
	void (*on)(struct sdp_media *m, char *value);
} attributes[] = {
	{ "rtpmap", on_rtpmap },     { "fmtp", on_fmtp },
	{ "rtcp-fb", on_feedback },  { "rtcp", on_rtcp },
	{ "rtcp-mux", on_rtcp_mux }, { "label", on_label },
	{ "content", on_content },   { "crypto", on_crypto },
};

static bool parse_direction(struct parser *p, const char *name)
{
	static const char *const words[] = {
		[SDP_SENDRECV] = "sendrecv",
		[SDP_SENDONLY] = "sendonly",
		[SDP_RECVONLY] = "recvonly",
		[SDP_INACTIVE] = "inactive",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(name, words[i]))
			continue;
		if (p->media)
			p->media->direction = (enum sdp_direction)i;
		else
			p->direction = (enum sdp_direction)i;
		return true;
	}
	return false;
}

static int parse_attribute(struct parser *p, char *line)
{
	char *value = line + strcspn(line, ":");

	if (*value)
		*value++ = '\0';
	if (parse_direction(p, line) || !p->media)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
		if (!strcasecmp(line, attributes[i].name))
			attributes[i].on(p->media, value);
	return 0;
}

static const struct {
	char type;
	int (*parse)(struct parser *p, char *line);
} lines[] = {
	{ 'm', parse_media },	  { 'c', parse_connection },
	{ 'b', parse_bandwidth }, { 'a', parse_attribute },
	{ 'o', parse_origin },
};

static int parse_line(struct parser *p, char *line)
{
	if (line[0] < 'a' || line[0] > 'z' || line[1] != '=')
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		if (lines[i].type == line[0])
			return lines[i].parse(p, line + 2);
	return 0;
}

/* Lines end in CRLF; a bare LF does as well (RFC 8866 section 5). */
static int parse_lines(struct parser *p, char *text)
{
	int err = strncmp(text, "v=0", 3) ? -EBADMSG : 0;

	while (*text && !err) {
		char *line = text, *end = text + strcspn(text, "\n");

		text = *end ? end + 1 : end;
		if (end > line && end[-1] == '\r')
			end--;
		*end = '\0';
		if (*line)
			err = parse_line(p, line);
	}
	return err;
}

int sdp_parse(const char *text, size_t len, struct sdp **ret)
{
	struct parser p = { 0 };
	int err;

	if (len > SDP_MAX)
		return -EMSGSIZE;
	if (memchr(text, '\0', len))
		return -EBADMSG;
	p.sdp = calloc(1, sizeof(*p.sdp));
	if (!p.sdp)
		return -ENOMEM;
	p.sdp->size = len;
	p.sdp->text = strndup(text, len);
	err = p.sdp->text ? parse_lines(&p, p.sdp->text) : -ENOMEM;
	if (!err && !p.sdp->origin)
		err = -EBADMSG;
	if (err) {
		sdp_free(p.sdp);
		return err;
	}
	*ret = p.sdp;
	return 0;
}

void sdp_free(struct sdp *sdp)
{
	if (!sdp)
		return;
	/* It may hold keys. */
	if (sdp->text)
		explicit_bzero(sdp->text, sdp->size);
	free(sdp->text);
	free(sdp);
}

bool sdp_fmtp_get(const char *fmtp, const char *name, char *dst, size_t size)
{
	size_t n = strlen(name), len;

	while (fmtp && *fmtp) {
		fmtp += strspn(fmtp, "; \t");
		len = strcspn(fmtp, ";");
		if (len > n && !strncasecmp(fmtp, name, n) && fmtp[n] == '=') {
			len -= n + 1;
			fmtp += n + 1;
			while (len && strchr(" \t", fmtp[len - 1]))
				len--;
			if (len >= size)
				return false;
			memcpy(dst, fmtp, len);
			dst[len] = '\0';
			return true;
		}
		fmtp += len;
	}
	return false;
}

uint64_t sdp_fmtp_number(const char *fmtp, const char *name, uint64_t missing)
{
	char text[24];
	uint64_t v;

	if (!sdp_fmtp_get(fmtp, name, text, sizeof(text)) ||
	    str_parse_u64(text, 0, UINT64_MAX, &v))
		return missing;
	return v;
}
