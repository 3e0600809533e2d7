/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/check.h"
#include "cli/listen.h"
#include "lib/str.h"

enum { CONNECT_MS = 5000 };

/* ---- interfaces and ports ----------------------------------------------- */

/* The n-th interface besides the loopback, as the streamer counts them. */
static bool nth_interface(int n, char *dst)
{
	struct if_nameindex *all = if_nameindex();
	bool found = false;

	for (size_t i = 0; all && all[i].if_index && !found; i++) {
		if (!strcmp(all[i].if_name, "lo") || n-- > 0)
			continue;
		str_copy(dst, all[i].if_name, IF_NAMESIZE);
		found = true;
	}
	if_freenameindex(all);
	return found;
}

static bool parse_address(const char *text, struct sockaddr_storage *ret)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST }, *found;

	if (getaddrinfo(text, NULL, &hints, &found))
		return false;
	memcpy(ret, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return true;
}

static bool address_of(const char *name, struct sockaddr_storage *ret)
{
	struct ifaddrs *all, *a;

	if (getifaddrs(&all))
		return false;
	for (a = all; a; a = a->ifa_next) {
		if (!a->ifa_addr || strcmp(a->ifa_name, name) ||
		    a->ifa_addr->sa_family != AF_INET)
			continue;
		memcpy(ret, a->ifa_addr, sizeof(struct sockaddr_in));
		break;
	}
	freeifaddrs(all);
	return a;
}

/* One address of what sip_listen calls an interface. */
static bool find_interface(const char *interface, struct sockaddr_storage *ret)
{
	char name[IF_NAMESIZE];

	memset(ret, 0, sizeof(*ret));
	ret->ss_family = AF_INET;
	if (!strcasecmp(interface, "any") || parse_address(interface, ret) ||
	    address_of(interface, ret))
		return true;
	return strlen(interface) == 1 && interface[0] >= 'a' &&
	       interface[0] <= 'e' && nth_interface(interface[0] - 'a', name) &&
	       address_of(name, ret);
}

static void set_port(struct sockaddr_storage *address, uint16_t port)
{
	if (address->ss_family == AF_INET6)
		((struct sockaddr_in6 *)address)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)address)->sin_port = htons(port);
}

static socklen_t length_of(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
					      : sizeof(struct sockaddr_in);
}

/* Bound and let go again: 0, or what would keep the streamer from it. */
static int try_port(struct sockaddr_storage *address, const char *port)
{
	int fd, err = 0, on = 1;

	set_port(address, (uint16_t)atoi(port));
	fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (void *)address, length_of(address)) || listen(fd, 1))
		err = -errno;
	close(fd);
	return err;
}

static void check_port(struct check *c, const struct listen *l,
		       const char *name, const char *port,
		       struct sockaddr_storage *address)
{
	int err;

	if (!strcasecmp(port, "none"))
		return;
	err = try_port(address, port);
	if (!err)
		check_pass(c, "%s port %s of %s is free", name, port,
			   l->interface);
	else if (err == -EADDRINUSE)
		check_fail(c,
			   "%s port %s of %s is taken by another program: "
			   "choose another by \"streamer sip listen\"",
			   name, port, l->interface);
	else
		check_fail(c, "%s port %s of %s cannot be listened on: %s",
			   name, port, l->interface, err_str(err));
}

void check_listen(struct check *c)
{
	const char *at = conf_text(c->cli->conf, OPT_ST_SIP_LISTEN);
	bool runs = cli_is_alive(c->cli, "streamer");
	struct sockaddr_storage address;
	struct listen l;

	while (listen_next(&at, &l)) {
		if (!find_interface(l.interface, &address)) {
			check_fail(c,
				   "there is no interface %s with an address: "
				   "name one of this host by \"streamer sip "
				   "listen\"",
				   l.interface);
			continue;
		}
		check_pass(c, "interface %s exists", l.interface);
		if (runs)
			continue;
		check_port(c, &l, "TCP", l.tcp, &address);
		check_port(c, &l, "TLS", l.tls, &address);
	}
}

/* ---- where calls go ----------------------------------------------------- */

struct target {
	char host[256], port[8];
};

/* scheme://[user:password@]host[:port]/app/stream */
static const char *split_url(const char *url, struct target *ret)
{
	bool tls = !strncasecmp(url, "rtmps://", 8);
	const char *host, *end, *at, *colon;

	if (!tls && strncasecmp(url, "rtmp://", 7))
		return "it must begin with rtmp:// or rtmps://";
	host = url + (tls ? 8 : 7);
	end = host + strcspn(host, "/");
	at = memrchr(host, '@', (size_t)(end - host));
	host = at ? at + 1 : host;
	colon = memrchr(host, ':', (size_t)(end - host));
	if (colon && memchr(colon, ']', (size_t)(end - colon)))
		colon = NULL;
	snprintf(ret->port, sizeof(ret->port), "%s", tls ? "443" : "1935");
	if (colon)
		snprintf(ret->port, sizeof(ret->port), "%.*s",
			 (int)(end - colon - 1), colon + 1);
	end = colon ? colon : end;
	snprintf(ret->host, sizeof(ret->host), "%.*s",
		 (int)(end - host) - (*host == '[') * 2, host + (*host == '['));
	if (!*ret->host)
		return "it names no server";
	end = host + strcspn(host, "/");
	if (!*end || !strchr(end + 1, '/') || !strrchr(end, '/')[1])
		return "it needs an application and a stream: "
		       "rtmp://host/app/stream";
	return NULL;
}

static int connect_to(const struct addrinfo *a)
{
	int fd = socket(a->ai_family,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, a->ai_addr, a->ai_addrlen) && errno != EINPROGRESS)
		err = errno;
	else if (poll(&p, 1, CONNECT_MS) != 1)
		err = ETIMEDOUT;
	else
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	close(fd);
	return -err;
}

static void check_server(struct check *c, const char *name,
			 const struct target *t)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;
	int err = getaddrinfo(t->host, t->port, &hints, &found);

	if (err) {
		check_fail(c, "%s: the name %s is not resolved: %s; check DNS",
			   name, t->host, gai_strerror(err));
		return;
	}
	err = connect_to(found);
	freeaddrinfo(found);
	if (err)
		check_fail(c,
			   "%s: %s port %s: %s; check the server, and "
			   "firewalls in between",
			   name, t->host, t->port, err_str(err));
	else
		check_pass(c, "%s: %s port %s answers", name, t->host, t->port);
}

static void check_url(struct check *c, const char *name, const char *url)
{
	const char *wrong;
	struct target t;

	if (!strncmp(url, "secret:", 7))
		return;
	wrong = split_url(url, &t);
	if (wrong)
		check_fail(c, "%s: the URL cannot work: %s", name, wrong);
	else
		check_server(c, name, &t);
}

void check_targets(struct check *c)
{
	const char *url = conf_text(c->cli->conf, OPT_ST_DEFAULT_URL);
	const char *key;
	char name[160];

	if (*url)
		check_url(c, "default_url", url);
	for (size_t i = 0;; i++) {
		key = conf_free_key(c->cli->conf, "route", i, &url);
		if (!key)
			break;
		snprintf(name, sizeof(name), "route %s", key);
		check_url(c, name, url);
	}
}
