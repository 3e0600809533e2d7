/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_LIST_H
#define UPCAST_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/attr.h"

/*
 * Intrusive doubly linked list. A `struct list` is both the head and the
 * member of an entry; an empty head and an unlinked entry point to themselves,
 * so list_del() on an initialised entry is always safe, also twice.
 *
 *	struct job { struct list node; };
 *	struct list jobs = LIST_INIT(jobs);
 *	list_add_tail(&jobs, &job->node);
 *	list_for_each(it, &jobs)
 *		use(list_entry(it, struct job, node));
 */
struct list {
	struct list *prev, *next;
};

#define LIST_INIT(name) { &(name), &(name) }

#define list_entry(ptr, type, member) container_of(ptr, type, member)

/* Walks the list; the entry at `it` must stay linked meanwhile. */
#define list_for_each(it, head)                                                \
	for (struct list *it = (head)->next; it != (head); it = it->next)

/* Walks the list; the entry at `it` may be unlinked and freed meanwhile. */
#define list_for_each_safe(it, head)                                           \
	for (struct list *it = (head)->next, *it##_next = it->next;            \
	     it != (head); it = it##_next, it##_next = it->next)

static inline void list_init(struct list *l)
{
	l->prev = l->next = l;
}

static inline bool list_is_empty(const struct list *head)
{
	return head->next == head;
}

static inline void list_add_tail(struct list *head, struct list *l)
{
	l->prev = head->prev;
	l->next = head;
	head->prev->next = l;
	head->prev = l;
}

static inline void list_del(struct list *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	list_init(l);
}

/* Moves all entries of `from` to the empty list `to`. */
static inline void list_take(struct list *to, struct list *from)
{
	list_init(to);
	if (list_is_empty(from))
		return;
	to->next = from->next;
	to->prev = from->prev;
	to->next->prev = to;
	to->prev->next = to;
	list_init(from);
}

static inline struct list *list_first(const struct list *head)
{
	return list_is_empty(head) ? NULL : head->next;
}

#endif
