/* SPDX-License-Identifier: MIT */
#include "cli/listing.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli/cli.h"
#include "lib/str.h"

enum { COLUMNS_MAX = 16, LABEL_MAX = 64, VALUE_MAX = 4096 };

void listing_init(struct listing *l)
{
	*l = (struct listing){ .rows = json_array() };
	l->err = l->rows ? 0 : -ENOMEM;
}

void listing_release(struct listing *l)
{
	json_decref(l->rows);
	*l = (struct listing){ .rows = NULL };
}

void listing_next(struct listing *l)
{
	l->row = NULL;
}

/* jansson takes UTF-8 alone; elsewhere control characters become '?'. */
static json_t *make_value(const char *value)
{
	char text[VALUE_MAX];

	if (!value)
		return json_null();
	str_copy(text, value, sizeof(text));
	str_clean(text);
	if (!str_is_utf8(text, strlen(text)))
		for (char *p = text; *p; p++)
			if (*p & 0x80)
				*p = '?';
	return json_string(text);
}

void listing_add(struct listing *l, const char *label, const char *value)
{
	if (!l->row && !l->err) {
		l->row = json_array();
		l->err = json_array_append_new(l->rows, l->row) ? -ENOMEM : 0;
	}
	if (!l->err &&
	    json_array_append_new(l->row,
				  json_pack("[s,o]", label, make_value(value))))
		l->err = -ENOMEM;
}

static const char *label_of(const json_t *pair)
{
	return json_string_value(json_array_get(pair, 0));
}

static const char *text_of(const json_t *pair, const char *none)
{
	const char *text = json_string_value(json_array_get(pair, 1));

	return text && *text ? text : none;
}

static void make_key(const char *label, char *dst, size_t size)
{
	size_t n = 0;

	for (; *label && n < size - 1; label++)
		dst[n++] = isalnum((unsigned char)*label)
				   ? (char)tolower((unsigned char)*label)
				   : '_';
	dst[n] = '\0';
}

static json_t *make_object(const json_t *row)
{
	json_t *object = json_object(), *pair;
	char key[LABEL_MAX];
	size_t i;

	json_array_foreach(row, i, pair) {
		make_key(label_of(pair), key, sizeof(key));
		if (json_object_set(object, key, json_array_get(pair, 1))) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

/* NULL where memory ran out. */
static int print_json(json_t *take_value)
{
	int err = take_value ? 0 : -ENOMEM;

	if (!err && json_dumpf(take_value, stdout, JSON_INDENT(2)))
		err = -EIO;
	if (!err)
		putchar('\n');
	json_decref(take_value);
	return err;
}

static void print_pairs(const json_t *row, int width)
{
	json_t *pair;
	size_t i;

	json_array_foreach(row, i, pair)
		printf("%-*s: %s\n", width, label_of(pair),
		       text_of(pair, "none"));
}

/* Characters, not bytes: good enough for columns. */
static int width_of(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static void measure(const json_t *row, bool titles, int widths[COLUMNS_MAX])
{
	size_t n = json_array_size(row);

	for (size_t i = 0; i < n && i < COLUMNS_MAX; i++) {
		const json_t *pair = json_array_get(row, i);
		int width =
			width_of(titles ? label_of(pair) : text_of(pair, "-"));

		if (width > widths[i])
			widths[i] = width;
	}
}

/* The last column is as long as it is. */
static void print_row(const json_t *row, bool titles,
		      const int widths[COLUMNS_MAX])
{
	size_t n = json_array_size(row);

	for (size_t i = 0; i < n && i < COLUMNS_MAX; i++) {
		const json_t *pair = json_array_get(row, i);
		const char *text = titles ? label_of(pair) : text_of(pair, "-");
		int pad = widths[i] - width_of(text);

		printf("%s%*s", text, i + 1 < n ? pad + 2 : 0, "");
	}
	putchar('\n');
}

static void print_rows(const json_t *rows)
{
	const json_t *first = json_array_get(rows, 0);
	int widths[COLUMNS_MAX] = { 0 };
	json_t *row;
	size_t i;

	if (!first)
		return;
	measure(first, true, widths);
	json_array_foreach(rows, i, row)
		measure(row, false, widths);
	print_row(first, true, widths);
	json_array_foreach(rows, i, row)
		print_row(row, false, widths);
}

static json_t *make_array(const json_t *rows)
{
	json_t *array = json_array(), *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		if (!json_array_append_new(array, make_object(row)))
			continue;
		json_decref(array);
		return NULL;
	}
	return array;
}

static int end(struct listing *l)
{
	int err = l->err;

	listing_release(l);
	return err ? cli_failure(err, "%s", err_str(err)) : 0;
}

int listing_end_pairs(struct listing *l, int width, bool json)
{
	const json_t *row = json_array_get(l->rows, 0);

	if (!l->err && json)
		l->err = print_json(make_object(row));
	else if (!l->err)
		print_pairs(row, width);
	return end(l);
}

int listing_end_table(struct listing *l, bool json)
{
	if (!l->err && json)
		l->err = print_json(make_array(l->rows));
	else if (!l->err)
		print_rows(l->rows);
	return end(l);
}
