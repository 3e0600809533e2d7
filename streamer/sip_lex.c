/* SPDX-License-Identifier: MIT */
#include "streamer/sip_lex.h"

#include <string.h>
#include <strings.h>

static bool is_alnum(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

static bool is_hex(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
	       (c >= 'A' && c <= 'F');
}

/* A letter, a digit or one of `marks`. */
static bool is_of(int c, const char *marks)
{
	return is_alnum(c) || (c > 0 && strchr(marks, c));
}

/* At least `min` bytes of that kind. */
static bool lex_run(struct lex *l, const char *marks, size_t min)
{
	const char *start = l->at;

	while (is_of(lex_peek(l), marks))
		l->at++;
	return (size_t)(l->at - start) >= min;
}

/* The same, where %HH counts too. */
static bool lex_escaped(struct lex *l, const char *marks)
{
	for (;;) {
		lex_run(l, marks, 0);
		if (lex_peek(l) != '%')
			return true;
		if (l->end - l->at < 3 || !is_hex(l->at[1]) ||
		    !is_hex(l->at[2]))
			return false;
		l->at += 3;
	}
}

void lex_blanks(struct lex *l)
{
	while (lex_peek(l) == ' ' || lex_peek(l) == '\t')
		l->at++;
}

bool lex_space(struct lex *l)
{
	const char *start = l->at;

	lex_blanks(l);
	return l->at > start;
}

bool lex_byte(struct lex *l, char c)
{
	if (lex_is_end(l) || *l->at != c)
		return false;
	l->at++;
	return true;
}

bool lex_mark(struct lex *l, char c)
{
	lex_blanks(l);
	if (!lex_byte(l, c))
		return false;
	lex_blanks(l);
	return true;
}

bool lex_token(struct lex *l, struct lex_span *ret)
{
	const char *start = l->at;

	if (!lex_run(l, "-.!%*_+`'~", 1))
		return false;
	if (ret)
		*ret = (struct lex_span){ start, (size_t)(l->at - start) };
	return true;
}

bool lex_word(struct lex *l)
{
	return lex_run(l, "-.!%*_+`'~()<>:\\\"/[]?{}", 1);
}

/* The length of the UTF-8 sequence that `c` opens, 0 if it opens none. */
static int utf8_length(int c)
{
	return c < 0x80	  ? 1
	       : c < 0xc2 ? 0
	       : c < 0xe0 ? 2
	       : c < 0xf0 ? 3
	       : c < 0xf5 ? 4
			  : 0;
}

bool lex_quoted(struct lex *l)
{
	if (!lex_byte(l, '"'))
		return false;
	while (!lex_is_end(l)) {
		int c = lex_peek(l), n = utf8_length(c);

		l->at++;
		if (c == '"')
			return true;
		if (c == '\\' && lex_peek(l) < 0x80 && !lex_is_end(l))
			l->at++;
		else if (c == '\\' || !n || (c < ' ' && c != '\t') || c == 0x7f)
			return false;
		while (--n > 0)
			if ((lex_peek(l) & 0xc0) != 0x80 || lex_is_end(l))
				return false;
			else
				l->at++;
	}
	return false;
}

bool lex_digits(struct lex *l, uint64_t max, uint64_t *ret)
{
	const char *start = l->at;
	uint64_t v = 0;

	for (; lex_peek(l) >= '0' && lex_peek(l) <= '9'; l->at++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*l->at - '0'), &v))
			return false;
	if (l->at == start || v > max)
		return false;
	if (ret)
		*ret = v;
	return true;
}

/* Only the shape: who needs the address parses it. */
static bool lex_host(struct lex *l)
{
	if (!lex_byte(l, '['))
		return lex_run(l, "-._", 1);
	return lex_run(l, ":.", 2) && lex_byte(l, ']');
}

bool lex_host_port(struct lex *l)
{
	struct lex ahead;

	if (!lex_host(l))
		return false;
	ahead = *l;
	if (!lex_mark(&ahead, ':'))
		return true;
	*l = ahead;
	return lex_digits(l, 65535, NULL);
}

/* gen-value = token / host / quoted-string */
static bool lex_param_value(struct lex *l)
{
	if (lex_peek(l) == '"')
		return lex_quoted(l);
	if (lex_peek(l) == '[')
		return lex_host(l);
	/* ":" stands in received=2001:db8::1, which exists in the field. */
	return lex_run(l, "-.!%*_+`'~:", 1);
}

bool lex_params(struct lex *l)
{
	struct lex ahead = *l;

	while (lex_mark(&ahead, ';')) {
		if (!lex_token(&ahead, NULL))
			return false;
		*l = ahead;
		if (!lex_mark(&ahead, '='))
			goto next;
		if (!lex_param_value(&ahead))
			return false;
		*l = ahead;
	next:
		ahead = *l;
	}
	return true;
}

