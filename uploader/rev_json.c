/* SPDX-License-Identifier: MIT */
#include "uploader/rev_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <jansson.h>

#include "lib/str.h"
#include "uploader/html.h"

enum { MARK_DIGITS_MIN = 8 };

/* ---- JSON --------------------------------------------------------------- */

static int parse(const void *data, size_t len, json_t **ret)
{
	json_error_t error = { .text = "" };
	json_t *j = json_loadb(data ? data : "", len, JSON_DECODE_ANY, &error);

	if (j) {
		*ret = j;
		return 0;
	}
	/* Only what is wrong with the text is put into words. */
	return *error.text ? -EBADMSG : -ENOMEM;
}

static int parse_object(const void *data, size_t len, json_t **ret)
{
	json_t *j;
	int err = parse(data, len, &j);

	if (err)
		return err;
	if (!json_is_object(j)) {
		json_decref(j);
		return -EBADMSG;
	}
	*ret = j;
	return 0;
}

/* The member of this name in whatever case, or NULL. */
static json_t *member(json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);
	const char *key;

	if (value || !json_is_object(object))
		return value;
	json_object_foreach(object, key, value)
		if (!strcasecmp(key, name))
			return value;
	return NULL;
}

/* Never NULL. */
static const char *text_of(json_t *object, const char *name)
{
	const char *text = json_string_value(member(object, name));

	return text ? text : "";
}

static int copy_id(char *dst, size_t size, const char *id)
{
	if (!*id)
		return -ENOENT;
	return str_copy(dst, id, size) < size ? 0 : -EMSGSIZE;
}

/* Text for people: cut at a character, without control characters. */
static void copy_text(char *dst, size_t size, const char *text)
{
	str_copy(dst, text, str_fit(text, size - 1) + 1);
	str_clean(dst);
}

static bool is_same(const char *a, const char *b)
{
	return a && b && *a && !strcasecmp(a, b);
}

/* ---- times -------------------------------------------------------------- */

static int parse_fraction(const char **at)
{
	int ms = 0, scale = 100;

	if (**at != '.')
		return 0;
	for (++*at; **at >= '0' && **at <= '9'; ++*at, scale /= 10)
		ms += (**at - '0') * scale;
	return ms;
}

static int parse_zone(const char *at)
{
	unsigned hours, minutes;
	char sign;

	if (sscanf(at, "%c%2u:%2u", &sign, &hours, &minutes) != 3 &&
	    sscanf(at, "%c%2u%2u", &sign, &hours, &minutes) != 3)
		return 0;
	if (sign != '+' && sign != '-')
		return 0;
	return (sign == '-' ? -1 : 1) * (int)(hours * 3600 + minutes * 60);
}

/* ISO 8601 as Rev writes it; no zone is UTC. Milliseconds, 0: not a time. */
static int64_t parse_time_ms(const char *text)
{
	struct tm tm = { 0 };
	const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t s, ms;

	if (!at)
		return 0;
	ms = parse_fraction(&at);
	s = (int64_t)timegm(&tm) - parse_zone(at);
	return s > 0 ? s * 1000 + ms : 0;
}

/* ---- errors, sessions --------------------------------------------------- */

void rev_json_error(const void *data, size_t len, struct rev_error *ret)
{
	json_t *j = NULL;
	const char *code, *detail;

	memset(ret, 0, sizeof(*ret));
	if (parse_object(data, len, &j)) {
		html_text(data, data ? len : 0, ret->detail,
			  sizeof(ret->detail));
		return;
	}
	code = text_of(j, "code");
	detail = text_of(j, "detail");
	copy_text(ret->code, sizeof(ret->code),
		  *code ? code : text_of(j, "name"));
	copy_text(ret->detail, sizeof(ret->detail),
		  *detail ? detail : text_of(j, "message"));
	json_decref(j);
}

/* It goes into a header. */
static bool is_token(const char *text)
{
	const char *at = text;

	while (*at > ' ' && *at < 0x7f)
		at++;
	return at > text && !*at;
}

