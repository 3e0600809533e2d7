/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_UPLOADER_CHECK_H
#define UPCAST_UPLOADER_CHECK_H

#include "lib/conf.h"

/*
 * Which settings an enabled uploader still lacks. Each value by itself is
 * right, or conf_load() had refused it; a disabled uploader lacks nothing.
 */
typedef void check_tell_fn(void *arg, const char *sentence);

/* One call of `tell` for each thing that is missing; returns their number. */
size_t check_settings(const struct conf *conf, check_tell_fn *tell, void *arg);

#endif
