/* SPDX-License-Identifier: MIT */
#include "streamer/rtmp_info.h"

#include <string.h>

static const struct rtmp_code codes[] = {
	{ "NetStream.Publish.Start", RTMP_PUBLISHING, false },
	{ "NetStream.Publish.BadName", RTMP_REFUSED, false },
	{ "NetStream.Publish.Denied", RTMP_REFUSED, true },
	{ "NetStream.Publish.Rejected", RTMP_REFUSED, true },
	{ "NetStream.Publish.Unauthorized", RTMP_REFUSED, true },
	{ "NetStream.Failed", RTMP_REFUSED, false },
	{ "NetStream.Unpublish.Success", RTMP_ENDED, false },
	{ "NetConnection.Connect.Rejected", RTMP_REFUSED, true },
	{ "NetConnection.Connect.InvalidApp", RTMP_REFUSED, true },
	{ "NetConnection.Connect.Failed", RTMP_REFUSED, false },
	{ "NetConnection.Connect.AppShutdown", RTMP_REFUSED, false },
	{ "NetConnection.Connect.Closed", RTMP_REFUSED, false },
	{ "NetConnection.Connect.ReconnectRequest", RTMP_MOVE, false },
};

const struct rtmp_code *rtmp_code_find(const char *code)
{
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (!strcmp(codes[i].code, code))
			return &codes[i];
	return NULL;
}

void rtmp_info_read(struct rtmp_info *info, struct amf_reader *in)
{
	const struct amf_text none = { "", 0 };
	struct amf_text level = none, code = none, text = none, tc_url = none;
	const struct amf_wanted wanted[] = {
		{ "level", &level },
		{ "code", &code },
		{ "description", &text },
		{ "tcUrl", &tc_url },
	};

	if (amf_get_object(in, wanted, ARRAY_SIZE(wanted)))
		level = code = text = tc_url = none;
	info->error = amf_text_is(level, "error");
	amf_text_copy(code, info->code, sizeof(info->code));
	amf_text_copy(text, info->text, sizeof(info->text));
	amf_text_copy(tc_url, info->tc_url, sizeof(info->tc_url));
}