int rev_json_login(const void *data, size_t len, struct buf *token,
		   char ret_user_id[REV_ID_SIZE], int64_t *ret_expires_ms)
{
	const char *text;
	json_t *j;
	int err = parse_object(data, len, &j);

	if (err)
		return err;
	text = text_of(j, "token");
	if (!is_token(text))
		err = -EBADMSG;
	else if (strlen(text) > REV_TOKEN_MAX)
		err = -EMSGSIZE;
	else
		err = buf_add_str(token, text);
	if (!err) {
		if (copy_id(ret_user_id, REV_ID_SIZE, text_of(j, "id")))
			*ret_user_id = '\0';
		*ret_expires_ms = parse_time_ms(text_of(j, "expiration"));
	}
	json_decref(j);
	return err;
}

int rev_json_expiration(const void *data, size_t len, int64_t *ret_expires_ms)
{
	json_t *j;
	int err = parse_object(data, len, &j);

	if (err)
		return err;
	*ret_expires_ms = parse_time_ms(text_of(j, "expiration"));
	json_decref(j);
	return 0;
}

/* ---- videos ------------------------------------------------------------- */

int rev_json_upload(const void *data, size_t len, char ret_id[REV_ID_SIZE])
{
	char id[REV_ID_SIZE];
	json_t *j;
	int err = parse_object(data, len, &j);

	if (err)
		return err;
	err = copy_id(id, sizeof(id), text_of(j, "videoId"));
	if (!err)
		memcpy(ret_id, id, sizeof(id));
	json_decref(j);
	return err;
}

int rev_json_playback_url(const void *data, size_t len, char *dst, size_t size)
{
	const char *url;
	json_t *j;
	int err = parse_object(data, len, &j);

	if (err)
		return err;
	url = text_of(member(j, "video"), "playbackUrl");
	if (!*url)
		url = text_of(j, "playbackUrl");
	err = !*url ? -ENOENT : strlen(url) >= size ? -EMSGSIZE : 0;
	if (!err)
		copy_text(dst, size, url);
	json_decref(j);
	return err;
}

int rev_json_status(const void *data, size_t len, struct rev_status *ret)
{
	json_t *j, *progress;
	int err = parse_object(data, len, &j);

	if (err)
		return err;
	if (!*text_of(j, "status")) {
		json_decref(j);
		return -EBADMSG;
	}
	progress = member(j, "overallProgress");
	copy_text(ret->word, sizeof(ret->word), text_of(j, "status"));
	ret->is_active = json_is_true(member(j, "isActive"));
	ret->is_processing = json_is_true(member(j, "isProcessing"));
	ret->has_progress = json_is_number(progress);
	ret->progress = json_number_value(progress);
	if (!(ret->progress >= 0))
		ret->progress = 0;
	if (ret->progress > 1)
		ret->progress = 1;
	json_decref(j);
	return 0;
}

