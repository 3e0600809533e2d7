/* SPDX-License-Identifier: MIT */
#include "uploader/recording.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/str.h"

enum {
	STAMP_LEN = 14, /* YYYYMMDDhhmmss */
	STEM_LEN = RECORDING_STEM_MAX - 1,
	GUID_LEN = RECORDING_ID_MAX - 1,
};

static const char mark_open[] = "_vid-id=";
static const char mark_close[] = "@vbrick";
static const char extension[] = ".mp4";

/* What programs call a file while they still write it. */
static const char *const progress_endings[] = {
	".tmp",	       ".temp",	    ".part", ".partial", ".filepart", ".swp",
	".crdownload", ".download", ".lock", ".writing", ".copy",     "~",
};

/* Skips `word` in either case; NULL if it is not there. */
static const char *skip_word(const char *s, const char *word)
{
	size_t n = strlen(word);

	return strncasecmp(s, word, n) ? NULL : s + n;
}

static bool ends_in(const char *s, size_t len, const char *ending)
{
	size_t n = strlen(ending);

	return len >= n && !strcasecmp(s + len - n, ending);
}

static bool is_hidden(const char *name)
{
	size_t len = strlen(name);

	if (name[0] == '.' || name[0] == '~' || name[0] == '#')
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(progress_endings); i++)
		if (ends_in(name, len, progress_endings[i]))
			return true;
	return false;
}

/* The value of `n` digits, or -1. */
static int number(const char *s, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		if (!isdigit((unsigned char)s[i]))
			return -1;
		v = v * 10 + s[i] - '0';
	}
	return v;
}

static int days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30,
				    31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && leap ? 29 : days[month - 1];
}

/* Days from 1970-01-01 to a date of the Gregorian calendar. */
static int64_t days_from_epoch(int year, int month, int day)
{
	int64_t y = year - 1, days = y * 365 + y / 4 - y / 100 + y / 400;

	for (int m = 1; m < month; m++)
		days += days_in_month(year, m);
	return days + day - 1 - 719162;
}

/* "YYYYMMDDhhmmss": seconds since 1970 as if it were UTC. */
static int parse_stamp(const char *s, int64_t *ret_s)
{
	int year = number(s, 4), month, day, hour, minute, second;

	if (year < 1970 || number(s + 4, STAMP_LEN - 4 - 2) < 0)
		return -EINVAL;
	month = number(s + 4, 2);
	day = number(s + 6, 2);
	hour = number(s + 8, 2);
	minute = number(s + 10, 2);
	second = number(s + 12, 2);
	if (month < 1 || month > 12 || day < 1 ||
	    day > days_in_month(year, month) || hour > 23 || minute > 59 ||
	    second < 0 || second > 60)
		return -EINVAL;
	*ret_s = days_from_epoch(year, month, day) * 86400 + hour * 3600 +
		 minute * 60 + second;
	return 0;
}

/* "+hhmm": from -23:59 to +23:59. */
static int parse_offset(const char *s, int *ret_min)
{
	int hours = number(s + 1, 2), minutes;

	if ((s[0] != '+' && s[0] != '-') || hours < 0 || hours > 23)
		return -EINVAL;
	minutes = number(s + 3, 2);
	if (minutes < 0 || minutes > 59)
		return -EINVAL;
	*ret_min = (hours * 60 + minutes) * (s[0] == '-' ? -1 : 1);
	return 0;
}

/* The stem at the start of `s`. */
static int parse_stem(const char *s, struct recording *ret)
{
	int err, offset_min;
	int64_t local_s;

	if (strnlen(s, STEM_LEN) < STEM_LEN)
		return -EINVAL;
	err = parse_stamp(s, &local_s);
	if (!err)
		err = parse_offset(s + STAMP_LEN, &offset_min);
	if (err)
		return err;
	memcpy(ret->stem, s, STEM_LEN);
	ret->stem[STEM_LEN] = '\0';
	ret->utc_offset_min = offset_min;
	ret->time_s = local_s - (int64_t)offset_min * 60;
	return 0;
}

