/* SPDX-License-Identifier: MIT */
/* The editor of lib/conf: one key at a time, all else left as it is. */
#include "lib/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/conf_scan.h"
#include "lib/file.h"
#include "lib/mono.h"

enum { LOCK_WAIT_MS = 10000, LOCK_PAUSE_MS = 20 };

/* What it is about. */
struct edit {
	const char *section, *key, *value; /* value NULL: remove */
};

/* Where a new line is put: the better, the later in this list. */
enum rank { RANK_NONE, RANK_HEADER, RANK_PAIR, RANK_EXAMPLE };

struct place {
	bool found;
	struct conf_scan hit; /* the line that sets the key now */
	enum rank rank;
	const char *after; /* the end of the line before a new one */
};

/* Is it "; key = ..."? */
static bool is_example(const struct conf_scan *s, const char *key)
{
	const char *p = s->body.p + 1, *end = s->body.p + s->body.len;
	size_t n = strlen(key);

	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if ((size_t)(end - p) <= n || memcmp(p, key, n))
		return false;
	for (p += n; p < end && (*p == ' ' || *p == '\t'); p++)
		;
	return p < end && *p == '=';
}

static enum rank rank_of(const struct conf_scan *s, const char *key)
{
	if (s->kind == CONF_SCAN_PAIR)
		return RANK_PAIR;
	if (s->kind == CONF_SCAN_COMMENT && is_example(s, key))
		return RANK_EXAMPLE;
	return RANK_NONE;
}

static void find_place(const char *text, size_t len, const struct edit *edit,
		       struct place *ret)
{
	bool here = false;
	struct conf_scan s;
	enum rank rank;

	*ret = (struct place){ .after = text + len };
	conf_scan_init(&s, text, len);
	while (conf_scan_next(&s) && !ret->found) {
		rank = RANK_NONE;
		if (s.body.len && *s.body.p == '[') {
			here = conf_scan_is(&s.name, edit->section);
			rank = here && !ret->rank ? RANK_HEADER : RANK_NONE;
		} else if (here) {
			rank = rank_of(&s, edit->key);
		}
		ret->found = here && s.kind == CONF_SCAN_PAIR &&
			     conf_scan_is(&s.name, edit->key);
		if (ret->found)
			ret->hit = s;
		/* The last of the pairs, but the first of other places. */
		if (rank > ret->rank ||
		    (rank == RANK_PAIR && ret->rank == RANK_PAIR)) {
			ret->rank = rank;
			ret->after = s.at;
		}
	}
}

/* Would these bytes be read as just this line? */
static bool is_line(const void *line, size_t len, enum conf_scan_kind kind,
		    const char *name, const char *value)
{
	struct conf_scan s;

	conf_scan_init(&s, line, len);
	return conf_scan_next(&s) && s.at == s.end && s.kind == kind &&
	       !conf_scan_check(&s, NULL) && conf_scan_is(&s.name, name) &&
	       conf_scan_is(&s.value, value);
}

/* The line end that the text uses. */
static const char *line_end(const char *text, size_t len)
{
	const char *nl = memchr(text, '\n', len);

	return nl && nl > text && nl[-1] == '\r' ? "\r\n" : "\n";
}

static int add_newline(struct buf *dst, const char *nl)
{
	if (!dst->len || dst->data[dst->len - 1] == '\n')
		return 0;
	return buf_add_str(dst, nl);
}

static int add_header(struct buf *dst, const struct edit *edit, const char *nl)
{
	size_t start;
	int err = 0;

	if (dst->len)
		err = buf_add_str(dst, nl);
	start = dst->len;
	if (!err)
		err = buf_printf(dst, "[%s]%s", edit->section, nl);
	if (!err && !is_line(dst->data + start, dst->len - start,
			     CONF_SCAN_SECTION, edit->section, ""))
		err = -EINVAL;
	return err;
}

