/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SIM_LOOP_H
#define UPCAST_SIM_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/loop.h"

/*
 * lib/loop.h with a clock of its own, for tests that live through days in
 * milliseconds: linked in place of lib/loop.c, with
 * -Wl,--wrap=clock_gettime. No threads, no descriptors: nothing but tasks and
 * timers, in one order.
 */

/*
 * Runs the next task, or moves the clocks to the next timer and runs that;
 * false: there is none, or it is due later than `until_ms`.
 */
bool sim_loop_turn(struct loop *loop, uint64_t until_ms);
/* Milliseconds since loop_new(). */
uint64_t sim_loop_ms(void);
/* The clock on the wall steps; the other one does not. */
void sim_loop_step_wall(int64_t ms);

#endif
