/* SPDX-License-Identifier: MIT */
#include "streamer/sip_expires.h"

static uint32_t max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

int sip_expires_answer(const struct sip_expires_ask *ask, uint32_t ours_s,
		       struct sip_expires *ret)
{
	struct sip_expires e = { 0 };

	/* Section 9: a peer that does not speak it cannot read a 422. */
	if (ask->interval_s && ask->interval_s < SIP_EXPIRES_MIN_S &&
	    ask->supported)
		return 422;
	e.interval_s = ask->interval_s ? ask->interval_s : ours_s;
	if (ask->interval_s && ours_s && ours_s < ask->interval_s)
		e.interval_s = ours_s;
	if (e.interval_s)
		e.interval_s = max_u32(e.interval_s,
				       max_u32(ask->min_s, SIP_EXPIRES_MIN_S));
	/* Table 2: the peer's choice holds, without one the UAS chooses. */
	e.by_us = !ask->supported || ask->refresher != SIP_REFRESHER_UAC;
	e.refresher = e.by_us ? SIP_REFRESHER_UAS : SIP_REFRESHER_UAC;
	e.require = e.interval_s && ask->supported;
	*ret = e;
	return 0;
}

void sip_expires_take(const struct sip_expires_ask *answer,
		      struct sip_expires *e)
{
	/* A 2xx without the header ends the timer (section 7.2). */
	e->interval_s = answer->interval_s;
	if (answer->refresher != SIP_REFRESHER_NONE)
		e->by_us = answer->refresher == SIP_REFRESHER_UAC;
}

uint64_t sip_expires_refresh_ms(const struct sip_expires *e)
{
	return (uint64_t)e->interval_s * 500;
}

/* Section 10: a third of the interval, at most 32 s, before it runs out. */
uint64_t sip_expires_end_ms(const struct sip_expires *e)
{
	uint32_t margin = e->interval_s / 3;

	if (margin > 32)
		margin = 32;
	return (uint64_t)(e->interval_s - margin) * 1000;
}
