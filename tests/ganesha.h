/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_GANESHA_H
#define UPCAST_GANESHA_H

#include <stdbool.h>

#include "tests/child.h"
#include "tests/tempdir.h"

enum { GANESHA_PORTS = 3 };

/*
 * An NFS server (nfs-ganesha, versions 3 and 4) on 127.0.0.1 for one test. It
 * exports `export` as /rec; what a test writes there is served at once.
 *
 *	ganesha_init(&g);
 *	err = ganesha_start(&g);
 *	...
 *	ganesha_stop(&g);  ganesha_start(&g);	// same ports, same export
 *	ganesha_release(&g);
 */
struct ganesha {
	struct child child;
	char dir[TEMPDIR_MAX];
	char export[TEMPDIR_MAX + 16];
	int ports[GANESHA_PORTS]; /* NFS, mountd, lockd */
	int lease_s;		  /* version 4 */
	bool read_only;
};

/* Can it run here? It needs root (file handles) and its packages. */
bool ganesha_is_there(void);
int ganesha_init(struct ganesha *g) ATTR_MUST_CHECK;
/*
 * Other ports: another program may take one between the look and the start,
 * which fails with -ECHILD then.
 */
int ganesha_find_ports(struct ganesha *g) ATTR_MUST_CHECK;
/* Takes a zeroed one, too; removes all files. */
void ganesha_release(struct ganesha *g);
/* Returns once it serves. */
int ganesha_start(struct ganesha *g) ATTR_MUST_CHECK;
/* Kills it, as a crash would. */
void ganesha_stop(struct ganesha *g);
/* It hangs: connections stay, nothing is answered. */
void ganesha_pause(struct ganesha *g, bool paused);

#endif
