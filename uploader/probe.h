/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_PROBE_H
#define UPCAST_PROBE_H

#include <stdbool.h>

#include "lib/conf.h"

/*
 * upcast-uploader --probe: tries each outside party step by step and prints one
 * SUCCESS or FAILURE line for each, with what to do. `full` also uploads, finds,
 * activates and deletes a private video of one second. Runs a loop of its own
 * and touches neither the journal nor the control directory.
 *
 * Takes the settings; returns the exit status.
 */
int probe_run(struct conf *take_conf, bool full);

#endif
