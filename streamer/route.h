/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_ROUTE_H
#define UPCAST_ROUTE_H

#include <stdbool.h>
#include <sys/socket.h>

#include "lib/attr.h"
#include "lib/err.h"

/*
 * Who may call, and where a call goes whose bridge names no URL. Pure.
 */

/*
 * Is the address in the list? Entries are separated by commas or blanks, each
 * an IPv4 or IPv6 address or prefix ("192.0.2.0/24", "2001:db8::/32"); an IPv4
 * address that a dual-stack socket shows as ::ffff:a.b.c.d counts as IPv4. An
 * empty list has everybody in it. An entry that makes no sense matches nobody.
 */
bool route_is_allowed(const char *list, const struct sockaddr_storage *peer);
/* -EINVAL with a sentence that names the first entry that makes no sense. */
int route_check_list(const char *list, struct err *err) ATTR_MUST_CHECK;

struct conf;

/*
 * The URL that section [route] gives for the user part of a request URI, or
 * NULL. A key that ends in * stands for all users that begin so; the longest
 * key that matches wins. Upper and lower case are the same.
 */
const char *route_find(const struct conf *conf, const char *user);
/* Does `key` of the section match, and how well: 0 not at all. */
size_t route_match(const char *key, const char *user);

#endif
