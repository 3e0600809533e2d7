/* SPDX-License-Identifier: MIT */
#include "lib/notify.h"

#include <inttypes.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "lib/mono.h"

void notify_ready(void)
{
	sd_notify(0, "READY=1");
}

/* The stamp is what Type=notify-reload asks for (sd_notify(3)). */
void notify_reloading(void)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, mono_ns() / 1000);
}

void notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

void notify_status(const char *text)
{
	/* A line end would begin another message. */
	sd_notifyf(0, "STATUS=%.*s", (int)strcspn(text, "\n"), text);
}

uint64_t notify_watchdog_ms(void)
{
	uint64_t usec;

	if (sd_watchdog_enabled(0, &usec) <= 0)
		return 0;
	return usec / 2000;
}

void notify_watchdog(void)
{
	sd_notify(0, "WATCHDOG=1");
}
