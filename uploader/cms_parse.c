/* SPDX-License-Identifier: MIT */
#include "uploader/cms_parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cms_xml.h"
#include "lib/str.h"

void cms_person_release(struct cms_person *p)
{
	free(p->user_id);
	free(p->jid);
	free(p->email);
	free(p->name);
	memset(p, 0, sizeof(*p));
}

void cms_space_release(struct cms_space *s)
{
	for (size_t i = 0; i < s->member_count; i++)
		cms_person_release(&s->members[i]);
	free(s->members);
	cms_person_release(&s->owner);
	free(s->id);
	free(s->name);
	free(s->uri);
	free(s->stream_url);
	memset(s, 0, sizeof(*s));
}

/* Copies the text of a child, where there is one with something in it. */
static int copy_text(char **dst, const struct cms_xml_node *node,
		     const char *name)
{
	const char *text = cms_xml_text(node, name);

	return text && *text ? str_replace(dst, text) : 0;
}

/* Parses an answer whose root must be `name`. */
static int parse_root(const void *data, size_t len, const char *name,
		      struct cms_xml **ret_xml,
		      const struct cms_xml_node **ret_root)
{
	struct cms_xml *xml;
	int err = cms_xml_parse(data, len, &xml);

	if (err)
		return err;
	if (strcmp(cms_xml_name(cms_xml_root(xml)), name)) {
		cms_xml_free(xml);
		return -EBADMSG;
	}
	*ret_xml = xml;
	*ret_root = cms_xml_root(xml);
	return 0;
}

static int fill_space(struct cms_space *s, const struct cms_xml_node *root)
{
	const char *id = cms_xml_attr(root, "id");
	int err = id ? str_replace(&s->id, id) : 0;

	s->exists = true;
	if (!err)
		err = copy_text(&s->name, root, "name");
	if (!err)
		err = copy_text(&s->uri, root, "uri");
	if (!err)
		err = copy_text(&s->stream_url, root, "streamUrl");
	if (!err)
		err = copy_text(&s->owner.user_id, root, "ownerId");
	if (!err)
		err = copy_text(&s->owner.jid, root, "ownerJid");
	return err;
}

int cms_parse_space(const void *data, size_t len, struct cms_space *ret)
{
	const struct cms_xml_node *root;
	struct cms_space space = { 0 };
	struct cms_xml *xml;
	int err = parse_root(data, len, "coSpace", &xml, &root);

	if (err)
		return err;
	err = fill_space(&space, root);
	if (err) {
		cms_space_release(&space);
	} else {
		cms_space_release(ret);
		*ret = space;
	}
	cms_xml_free(xml);
	return err;
}

/* Bridges before 2.3 wrote <userJid id="..."> and no <userId>. */
static int fill_member(struct cms_person *p, const struct cms_xml_node *node)
{
	const char *old_id = cms_xml_attr(cms_xml_child(node, "userJid"), "id");
	int err = copy_text(&p->user_id, node, "userId");

	if (!err && !p->user_id && old_id && *old_id)
		err = str_replace(&p->user_id, old_id);
	if (!err)
		err = copy_text(&p->jid, node, "userJid");
	if (err)
		cms_person_release(p);
	return err;
}

static int add_member(struct cms_space *s, const struct cms_xml_node *node)
{
	size_t n = s->member_count;
	struct cms_person person = { 0 }, *members;
	int err;

	if (n >= CMS_MEMBERS_MAX)
		return -EMSGSIZE;
	err = fill_member(&person, node);
	if (err)
		return err;
	/* Room doubles at each power of two. */
	if (!(n & (n - 1))) {
		members = reallocarray(s->members, n ? 2 * n : 1,
				       sizeof(*members));
		if (!members) {
			cms_person_release(&person);
			return -ENOMEM;
		}
		s->members = members;
	}
	s->members[s->member_count++] = person;
	return 0;
}

static void cut_members(struct cms_space *s, size_t count)
{
	while (s->member_count > count)
		cms_person_release(&s->members[--s->member_count]);
}

int cms_parse_members(const void *data, size_t len, struct cms_space *space,
		      size_t *ret_received, size_t *ret_total)
{
	const struct cms_xml_node *root, *n;
	size_t before = space->member_count, received = 0;
	const char *total_text;
	struct cms_xml *xml;
	uint64_t total = 0;
	int err = parse_root(data, len, "coSpaceUsers", &xml, &root);

	if (err)
		return err;
	total_text = cms_xml_attr(root, "total");
	if (total_text && str_parse_u64(total_text, 0, SIZE_MAX, &total))
		err = -EBADMSG;
	for (n = cms_xml_child(root, "coSpaceUser"); n && !err;
	     n = cms_xml_next(n), received++)
		err = add_member(space, n);
	cms_xml_free(xml);
	if (err) {
		cut_members(space, before);
		return err;
	}
	*ret_received = received;
	*ret_total = (size_t)total;
	return 0;
}

int cms_parse_user(const void *data, size_t len, struct cms_person *person)
{
	const struct cms_xml_node *root;
	struct cms_xml *xml;
	int err = parse_root(data, len, "user", &xml, &root);

	if (err)
		return err;
	err = copy_text(&person->jid, root, "userJid");
	if (!err)
		err = copy_text(&person->email, root, "email");
	if (!err)
		err = copy_text(&person->name, root, "name");
	cms_xml_free(xml);
	return err;
}

int cms_parse_failure(const void *data, size_t len, char *dst, size_t size)
{
	const struct cms_xml_node *root, *first;
	const char *parameter;
	struct cms_xml *xml;
	int err = parse_root(data, len, "failureDetails", &xml, &root);

	if (err)
		return err;
	first = cms_xml_child(root, NULL);
	parameter = cms_xml_attr(first, "parameter");
	snprintf(dst, size, "%s%s%s", first ? cms_xml_name(first) : "unknown",
		 parameter ? " " : "", parameter ? parameter : "");
	str_clean(dst);
	cms_xml_free(xml);
	return 0;
}

static const char *key_of(const struct cms_person *p)
{
	return p->user_id ? p->user_id : p->jid ? p->jid : "";
}

static int compare_members(const void *a, const void *b)
{
	return strcmp(key_of(a), key_of(b));
}

void cms_space_tidy(struct cms_space *s)
{
	size_t kept = 0;

	if (!s->member_count)
		return;
	qsort(s->members, s->member_count, sizeof(*s->members),
	      compare_members);
	for (size_t i = 0; i < s->member_count; i++) {
		struct cms_person *p = &s->members[i];

		if (!*key_of(p) ||
		    (kept && !compare_members(p, &s->members[kept - 1])))
			cms_person_release(p);
		else
			s->members[kept++] = *p;
	}
	s->member_count = kept;
}
