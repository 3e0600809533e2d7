/* SPDX-License-Identifier: MIT */
#include "lib/cms_xml.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <expat.h>

#include "lib/buf.h"

enum { NONE = UINT32_MAX, NODES_FIRST = 64 };

/* Offsets into the text and indices of nodes: both move while they grow. */
struct cms_xml_node {
	struct cms_xml *xml;
	uint32_t name, text, attrs; /* attrs: name, value, ..., "" */
	uint32_t first, last, next;
};

struct cms_xml {
	struct cms_xml_node *nodes;
	size_t count, size;
	struct buf text;

	/* while it is parsed */
	XML_Parser parser;
	uint32_t path[CMS_XML_DEPTH_MAX];
	int depth;
	struct buf leaf; /* text of the innermost element */
	int err;
};

static void stop(struct cms_xml *x, int err)
{
	if (!x->err)
		x->err = err;
	XML_StopParser(x->parser, XML_FALSE);
}

/* Adds a string with its NUL; NONE when that fails. */
static uint32_t keep(struct cms_xml *x, const char *s)
{
	uint32_t at = (uint32_t)x->text.len;
	int err = buf_add(&x->text, s, strlen(s) + 1);

	if (!err)
		return at;
	stop(x, err);
	return NONE;
}

static uint32_t keep_attrs(struct cms_xml *x, const char **attrs)
{
	uint32_t at = (uint32_t)x->text.len;
	int n;

	for (n = 0; attrs[n] && !x->err; n++)
		keep(x, attrs[n]);
	if (n > 2 * CMS_XML_ATTRS_MAX)
		stop(x, -EMSGSIZE);
	return x->err || keep(x, "") == NONE ? NONE : at;
}