bool lex_item(struct lex *l, struct lex_span *ret)
{
	bool quoted = false, angled = false;

	while (lex_peek(l) == ',' || lex_peek(l) == ' ')
		l->at++;
	ret->at = l->at;
	for (; !lex_is_end(l); l->at++) {
		if (*l->at == '\\' && quoted && l->end - l->at > 1)
			l->at++;
		else if (*l->at == '"')
			quoted = !quoted;
		else if (!quoted && (*l->at == '<' || *l->at == '>'))
			angled = *l->at == '<';
		else if (!quoted && !angled && *l->at == ',')
			break;
	}
	ret->len = (size_t)(l->at - ret->at);
	return ret->len > 0;
}

bool lex_span_is(struct lex_span span, const char *word)
{
	return span.len == strlen(word) &&
	       !strncasecmp(span.at, word, span.len);
}

/* Is there an "@" before what ends user and password? */
static bool has_user(const struct lex *l)
{
	for (const char *p = l->at; p < l->end; p++)
		if (*p == '@')
			return true;
		else if (!is_of((unsigned char)*p, "-_.!~*'()&=+$,;?/:%"))
			return false;
	return false;
}

#define UNRESERVED "-_.!~*'()"

static bool lex_user(struct lex *l)
{
	const char *start = l->at;

	if (!lex_escaped(l, UNRESERVED "&=+$,;?/") || l->at == start)
		return false;
	if (lex_byte(l, ':') && !lex_escaped(l, UNRESERVED "&=+$,"))
		return false;
	return lex_byte(l, '@');
}

static bool lex_uri_params(struct lex *l)
{
	while (lex_byte(l, ';')) {
		if (!lex_escaped(l, UNRESERVED "[]/:&+$"))
			return false;
		if (lex_byte(l, '=') && !lex_escaped(l, UNRESERVED "[]/:&+$"))
			return false;
	}
	return true;
}

static bool lex_uri_headers(struct lex *l)
{
	do {
		if (!lex_escaped(l, UNRESERVED "[]/?:+$") ||
		    !lex_byte(l, '=') || !lex_escaped(l, UNRESERVED "[]/?:+$"))
			return false;
	} while (lex_byte(l, '&'));
	return true;
}

static bool lex_sip_uri(struct lex *l, enum lex_uri_form form)
{
	if (has_user(l) && !lex_user(l))
		return false;
	/* No blanks around the port's colon here, unlike in a Via. */
	if (!lex_host(l))
		return false;
	if (lex_byte(l, ':') && !lex_digits(l, 65535, NULL))
		return false;
	if (form == LEX_URI_BARE)
		return lex_peek(l) != '?';
	if (!lex_uri_params(l))
		return false;
	if (lex_peek(l) == '?' && form == LEX_URI_REQUEST)
		return false;
	return !lex_byte(l, '?') || lex_uri_headers(l);
}

bool lex_uri(struct lex *l, enum lex_uri_form form, enum lex_uri_kind *ret)
{
	struct lex_span scheme = { l->at, 0 };

	if (!lex_run(l, "+-.", 1))
		return false;
	scheme.len = (size_t)(l->at - scheme.at);
	if (!lex_byte(l, ':'))
		return false;
	*ret = lex_span_is(scheme, "sip")    ? LEX_URI_SIP
	       : lex_span_is(scheme, "sips") ? LEX_URI_SIPS
					     : LEX_URI_OTHER;
	if (*ret != LEX_URI_OTHER)
		return lex_sip_uri(l, form);
	return lex_escaped(l, form == LEX_URI_BARE ? UNRESERVED "/:@&=+$"
						   : UNRESERVED ";/?:@&=+$,");
}

static bool lex_angled_uri(struct lex *l)
{
	enum lex_uri_kind kind;

	return lex_byte(l, '<') && lex_uri(l, LEX_URI_FULL, &kind) &&
	       lex_byte(l, '>');
}

/* *( token LWS ) before the "<"; leaves the cursor on it. */
static bool lex_display_tokens(struct lex *l)
{
	while (lex_token(l, NULL))
		lex_blanks(l);
	return lex_peek(l) == '<';
}

bool lex_name_addr(struct lex *l, bool angled)
{
	struct lex ahead;
	enum lex_uri_kind kind;

	lex_blanks(l);
	if (lex_peek(l) == '"') {
		if (!lex_quoted(l))
			return false;
		lex_blanks(l);
		return lex_angled_uri(l);
	}
	ahead = *l;
	if (lex_display_tokens(&ahead)) {
		*l = ahead;
		return lex_angled_uri(l);
	}
	return !angled && lex_uri(l, LEX_URI_BARE, &kind);
}
