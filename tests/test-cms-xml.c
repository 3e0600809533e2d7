/* SPDX-License-Identifier: MIT */
#include "lib/cms_xml.h"

#include "lib/buf.h"
#include "tests/unit.h"

static int parse(const char *text, struct cms_xml **ret)
{
	return cms_xml_parse(text, strlen(text), ret);
}

static int test_tree(void)
{
	static const char text[] =
		"<?xml version=\"1.0\"?>\n"
		"<coSpaces total=\"2\">\n"
		"  <coSpace id=\"A\"><name>R&amp;D &#252;</name><uri/></coSpace>\n"
		"  <other><name>x</name></other>\n"
		"  <coSpace id=\"B\" z=\"\"><![CDATA[<raw>]]></coSpace>\n"
		"</coSpaces>";
	const struct cms_xml_node *root, *n;
	struct cms_xml *xml = NULL;
	int err = parse(text, &xml);

	CHECK_OK(err);
	root = cms_xml_root(xml);
	CHECK_STR(cms_xml_name(root), "coSpaces");
	CHECK_STR(cms_xml_attr(root, "total"), "2");
	CHECK(!cms_xml_attr(root, "id"));
	CHECK(!cms_xml_text(root, NULL));
	n = cms_xml_child(root, "coSpace");
	CHECK(n && n == cms_xml_child(root, NULL));
	CHECK_STR(cms_xml_attr(n, "id"), "A");
	CHECK_STR(cms_xml_text(n, "name"), "R&D \xc3\xbc");
	CHECK_STR(cms_xml_text(n, "uri"), "");
	CHECK(!cms_xml_text(n, "callId"));
	CHECK_STR(cms_xml_name(cms_xml_sibling(cms_xml_child(n, "name"))),
		  "uri");
	CHECK(!cms_xml_next(cms_xml_child(n, "name")));
	n = cms_xml_next(n);
	CHECK(n);
	CHECK_STR(cms_xml_attr(n, "id"), "B");
	CHECK_STR(cms_xml_attr(n, "z"), "");
	CHECK_STR(cms_xml_text(n, NULL), "<raw>");
	CHECK(!cms_xml_next(n));
	CHECK(!cms_xml_child(NULL, "x"));
	CHECK(!cms_xml_text(NULL, "x"));
	CHECK(!cms_xml_attr(NULL, "x"));
	err = 0;
out:
	cms_xml_free(xml);
	return err;
}

static int test_refused(void)
{
	static const char *const bad[] = {
		"",
		"<a>",
		"<a></b>",
		"<a/><b/>",
		"x",
		"<a>&lol;</a>",
		"<!DOCTYPE a [<!ENTITY lol \"lol\">]><a>&lol;</a>",
		"<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
		"<!DOCTYPE html><html></html>",
		"<a b=\"1\" b=\"2\"/>",
		"<a>\xff</a>",
	};
	struct cms_xml *xml;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_ERR(parse(bad[i], &xml), -EBADMSG);
	err = 0;
out:
	return err;
}

/* `n` times `open`, then `n` times `close`. */
static int parse_repeated(const char *head, const char *open, const char *close,
			  const char *tail, int n, struct cms_xml **ret)
{
	struct buf b;
	int err;

	buf_init(&b, 32 << 20);
	err = buf_add_str(&b, head);
	for (int i = 0; i < n && !err; i++)
		err = buf_add_str(&b, open);
	for (int i = 0; i < n && !err; i++)
		err = buf_add_str(&b, close);
	if (!err)
		err = buf_add_str(&b, tail);
	if (!err)
		err = cms_xml_parse(b.data, b.len, ret);
	buf_release(&b);
	return err;
}

static int test_bounds(void)
{
	struct cms_xml *xml = NULL;
	int err;

	err = parse_repeated("", "<a>", "</a>", "", CMS_XML_DEPTH_MAX, &xml);
	CHECK_OK(err);
	cms_xml_free(xml);
	xml = NULL;
	CHECK_ERR(parse_repeated("", "<a>", "</a>", "", CMS_XML_DEPTH_MAX + 1,
				 &xml),
		  -EMSGSIZE);
	err = 0;
out:
	cms_xml_free(xml);
	return err;
}

/* Too many allocations to fail them all. */
static int test_large(void)
{
	struct cms_xml *xml = NULL;
	int err;

	CHECK_ERR(parse_repeated("<l>", "<a/>", "", "</l>", CMS_XML_NODES_MAX,
				 &xml),
		  -EMSGSIZE);
	CHECK_ERR(parse_repeated("<l>", "0123456789abcdef", "", "</l>",
				 CMS_XML_TEXT_MAX / 16, &xml),
		  -EMSGSIZE);
	err = parse_repeated("<l>", "<a/>", "", "</l>", 50000, &xml);
	CHECK_OK(err);
out:
	cms_xml_free(xml);
	return err;
}

static const struct unit_test tests[] = {
	{ "tree", test_tree, 0 },
	{ "refused", test_refused, 0 },
	{ "bounds", test_bounds, 0 },
	{ "large", test_large, UNIT_NO_OOM },
};

UNIT_MAIN(tests)
