/* SPDX-License-Identifier: MIT */
#include "uploader/rev_write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "lib/str.h"

enum { TEXT_MAX = 64 << 10 };

/* ---- JSON --------------------------------------------------------------- */

/* NULL for want of memory only. */
static json_t *make_text(const char *text)
{
	struct buf b;
	json_t *j;

	if (str_is_utf8(text, strlen(text)))
		return json_string(text);
	buf_init(&b, TEXT_MAX);
	j = str_escape(&b, text) ? NULL : json_string(buf_text(&b));
	buf_release(&b);
	return j;
}

/* Takes `value`; -ENOMEM where that or the addition failed. */
static int set(json_t *object, const char *name, json_t *value)
{
	return json_object_set_new(object, name, value) ? -ENOMEM : 0;
}

static int append(json_t *array, json_t *value)
{
	return json_array_append_new(array, value) ? -ENOMEM : 0;
}

static int set_text(json_t *object, const char *name, const char *text)
{
	return text ? set(object, name, make_text(text)) : 0;
}

/*
 * Takes `j`, whose making may have failed with `err`. Into a buffer of the
 * right size: jansson's growing one loses names when memory runs out.
 */
static int write_json(json_t *j, int err, struct buf *ret)
{
	size_t n;

	if (!err && !j)
		err = -ENOMEM;
	n = err ? 0 : json_dumpb(j, NULL, 0, JSON_COMPACT);
	if (!err)
		err = n ? buf_reserve(ret, n) : -ENOMEM;
	if (!err &&
	    json_dumpb(j, (char *)ret->data + ret->len, n, JSON_COMPACT) != n)
		err = -ENOMEM;
	if (!err) {
		ret->len += n;
		ret->data[ret->len] = '\0';
	}
	json_decref(j);
	return err;
}

int rev_write_pair(const char *name1, const char *value1, const char *name2,
		   const char *value2, struct buf *ret)
{
	json_t *j = json_pack("{s:o}", name1, make_text(value1));
	int err = j && name2 ? set_text(j, name2, value2) : 0;

	return write_json(j, err, ret);
}

/* ---- metadata ----------------------------------------------------------- */

/* The words between commas, without the blanks around them. */
static int append_words(json_t *array, const char *list)
{
	char word[512];
	int err = 0;

	while (list && *list && !err) {
		size_t n = strcspn(list, ","), start = strspn(list, " ,");
		size_t end = n;

		if (start > n)
			start = n;
		while (end > start && list[end - 1] == ' ')
			end--;
		snprintf(word, sizeof(word), "%.*s", (int)(end - start),
			 list + start);
		if (*word)
			err = append(array, make_text(word));
		list += n + (list[n] == ',');
	}
	return err;
}

static int set_words(json_t *object, const char *name, const char *list,
		     const char *one_more)
{
	json_t *words = json_array();
	int err = words ? append_words(words, list) : -ENOMEM;

	if (!err && one_more && *one_more)
		err = append(words, make_text(one_more));
	if (!err && json_array_size(words))
		return set(object, name, words);
	json_decref(words);
	return err;
}

static json_t *make_entity(const char *key, const char *value, bool can_edit)
{
	return json_pack("{s:o, s:s, s:b}", key, make_text(value), "type",
			 "User", "canEdit", can_edit);
}

/* Viewers and editors; our account too, or we could not activate the video. */
static int set_entities(json_t *object, const struct rev_metadata *m,
			const struct rev_query *q)
{
	bool by_id = q->user_id && *q->user_id;
	json_t *list = json_array();
	int err = list ? 0 : -ENOMEM;

	if (!err)
		err = append(list,
			     make_entity(by_id ? "id" : "name",
					 by_id ? q->user_id : q->user, true));
	for (size_t i = 0; i < m->viewer_count && !err; i++) {
		const struct rev_viewer *v = &m->viewers[i];

		if (!by_id || strcasecmp(v->id, q->user_id))
			err = append(list,
				     make_entity("id", v->id, v->can_edit));
	}
	if (!err)
		return set(object, "accessControlEntities", list);
	json_decref(list);
	return err;
}

static int set_owner(json_t *object, const char *owner_id)
{
	return owner_id ? set(object, "owner",
			      json_pack("{s:o}", "userId", make_text(owner_id)))
			: 0;
}

static int set_mark_field(json_t *object, const char *name, const char *mark)
{
	return mark && name && *name
		       ? set(object, "customFields",
			     json_pack("[{s:o, s:o}]", "name", make_text(name),
				       "value", make_text(mark)))
		       : 0;
}

/* All of these fail for want of memory only. */
static int fill_metadata(json_t *j, const struct rev_metadata *m,
			 const struct rev_query *q)
{
	bool failed = set_text(j, "uploader", q->user) ||
		      set_text(j, "title", m->title) ||
		      set_text(j, "description", m->description) ||
		      set_owner(j, m->owner_id) ||
		      set_words(j, "categories", m->categories, NULL) ||
		      set_words(j, "tags", m->tags, m->mark) ||
		      set_mark_field(j, q->mark_field, m->mark) ||
		      set_text(j, "videoAccessControl", m->access) ||
		      set_entities(j, m, q) ||
		      set(j, "isActive", json_boolean(m->active)) ||
		      set(j, "enableComments", json_boolean(m->comments)) ||
		      set(j, "enableRatings", json_boolean(m->ratings)) ||
		      set(j, "enableDownloads", json_boolean(m->downloads));

	return failed ? -ENOMEM : 0;
}

