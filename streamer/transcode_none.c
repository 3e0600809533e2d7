/* SPDX-License-Identifier: MIT */
#include "streamer/transcode.h"

#include <errno.h>

/* Built instead of transcode.c where there is no libavcodec. */
void transcode_start(void)
{
}

bool transcode_is_available(void)
{
	return false;
}

int transcode_new(enum msg_codec codec, uint32_t clock_rate, uint8_t channels,
		  const struct aac_handler *handler, void *arg,
		  struct transcode **ret_transcode)
{
	return -ENOTSUP;
}

void transcode_free(struct transcode *t)
{
}

void transcode_push(struct transcode *t, const struct rtp_packet *p)
{
}
