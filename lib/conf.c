/* SPDX-License-Identifier: MIT */
#include "lib/conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ini.h>

#include "lib/conf_scan.h"
#include "lib/file.h"
#include "lib/str.h"

/* One line "key = value" of the file. */
struct pair {
	char *section, *key, *value;
	int line;
};

struct setting {
	struct schema_value value;
	int line;	  /* 0: the default */
	bool of_instance; /* from [section NAME] */
};

struct conf {
	struct setting settings[SCHEMA_COUNT];
	struct pair *pairs;
	size_t count, room;
	char *instance;
};

/*
 * inih reads the file through read_piece(), which hands it one checked line at
 * a time and therefore knows the number of the line whose setting arrives in
 * on_pair(). A line longer than inih's buffer goes in pieces, as a line and its
 * continuation lines; what inih makes of them is compared with the line, so
 * that nothing is silently read otherwise than it is written.
 */
struct parser {
	const char *path, *instance;
	struct conf *conf;
	struct err *err;
	int error; /* ends the reading */
	struct conf_scan scan;
	char section[64];
	bool instance_seen;
	bool in_pair;	  /* the line is a pair and not all of it is read */
	size_t fed;	  /* bytes of its value that inih has got */
	struct buf value; /* what inih made of them */
};

static int fail(struct parser *p, int code)
{
	if (code != -ENOMEM)
		err_prefix(p->err, "%s:%d", p->path, p->scan.number);
	p->error = code;
	return code;
}

static int fail_pair(struct parser *p, const struct pair *pair, int code)
{
	err_prefix(p->err, "%s.%s", pair->section, pair->key);
	return fail(p, code);
}

static char *copy(const struct conf_scan_slice *s)
{
	return strndup(s->p, s->len);
}

static void release_pair(struct pair *pair)
{
	free(pair->section);
	free(pair->key);
	free(pair->value);
}

static const struct pair *find_pair(const struct conf *conf,
				    const char *section, const char *key)
{
	for (size_t i = 0; i < conf->count; i++) {
		const struct pair *pair = &conf->pairs[i];

		if (!strcmp(pair->key, key) && !strcmp(pair->section, section))
			return pair;
	}
	return NULL;
}

static int grow_pairs(struct conf *conf)
{
	size_t room = conf->room ? conf->room * 2 : 32;
	struct pair *pairs;

	if (conf->count < conf->room)
		return 0;
	pairs = reallocarray(conf->pairs, room, sizeof(*pairs));
	if (!pairs)
		return -ENOMEM;
	conf->pairs = pairs;
	conf->room = room;
	return 0;
}

/* Does the section's value count for the program that reads? */
static bool is_selected(const struct parser *p, const char *section)
{
	const char *name = strchr(section, ' ');

	return !name || (p->instance && !strcmp(name + 1, p->instance));
}

/* Of another section: [uploader], [uploader NAME]. */
static int check_own(struct parser *p, const struct pair *pair)
{
	size_t word = strcspn(pair->section, " ");

	for (size_t i = 0; i < p->conf->count; i++) {
		const struct pair *other = &p->conf->pairs[i];

		if (!strcmp(other->key, pair->key) &&
		    !strcmp(other->value, pair->value) &&
		    !strncmp(other->section, pair->section, word))
			return err_set(p->err, -EINVAL,
				       "is that of [%s] at line %d: each "
				       "instance must have its own",
				       other->section, other->line);
	}
	return 0;
}

static int check_option(struct parser *p, const struct pair *pair)
{
	bool of_instance = strchr(pair->section, ' '), is_own;
	struct schema_value value;
	struct setting *setting;
	enum schema_id id;
	int e;

	e = schema_find(pair->section, pair->key, &id, p->err);
	if (e)
		return e;
	if (schema_options[id].flags & SCHEMA_SECRET)
		return err_set(p->err, -EINVAL,
			       "a secret must not stand in this file; it "
			       "belongs into %s/%s/%s",
			       conf_text(p->conf, OPT_SECRETS_DIR),
			       schema_options[id].section, pair->key);
	e = schema_check(id, pair->value, &value, p->err);
	is_own = schema_options[id].flags & SCHEMA_OWN;
	if (!e && is_own && *pair->value)
		e = check_own(p, pair);
	setting = &p->conf->settings[id];
	if (e || !is_selected(p, pair->section) ||
	    (!of_instance && (setting->of_instance || (is_own && p->instance))))
		return e;
	*setting = (struct setting){ value, pair->line, of_instance };
	return 0;
}

