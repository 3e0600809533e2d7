/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_FS_TREE_H
#define UPCAST_FS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/layout.h"
#include "lib/attr.h"
#include "lib/list.h"

/*
 * The tree of folders and symbolic links. Pure.
 *
 * Files have no node: a folder's layout names them, and their inode number is
 * the folder's and their slot. Numbers are given once and never again while
 * the tree lives, so an inode is one thing for ever; the root's is 1.
 *
 * The tree owns its nodes. Names are those that name_encode() made. Children
 * stand in the order in which they came, which is the order of their numbers.
 */
struct tree;

struct node {
	uint64_t number;
	struct node *parent; /* the root's is itself */
	const char *name;
	const char *target; /* of a link; NULL: a folder */
	const struct layout *layout;
	void *owner; /* what the folder's files are about, may be NULL */
	int64_t changed_ms;
	struct list sibling, children;
	unsigned child_count, dir_count; /* all, and the folders of them */
};

#define tree_for_each(child, dir)                                              \
	for (struct node *child =                                              \
		     list_entry((dir)->children.next, struct node, sibling);   \
	     &child->sibling != &(dir)->children;                              \
	     child = list_entry(child->sibling.next, struct node, sibling))

/* An entry is gone: its folder's inode, its own, its name. */
typedef void tree_gone_fn(void *arg, uint64_t parent, uint64_t inode,
			  const char *name);

int tree_new(const struct layout *root, int64_t now_ms,
	     struct tree **ret) ATTR_MUST_CHECK;
void tree_free(struct tree *t);
/* Whom to tell; what tree_free() removes is not told. */
void tree_on_gone(struct tree *t, tree_gone_fn *fn, void *arg);

struct node *tree_root(const struct tree *t);

/* `layout` may be NULL. -EEXIST, -ENAMETOOLONG, -ENOMEM. */
int tree_add_dir(struct tree *t, struct node *parent, const char *name,
		 const struct layout *layout, void *owner, int64_t now_ms,
		 struct node **ret) ATTR_MUST_CHECK;
int tree_add_link(struct tree *t, struct node *parent, const char *name,
		  const char *target, int64_t now_ms,
		  struct node **ret) ATTR_MUST_CHECK;
/* With all below it; NULL is fine. */
void tree_remove(struct tree *t, struct node *node, int64_t now_ms);

/* NULL if there is none (a file of the layout is none). */
struct node *tree_child(const struct tree *t, const struct node *parent,
			const char *name);
struct node *tree_node(const struct tree *t, uint64_t number);

/* Slot 0 is the node itself, slot i + 1 the file i of its layout. */
static inline uint64_t tree_inode(const struct node *node, unsigned slot)
{
	return (node->number << 6) + slot + 1;
}

/* NULL if there is none. */
struct node *tree_find(const struct tree *t, uint64_t inode,
		       unsigned *ret_slot);

#endif
