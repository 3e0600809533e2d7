/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_CMS_XML_H
#define UPCAST_CMS_XML_H

#include <stddef.h>

#include "lib/attr.h"

/*
 * The bridge's XML as a small tree of elements. Pure; the only user of expat.
 *
 * The input is hostile: a document type (and with it every entity of its own)
 * is refused, and depth, elements, attributes and text are bounded. An element
 * has a name, attributes, and either children or text: text beside children is
 * dropped, since the bridge writes only white space there.
 *
 *	struct cms_xml *xml;
 *	err = cms_xml_parse(data, len, &xml);
 *	root = cms_xml_root(xml);
 *	for (n = cms_xml_child(root, "coSpace"); n; n = cms_xml_next(n))
 *		use(cms_xml_attr(n, "id"), cms_xml_text(n, "name"));
 *	cms_xml_free(xml);
 *
 * Strings live as long as the tree. Errors: -EBADMSG not well-formed or with a
 * document type, -EMSGSIZE past a bound, -ENOMEM.
 */
enum {
	CMS_XML_DEPTH_MAX = 16,
	CMS_XML_NODES_MAX = 100000,
	CMS_XML_ATTRS_MAX = 16,
	CMS_XML_TEXT_MAX = 4 << 20, /* of all names, values and texts */
};

struct cms_xml;
struct cms_xml_node;

int cms_xml_parse(const void *data, size_t len,
		  struct cms_xml **ret) ATTR_MUST_CHECK;
void cms_xml_free(struct cms_xml *xml);

const struct cms_xml_node *cms_xml_root(const struct cms_xml *xml);
const char *cms_xml_name(const struct cms_xml_node *node);
/* The first child of this name (NULL: of any), or NULL; `node` may be NULL. */
const struct cms_xml_node *cms_xml_child(const struct cms_xml_node *node,
					 const char *name);
/* The next of the same name under the same parent, or NULL. */
const struct cms_xml_node *cms_xml_next(const struct cms_xml_node *node);
/* The next of any name. */
const struct cms_xml_node *cms_xml_sibling(const struct cms_xml_node *node);
/* The text of the first child of this name (NULL: its own), or NULL. */
const char *cms_xml_text(const struct cms_xml_node *node, const char *name);
const char *cms_xml_attr(const struct cms_xml_node *node, const char *name);

#endif