static int add_line(struct buf *dst, const struct edit *edit, const char *nl)
{
	size_t start = dst->len;
	int err = buf_printf(dst, "%s =%s%s%s", edit->key,
			     *edit->value ? " " : "", edit->value, nl);

	if (!err && !is_line(dst->data + start, dst->len - start,
			     CONF_SCAN_PAIR, edit->key, edit->value))
		err = -EINVAL;
	return err;
}

static int insert(const char *text, size_t len, const struct edit *edit,
		  const struct place *place, struct buf *dst)
{
	const char *nl = line_end(text, len);
	int err = buf_add(dst, text, (size_t)(place->after - text));

	if (!err)
		err = add_newline(dst, nl);
	if (!err && place->rank == RANK_NONE)
		err = add_header(dst, edit, nl);
	if (!err)
		err = add_line(dst, edit, nl);
	if (!err)
		err = buf_add(dst, place->after,
			      (size_t)(text + len - place->after));
	return err;
}

/* The value in the line changes, or the line goes. */
static int replace(const char *text, size_t len, const struct edit *edit,
		   const struct conf_scan *hit, struct buf *dst)
{
	const char *from = edit->value ? hit->value.p : hit->line.p;
	const char *to = edit->value ? hit->value.p + hit->value.len : hit->at;
	size_t start = dst->len + (size_t)(hit->line.p - text);
	size_t shorter = (size_t)(to - from);
	size_t size = hit->line.len - shorter;
	int err = buf_add(dst, text, (size_t)(from - text));

	if (!err && edit->value)
		err = buf_add_str(dst, edit->value);
	if (!err)
		err = buf_add(dst, to, (size_t)(text + len - to));
	if (err || !edit->value)
		return err;
	size += strlen(edit->value);
	return is_line(dst->data + start, size, CONF_SCAN_PAIR, edit->key,
		       edit->value)
		       ? 0
		       : -EINVAL;
}

int conf_edit(const char *text, size_t len, const char *section,
	      const char *key, const char *value, struct buf *dst)
{
	struct edit edit = { section, key, value };
	size_t start = dst->len;
	struct place place;
	int err;

	find_place(text, len, &edit, &place);
	if (place.found)
		err = replace(text, len, &edit, &place.hit, dst);
	else if (value)
		err = insert(text, len, &edit, &place, dst);
	else
		err = buf_add(dst, text, len);
	if (err && dst->data) {
		dst->len = start;
		dst->data[start] = '\0';
	}
	return err;
}

/* One conf_set(): from the file as it is to the draft that replaces it. */
struct change {
	char *path; /* links followed: what is renamed over is the file */
	int lock_fd;
	struct buf old, edited, check;
	struct file_draft draft;
};

static void change_init(struct change *c)
{
	*c = (struct change){ .lock_fd = -1, .draft = { .fd = -1 } };
	buf_init(&c->old, CONF_FILE_MAX);
	buf_init(&c->edited, CONF_FILE_MAX);
	buf_init(&c->check, CONF_FILE_MAX);
}

static void change_release(struct change *c)
{
	file_draft_release(&c->draft);
	buf_release(&c->old);
	buf_release(&c->edited);
	buf_release(&c->check);
	if (c->lock_fd >= 0)
		close(c->lock_fd);
	free(c->path);
}

static int check_new_value(const struct edit *edit, struct err *err)
{
	struct schema_value v;
	enum schema_id id;
	int e;

	if (schema_is_free(edit->section))
		return 0;
	e = schema_find(edit->section, edit->key, &id, err);
	if (!e && (schema_options[id].flags & SCHEMA_SECRET))
		e = err_set(err, -EINVAL,
			    "a secret is a file of its own, not a setting");
	else if (!e && edit->value)
		e = schema_check(id, edit->value, &v, err);
	if (e)
		err_prefix(err, "%s.%s", edit->section, edit->key);
	return e;
}