static int check_free(struct parser *p, const struct pair *pair)
{
	if (!*pair->value)
		return err_set(p->err, -EINVAL, "must not be empty");
	return 0;
}

static int check_new(struct parser *p, const struct pair *pair)
{
	const struct pair *twin = find_pair(p->conf, pair->section, pair->key);

	if (twin)
		return err_set(p->err, -EINVAL,
			       "is set twice, first at line %d", twin->line);
	if (p->conf->count == CONF_KEYS_MAX)
		return err_set(p->err, -EINVAL,
			       "the file holds more than %d settings",
			       CONF_KEYS_MAX);
	return 0;
}

/* Checks a pair and, where it is good, keeps it. */
static int add_pair(struct parser *p, const struct pair *pair)
{
	int e = grow_pairs(p->conf);

	if (e)
		return fail(p, e);
	e = check_new(p, pair);
	if (!e)
		e = schema_is_free(pair->section) ? check_free(p, pair)
						  : check_option(p, pair);
	if (e)
		return fail_pair(p, pair, -EINVAL);
	p->conf->pairs[p->conf->count++] = *pair;
	return 0;
}

/* The line is read to its end: is it what was written? */
static int take_pair(struct parser *p)
{
	struct pair pair = { .line = p->scan.number };
	int e = -ENOMEM;

	p->in_pair = false;
	if (p->scan.value.len != p->value.len ||
	    memcmp(p->scan.value.p, buf_text(&p->value), p->value.len)) {
		err_set(p->err, -EINVAL,
			"the line cannot be read as it is written");
		return fail(p, -EINVAL);
	}
	pair.section = strdup(p->section);
	pair.key = copy(&p->scan.name);
	pair.value = copy(&p->scan.value);
	if (pair.section && pair.key && pair.value)
		e = add_pair(p, &pair);
	else
		fail(p, e);
	if (e)
		release_pair(&pair);
	return e;
}

static int on_pair(void *arg, const char *section, const char *name,
		   const char *value)
{
	struct parser *p = arg;
	int e = 0;

	if (!p->in_pair || strcmp(section, p->section) ||
	    !conf_scan_is(&p->scan.name, name))
		e = err_set(p->err, -EINVAL,
			    "the line cannot be read as it is written");
	else
		e = buf_add_str(&p->value, value);
	if (e)
		fail(p, e);
	return !e;
}

/* inih trims a continuation line and takes ; and # at its start for comment. */
static bool may_cut(const char *value, size_t at)
{
	return !strchr(" \t", value[at - 1]) && !strchr(" \t;#", value[at]);
}

/* How many bytes of the value go into a line with `room` bytes for them. */
static size_t next_cut(const struct parser *p, size_t room)
{
	const char *value = p->scan.value.p + p->fed;
	size_t left = p->scan.value.len - p->fed;

	if (left <= room)
		return left;
	while (room && !may_cut(value, room))
		room--;
	return room;
}

static char *feed_value(struct parser *p, char *dst, size_t size, size_t len)
{
	size_t n = len + 2 < size ? next_cut(p, size - len - 2) : 0;

	if (!n && p->fed < p->scan.value.len) {
		err_set(p->err, -EINVAL,
			"too many blanks in a row for the line to be read");
		fail(p, -EINVAL);
		return NULL;
	}
	memcpy(dst + len, p->scan.value.p + p->fed, n);
	memcpy(dst + len + n, "\n", 2);
	p->fed += n;
	return dst;
}

