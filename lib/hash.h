/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_HASH_H
#define UPCAST_HASH_H

/*
 * uthash as this project uses it: an addition may fail for want of memory, which
 * leaves `hh.tbl` of the entry NULL, and is checked; its default function falls
 * through the cases of a switch, which clang warns of.
 */
#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(key, len, value) HASH_OAT(key, len, value)

#include <uthash.h>

#endif
