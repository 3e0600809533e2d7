/* SPDX-License-Identifier: MIT */
#include "streamer/sip_listen.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/str.h"

/*
 * The next word up to `end`, copied; false if there is none or it is too long.
 */
static bool take_word(const char **at, const char *end, char *dst, size_t size)
{
	const char *start = *at;
	size_t n;

	while (start < end && (*start == ' ' || *start == '\t'))
		start++;
	*at = start;
	while (*at < end && **at != ' ' && **at != '\t')
		(*at)++;
	n = (size_t)(*at - start);
	if (!n || n >= size)
		return false;
	memcpy(dst, start, n);
	dst[n] = '\0';
	return true;
}

static int parse_port(const char *word, uint16_t *ret)
{
	uint64_t v = 0;

	if (strcasecmp(word, "none") && str_parse_u64(word, 1, 65535, &v))
		return -EINVAL;
	*ret = (uint16_t)v;
	return 0;
}

static int parse_entry(const char *at, const char *end, struct sip_listen *ret,
		       struct err *err)
{
	char tcp[8], tls[8], more[8];

	if (!take_word(&at, end, ret->interface, sizeof(ret->interface)) ||
	    !take_word(&at, end, tcp, sizeof(tcp)) ||
	    !take_word(&at, end, tls, sizeof(tls)) ||
	    take_word(&at, end, more, sizeof(more)))
		return err_set(err, -EINVAL,
			       "sip_listen: wanted are an interface, a TCP "
			       "port or none, a TLS port or none, such as "
			       "\"a 5060 5061\"");
	if (parse_port(tcp, &ret->tcp) || parse_port(tls, &ret->tls))
		return err_set(err, -EINVAL,
			       "sip_listen: \"%s %s\" are no ports, 1 to 65535 "
			       "or none",
			       tcp, tls);
	if (!ret->tcp && !ret->tls)
		return err_set(err, -EINVAL,
			       "sip_listen: %s has neither a TCP nor a TLS "
			       "port",
			       ret->interface);
	return 0;
}

int sip_listen_parse(const char *text, struct sip_listens *ret, struct err *err)
{
	struct sip_listens l = { 0 };
	int code;

	for (;;) {
		const char *end = text + strcspn(text, ",");

		if (l.count == SIP_LISTEN_MAX)
			return err_set(err, -EINVAL,
				       "sip_listen: more than %d interfaces",
				       SIP_LISTEN_MAX);
		code = parse_entry(text, end, &l.at[l.count++], err);
		if (code)
			return code;
		if (!*end)
			break;
		text = end + 1;
	}
	*ret = l;
	return 0;
}

static bool has_ipv6(void)
{
	return !access("/proc/net/if_inet6", R_OK);
}

/* The name of the n-th interface besides the loopback; as the kernel counts. */
static bool nth_interface(int n, char *dst)
{
	struct if_nameindex *all = if_nameindex();
	bool found = false;

	for (struct if_nameindex *i = all; i && i->if_index && !found; i++) {
		if (!strcmp(i->if_name, "lo") || n-- > 0)
			continue;
		str_copy(dst, i->if_name, IF_NAMESIZE);
		found = true;
	}
	if (all)
		if_freenameindex(all);
	return found;
}

static bool is_usable(const struct ifaddrs *a, const char *name)
{
	const struct sockaddr_in6 *v6;

	if (!a->ifa_addr || strcmp(a->ifa_name, name))
		return false;
	if (a->ifa_addr->sa_family == AF_INET)
		return true;
	v6 = (const void *)a->ifa_addr;
	return a->ifa_addr->sa_family == AF_INET6 &&
	       !IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr);
}

static int collect(const char *name, struct sockaddr_storage *ret,
		   size_t *ret_count, struct err *err)
{
	struct ifaddrs *all;
	size_t n = 0;

	if (getifaddrs(&all))
		return err_set(err, -errno, "sip_listen: %s", err_str(-errno));
	for (struct ifaddrs *a = all; a; a = a->ifa_next) {
		if (n == SIP_LISTEN_ADDRESSES_MAX || !is_usable(a, name))
			continue;
		memset(&ret[n], 0, sizeof(ret[n]));
		memcpy(&ret[n], a->ifa_addr,
		       a->ifa_addr->sa_family == AF_INET
			       ? sizeof(struct sockaddr_in)
			       : sizeof(struct sockaddr_in6));
		sip_addr_set_port(&ret[n++], 0);
	}
	freeifaddrs(all);
	if (!n)
		return err_set(err, -ENODEV,
			       "sip_listen: there is no network interface %s "
			       "with an address",
			       name);
	*ret_count = n;
	return 0;
}

int sip_listen_resolve(const char *interface,
		       struct sockaddr_storage ret[SIP_LISTEN_ADDRESSES_MAX],
		       size_t *ret_count, struct err *err)
{
	char name[IF_NAMESIZE];
	bool any = !strcasecmp(interface, "any");

	if (any)
		interface = has_ipv6() ? "::" : "0.0.0.0";
	if (!sip_addr_parse(interface, 0, &ret[0])) {
		*ret_count = 1;
		return 0;
	}
	str_copy(name, interface, sizeof(name));
	/* An interface may well be called "a": its name goes first. */
	if (!if_nametoindex(name) && interface[0] >= 'a' &&
	    interface[0] <= 'e' && !interface[1] &&
	    !nth_interface(interface[0] - 'a', name))
		return err_set(err, -ENODEV,
			       "sip_listen: there is no interface %s: fewer "
			       "network interfaces than that",
			       interface);
	return collect(name, ret, ret_count, err);
}
