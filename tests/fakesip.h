/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_TESTS_FAKESIP_H
#define UPCAST_TESTS_FAKESIP_H

#include "streamer/sip_net.h"

/*
 * A loop, a clock and a network for the signalling, all in the hands of the
 * test: what lib/loop.h, the monotonic clock and streamer/sip_net.h say, so
 * that half a minute of retransmissions passes at once. Linked in place of
 * them; one of each, without memory of its own but for armed timers.
 *
 *	fake_reset();
 *	...				// what is under test sends and waits
 *	CHECK_STR(fake_sent(0), "100");
 *	fake_advance(500);
 */
enum { FAKE_SENT_MAX = 64, FAKE_TEXT_MAX = 4096 };

void fake_reset(void);
/* Lets the time pass: timers in their order, tasks after each of them. */
void fake_advance(unsigned ms);
/* Tasks that were deferred, as at the end of a dispatch. */
void fake_run(void);

/* What was sent, since fake_reset() or fake_forget(). */
unsigned fake_sent_count(void);
/* Its status or method: "200", "BYE"; "" if there is no such message. */
const char *fake_sent(unsigned i);
const char *fake_text(unsigned i);
/* The words of all of them, with blanks between: "100 200 200". */
const char *fake_sent_all(void);
void fake_forget(void);

/* From now on sending fails with that code, 0: no longer. */
void fake_set_error(int err);
/* Is the flow's connection there? And what another one was made to. */
void fake_set_alive(bool alive);
const char *fake_connected_to(void);

/* As if it came along a flow of that transport. */
struct sip_flow fake_flow(enum sip_transport transport);
void fake_receive(enum sip_transport transport, const char *text);

#endif
