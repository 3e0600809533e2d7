/* SPDX-License-Identifier: MIT */
#include "uploader/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "lib/str.h"

enum {
	TITLE_MAX = 255,
	DESCRIPTION_MAX = 4096,
	EXPANDED_MAX = 1 << 20, /* before it is cut */
};

static bool name_by_email(const struct cms_person *p, struct policy_name *ret)
{
	ret->is_email = true;
	return p->email && *p->email &&
	       str_copy(ret->text, p->email, sizeof(ret->text)) <
		       sizeof(ret->text);
}

static bool name_by_jid(const struct cms_person *p, struct policy_name *ret)
{
	ret->is_email = false;
	return p->jid && *p->jid &&
	       str_copy(ret->text, p->jid, sizeof(ret->text)) <
		       sizeof(ret->text);
}

static bool name_by_local_part(const struct cms_person *p,
			       struct policy_name *ret)
{
	if (!name_by_jid(p, ret))
		return false;
	ret->text[strcspn(ret->text, "@")] = '\0';
	return ret->text[0];
}

static const struct {
	const char *word;
	bool (*name)(const struct cms_person *p, struct policy_name *ret);
} ways[] = {
	{ "email", name_by_email },
	{ "jid", name_by_jid },
	{ "local-part", name_by_local_part },
};

static bool name_by_word(const char *word, size_t len,
			 const struct cms_person *p, struct policy_name *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		if (strlen(ways[i].word) == len &&
		    !strncasecmp(ways[i].word, word, len))
			return ways[i].name(p, ret);
	return false;
}

bool policy_name(const struct conf *conf, const struct cms_person *person,
		 size_t i, struct policy_name *ret_name)
{
	const char *at = conf_text(conf, OPT_UP_USER_MATCH), *word;
	size_t len;

	while (str_next_word(&at, &word, &len))
		if (name_by_word(word, len, person, ret_name) && !i--)
			return true;
	return false;
}

static int add_time(const struct policy_input *in, bool date, struct buf *dst)
{
	time_t t = (time_t)(in->recorded_s + in->utc_offset_s);
	struct tm tm;

	if (!in->recorded_s || !gmtime_r(&t, &tm))
		return 0;
	if (!date)
		return buf_printf(dst, "%02d:%02d", tm.tm_hour, tm.tm_min);
	return buf_printf(dst, "%04d-%02d-%02d", tm.tm_year + 1900,
			  tm.tm_mon + 1, tm.tm_mday);
}

/* The space's name; for people who left it empty, what is known instead. */
static const char *space_words(const struct policy_input *in)
{
	if (in->space_name && *in->space_name)
		return in->space_name;
	return *in->space_id ? in->space_id : "Call";
}

static int add_word(const struct policy_input *in, const char *word, size_t len,
		    const char *owner, struct buf *dst)
{
	if (!strncmp(word, "space", len))
		return buf_add_str(dst, space_words(in));
	if (!strncmp(word, "date", len))
		return add_time(in, true, dst);
	if (!strncmp(word, "time", len))
		return add_time(in, false, dst);
	if (!strncmp(word, "owner", len))
		return buf_add_str(dst, owner);
	return buf_add_str(dst, in->space_id);
}

static bool is_word(const char *word, size_t len)
{
	static const char *const words[] = { "space", "date", "time", "owner",
					     "id" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i]) == len && !strncmp(words[i], word, len))
			return true;
	return false;
}

int policy_expand(const struct policy_input *in, const char *pattern,
		  const char *owner, struct buf *dst)
{
	int err = 0;

	while (*pattern && !err) {
		size_t plain = strcspn(pattern, "{"), len;

		err = buf_add(dst, pattern, plain);
		pattern += plain;
		if (err || !*pattern)
			break;
		len = strcspn(pattern + 1, "{}");
		if (pattern[len + 1] == '}' && is_word(pattern + 1, len)) {
			err = add_word(in, pattern + 1, len, owner, dst);
			pattern += len + 2;
		} else {
			err = buf_add_u8(dst, '{');
			pattern++;
		}
	}
	return err;
}

