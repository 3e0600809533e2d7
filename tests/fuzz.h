/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_FUZZ_H
#define UPCAST_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/*
 * A fuzz target is one file tests/fuzz-<parser>.c with this one function; its
 * corpus is tests/corpus/<parser>/. Under libFuzzer (./configure CC=clang
 * --enable-fuzzers) it is a fuzzer; otherwise tests/fuzz-main.c drives it with
 * the corpus and with a bounded number of mutations of it, so that every
 * `make check` runs every target.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
