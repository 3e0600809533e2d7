/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_LISTEN_H
#define UPCAST_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The setting sip_listen, "a 7000 7001, b 5060 none", as the original shows
 * it: "tcp a:7000, tls a:7001, tcp b:5060, tls none". Pure; what is malformed
 * is passed over, since the daemon refuses it.
 */
struct listen {
	char interface[64], tcp[8], tls[8]; /* ports, or "none" */
};

/* The next entry of the setting; `*at` moves on. */
bool listen_next(const char **at, struct listen *ret);

void listen_format(const char *setting, char *dst, size_t size);
bool listen_has_tls(const char *setting);

#endif
