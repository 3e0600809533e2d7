/* SPDX-License-Identifier: MIT */
#include "lib/conf_scan.h"

#include <errno.h>
#include <string.h>

#include "lib/conf.h"
#include "lib/str.h"

/* inih keeps 49 bytes of a section's and of a key's name. */
enum { NAME_LENGTH = 49 };

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct conf_scan_slice trim(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	while (end > p && is_blank(end[-1]))
		end--;
	return (struct conf_scan_slice){ p, (size_t)(end - p) };
}

bool conf_scan_is(const struct conf_scan_slice *slice, const char *text)
{
	return strlen(text) == slice->len &&
	       !memcmp(text, slice->p, slice->len);
}

void conf_scan_init(struct conf_scan *s, const char *text, size_t len)
{
	*s = (struct conf_scan){ .at = text, .end = text + len };
}

/* The line itself, and what is in it apart from blanks and the mark. */
static void take_line(struct conf_scan *s)
{
	const char *p = s->at;
	size_t left = (size_t)(s->end - p);
	const char *nl = memchr(p, '\n', left);
	size_t len = nl ? (size_t)(nl - p) + 1 : left;

	s->line = (struct conf_scan_slice){ p, len };
	s->at = p + len;
	s->number++;
	if (s->number == 1 && len >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
		p += 3;
	s->body = trim(p, s->at);
}

static void split_section(struct conf_scan *s)
{
	const char *end = s->body.p + s->body.len;

	if (end[-1] != ']' || s->body.len < 3)
		return;
	s->kind = CONF_SCAN_SECTION;
	s->name = trim(s->body.p + 1, end - 1);
}

static void split_pair(struct conf_scan *s)
{
	const char *p = s->body.p, *end = p + s->body.len;
	const char *equals = memchr(p, '=', s->body.len);

	if (!equals)
		return;
	s->kind = CONF_SCAN_PAIR;
	s->name = trim(p, equals);
	s->value = trim(equals + 1, end);
}

bool conf_scan_next(struct conf_scan *s)
{
	if (s->at == s->end)
		return false;
	take_line(s);
	s->kind = CONF_SCAN_BAD;
	s->name = s->value = (struct conf_scan_slice){ s->body.p, 0 };
	if (!s->body.len)
		s->kind = CONF_SCAN_BLANK;
	else if (*s->body.p == ';' || *s->body.p == '#')
		s->kind = CONF_SCAN_COMMENT;
	else if (*s->body.p == '[')
		split_section(s);
	else
		split_pair(s);
	return true;
}

/* What no line may hold, comments included. */
static int check_bytes(const struct conf_scan *s, struct err *err)
{
	const char *p = s->line.p;
	size_t len = s->line.len;

	if (len > CONF_LINE_MAX)
		return err_set(err, -EINVAL,
			       "the line is %zu bytes long, %d are allowed",
			       len, CONF_LINE_MAX);
	if (memchr(p, '\0', len))
		return err_set(err, -EINVAL, "the line holds a NUL byte");
	if (!str_is_utf8(p, len))
		return err_set(err, -EINVAL,
			       "the line is not valid UTF-8; save the file as "
			       "UTF-8");
	for (size_t i = 0; i < s->body.len; i++) {
		unsigned char c = (unsigned char)s->body.p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return err_set(err, -EINVAL,
				       "the line holds the control character "
				       "0x%02x",
				       c);
	}
	return 0;
}

/* inih takes " ;" for a comment, also within a value. */
static int check_comment(const struct conf_scan *s, struct err *err)
{
	for (size_t i = 1; i < s->body.len; i++)
		if (s->body.p[i] == ';' && is_blank(s->body.p[i - 1]))
			return err_set(err, -EINVAL,
				       "\" ;\" within a line; put a comment on "
				       "a line of its own, and no blank before "
				       "the ; of a value");
	return 0;
}

static int check_section(const struct conf_scan *s, struct err *err)
{
	if (!s->name.len || s->name.len > NAME_LENGTH ||
	    s->name.len + 2 != s->body.len ||
	    memchr(s->name.p, ']', s->name.len))
		return err_set(err, -EINVAL,
			       "not a section; one is [name], alone on its "
			       "line, of at most %d bytes",
			       NAME_LENGTH);
	return 0;
}

static int check_pair(const struct conf_scan *s, struct err *err)
{
	if (!s->name.len || s->name.len > NAME_LENGTH)
		return err_set(
			err, -EINVAL,
			"the key before the = has %zu bytes, 1 to %d are "
			"allowed",
			s->name.len, NAME_LENGTH);
	if (memchr(s->name.p, ':', s->name.len))
		return err_set(err, -EINVAL,
			       "a : in the key; a setting is written key = "
			       "value");
	return 0;
}

int conf_scan_check(const struct conf_scan *s, struct err *err)
{
	int e = check_bytes(s, err);

	if (e || s->kind == CONF_SCAN_BLANK || s->kind == CONF_SCAN_COMMENT)
		return e;
	if (s->kind == CONF_SCAN_BAD)
		return *s->body.p == '['
			       ? check_section(s, err)
			       : err_set(err, -EINVAL,
					 "neither [section], key = value nor "
					 "; comment");
	e = check_comment(s, err);
	if (e)
		return e;
	return s->kind == CONF_SCAN_SECTION ? check_section(s, err)
					    : check_pair(s, err);
}