/* Words of no meaning to us are on the way. */
static enum rev_phase phase_of(const char *word)
{
	static const struct {
		const char *word;
		enum rev_phase phase;
	} ends[] = {
		{ "Ready", REV_PHASE_DOUBTFUL },
		{ "ReadyButProcessingFailed", REV_PHASE_READY },
		{ "UploadFailed", REV_PHASE_FAILED },
		{ "ProcessingFailed", REV_PHASE_FAILED },
		{ "IngestingFailed", REV_PHASE_FAILED },
		{ "DownloadFailed", REV_PHASE_FAILED },
		{ "RecordingFailed", REV_PHASE_FAILED },
		{ "Canceled", REV_PHASE_FAILED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (!strcasecmp(word, ends[i].word))
			return ends[i].phase;
	return REV_PHASE_PROCESSING;
}

enum rev_phase rev_status_phase(const struct rev_status *s)
{
	enum rev_phase phase = phase_of(s->word);

	if (phase != REV_PHASE_DOUBTFUL)
		return phase;
	if (s->is_processing)
		return REV_PHASE_PROCESSING;
	return s->has_progress && s->progress >= 1 ? REV_PHASE_READY
						   : REV_PHASE_DOUBTFUL;
}

static bool has_tag(json_t *tags, const char *mark)
{
	json_t *tag;
	size_t i;

	json_array_foreach(tags, i, tag)
		if (is_same(json_string_value(tag), mark))
			return true;
	return false;
}

static bool has_field(json_t *fields, const struct rev_query *q)
{
	json_t *field;
	size_t i;

	json_array_foreach(fields, i, field)
		if (is_same(text_of(field, "name"), q->mark_field) &&
		    is_same(text_of(field, "value"), q->mark))
			return true;
	return false;
}

/* "upcast-" and hex digits: the mark of some upload. */
static bool is_any_mark(const char *text)
{
	static const char prefix[] = "upcast-";
	size_t n = text ? strlen(text) : 0;

	return n >= sizeof(prefix) - 1 + MARK_DIGITS_MIN &&
	       !strncmp(text, prefix, sizeof(prefix) - 1) &&
	       strspn(text + sizeof(prefix) - 1, "0123456789abcdef") ==
		       n - (sizeof(prefix) - 1);
}

static void copy_any_mark(char *dst, size_t size, json_t *details,
			  const struct rev_query *q)
{
	json_t *item;
	size_t i;

	json_array_foreach(member(details, "tags"), i, item) {
		if (!is_any_mark(json_string_value(item)))
			continue;
		str_copy(dst, json_string_value(item), size);
		return;
	}
	json_array_foreach(member(details, "customFields"), i, item) {
		if (!is_same(text_of(item, "name"), q->mark_field) ||
		    !is_any_mark(text_of(item, "value")))
			continue;
		str_copy(dst, text_of(item, "value"), size);
		return;
	}
}

static bool is_us(json_t *person, const struct rev_query *q)
{
	return is_same(text_of(person, "userName"), q->user) ||
	       is_same(text_of(person, "userId"), q->user_id);
}

static bool we_may_edit(json_t *entities, const struct rev_query *q)
{
	json_t *entity;
	size_t i;

	json_array_foreach(entities, i, entity)
		if (json_is_true(member(entity, "canEdit")) &&
		    (is_same(text_of(entity, "id"), q->user_id) ||
		     is_same(text_of(entity, "name"), q->user)))
			return true;
	return false;
}

int rev_json_details(const void *data, size_t len, const struct rev_query *q,
		     struct rev_video *ret)
{
	struct rev_video v = { 0 };
	json_t *j;
	int err = parse_object(data, len, &j);

	if (err)
		return err;
	err = copy_id(v.id, sizeof(v.id), text_of(j, "id"));
	v.is_active = json_is_true(member(j, "isActive"));
	v.has_mark = has_tag(member(j, "tags"), q->mark) ||
		     has_field(member(j, "customFields"), q);
	v.owned_by_us = is_us(member(j, "upLoader"), q) ||
			is_us(member(j, "owner"), q) ||
			we_may_edit(member(j, "accessControlEntities"), q);
	copy_any_mark(v.mark, sizeof(v.mark), j, q);
	copy_text(v.title, sizeof(v.title), text_of(j, "title"));
	copy_text(v.status_word, sizeof(v.status_word), text_of(j, "status"));
	v.has_failed = phase_of(v.status_word) == REV_PHASE_FAILED;
	v.uploaded_s = parse_time_ms(text_of(j, "whenUploaded")) / 1000;
	json_decref(j);
	if (err)
		return -EBADMSG;
	*ret = v;
	return 0;
}

/* ---- search ------------------------------------------------------------- */

void rev_hits_release(struct rev_hits *hits)
{
	free(hits->ids);
	memset(hits, 0, sizeof(*hits));
}

static int add_hit(struct rev_hits *hits, const char *id)
{
	if (!*id)
		return 0;
	if (!hits->ids)
		hits->ids = calloc(REV_HITS_MAX, sizeof(*hits->ids));
	if (!hits->ids)
		return -ENOMEM;
	for (size_t i = 0; i < hits->count; i++)
		if (!strcmp(hits->ids[i], id))
			return 0;
	if (hits->count == REV_HITS_MAX) {
		hits->overflowed = true;
		return 0;
	}
	return copy_id(hits->ids[hits->count++], REV_ID_SIZE, id) ? -EBADMSG
								  : 0;
}

/* A hit that lists its tags can be told from one that may carry the mark. */
static bool is_no_hit(json_t *tags, const char *mark)
{
	json_t *tag;
	size_t i;

	if (!mark || !json_is_array(tags))
		return false;
	if (*mark)
		return !has_tag(tags, mark);
	json_array_foreach(tags, i, tag) {
		if (is_any_mark(json_string_value(tag)))
			return false;
	}
	return true;
}

int rev_json_hits(const void *data, size_t len, const char *tag,
		  struct rev_hits *hits, struct rev_page *ret)
{
	json_t *j, *videos, *video;
	size_t i, before = hits->count;
	int err = parse_object(data, len, &j);

	if (err)
		return err;
	memset(ret, 0, sizeof(*ret));
	videos = member(j, "videos");
	json_array_foreach(videos, i, video) {
		if (is_no_hit(member(video, "tags"), tag))
			continue;
		err = add_hit(hits, text_of(video, "id"));
		if (err)
			break;
	}
	ret->received = json_array_size(videos);
	ret->total = (size_t)json_integer_value(member(j, "totalVideos"));
	ret->status_code = (int)json_integer_value(member(j, "statusCode"));
	if (copy_id(ret->scroll_id, sizeof(ret->scroll_id),
		    text_of(j, "scrollId")))
		*ret->scroll_id = '\0';
	if (!json_is_array(videos) && ret->status_code != 404)
		err = -EBADMSG;
	if (err)
		hits->count = before;
	json_decref(j);
	return err;
}

/* ---- users, fields ------------------------------------------------------ */

static bool is_user(json_t *user, const char *name, bool is_email)
{
	return is_same(text_of(user, is_email ? "email" : "username"), name) &&
	       *text_of(user, "userId");
}

/* In an object, or in any element of an array. */
static json_t *find_user(json_t *j, const char *name, bool is_email)
{
	json_t *user;
	size_t i;

	if (is_user(j, name, is_email))
		return j;
	json_array_foreach(j, i, user)
		if (is_user(user, name, is_email))
			return user;
	return NULL;
}

int rev_json_user(const void *data, size_t len, const char *name, bool is_email,
		  char ret_id[REV_ID_SIZE], char *ret_name, size_t name_size)
{
	char id[REV_ID_SIZE];
	json_t *j, *user;
	int err = parse(data, len, &j);

	if (err)
		return err;
	user = find_user(j, name, is_email);
	err = user ? copy_id(id, sizeof(id), text_of(user, "userId")) : -ENOENT;
	if (!err) {
		memcpy(ret_id, id, sizeof(id));
		copy_text(ret_name, name_size, text_of(user, "username"));
	}
	json_decref(j);
	return err;
}

int rev_json_me(const void *data, size_t len, struct rev_me *ret)
{
	json_t *j;
	int err = parse_object(data, len, &j);

	if (err)
		return err;
	*ret = (struct rev_me){ 0 };
	if (copy_id(ret->id, sizeof(ret->id), text_of(j, "userId")))
		*ret->id = '\0';
	copy_text(ret->name, sizeof(ret->name), text_of(j, "username"));
	ret->can_upload =
		!json_is_false(member(member(j, "permissions"), "canUpload"));
	json_decref(j);
	return 0;
}

int rev_json_has_field(const void *data, size_t len, const char *name,
		       bool *ret)
{
	json_t *j, *fields, *field;
	bool found = false;
	size_t i;
	int err = parse(data, len, &j);

	if (err)
		return err;
	fields = json_is_array(j) ? j : member(j, "fields");
	/* The name goes into a query: its case counts there. */
	json_array_foreach(fields, i, field)
		found |= !strcmp(text_of(field, "name"), name);
	if (json_is_array(fields))
		*ret = found;
	else
		err = -EBADMSG;
	json_decref(j);
	return err;
}
