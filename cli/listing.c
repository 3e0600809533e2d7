/* SPDX-License-Identifier: MIT */
#include "cli/listing.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "lib/str.h"

enum { COLUMNS_MAX = 16, LABEL_MAX = 64, VALUE_MAX = 4096 };

struct listing {
	json_t *rows; /* each an array of pairs [label, value] */
	json_t *row;  /* the last of them */
};

int listing_new(struct listing **ret)
{
	struct listing *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->rows = json_array();
	if (!l->rows) {
		listing_free(l);
		return -ENOMEM;
	}
	*ret = l;
	return 0;
}

void listing_free(struct listing *l)
{
	if (!l)
		return;
	json_decref(l->rows);
	free(l);
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

int listing_add(struct listing *l, const char *label, const char *value)
{
	if (!l->row) {
		l->row = json_array();
		if (json_array_append_new(l->rows, l->row)) {
			l->row = NULL;
			return -ENOMEM;
		}
	}
	if (json_array_append_new(l->row,
				  json_pack("[s,o]", label, make_value(value))))
		return -ENOMEM;
	return 0;
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

static int print_json(json_t *take_value)
{
	int err = 0;

	if (!take_value)
		return -ENOMEM;
	if (json_dumpf(take_value, stdout, JSON_INDENT(2)))
		err = -EIO;
	putchar('\n');
	json_decref(take_value);
	return err;
}

int listing_print_pairs(struct listing *l, int width, bool json)
{
	json_t *row = json_array_get(l->rows, 0), *pair;
	size_t i;

	if (json)
		return print_json(make_object(row));
	json_array_foreach(row, i, pair)
		printf("%-*s: %s\n", width, label_of(pair),
		       text_of(pair, "none"));
	return 0;
}

/* Characters, not bytes: good enough for columns. */
static int width_of(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static void measure(const struct listing *l, int widths[COLUMNS_MAX])
{
	json_t *row, *pair;
	size_t i, j;

	json_array_foreach(l->rows, i, row)
		json_array_foreach(row, j, pair) {
			int title = width_of(label_of(pair));
			int n = width_of(text_of(pair, "-"));

			n = n > title ? n : title;
			if (j < COLUMNS_MAX && n > widths[j])
				widths[j] = n;
		}
}

/* The last column is as long as it is. */
static void print_row(const json_t *row, bool titles,
		      const int widths[COLUMNS_MAX])
{
	size_t i, n = json_array_size(row);

	for (i = 0; i < n && i < COLUMNS_MAX; i++) {
		const json_t *pair = json_array_get(row, i);
		const char *text = titles ? label_of(pair) : text_of(pair, "-");
		int pad = widths[i] - width_of(text);

		printf("%s%*s", text, i + 1 < n ? pad + 2 : 0, "");
	}
	putchar('\n');
}

static int print_array(const struct listing *l)
{
	json_t *array = json_array(), *row;
	size_t i;

	json_array_foreach(l->rows, i, row) {
		if (json_array_append_new(array, make_object(row))) {
			json_decref(array);
			return -ENOMEM;
		}
	}
	return print_json(array);
}

int listing_print_table(struct listing *l, bool json)
{
	int widths[COLUMNS_MAX] = { 0 };
	json_t *row;
	size_t i;

	if (json)
		return print_array(l);
	if (!json_array_size(l->rows))
		return 0;
	measure(l, widths);
	print_row(json_array_get(l->rows, 0), true, widths);
	json_array_foreach(l->rows, i, row)
		print_row(row, false, widths);
	return 0;
}
