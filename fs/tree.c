/* SPDX-License-Identifier: MIT */
#include "fs/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/name.h"
#include "lib/hash.h"

/* In front of a node: how it is found. The public part comes last. */
struct entry {
	UT_hash_handle by_number, by_name;
	struct node node;
	/* What it is found by: the parent's number, then the name. */
	struct key {
		uint64_t parent;
		char name[];
	} key;
};

struct tree {
	struct entry *numbers, *names;
	struct node *root;
	uint64_t next;
	tree_gone_fn *gone;
	void *arg;
};

static struct entry *entry_of(const struct node *node)
{
	return container_of(node, struct entry, node);
}

/* The target of a link stands behind the name. */
static struct entry *new_entry(const char *name, const char *target)
{
	size_t name_size = strlen(name) + 1;
	size_t target_size = target ? strlen(target) + 1 : 0;
	struct entry *e = calloc(1, sizeof(*e) + name_size + target_size);

	if (!e)
		return NULL;
	memcpy(e->key.name, name, name_size);
	e->node.name = e->key.name;
	if (target)
		e->node.target =
			memcpy(e->key.name + name_size, target, target_size);
	list_init(&e->node.children);
	list_init(&e->node.sibling);
	return e;
}

static int index_entry(struct tree *t, struct entry *e)
{
	unsigned size = (unsigned)(sizeof(e->key.parent) + strlen(e->key.name));

	HASH_ADD(by_number, t->numbers, node.number, sizeof(e->node.number), e);
	if (!e->by_number.tbl)
		return -ENOMEM;
	HASH_ADD_KEYPTR(by_name, t->names, &e->key, size, e);
	if (e->by_name.tbl)
		return 0;
	HASH_DELETE(by_number, t->numbers, e);
	return -ENOMEM;
}

static int add(struct tree *t, struct node *parent, const char *name,
	       const char *target, struct node **ret)
{
	struct entry *e;

	if (!*name || strlen(name) > NAME_BYTES)
		return -ENAMETOOLONG;
	if (tree_child(t, parent, name) ||
	    layout_find(parent->layout, name) >= 0)
		return -EEXIST;
	e = new_entry(name, target);
	if (!e)
		return -ENOMEM;
	e->node.number = t->next;
	e->key.parent = parent->number;
	if (index_entry(t, e)) {
		free(e);
		return -ENOMEM;
	}
	t->next++;
	e->node.parent = parent;
	*ret = &e->node;
	return 0;
}

static void link_child(struct node *parent, struct node *node, int64_t now_ms)
{
	list_add_tail(&parent->children, &node->sibling);
	parent->child_count++;
	parent->dir_count += !node->target;
	parent->changed_ms = node->changed_ms = now_ms;
}

int tree_add_dir(struct tree *t, struct node *parent, const char *name,
		 const struct layout *layout, void *owner, int64_t now_ms,
		 struct node **ret)
{
	int err = add(t, parent, name, NULL, ret);

	if (err)
		return err;
	(*ret)->layout = layout;
	(*ret)->owner = owner;
	link_child(parent, *ret, now_ms);
	return 0;
}

int tree_add_link(struct tree *t, struct node *parent, const char *name,
		  const char *target, int64_t now_ms, struct node **ret)
{
	int err = add(t, parent, name, target, ret);

	if (!err)
		link_child(parent, *ret, now_ms);
	return err;
}

int tree_new(const struct layout *root, int64_t now_ms, struct tree **ret)
{
	struct tree *t = calloc(1, sizeof(*t));
	struct entry *e = t ? new_entry("", NULL) : NULL;

	if (!e || index_entry(t, e)) {
		free(e);
		free(t);
		return -ENOMEM;
	}
	t->next = 1;
	t->root = &e->node;
	t->root->parent = t->root;
	t->root->layout = root;
	t->root->changed_ms = now_ms;
	*ret = t;
	return 0;
}

void tree_free(struct tree *t)
{
	struct entry *e, *next;

	if (!t)
		return;
	HASH_CLEAR(by_name, t->names);
	HASH_ITER(by_number, t->numbers, e, next) {
		HASH_DELETE(by_number, t->numbers, e);
		free(e);
	}
	free(t);
}

void tree_on_gone(struct tree *t, tree_gone_fn *fn, void *arg)
{
	t->gone = fn;
	t->arg = arg;
}

struct node *tree_root(const struct tree *t)
{
	return t->root;
}

/* A node without children. */
static void remove_leaf(struct tree *t, struct node *node, int64_t now_ms)
{
	struct node *parent = node->parent;
	struct entry *e = entry_of(node);

	if (t->gone)
		t->gone(t->arg, tree_inode(parent, 0), tree_inode(node, 0),
			node->name);
	list_del(&node->sibling);
	parent->child_count--;
	parent->dir_count -= !node->target;
	parent->changed_ms = now_ms;
	HASH_DELETE(by_number, t->numbers, e);
	HASH_DELETE(by_name, t->names, e);
	free(e);
}

void tree_remove(struct tree *t, struct node *node, int64_t now_ms)
{
	struct node *at = node, *parent;

	/* Down to a leaf, then up again: no recursion, however deep it is. */
	while (at) {
		struct list *first = list_first(&at->children);

		if (first) {
			at = list_entry(first, struct node, sibling);
			continue;
		}
		parent = at == node ? NULL : at->parent;
		remove_leaf(t, at, now_ms);
		at = parent;
	}
}

struct node *tree_child(const struct tree *t, const struct node *parent,
			const char *name)
{
	struct {
		uint64_t parent;
		char name[NAME_BYTES + 1];
	} key;
	size_t len = strlen(name);
	struct entry *e;

	if (len > NAME_BYTES)
		return NULL;
	key.parent = parent->number;
	memcpy(key.name, name, len);
	HASH_FIND(by_name, t->names, &key, sizeof(key.parent) + len, e);
	return e ? &e->node : NULL;
}

struct node *tree_node(const struct tree *t, uint64_t number)
{
	struct entry *e;

	HASH_FIND(by_number, t->numbers, &number, sizeof(number), e);
	return e ? &e->node : NULL;
}

struct node *tree_find(const struct tree *t, uint64_t inode, unsigned *ret_slot)
{
	unsigned slot = (unsigned)((inode - 1) & 63);
	struct node *node = inode ? tree_node(t, (inode - 1) >> 6) : NULL;

	if (!node || (slot && (!node->layout || slot > node->layout->count)))
		return NULL;
	*ret_slot = slot;
	return node;
}