/* Cut to `max` bytes: titles on Rev are not unbounded. */
static int expand_text(const struct policy_input *in, enum schema_id id,
		       const char *owner, size_t max, char **ret)
{
	struct buf text;
	int err;

	buf_init(&text, EXPANDED_MAX);
	err = policy_expand(in, conf_text(in->conf, id), owner, &text);
	if (err == -EMSGSIZE) /* what has room is more than is wanted */
		err = 0;
	if (!err && text.len > max)
		text.data[str_fit(buf_text(&text), max)] = '\0';
	err = err ? err : str_replace(ret, buf_text(&text));
	buf_release(&text);
	return err;
}

/* The first of: the space's owner, the fall-back, the uploader's account. */
static const struct policy_person *choose_owner(const struct policy_input *in,
						const char **ret_note)
{
	bool wants = conf_bool(in->conf, OPT_UP_OWNED_BY_OWNER);

	*ret_note = NULL;
	if (wants && in->owner.id)
		return &in->owner;
	if (in->fallback.id)
		return &in->fallback;
	if (*conf_text(in->conf, OPT_UP_FALLBACK_OWNER))
		*ret_note = "fallback_owner is unknown to Rev: the video "
			    "belongs to the uploader's account";
	return &in->self;
}

static bool has_viewer(const struct policy *p, const char *id)
{
	for (size_t i = 0; i < p->viewer_count; i++)
		if (!strcmp(p->viewers[i].id, id))
			return true;
	return false;
}

static int add_viewer(struct policy *p, struct buf *text,
		      const struct policy_person *person, bool can_edit)
{
	struct rev_viewer *v = &p->viewers[p->viewer_count];

	if (!person->id || has_viewer(p, person->id))
		return 0;
	*v = (struct rev_viewer){ .can_edit = can_edit };
	if (str_replace(&v->id, person->id))
		return -ENOMEM;
	p->viewer_count++;
	/* Names that do not fit are left out of the text only. */
	return buf_printf(text, "%s%s (%s)", text->len ? ", " : "",
			  person->name ? person->name : person->id,
			  can_edit ? "edit" : "view") == -ENOMEM
		       ? -ENOMEM
		       : 0;
}

static int add_members(const struct policy_input *in, struct policy *p,
		       struct buf *text)
{
	enum { VIEW, EDIT, NONE };
	uint64_t access = conf_number(in->conf, OPT_UP_MEMBER_ACCESS);
	int err = 0;

	if (access == NONE)
		return 0;
	for (size_t i = 0; i < in->member_count && !err; i++) {
		const struct policy_person *m = &in->members[i];

		if (!m->id || (p->owner_id && !strcmp(m->id, p->owner_id)))
			continue;
		err = add_viewer(p, text, m, access == EDIT);
	}
	return err;
}

static int add_viewers(const struct policy_input *in, struct policy *p)
{
	struct buf text;
	int err;

	p->viewers = calloc(in->member_count + 1, sizeof(*p->viewers));
	if (!p->viewers)
		return -ENOMEM;
	buf_init(&text, POLICY_VIEWERS_TEXT_MAX);
	err = add_members(in, p, &text);
	err = err ? err : str_replace(&p->viewers_text, buf_text(&text));
	buf_release(&text);
	return err;
}

int policy_decide(const struct policy_input *in, struct policy *ret)
{
	const struct policy_person *owner;
	struct policy p = { 0 };
	const char *note, *name;
	int err = 0;

	owner = choose_owner(in, &note);
	name = owner->name ? owner->name : "";
	if (owner != &in->self)
		err = str_replace(&p.owner_id, owner->id);
	err = err ? err : str_replace(&p.owner_name, name);
	err = err ? err : str_replace(&p.note, note);
	err = err ? err
		  : expand_text(in, OPT_UP_TITLE, name, TITLE_MAX, &p.title);
	err = err ? err
		  : expand_text(in, OPT_UP_DESCRIPTION, name, DESCRIPTION_MAX,
				&p.description);
	err = err ? err : add_viewers(in, &p);
	if (err) {
		policy_release(&p);
		return err;
	}
	*ret = p;
	return 0;
}

void policy_release(struct policy *p)
{
	for (size_t i = 0; i < p->viewer_count; i++)
		free(p->viewers[i].id);
	free(p->viewers);
	free(p->viewers_text);
	free(p->title);
	free(p->description);
	free(p->owner_id);
	free(p->owner_name);
	free(p->note);
	*p = (struct policy){ 0 };
}
