/* SPDX-License-Identifier: MIT */
#include "streamer/sip_msg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <osipparser2/osip_parser.h>

#include "lib/str.h"
#include "streamer/sip_body.h"

void sip_msg_init(void)
{
	parser_init();
	for (int level = TRACE_LEVEL0; level < END_TRACE_LEVEL; level++)
		osip_trace_disable_level((osip_trace_level_t)level);
}

/* ---- reading ------------------------------------------------------------ */

/* Ends each value with a NUL, where its line end or blanks were. */
static void terminate_values(struct sip_msg *m)
{
	for (size_t i = 0; i < m->head.count; i++) {
		struct lex_span v = m->head.fields[i].value;

		m->text[v.at - m->text + (ptrdiff_t)v.len] = '\0';
	}
}

static const char *param(const osip_list_t *list, const char *name)
{
	osip_generic_param_t *p = NULL;

	if (osip_uri_param_get_byname((osip_list_t *)list, (char *)name, &p) ||
	    !p->gvalue)
		return NULL;
	return p->gvalue;
}

static const char *param_or_empty(const osip_list_t *list, const char *name)
{
	const char *value = param(list, name);

	return value ? value : "";
}

static struct lex lex_of_value(const struct sip_msg *m, enum sip_name name)
{
	const char *value = sip_msg_value(m, name);

	return (struct lex){ value, value + strlen(value) };
}

/* osip wants a NUL behind what it reads; `*at` is what stood there. */
static const char *cut(struct sip_msg *m, struct lex_span span, char **ret_at,
		       char *ret_byte)
{
	*ret_at = m->text + (span.at - m->text) + span.len;
	*ret_byte = **ret_at;
	**ret_at = '\0';
	return span.at;
}

/* Each returns 0, or what osip says: then the message earns a 400. */
static int parse_uri(struct sip_msg *m)
{
	struct lex_span uri = { m->head.method.at + m->head.method.len + 1, 0 };
	char *at, byte;
	int err = osip_uri_init(&m->uri);

	uri.len = strcspn(uri.at, " ");
	if (err)
		return err;
	err = osip_uri_parse(m->uri, cut(m, uri, &at, &byte));
	*at = byte;
	return err;
}

static int parse_via(struct sip_msg *m)
{
	struct lex l = lex_of_value(m, SIP_VIA);
	struct lex_span first;
	char *at, byte;
	int err = osip_via_init(&m->via);

	if (err)
		return err;
	lex_item(&l, &first);
	err = osip_via_parse(m->via, cut(m, first, &at, &byte));
	*at = byte;
	if (!err)
		m->branch = param_or_empty(&m->via->via_params, "branch");
	return err;
}

static int parse_address(const char *text, struct osip_from **ret)
{
	int err = osip_from_init(ret);

	return err ? err : osip_from_parse(*ret, text);
}

/* Only the first: a dialog has one remote target. */
static int parse_contact(struct sip_msg *m)
{
	struct lex l = lex_of_value(m, SIP_CONTACT);
	struct lex_span first;
	char *at, byte;
	int err;

	if (!lex_item(&l, &first) || *first.at == '*')
		return 0;
	err = osip_contact_init(&m->contact);
	if (err)
		return err;
	err = osip_contact_parse(m->contact, cut(m, first, &at, &byte));
	*at = byte;
	return err;
}

/* What the check has seen: CSeq is a number and a method, a status a number. */
static void parse_numbers(struct sip_msg *m)
{
	struct lex cseq = lex_of_value(m, SIP_CSEQ), line = { "", "" };
	struct lex_span method = { "", 0 };
	uint64_t number = 0, status = 0;

	(void)!(lex_digits(&cseq, UINT32_MAX, &number) && lex_space(&cseq) &&
		lex_token(&cseq, &method));
	m->cseq = (uint32_t)number;
	m->method = sip_check_method(method);
	if (m->head.is_request)
		return;
	line.at = m->head.line.at + strlen("SIP/2.0 ");
	line.end = m->head.line.at + m->head.line.len;
	(void)!lex_digits(&line, 699, &status);
	m->status = (int)status;
}

static int take_apart(struct sip_msg *m)
{
	int err = 0;

	parse_numbers(m);
	m->call_id = sip_msg_value(m, SIP_CALL_ID);
	if (m->head.is_request)
		err = parse_uri(m);
	if (!err)
		err = parse_via(m);
	if (!err)
		err = parse_address(sip_msg_value(m, SIP_FROM), &m->from);
	if (!err)
		err = parse_address(sip_msg_value(m, SIP_TO), &m->to);
	if (!err)
		err = parse_contact(m);
	if (err)
		return err;
	m->from_tag = param_or_empty(&m->from->gen_params, "tag");
	m->to_tag = param_or_empty(&m->to->gen_params, "tag");
	return 0;
}