/* The GUID at the start of `s`, in lower case; where it ends, or NULL. */
static const char *parse_guid(const char *s, char dst[RECORDING_ID_MAX])
{
	char id[RECORDING_ID_MAX];

	if (strnlen(s, GUID_LEN) < GUID_LEN)
		return NULL;
	for (size_t i = 0; i < GUID_LEN; i++)
		id[i] = (char)tolower((unsigned char)s[i]);
	id[GUID_LEN] = '\0';
	if (!str_is_guid(id))
		return NULL;
	memcpy(dst, id, sizeof(id));
	return s + GUID_LEN;
}

/* What follows the stem: ".mp4", or the mark and ".mp4". */
static enum recording_kind parse_rest(const char *s, struct recording *ret)
{
	const char *at = skip_word(s, mark_open);

	if (!at)
		return strcasecmp(s, extension) ? RECORDING_STRANGE
						: RECORDING_NEW;
	at = parse_guid(at, ret->video_id);
	at = at ? skip_word(at, mark_close) : NULL;
	if (!at || strcasecmp(at, extension))
		return RECORDING_STRANGE;
	return RECORDING_UPLOADED;
}

static enum recording_kind sort_name(const char *name, struct recording *ret)
{
	if (!name[0] || strchr(name, '/'))
		return RECORDING_OTHER;
	if (is_hidden(name))
		return RECORDING_HIDDEN;
	if (!ends_in(name, strlen(name), extension))
		return RECORDING_OTHER;
	if (parse_stem(name, ret))
		return RECORDING_STRANGE;
	return parse_rest(name + STEM_LEN, ret);
}

void recording_parse(const char *name, struct recording *ret)
{
	enum recording_kind kind;

	memset(ret, 0, sizeof(*ret));
	kind = sort_name(name, ret);
	if (kind != RECORDING_NEW && kind != RECORDING_UPLOADED)
		memset(ret, 0, sizeof(*ret));
	ret->kind = kind;
}

int recording_format_new(const char *stem, char dst[RECORDING_NAME_MAX])
{
	struct recording r;

	if (strlen(stem) != STEM_LEN || parse_stem(stem, &r))
		return -EINVAL;
	snprintf(dst, RECORDING_NAME_MAX, "%s%s", r.stem, extension);
	return 0;
}

int recording_format_uploaded(const char *stem, const char *video_id,
			      char dst[RECORDING_NAME_MAX])
{
	char id[RECORDING_ID_MAX];
	struct recording r;
	const char *end;

	if (strlen(stem) != STEM_LEN || parse_stem(stem, &r))
		return -EINVAL;
	end = parse_guid(video_id, id);
	if (!end || *end)
		return -EINVAL;
	snprintf(dst, RECORDING_NAME_MAX, "%s%s%s%s%s", r.stem, mark_open, id,
		 mark_close, extension);
	return 0;
}

/* Folders of a path below forwardedCalls; none may be hidden. */
static bool is_forwarded(const char *s)
{
	int depth = 0;

	while (*s == '/') {
		size_t n = strcspn(++s, "/");

		if (n == 0 || *s == '.' ||
		    ++depth > RECORDING_FORWARDED_DEPTH_MAX)
			return false;
		s += n;
	}
	return !*s;
}

void recording_parse_dir(const char *path, struct recording_dir *ret)
{
	const char *rest;

	memset(ret, 0, sizeof(*ret));
	if (!*path) {
		ret->kind = RECORDING_DIR_ROOT;
		return;
	}
	rest = skip_word(path, "forwardedCalls");
	if (rest) {
		if (is_forwarded(rest))
			ret->kind = RECORDING_DIR_FORWARDED;
		return;
	}
	rest = skip_word(path, "spaces");
	if (!rest)
		return;
	if (!*rest) {
		ret->kind = RECORDING_DIR_SPACES;
		return;
	}
	rest = *rest == '/' ? parse_guid(rest + 1, ret->space_id) : NULL;
	if (rest && !*rest)
		ret->kind = RECORDING_DIR_SPACE;
	else
		ret->space_id[0] = '\0';
}