static char *feed_pair(struct parser *p, char *dst, size_t size)
{
	size_t n = p->scan.name.len;

	if (n + 2 > size) {
		fail(p, err_set(p->err, -EINVAL, "the key is too long"));
		return NULL;
	}
	p->in_pair = true;
	p->fed = 0;
	buf_clear(&p->value);
	memcpy(dst, p->scan.name.p, n);
	dst[n] = '=';
	return feed_value(p, dst, size, n + 1);
}

static char *feed_section(struct parser *p, char *dst, size_t size)
{
	int e, n;

	n = snprintf(p->section, sizeof(p->section), "%.*s",
		     (int)p->scan.name.len, p->scan.name.p);
	e = schema_check_section(p->section, p->err);
	if (!e && (size_t)n + 4 > size)
		e = err_set(p->err, -EINVAL, "the section's name is too long");
	if (e) {
		fail(p, -EINVAL);
		return NULL;
	}
	if (is_selected(p, p->section) && strchr(p->section, ' '))
		p->instance_seen = true;
	snprintf(dst, size, "[%s]\n", p->section);
	return dst;
}

/* As fgets() for inih: the next line, or the next piece of a long one. */
static char *read_piece(char *dst, int size, void *arg)
{
	struct parser *p = arg;

	if (p->error)
		return NULL;
	if (p->in_pair && p->fed < p->scan.value.len) {
		dst[0] = ' ';
		return feed_value(p, dst, (size_t)size, 1);
	}
	if (p->in_pair && take_pair(p))
		return NULL;
	if (!conf_scan_next(&p->scan))
		return NULL;
	if (conf_scan_check(&p->scan, p->err)) {
		fail(p, -EINVAL);
		return NULL;
	}
	if (p->scan.kind == CONF_SCAN_SECTION)
		return feed_section(p, dst, (size_t)size);
	if (p->scan.kind == CONF_SCAN_PAIR && *p->section)
		return feed_pair(p, dst, (size_t)size);
	if (p->scan.kind == CONF_SCAN_PAIR) {
		fail(p, err_set(p->err, -EINVAL,
				"a setting before the first [section]"));
		return NULL;
	}
	return strcpy(dst, "\n");
}

static void set_defaults(struct conf *conf)
{
	struct schema_value value;

	for (size_t i = 0; i < SCHEMA_COUNT; i++) {
		const char *text = schema_options[i].default_text;

		/* The table's own test has checked them. */
		if (schema_check((enum schema_id)i, text, &value, NULL))
			value = (struct schema_value){ .text = text };
		conf->settings[i].value = value;
	}
}

static int run_parser(struct parser *p)
{
	if (ini_parse_stream(read_piece, p, on_pair, p) && !p->error) {
		err_set(p->err, -EINVAL,
			"the line cannot be read as it is written");
		fail(p, -EINVAL);
	}
	if (!p->error && p->instance && !p->instance_seen)
		p->error = err_set(p->err, -EINVAL,
				   "%s: no section [uploader %s] for the "
				   "instance",
				   p->path, p->instance);
	return p->error;
}

int conf_parse(const char *path, const char *text, size_t len,
	       const char *instance, struct conf **ret_conf, struct err *err)
{
	struct parser p = { .path = path, .instance = instance, .err = err };
	int e = -ENOMEM;

	p.conf = calloc(1, sizeof(*p.conf));
	if (p.conf && !str_replace(&p.conf->instance, instance)) {
		set_defaults(p.conf);
		buf_init(&p.value, CONF_LINE_MAX);
		conf_scan_init(&p.scan, text, len);
		e = run_parser(&p);
		buf_release(&p.value);
	}
	if (e) {
		conf_free(p.conf);
		return e == -ENOMEM
			       ? err_set(err, e, "%s: %s", path, err_str(e))
			       : e;
	}
	*ret_conf = p.conf;
	return 0;
}