/* Dissolves the message into its verdict: 0, a status, or a negative errno. */
static int judge(struct sip_msg *m, int broken)
{
	struct lex_span tag = { "", 0 };
	int status = sip_check_message(&m->head, m->body_len, &m->why);

	if (!status && m->head.is_request)
		status =
			sip_check_support(&m->head, m->body_len, &m->why, &tag);
	if (broken == -EMSGSIZE && status >= 0) {
		m->why = "the message is too large";
		status = m->head.is_request ? 513 : -EBADMSG;
	} else if (!status && broken) {
		m->why = "the length of the body is not clear";
		status = m->head.is_request ? 400 : -EBADMSG;
	}
	if (status == 420)
		snprintf(m->unsupported, sizeof(m->unsupported), "%.*s",
			 (int)tag.len, tag.at);
	return status;
}

static int understand(struct sip_msg *m, int broken)
{
	int status = judge(m, broken), err;

	terminate_values(m);
	if (status < 0)
		return status;
	m->refusal = status;
	if (status)
		return 0;
	err = take_apart(m);
	if (!err || err == -ENOMEM)
		return err;
	/* osip's words for it would be numbers; it is out of memory, too. */
	m->why = "an address cannot be read";
	if (!m->head.is_request || m->method == SIP_ACK)
		return -EBADMSG;
	m->refusal = 400;
	return 0;
}

int sip_msg_new(const uint8_t *data, const struct sip_frame *frame, int broken,
		struct sip_msg **ret, const char **ret_why)
{
	size_t len = frame->head_len + frame->body_len;
	struct sip_msg *m = calloc(1, sizeof(*m));
	int err;

	*ret_why = "no memory";
	if (!m)
		return -ENOMEM;
	m->call_id = m->from_tag = m->to_tag = m->branch = "";
	m->text = malloc(len + 1);
	err = m->text ? 0 : -ENOMEM;
	if (!err) {
		memcpy(m->text, data, len);
		m->text[len] = '\0';
		m->body = m->text + frame->head_len;
		m->body_len = frame->body_len;
		m->why = "it has no head of a message";
		err = sip_head_parse(m->text, frame->head_len, &m->head);
	}
	if (!err)
		err = understand(m, broken);
	if (err) {
		*ret_why = m->why ? m->why : *ret_why;
		sip_msg_free(m);
		return err == -EMSGSIZE ? -EBADMSG : err;
	}
	*ret = m;
	return 0;
}

void sip_msg_free(struct sip_msg *m)
{
	if (!m)
		return;
	osip_uri_free(m->uri);
	osip_via_free(m->via);
	osip_from_free(m->from);
	osip_from_free(m->to);
	if (m->contact)
		osip_contact_free(m->contact);
	free(m->text);
	free(m);
}

const char *sip_msg_value(const struct sip_msg *m, enum sip_name name)
{
	const struct sip_field *f = sip_head_find(&m->head, name);

	return f ? f->value.at : "";
}

uint32_t sip_msg_seconds(const struct sip_msg *m, enum sip_name name,
			 uint32_t missing)
{
	struct lex l = lex_of_value(m, name);
	uint64_t v = missing;

	(void)!lex_digits(&l, UINT32_MAX, &v);
	return (uint32_t)v;
}

const char *sip_msg_request_user(const struct sip_msg *m)
{
	return m->uri && m->uri->username ? m->uri->username : "";
}

int sip_msg_caller(const struct sip_msg *m, struct buf *dst)
{
	const osip_uri_t *uri = m->from->url;
	bool v6 = uri->host && strchr(uri->host, ':');

	return buf_printf(dst, v6 ? "%s%s[%s]" : "%s%s%s",
			  uri->username ? uri->username : "",
			  uri->username ? "@" : "", uri->host ? uri->host : "");
}

int sip_msg_display(const struct sip_msg *m, struct buf *dst)
{
	const char *s = m->from->displayname ? m->from->displayname : "";
	size_t start = dst->len;
	int err = 0;

	for (; *s && !err; s++)
		if (*s == '\\' && s[1])
			err = buf_add(dst, ++s, 1);
		else if (*s != '"')
			err = buf_add(dst, s, 1);
	while (!err && dst->len > start && dst->data[dst->len - 1] == ' ')
		dst->data[--dst->len] = '\0';
	return err;
}

