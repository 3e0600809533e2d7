/* SPDX-License-Identifier: MIT */
#include "cli/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ctlread.h"
#include "lib/str.h"

/* ---- life --------------------------------------------------------------- */

static int is_object(const struct dirent *e)
{
	return ctlread_is_id(e->d_name);
}

/* Numbers in their order, whatever stands around them: 1-9 before 1-10. */
static int read_objects(struct view *v)
{
	const char *kind = ctlread_kind(v->folder);
	int n;

	v->objects_fd = kind ? ctlread_open(v->fd, kind) : -1;
	if (v->objects_fd < 0)
		return 0;
	n = scandirat(v->fd, kind, &v->objects, is_object, versionsort);
	v->count = n < 0 ? 0 : (size_t)n;
	return n < 0 && errno == ENOMEM ? -ENOMEM : 0;
}

static int fill(struct view *v)
{
	int err;

	v->status = ctlread_status(v->fd, &v->since_s);
	err = ctlread_snapshot(v->fd, "state", &v->state, NULL);
	if (err != -ENOMEM)
		err = ctlread_file(v->fd, "counters", &v->counters, NULL);
	return err == -ENOMEM ? err : read_objects(v);
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
	for (size_t i = 0; i < v->count; i++)
		free(v->objects[i]);
	free(v->objects);
	free(v);
}

const char *view_id(const struct view *v, size_t i)
{
	return v->objects[i]->d_name;
}

/* ---- facts -------------------------------------------------------------- */

int view_read(const struct view *v, const char *id, struct snapshot *ret)
{
	*ret = (struct snapshot){ 0 };
	if (v->objects_fd < 0 || !ctlread_is_id(id))
		return -ENOENT;
	return ctlread_snapshot(v->objects_fd, id, ret, NULL);
}

/* The line of the table that begins with the word, behind it. */
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

/* The next word of a line, which may be empty; false at its end. */
static bool next_word(const char **at, const char **ret, size_t *ret_len)
{
	if (!**at || **at == '\n')
		return false;
	*at += **at == ' ';
	*ret = *at;
	*ret_len = strcspn(*at, " \n");
	*at += *ret_len;
	return true;
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

/* Goes along titles and values together. */
static bool find_counter(struct view *v, const char *id, const char *key)
{
	const char *titles = find_titles(v), *title, *word;
	const char *line = find_line(buf_text(&v->counters), id);
	size_t title_len, len, n = strlen(key);

	while (line && next_word(&titles, &title, &title_len) &&
	       next_word(&line, &word, &len)) {
		if (title_len != n || memcmp(title, key, n))
			continue;
		snprintf(v->value, sizeof(v->value), "%.*s", (int)len, word);
		return len;
	}
	return false;
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