static int read_file(const char *path, struct buf *text, struct err *err)
{
	int e = file_read(path, text);

	if (e == -EMSGSIZE)
		err_set(err, e, "%s: larger than %d bytes", path,
			CONF_FILE_MAX);
	else if (e)
		err_set(err, e, "%s: cannot be read: %s", path, err_str(e));
	return e;
}

int conf_load(const char *path, const char *instance, struct conf **ret_conf,
	      struct err *err)
{
	struct buf text;
	int e;

	buf_init(&text, CONF_FILE_MAX);
	e = read_file(path, &text, err);
	if (!e)
		e = conf_parse(path, buf_text(&text), text.len, instance,
			       ret_conf, err);
	buf_release(&text);
	return e;
}

/* The line that a sentence of fail() is about, 0: none. */
static size_t fault_line(const char *path, const struct err *err)
{
	size_t n = strlen(path);

	return !strncmp(err->text, path, n) && err->text[n] == ':'
		       ? strtoul(err->text + n + 1, NULL, 10)
		       : 0;
}

static size_t line_len(const uint8_t *at, size_t left)
{
	const uint8_t *end = memchr(at, '\n', left);

	return end ? (size_t)(end - at) : left;
}

static bool is_section(const uint8_t *at, size_t left)
{
	while (left && (*at == ' ' || *at == '\t'))
		at++, left--;
	return left && *at == '[';
}

/* Empties the line; a section's goes with all that is below it. */
static void hide_line(struct buf *text, size_t number)
{
	size_t at = 0, len;
	bool section;

	while (--number && at < text->len)
		at += line_len(text->data + at, text->len - at) + 1;
	if (at >= text->len)
		return;
	section = is_section(text->data + at, text->len - at);
	do {
		len = line_len(text->data + at, text->len - at);
		memmove(text->data + at, text->data + at + len,
			text->len - at - len);
		text->len -= len;
		at++;
	} while (section && at < text->len &&
		 !is_section(text->data + at, text->len - at));
}

int conf_check(const char *path, const char *instance, conf_say_fn *say,
	       void *arg, struct conf **ret_conf)
{
	struct buf text;
	struct err err;
	size_t line = 1;
	int e, first = 0;

	buf_init(&text, CONF_FILE_MAX);
	e = read_file(path, &text, &err);
	if (e)
		say(arg, err.text);
	for (int i = 0; !e && line && i < CONF_FAULTS_MAX; i++) {
		/* One that was cleared of faults is not what was written. */
		struct conf *conf = NULL;
		int code = conf_parse(path, buf_text(&text), text.len, instance,
				      &conf, &err);

		if (!code && !first)
			*ret_conf = conf;
		else
			conf_free(conf);
		if (!code)
			break;
		say(arg, err.text);
		first = first && code != -ENOMEM ? first : code;
		line = fault_line(path, &err);
		if (line)
			hide_line(&text, line);
	}
	buf_release(&text);
	return e ? e : first;
}

void conf_free(struct conf *conf)
{
	if (!conf)
		return;
	for (size_t i = 0; i < conf->count; i++)
		release_pair(&conf->pairs[i]);
	free(conf->pairs);
	free(conf->instance);
	free(conf);
}

const char *conf_instance(const struct conf *conf)
{
	return conf->instance;
}

const char *conf_text(const struct conf *conf, enum schema_id id)
{
	return conf->settings[id].value.text;
}

uint64_t conf_number(const struct conf *conf, enum schema_id id)
{
	return conf->settings[id].value.number;
}

bool conf_bool(const struct conf *conf, enum schema_id id)
{
	return conf->settings[id].value.number;
}

const char *conf_free_key(const struct conf *conf, const char *section,
			  size_t i, const char **ret_value)
{
	for (size_t k = 0; k < conf->count; k++) {
		const struct pair *pair = &conf->pairs[k];

		if (strcmp(pair->section, section) || i--)
			continue;
		*ret_value = pair->value;
		return pair->key;
	}
	return NULL;
}

const char *conf_find(const struct conf *conf, const char *section,
		      const char *key)
{
	const struct pair *pair = find_pair(conf, section, key);

	return pair ? pair->value : NULL;
}