/* Byte for byte: what osip reads and writes again is respelled. */
static int add_uri(struct lex_span address, struct buf *dst)
{
	struct lex l = { address.at, address.at + address.len };
	enum lex_uri_kind kind;
	const char *start, *end;

	lex_blanks(&l);
	if (lex_peek(&l) == '"')
		(void)!lex_quoted(&l);
	start = memchr(l.at, '<', (size_t)(l.end - l.at));
	end = start ? memchr(start, '>', (size_t)(l.end - start)) : NULL;
	if (end)
		return buf_add(dst, start + 1, (size_t)(end - start - 1));
	start = l.at;
	if (!lex_uri(&l, LEX_URI_BARE, &kind))
		return -EINVAL;
	return buf_add(dst, start, (size_t)(l.at - start));
}

int sip_msg_contact_uri(const struct sip_msg *m, struct buf *dst)
{
	struct lex l = lex_of_value(m, SIP_CONTACT);
	struct lex_span first;

	if (!lex_item(&l, &first) || *first.at == '*')
		return -ENOENT;
	return add_uri(first, dst);
}

bool sip_msg_stream_url(const struct sip_msg *m, char *dst, size_t size)
{
	const char *v =
		m->contact ? param(&m->contact->gen_params, "x-cisco-stream")
			   : NULL;
	size_t n = 0;

	for (; v && *v && n + 1 < size; v++) {
		if (*v == '"')
			continue;
		if (*v == '\\' && v[1])
			v++;
		dst[n++] = *v;
	}
	dst[n] = '\0';
	/* One that does not fit is no URL. */
	return n && !*v;
}

int sip_msg_record_route(const struct sip_msg *m, int i, struct buf *dst)
{
	struct lex_span value;

	for (size_t k = 0; k < m->head.count; k++) {
		struct lex l = { m->head.fields[k].value.at, NULL };

		if (m->head.fields[k].name != SIP_RECORD_ROUTE)
			continue;
		l.end = l.at + m->head.fields[k].value.len;
		while (lex_item(&l, &value))
			if (!i--)
				return buf_add(dst, value.at, value.len);
	}
	return -ENOENT;
}

void sip_msg_reply_address(const struct sip_msg *m,
			   const struct sockaddr_storage *source,
			   struct sockaddr_storage *ret)
{
	osip_generic_param_t *rport = NULL;
	uint64_t port = 5060;

	*ret = *source;
	if (!m->via || !osip_uri_param_get_byname(&m->via->via_params,
						  (char *)"rport", &rport))
		return;
	if (m->via->port)
		(void)!str_parse_u64(m->via->port, 1, 65535, &port);
	sip_addr_set_port(ret, (uint16_t)port);
}

/*
 * With a branch of RFC 3261 branch and sent-by say it all (section 17.2.3);
 * older peers are known by everything that stays the same.
 */
int sip_msg_key(const struct sip_msg *m, enum sip_method method,
		struct buf *dst)
{
	const char *host = m->via->host ? m->via->host : "";
	const char *port = m->via->port ? m->via->port : "";

	if (!strncasecmp(m->branch, "z9hG4bK", 7) && m->branch[7])
		return buf_printf(dst, "%s|%s|%s|%d", m->branch, host, port,
				  method);
	return buf_printf(dst, "%s|%u|%s|%s|%s|%s|%d", m->call_id, m->cseq,
			  m->from_tag, m->branch, host, port, method);
}

bool sip_msg_sdp(const struct sip_msg *m, const char **ret, size_t *ret_len)
{
	return m->body_len &&
	       sip_body_find_sdp(sip_msg_value(m, SIP_CONTENT_TYPE), m->body,
				 m->body_len, ret, ret_len);
}

/* ---- addresses by themselves -------------------------------------------- */

int sip_msg_uri_place(const char *address, char *host, size_t size,
		      uint16_t *ret_port)
{
	osip_from_t *a = NULL;
	uint64_t port = 0;
	int err = parse_address(address, &a);

	if (!err && (!a->url || !a->url->host ||
		     str_copy(host, a->url->host, size) >= size))
		err = -EINVAL;
	if (!err && a->url->port &&
	    str_parse_u64(a->url->port, 1, 65535, &port))
		err = -EINVAL;
	osip_from_free(a);
	if (err)
		return -EINVAL;
	*ret_port = (uint16_t)port;
	return 0;
}

int sip_msg_uri(const char *address, struct buf *dst)
{
	return add_uri((struct lex_span){ address, strlen(address) }, dst);
}

/* ---- writing ------------------------------------------------------------ */

