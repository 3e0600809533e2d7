/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_PROBE_H
#define UPCAST_PROBE_H

#include "lib/boot.h"

/*
 * upcast-streamer --probe: tries what a call would need and prints a line for
 * each, SUCCESS, WARNING or FAILURE, with what to do: the interfaces and ports
 * of sip_listen (ports only where no streamer runs), and each server of
 * [route] and default_url, up to the point where a stream would begin. Nothing
 * is published. Runs a loop of its own.
 *
 * Returns the exit status.
 */
int probe_run(const struct boot *boot);

#endif
