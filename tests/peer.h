/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_PEER_H
#define UPCAST_PEER_H

#include <stddef.h>

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/http.h"
#include "lib/loop.h"
#include "tests/child.h"
#include "tests/tempdir.h"

/*
 * A stand-in of tests/standin/ ("rev", "cms") for one test program: started
 * with a seed (JSON), ordered about through its control port, ended with the
 * program. See tests/standin/README.md.
 */
struct peer {
	struct child child;
	char dir[TEMPDIR_MAX];
	char ca[TEMPDIR_MAX + 16]; /* trust this */
	unsigned port, control_port;
};

int peer_start(struct peer *p, const char *program,
	       const char *seed) ATTR_MUST_CHECK;
void peer_stop(struct peer *p);

/* An order and its answer. -EBADE unless the stand-in answers 200. */
int peer_order(struct peer *p, const char *method, const char *path,
	       const char *json, struct buf *answer) ATTR_MUST_CHECK;
/* How many requests of `method` had this path, GUIDs in it being {id}; < 0:
 * error. */
int peer_count(struct peer *p, const char *method, const char *path);

/* Runs the loop until *flag or the deadline: 0 or -ETIME. */
int peer_wait(struct loop *loop, const bool *flag) ATTR_MUST_CHECK;

#endif
