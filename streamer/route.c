/* SPDX-License-Identifier: MIT */
#include "streamer/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "lib/conf.h"
#include "lib/str.h"

struct prefix {
	int family;
	uint8_t bytes[16];
	unsigned bits;
};

static unsigned family_bits(int family)
{
	return family == AF_INET ? 32 : 128;
}

static int parse_prefix(const char *word, size_t len, struct prefix *ret)
{
	char text[INET6_ADDRSTRLEN + 8], *slash;
	uint64_t bits;

	if (len >= sizeof(text))
		return -EINVAL;
	memcpy(text, word, len);
	text[len] = '\0';
	slash = strchr(text, '/');
	if (slash)
		*slash++ = '\0';
	if (inet_pton(AF_INET, text, ret->bytes) == 1)
		ret->family = AF_INET;
	else if (inet_pton(AF_INET6, text, ret->bytes) == 1)
		ret->family = AF_INET6;
	else
		return -EINVAL;
	ret->bits = family_bits(ret->family);
	if (!slash)
		return 0;
	if (str_parse_u64(slash, 0, ret->bits, &bits))
		return -EINVAL;
	ret->bits = (unsigned)bits;
	return 0;
}

/* The address without its port; IPv4 as IPv4, however the socket shows it. */
static bool read_peer(const struct sockaddr_storage *peer, struct prefix *ret)
{
	const struct sockaddr_in *v4 = (const void *)peer;
	const struct sockaddr_in6 *v6 = (const void *)peer;

	ret->family = peer->ss_family;
	if (peer->ss_family == AF_INET) {
		memcpy(ret->bytes, &v4->sin_addr, 4);
	} else if (peer->ss_family == AF_INET6 &&
		   IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		ret->family = AF_INET;
		memcpy(ret->bytes, v6->sin6_addr.s6_addr + 12, 4);
	} else if (peer->ss_family == AF_INET6) {
		memcpy(ret->bytes, &v6->sin6_addr, 16);
	} else {
		return false;
	}
	ret->bits = family_bits(ret->family);
	return true;
}

static bool is_within(const struct prefix *inner, const struct prefix *outer)
{
	size_t whole = outer->bits / 8;
	unsigned rest = outer->bits % 8;

	if (inner->family != outer->family ||
	    memcmp(inner->bytes, outer->bytes, whole))
		return false;
	return !rest ||
	       !((inner->bytes[whole] ^ outer->bytes[whole]) >> (8 - rest));
}

bool route_is_allowed(const char *list, const struct sockaddr_storage *peer)
{
	struct prefix address, entry;
	const char *word;
	size_t len;
	bool any = false;

	if (!read_peer(peer, &address))
		return false;
	while (str_next_word(&list, &word, &len)) {
		any = true;
		if (!parse_prefix(word, len, &entry) &&
		    is_within(&address, &entry))
			return true;
	}
	return !any;
}

int route_check_list(const char *list, struct err *err)
{
	struct prefix entry;
	const char *word;
	size_t len;

	while (str_next_word(&list, &word, &len))
		if (parse_prefix(word, len, &entry))
			return err_set(err, -EINVAL,
				       "\"%.*s\" is no address or prefix such "
				       "as 192.0.2.0/24 or 2001:db8::/32",
				       (int)len, word);
	return 0;
}

size_t route_match(const char *key, const char *user)
{
	size_t n = strlen(key);

	if (n && key[n - 1] == '*')
		return strncasecmp(key, user, n - 1) ? 0 : n;
	/* An exact match is better than any prefix. */
	return strcasecmp(key, user) ? 0 : SIZE_MAX;
}

const char *route_find(const struct conf *conf, const char *user)
{
	const char *key, *value, *best = NULL;
	size_t best_match = 0;

	for (size_t i = 0; (key = conf_free_key(conf, "route", i, &value));
	     i++) {
		size_t match = route_match(key, user);

		if (match > best_match) {
			best_match = match;
			best = value;
		}
	}
	return best;
}
