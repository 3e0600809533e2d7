/* SPDX-License-Identifier: MIT */
#include "tests/fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/model.h"
#include "fs/name.h"
#include "fs/render.h"

/*
 * The input is cut at each 0x1e into orders: a letter, an id of one letter,
 * then lines of a snapshot or a table. Afterwards the whole tree is walked:
 * names are names, links lead to a folder of the tree, every file can be read.
 */
static int64_t now_ms = 1795559467000;

static void put(struct model *m, const char *folder, const char *id,
		const char *text, size_t len)
{
	char copy[SNAPSHOT_MAX + 16];
	struct snapshot s;

	if (len > SNAPSHOT_MAX)
		return;
	memcpy(copy, "format=1\n", 9);
	memcpy(copy + 9, text, len);
	copy[9 + len] = '\n';
	if (snapshot_parse(copy, 9 + len + (len && copy[8 + len] != '\n'), &s))
		return;
	if (id ? model_set_object(m, folder, id, &s, now_ms) == -ENOMEM
	       : model_set_state(m, folder, &s, now_ms))
		abort();
	snapshot_release(&s);
}

static void run(struct model *m, const char *text, size_t len)
{
	char id[2] = "", *copy;
	const char *folder;

	if (len < 2)
		return;
	folder = text[0] & 1 ? "uploader" : "streamer";
	id[0] = (char)('a' + (unsigned char)text[1] % 8);
	copy = strndup(text + 2, len - 2);
	if (!copy)
		abort();
	switch (text[0] | 1) {
	case 'c':
		if (model_set_counters(m, folder, copy, now_ms))
			abort();
		break;
	case 'e':
		if (model_set_object(m, folder, id, NULL, now_ms))
			abort();
		break;
	case 'g':
		put(m, folder, NULL, text + 2, len - 2);
		break;
	case 'i':
		(void)!eventlog_add(&m->log, folder, copy, now_ms);
		break;
	default:
		put(m, folder, id, text + 2, len - 2);
	}
	free(copy);
	now_ms += 1000;
}

/* Follows a link as the kernel would, but never above the root. */
static void check_link(const struct model *m, const struct node *link)
{
	const struct node *at = link->parent;
	char *copy = strdup(link->target), *save = NULL;

	if (!copy)
		abort();
	for (char *p = strtok_r(copy, "/", &save); p;
	     p = strtok_r(NULL, "/", &save)) {
		if (!strcmp(p, ".."))
			at = at == tree_root(m->tree) ? NULL : at->parent;
		else
			at = tree_child(m->tree, at, p);
		if (!at)
			abort();
	}
	if (at->owner != link->owner)
		abort();
	free(copy);
}

static void check_node(const struct model *m, struct render *r,
		       const struct node *node)
{
	struct render_text text;

	if (node != tree_root(m->tree) &&
	    (!*node->name || strlen(node->name) > NAME_BYTES ||
	     strchr(node->name, '/') || strchr(node->name, '\n') ||
	     !strcmp(node->name, ".") || !strcmp(node->name, "..")))
		abort();
	if (node->target)
		check_link(m, node);
	for (unsigned i = 0; node->layout && i < node->layout->count; i++) {
		if (render_file(r, node, i, now_ms, &text))
			abort();
		if (model_object_of(node) && text.len &&
		    (memchr(text.text, '\n', text.len) !=
		     text.text + text.len - 1))
			abort();
	}
	list_for_each(it, &node->children)
		check_node(m, r, list_entry(it, struct node, sibling));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size, *cut;
	struct model *m;
	struct render *r;

	if (model_new(now_ms, &m) || render_new(m, &r))
		abort();
	for (; at < end; at = cut + 1) {
		cut = memchr(at, 0x1e, (size_t)(end - at));
		cut = cut ? cut : end;
		run(m, at, (size_t)(cut - at));
	}
	if (eventlog_sort(&m->log))
		abort();
	check_node(m, r, tree_root(m->tree));
	render_free(r);
	model_free(m);
	return 0;
}