int rev_write_metadata(const struct rev_metadata *m, const struct rev_query *q,
		       struct buf *ret)
{
	json_t *j = json_object();

	return write_json(j, j ? fill_metadata(j, m, q) : -ENOMEM, ret);
}

/* ---- patches ------------------------------------------------------------ */

/* Takes `value`; NULL: the operation has none. */
static int append_op(json_t *patch, const char *op, const char *path,
		     json_t *value)
{
	return append(patch, json_pack("{s:s, s:s, s:o*}", "op", op, "path",
				       path, "value", value));
}

/* As in the details, whatever the case of the name. */
static json_t *member(json_t *object, const char *name)
{
	json_t *value;
	const char *key;

	json_object_foreach(object, key, value)
		if (!strcasecmp(key, name))
			return value;
	return NULL;
}

static bool is_text(json_t *j, const char *text)
{
	return json_is_string(j) && text && *text &&
	       !strcasecmp(json_string_value(j), text);
}

static int patch_tags_whole(json_t *patch, json_t *tags, const char *mark)
{
	json_t *rest = json_array(), *tag;
	size_t i;
	int err = rest ? 0 : -ENOMEM;

	json_array_foreach(tags, i, tag)
		if (!err && !is_text(tag, mark))
			err = append(rest, json_incref(tag));
	if (!err && json_array_size(rest) < json_array_size(tags))
		return append_op(patch, "replace", "/Tags", rest);
	json_decref(rest);
	return err;
}

/* From the end, so that the indices before stay right. */
static int patch_tags_index(json_t *patch, json_t *tags, const char *mark)
{
	char path[32];
	int err = 0;

	for (size_t i = json_array_size(tags); i-- && !err;) {
		json_t *tag = json_array_get(tags, i);

		if (!is_text(tag, mark))
			continue;
		snprintf(path, sizeof(path), "/Tags/%zu", i);
		err = append_op(patch, "test", path, json_incref(tag));
		if (!err)
			err = append_op(patch, "remove", path, NULL);
	}
	return err;
}

static bool is_mark_field(json_t *field, const struct rev_query *q)
{
	return is_text(member(field, "name"), q->mark_field) &&
	       is_text(member(field, "value"), q->mark);
}

static json_t *value_to_keep(json_t *field, const struct rev_query *q)
{
	return is_mark_field(field, q) ? json_string("")
				       : json_incref(member(field, "value"));
}

/* {"id", "value"} of a field; the mark becomes "". */
static json_t *make_field(json_t *field, const struct rev_query *q)
{
	return json_pack("{s:O, s:o}", "id", member(field, "id"), "value",
			 value_to_keep(field, q));
}

/* The fields that have a value, as they are, but for the mark. */
static json_t *make_other_fields(json_t *fields, const struct rev_query *q)
{
	json_t *list = json_array(), *field;
	size_t i;
	int err = list ? 0 : -ENOMEM;

	json_array_foreach(fields, i, field) {
		json_t *value = member(field, "value");

		if (!err && value && !json_is_null(value) &&
		    member(field, "id"))
			err = append(list, make_field(field, q));
	}
	if (err) {
		json_decref(list);
		return NULL;
	}
	return list;
}

static int patch_fields(json_t *patch, json_t *fields,
			const struct rev_query *q)
{
	bool found = false;
	json_t *list, *field;
	size_t i;

	json_array_foreach(fields, i, field)
		found |= is_mark_field(field, q);
	if (!found)
		return 0;
	list = make_other_fields(fields, q);
	return list ? append_op(patch, "replace", "/CustomFields", list)
		    : -ENOMEM;
}

static int fill_patch(json_t *patch, json_t *details, const struct rev_query *q,
		      bool active, enum rev_patch_form form)
{
	json_t *tags = member(details, "tags");
	int err = 0;

	if (json_is_true(member(details, "isActive")) != active)
		err = append_op(patch, "replace", "/IsActive",
				json_boolean(active));
	if (!err)
		err = form == REV_PATCH_INDEX
			      ? patch_tags_index(patch, tags, q->mark)
			      : patch_tags_whole(patch, tags, q->mark);
	if (!err)
		err = patch_fields(patch, member(details, "customFields"), q);
	if (!err && !json_array_size(patch))
		err = -EALREADY;
	return err;
}

int rev_write_patch(const void *details, size_t len, const struct rev_query *q,
		    bool active, enum rev_patch_form form, struct buf *ret)
{
	json_error_t error = { .text = "" };
	json_t *j = json_loadb(details ? details : "", len, 0, &error);
	json_t *patch;
	int err;

	if (!json_is_object(j)) {
		/* Only what is wrong with the text is put into words. */
		err = j || *error.text ? -EBADMSG : -ENOMEM;
		json_decref(j);
		return err;
	}
	patch = json_array();
	err = patch ? fill_patch(patch, j, q, active, form) : -ENOMEM;
	json_decref(j);
	return write_json(patch, err, ret);
}
