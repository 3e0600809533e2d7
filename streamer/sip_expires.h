/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SIP_EXPIRES_H
#define UPCAST_SIP_EXPIRES_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Session timers (RFC 4028): how long a call lives without a sign of life, and
 * who gives it. Pure arithmetic on what the headers say.
 */
enum sip_refresher { SIP_REFRESHER_NONE, SIP_REFRESHER_UAC, SIP_REFRESHER_UAS };

struct sip_expires_ask {
	uint32_t interval_s;	      /* Session-Expires, 0: none */
	enum sip_refresher refresher; /* as it names one */
	uint32_t min_s;		      /* its Min-SE, 0: none */
	bool supported;		      /* the peer speaks "timer" */
};

struct sip_expires {
	uint32_t interval_s;	      /* 0: the session lives for ever */
	bool by_us;		      /* we refresh */
	enum sip_refresher refresher; /* as the answer says it */
	bool require;		      /* the answer carries Require: timer */
};

enum { SIP_EXPIRES_MIN_S = 90 };

/*
 * What a UAS answers; `ours_s` is our own wish, 0 for no session timer where
 * the peer asks for none. Returns 0, or 422: the interval is too small, which
 * the answer says with Min-SE: 90.
 */
int sip_expires_answer(const struct sip_expires_ask *ask, uint32_t ours_s,
		       struct sip_expires *ret);
/* What a 2xx to our own refresh settles; `by_us` stays unless it says else. */
void sip_expires_take(const struct sip_expires_ask *answer,
		      struct sip_expires *e);

/* When to refresh, and when the call is dead without: ms from now. */
uint64_t sip_expires_refresh_ms(const struct sip_expires *e);
uint64_t sip_expires_end_ms(const struct sip_expires *e);

#endif