static int grow(struct cms_xml *x)
{
	size_t size = x->size ? 2 * x->size : NODES_FIRST;
	struct cms_xml_node *nodes;

	if (x->count >= CMS_XML_NODES_MAX)
		return -EMSGSIZE;
	if (x->count < x->size)
		return 0;
	nodes = reallocarray(x->nodes, size, sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	x->nodes = nodes;
	x->size = size;
	return 0;
}

static void link_to_parent(struct cms_xml *x, uint32_t index)
{
	struct cms_xml_node *parent;

	if (!x->depth)
		return;
	parent = &x->nodes[x->path[x->depth - 1]];
	if (parent->first == NONE)
		parent->first = index;
	else
		x->nodes[parent->last].next = index;
	parent->last = index;
}

static void XMLCALL on_start(void *arg, const char *name, const char **attrs)
{
	struct cms_xml *x = arg;
	struct cms_xml_node *node;
	uint32_t index = (uint32_t)x->count;
	int err = x->depth < CMS_XML_DEPTH_MAX ? grow(x) : -EMSGSIZE;

	/* Expat may call on for a moment after a stop. */
	if (x->err)
		return;
	if (err) {
		stop(x, err);
		return;
	}
	node = &x->nodes[x->count++];
	*node = (struct cms_xml_node){ .xml = x,
				       .text = NONE,
				       .first = NONE,
				       .last = NONE,
				       .next = NONE };
	node->name = keep(x, name);
	node->attrs = keep_attrs(x, attrs);
	link_to_parent(x, index);
	x->path[x->depth++] = index;
	buf_clear(&x->leaf);
}

static void XMLCALL on_end(void *arg, const char *name)
{
	struct cms_xml *x = arg;
	struct cms_xml_node *node;

	if (x->err)
		return;
	node = &x->nodes[x->path[--x->depth]];
	if (node->first == NONE)
		node->text = keep(x, buf_text(&x->leaf));
	buf_clear(&x->leaf);
}

static void XMLCALL on_text(void *arg, const char *s, int n)
{
	struct cms_xml *x = arg;
	int err = x->err ? 0 : buf_add(&x->leaf, s, (size_t)n);

	if (err)
		stop(x, err);
}

static void XMLCALL on_doctype(void *arg, const char *name, const char *system,
			       const char *public_id, int has_internal)
{
	stop(arg, -EBADMSG);
}

/* Our own references, so that tests can let them fail. */
static XML_Parser make_parser(struct cms_xml *x)
{
	static const XML_Memory_Handling_Suite memory = { malloc, realloc,
							  free };
	XML_Parser p = XML_ParserCreate_MM(NULL, &memory, NULL);

	if (!p)
		return NULL;
	XML_SetUserData(p, x);
	XML_SetElementHandler(p, on_start, on_end);
	XML_SetCharacterDataHandler(p, on_text);
	XML_SetStartDoctypeDeclHandler(p, on_doctype);
	return p;
}

static int parse(struct cms_xml *x, const void *data, size_t len)
{
	if (len > INT_MAX)
		return -EMSGSIZE;
	if (XML_Parse(x->parser, data, (int)len, XML_TRUE) == XML_STATUS_OK)
		return x->err;
	if (x->err)
		return x->err;
	return XML_GetErrorCode(x->parser) == XML_ERROR_NO_MEMORY ? -ENOMEM
								  : -EBADMSG;
}

int cms_xml_parse(const void *data, size_t len, struct cms_xml **ret)
{
	struct cms_xml *x = calloc(1, sizeof(*x));
	int err;

	if (!x)
		return -ENOMEM;
	buf_init(&x->text, CMS_XML_TEXT_MAX);
	buf_init(&x->leaf, CMS_XML_TEXT_MAX);
	x->parser = make_parser(x);
	err = x->parser ? parse(x, data, len) : -ENOMEM;
	if (x->parser)
		XML_ParserFree(x->parser);
	buf_release(&x->leaf);
	if (err)
		cms_xml_free(x);
	else
		*ret = x;
	return err;
}

void cms_xml_free(struct cms_xml *x)
{
	if (!x)
		return;
	/* It may hold the stream's password. */
	buf_wipe(&x->text);
	free(x->nodes);
	free(x);
}

static const char *text_at(const struct cms_xml *x, uint32_t at)
{
	return buf_text(&x->text) + at;
}

static const struct cms_xml_node *node_at(const struct cms_xml *x, uint32_t at)
{
	return at == NONE ? NULL : &x->nodes[at];
}

/* The first of this name from `index` on. */
static const struct cms_xml_node *find(const struct cms_xml *x, uint32_t index,
				       const char *name)
{
	const struct cms_xml_node *n = node_at(x, index);

	while (n && name && strcmp(text_at(x, n->name), name))
		n = node_at(x, n->next);
	return n;
}

const struct cms_xml_node *cms_xml_root(const struct cms_xml *x)
{
	return node_at(x, 0);
}

const char *cms_xml_name(const struct cms_xml_node *node)
{
	return text_at(node->xml, node->name);
}

const struct cms_xml_node *cms_xml_child(const struct cms_xml_node *node,
					 const char *name)
{
	return node ? find(node->xml, node->first, name) : NULL;
}

const struct cms_xml_node *cms_xml_next(const struct cms_xml_node *node)
{
	return find(node->xml, node->next, cms_xml_name(node));
}

const struct cms_xml_node *cms_xml_sibling(const struct cms_xml_node *node)
{
	return node_at(node->xml, node->next);
}

const char *cms_xml_text(const struct cms_xml_node *node, const char *name)
{
	const struct cms_xml_node *n = name ? cms_xml_child(node, name) : node;

	return n && n->text != NONE ? text_at(n->xml, n->text) : NULL;
}

const char *cms_xml_attr(const struct cms_xml_node *node, const char *name)
{
	const char *at = node ? text_at(node->xml, node->attrs) : "";

	while (*at) {
		const char *value = at + strlen(at) + 1;

		if (!strcmp(at, name))
			return value;
		at = value + strlen(value) + 1;
	}
	return NULL;
}
