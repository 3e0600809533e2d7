/* SPDX-License-Identifier: MIT */
/* lib/notify where libsystemd is not to be had. */
#include "lib/notify.h"

void notify_ready(void)
{
}

void notify_reloading(void)
{
}

void notify_stopping(void)
{
}

void notify_status(const char *text)
{
}

uint64_t notify_watchdog_ms(void)
{
	return 0;
}

void notify_watchdog(void)
{
}
