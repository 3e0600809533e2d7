/* SPDX-License-Identifier: MIT */
#include "cli/view.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ctldir.h"
#include "lib/str.h"

enum { OBJECTS_MAX = 65536 };

/* ---- the objects -------------------------------------------------------- */

/* Numbers in their order, whatever stands around them: 1-9 before 1-10. */
static int compare_ids(const void *a, const void *b)
{
	return strverscmp(a, b);
}

static int grow(struct view *v, size_t *room)
{
	size_t more = *room ? *room * 2 : 64;
	char(*ids)[VIEW_ID_SIZE];

	if (v->count < *room)
		return 0;
	ids = reallocarray(v->ids, more, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	v->ids = ids;
	*room = more;
	return 0;
}

static int read_names(struct view *v, DIR *dir)
{
	const struct dirent *e;
	size_t room = 0;
	int err = 0;

	while (!err && v->count < OBJECTS_MAX && (e = readdir(dir))) {
		if (!ctldir_is_id(e->d_name))
			continue;
		err = grow(v, &room);
		if (!err)
			str_copy(v->ids[v->count++], e->d_name, VIEW_ID_SIZE);
	}
	if (v->count)
		qsort(v->ids, v->count, sizeof(*v->ids), compare_ids);
	return err;
}

static int read_objects(struct view *v)
{
	const char *kind = ctlread_kind(v->folder);
	DIR *dir;
	int fd, err;

	v->objects_fd = kind ? ctlread_open(v->fd, kind) : -1;
	if (v->objects_fd < 0)
		return 0;
	fd = fcntl(v->objects_fd, F_DUPFD_CLOEXEC, 0);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return -ENOMEM;
	}
	err = read_names(v, dir);
	closedir(dir);
	return err;
}

/* ---- life --------------------------------------------------------------- */

static int fill(struct view *v)
{
	int err;

	v->status = ctlread_status(v->fd, &v->since_s);
	err = ctlread_snapshot(v->fd, "state", &v->state, NULL);
	if (err == -ENOMEM)
		return err;
	err = ctlread_file(v->fd, "counters", &v->counters, NULL);
	if (err == -ENOMEM)
		return err;
	return read_objects(v);
}

int view_open(const struct cli *cli, const char *section, struct view **ret)
{
	struct view *v = calloc(1, sizeof(*v));
	char path[512];
	int err = 0;

	if (!v)
		return -ENOMEM;
	v->objects_fd = -1;
	buf_init(&v->counters, CTLREAD_COUNTERS_MAX);
	cli_folder(cli, section, v->folder);
	snprintf(path, sizeof(path), "%s/%s",
		 conf_text(cli->conf, OPT_CONTROL_DIR), v->folder);
	v->fd = ctlread_open(AT_FDCWD, path);
	if (v->fd >= 0)
		err = fill(v);
	if (err)
		view_close(v);
	else
		*ret = v;
	return err;
}

void view_close(struct view *v)
{
	if (!v)
		return;
	if (v->objects_fd >= 0)
		close(v->objects_fd);
	if (v->fd >= 0)
		close(v->fd);
	if (v->state.text)
		snapshot_release(&v->state);
	buf_release(&v->counters);
	free(v->ids);
	free(v);
}

/* ---- facts -------------------------------------------------------------- */

int view_read(const struct view *v, const char *id, struct snapshot *ret)
{
	*ret = (struct snapshot){ 0 };
	if (v->objects_fd < 0 || !ctldir_is_id(id))
		return -ENOENT;
	return ctlread_snapshot(v->objects_fd, id, ret, NULL);
}

/* The line of the table that begins with the word. */
static const char *find_line(const char *table, const char *word)
{
	size_t n = strlen(word);

	while (*table) {
		if (!strncmp(table, word, n) && table[n] == ' ')
			return table + n + 1;
		table += strcspn(table, "\n");
		table += *table == '\n';
	}
	return NULL;
}

/* Which of the words of a line it is; -1 if it is none. */
static int find_column(const char *line, const char *key)
{
	size_t len = strlen(key);

	for (int i = 0;; i++) {
		size_t n = strcspn(line, " \n");

		if (n == len && !memcmp(line, key, n))
			return i;
		if (line[n] != ' ')
			return -1;
		line += n + 1;
	}
}

static bool copy_column(const char *line, int column, char *dst, size_t size)
{
	for (; column && *line; column--) {
		line += strcspn(line, " \n");
		if (*line != ' ')
			return false;
		line++;
	}
	snprintf(dst, size, "%.*s", (int)strcspn(line, " \n"), line);
	return *dst;
}

/* "# id bytes_sent ...", or what a table without titles has. */
static const char *find_titles(const struct view *v)
{
	const char *titles = find_line(buf_text(&v->counters), "# id");

	if (titles)
		return titles;
	return strcmp(v->folder, "streamer")
		       ? "bytes_sent size rate"
		       : "duration fps bitrate packets lost jitter rtmp_bytes "
			 "dropped reconnects";
}

static bool find_counter(struct view *v, const char *id, const char *key)
{
	const char *line = find_line(buf_text(&v->counters), id);
	int column = find_column(find_titles(v), key);

	return line && column >= 0 &&
	       copy_column(line, column, v->value, sizeof(v->value));
}

const char *view_get(struct view *v, const char *id, const struct snapshot *s,
		     const char *key)
{
	return find_counter(v, id, key) ? v->value : snapshot_get(s, key);
}

const char *view_state(const struct view *v, const char *key)
{
	const char *value = v->state.text ? snapshot_get(&v->state, key) : NULL;

	return value ? value : "";
}
