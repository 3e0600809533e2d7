/* SPDX-License-Identifier: MIT */
#include "streamer/lookup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Goes on when nobody waits any more: who was in a hurry asks again soon. */
struct name {
	struct list node;
	struct list waiting;
	struct resolve *resolve;
	char host[];
};

static void free_name(struct name *n)
{
	list_del(&n->node);
	list_del(&n->waiting);
	resolve_cancel(n->resolve);
	free(n);
}

void lookups_init(struct lookups *lookups, struct loop *loop)
{
	lookups->loop = loop;
	list_init(&lookups->names);
}

void lookups_release(struct lookups *lookups)
{
	list_for_each_safe(it, &lookups->names)
		free_name(list_entry(it, struct name, node));
}

static void on_answer(void *arg, const struct resolve_result *result)
{
	struct name *n = arg;
	struct list *it;

	n->resolve = NULL;
	/* Out of the list first: from here on a question is a new one. */
	list_del(&n->node);
	while ((it = list_first(&n->waiting))) {
		struct lookup *l = list_entry(it, struct lookup, node);

		list_del(it);
		l->done(l->arg, result);
	}
	free_name(n);
}

static int new_name(struct lookups *lookups, const char *host,
		    struct name **ret)
{
	size_t size = strlen(host) + 1;
	struct name *n = calloc(1, sizeof(*n) + size);
	int err;

	if (!n)
		return -ENOMEM;
	memcpy(n->host, host, size);
	list_init(&n->node);
	list_init(&n->waiting);
	err = resolve_start(lookups->loop, host, on_answer, n, &n->resolve);
	if (err) {
		free_name(n);
		return err;
	}
	list_add_tail(&lookups->names, &n->node);
	*ret = n;
	return 0;
}

void lookup_init(struct lookup *l)
{
	list_init(&l->node);
}

int lookup_start(struct lookups *lookups, struct lookup *l, const char *host,
		 resolve_done_fn *done, void *arg)
{
	struct name *n = NULL;
	int err = 0;

	list_for_each(it, &lookups->names)
		if (!strcmp(list_entry(it, struct name, node)->host, host))
			n = list_entry(it, struct name, node);
	if (!n)
		err = new_name(lookups, host, &n);
	if (err)
		return err;
	l->done = done;
	l->arg = arg;
	list_add_tail(&n->waiting, &l->node);
	return 0;
}

void lookup_cancel(struct lookup *l)
{
	list_del(&l->node);
}