int sip_msg_stamp(struct sip_msg *m, const struct sockaddr_storage *source)
{
	char host[SIP_ADDR_SIZE], port[8];
	osip_generic_param_t *rport = NULL;
	bool asks;

	if (!m->via)
		return 0;
	asks = !osip_uri_param_get_byname(&m->via->via_params, (char *)"rport",
					  &rport);
	sip_addr_host(source, host);
	if (asks && !rport->gvalue) {
		snprintf(port, sizeof(port), "%u", sip_addr_port(source));
		rport->gvalue = osip_strdup(port);
		if (!rport->gvalue)
			return -ENOMEM;
	}
	if (!asks && m->via->host && !strcmp(m->via->host, host))
		return 0;
	return osip_uri_param_add(&m->via->via_params, osip_strdup("received"),
				  osip_strdup(host))
		       ? -ENOMEM
		       : 0;
}

static int add_top_via(const struct sip_msg *m, struct buf *dst)
{
	char *text;
	int err;

	if (osip_via_to_str(m->via, &text))
		return -ENOMEM;
	err = buf_printf(dst, "Via: %s\r\n", text);
	osip_free(text);
	return err;
}

/* The first element of the first Via as stamped, the others as they came. */
static int add_vias(const struct sip_msg *m, struct buf *dst)
{
	bool first = true;
	int err = 0;

	for (size_t i = 0; i < m->head.count && !err; i++) {
		struct lex l = { m->head.fields[i].value.at, NULL };
		struct lex_span value;

		if (m->head.fields[i].name != SIP_VIA)
			continue;
		l.end = l.at + m->head.fields[i].value.len;
		while (!err && lex_item(&l, &value)) {
			if (first && m->via)
				err = add_top_via(m, dst);
			else
				err = buf_printf(dst, "Via: %.*s\r\n",
						 (int)value.len, value.at);
			first = false;
		}
	}
	return err;
}

/* Echoes every field of that name; what is missing stays missing (400). */
static int add_echo(const struct sip_msg *m, enum sip_name name,
		    struct buf *dst)
{
	int err = 0;

	for (size_t i = 0; i < m->head.count && !err; i++)
		if (m->head.fields[i].name == name)
			err = buf_printf(dst, "%s: %s\r\n",
					 sip_head_label(name),
					 m->head.fields[i].value.at);
	return err;
}

static int add_to(const struct sip_msg *m, const char *to_tag, struct buf *dst)
{
	const char *to = sip_msg_value(m, SIP_TO);

	if (!*to)
		return 0;
	if (!to_tag || *m->to_tag || (m->refusal && strstr(to, "tag")))
		return buf_printf(dst, "To: %s\r\n", to);
	return buf_printf(dst, "To: %s;tag=%s\r\n", to, to_tag);
}

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{ 100, "Trying" },
	{ 200, "OK" },
	{ 400, "Bad Request" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 408, "Request Timeout" },
	{ 415, "Unsupported Media Type" },
	{ 416, "Unsupported URI Scheme" },
	{ 420, "Bad Extension" },
	{ 422, "Session Interval Too Small" },
	{ 481, "Call/Transaction Does Not Exist" },
	{ 482, "Loop Detected" },
	{ 487, "Request Terminated" },
	{ 488, "Not Acceptable Here" },
	{ 491, "Request Pending" },
	{ 500, "Server Internal Error" },
	{ 501, "Not Implemented" },
	{ 503, "Service Unavailable" },
	{ 505, "Version Not Supported" },
	{ 513, "Message Too Large" },
};

static const char *reason_of(int status)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Refused";
}

int sip_msg_begin(const struct sip_msg *request, int status, const char *to_tag,
		  struct buf *dst)
{
	int err =
		buf_printf(dst, "SIP/2.0 %d %s\r\n", status, reason_of(status));

	if (!err)
		err = add_vias(request, dst);
	if (!err && status < 300 && request->method == SIP_INVITE)
		err = add_echo(request, SIP_RECORD_ROUTE, dst);
	if (!err)
		err = add_echo(request, SIP_FROM, dst);
	if (!err)
		err = add_to(request, to_tag, dst);
	if (!err)
		err = add_echo(request, SIP_CALL_ID, dst);
	return err ? err : add_echo(request, SIP_CSEQ, dst);
}

int sip_msg_end(struct buf *dst, const char *type, const char *body, size_t len)
{
	int err = len ? buf_printf(dst, "Content-Type: %s\r\n", type) : 0;

	if (!err)
		err = buf_printf(dst, "Content-Length: %zu\r\n\r\n", len);
	return err ? err : buf_add(dst, body, len);
}