/* Open file description locks wait for other threads, too (fcntl(2)). */
static int lock_file(struct change *c)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };
	uint64_t end = mono_ms() + LOCK_WAIT_MS;
	char *path;

	if (asprintf(&path, "%s.lock", c->path) < 0)
		return -ENOMEM;
	c->lock_fd =
		open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	free(path);
	if (c->lock_fd < 0)
		return -errno;
	while (fcntl(c->lock_fd, F_OFD_SETLK, &fl)) {
		if (errno != EAGAIN && errno != EACCES)
			return -errno;
		if (mono_ms() >= end)
			return -EAGAIN;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int read_old(struct change *c)
{
	int err = file_read(c->path, &c->old);

	/* -EINVAL is what a value gets that cannot be written. */
	return err == -ENOENT ? 0 : err == -EINVAL ? -ENOTSUP : err;
}

static int keep_owner(struct change *c)
{
	struct stat st, now;

	if (stat(c->path, &st))
		return errno != ENOENT		   ? -errno
		       : fchmod(c->draft.fd, 0644) ? -errno
						   : 0;
	if (fstat(c->draft.fd, &now))
		return -errno;
	if ((st.st_uid != now.st_uid || st.st_gid != now.st_gid) &&
	    fchown(c->draft.fd, st.st_uid, st.st_gid))
		return -errno;
	return fchmod(c->draft.fd, st.st_mode & 07777) ? -errno : 0;
}

static int write_draft(struct change *c)
{
	int err = file_draft_open(&c->draft, c->path);

	if (!err)
		err = file_draft_write(&c->draft, c->edited.data,
				       c->edited.len);
	if (!err)
		err = keep_owner(c);
	if (!err)
		err = file_read(c->draft.temp, &c->check);
	return err;
}

/* What is on the disk now must be good, and hold the value. */
static int check_draft(struct change *c, const struct edit *edit,
		       struct err *err)
{
	const char *got;
	struct conf *conf;
	int e = conf_parse(c->path, buf_text(&c->check), c->check.len, NULL,
			   &conf, err);

	if (e)
		return e;
	got = conf_find(conf, edit->section, edit->key);
	if (edit->value ? !got || strcmp(got, edit->value) : got != NULL)
		e = err_set(err, -EIO,
			    "%s: %s.%s does not read back as written", c->path,
			    edit->section, edit->key);
	conf_free(conf);
	return e;
}

static int resolve(struct change *c, const char *path)
{
	c->path = realpath(path, NULL);
	if (c->path)
		return 0;
	if (errno != ENOENT)
		return -errno;
	c->path = strdup(path);
	return c->path ? 0 : -ENOMEM;
}

/* Up to the draft: what fails here fails with the system's words. */
static int prepare(struct change *c, const char *path, const struct edit *edit)
{
	int err = resolve(c, path);

	if (!err)
		err = lock_file(c);
	if (!err)
		err = read_old(c);
	if (!err)
		err = conf_edit(buf_text(&c->old), c->old.len, edit->section,
				edit->key, edit->value, &c->edited);
	if (!err)
		err = write_draft(c);
	return err;
}

static int explain(int e, const char *path, const struct edit *edit,
		   struct err *err)
{
	if (e == -EINVAL)
		return err_set(err, e,
			       "%s: %s.%s cannot be written so that it is "
			       "read again (no line ends, no \" ;\", no blanks "
			       "at the ends, UTF-8)",
			       path, edit->section, edit->key);
	if (e == -EAGAIN)
		return err_set(err, e,
			       "%s: somebody else changes it since %d s "
			       "(%s.lock)",
			       path, LOCK_WAIT_MS / 1000, path);
	return err_set(err, e, "%s: cannot be changed: %s", path, err_str(e));
}

int conf_set(const char *path, const char *section, const char *key,
	     const char *value, struct err *err)
{
	struct edit edit = { section, key, value };
	struct change c;
	int e = check_new_value(&edit, err);

	if (e)
		return e;
	change_init(&c);
	e = prepare(&c, path, &edit);
	if (e) {
		explain(e, path, &edit, err);
		goto out;
	}
	e = check_draft(&c, &edit, err);
	if (e)
		goto out;
	e = file_draft_commit(&c.draft);
	if (e)
		explain(e, path, &edit, err);
out:
	change_release(&c);
	return e;
}
