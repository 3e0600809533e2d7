/* SPDX-License-Identifier: MIT */
#include "cli/listen.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool listen_next(const char **at, struct listen *ret)
{
	while (**at) {
		char entry[128];
		size_t n = strcspn(*at, ",");
		int got;

		snprintf(entry, sizeof(entry), "%.*s", (int)n, *at);
		*at += n + ((*at)[n] == ',');
		got = sscanf(entry, " %63s %7s %7s", ret->interface, ret->tcp,
			     ret->tls);
		if (got == 3)
			return true;
	}
	return false;
}

static size_t add_port(char *dst, size_t size, const char *name,
		       const char *interface, const char *port)
{
	int n;

	if (!strcasecmp(port, "none"))
		n = snprintf(dst, size, "%s none", name);
	else
		n = snprintf(dst, size, "%s %s:%s", name, interface, port);
	return (size_t)n < size ? (size_t)n : size - 1;
}

void listen_format(const char *setting, char *dst, size_t size)
{
	struct listen l;
	size_t n = 0;

	*dst = '\0';
	while (n + 1 < size && listen_next(&setting, &l)) {
		if (n)
			n += (size_t)snprintf(dst + n, size - n, ", ");
		n += add_port(dst + n, size - n, "tcp", l.interface, l.tcp);
		n += (size_t)snprintf(dst + n, size - n, ", ");
		if (n < size)
			n += add_port(dst + n, size - n, "tls", l.interface,
				      l.tls);
	}
}

bool listen_has_tls(const char *setting)
{
	struct listen l;

	while (listen_next(&setting, &l))
		if (strcasecmp(l.tls, "none"))
			return true;
	return false;
}
