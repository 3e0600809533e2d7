/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_NOTIFY_H
#define UPCAST_NOTIFY_H

#include <stdint.h>

/*
 * Tells the service manager how the daemon is (sd_notify(3)). Without
 * libsystemd, or where no manager asks ($NOTIFY_SOCKET), nothing happens.
 */
void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);
/* What `systemctl status` shows. */
void notify_status(const char *text);
/* Half the watchdog's interval, 0 if none watches; then call it that often. */
uint64_t notify_watchdog_ms(void);
void notify_watchdog(void);

#endif
