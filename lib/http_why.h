/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_HTTP_WHY_H
#define UPCAST_HTTP_WHY_H

#include <stdbool.h>

#include <curl/curl.h>

#include "lib/err.h"

/*
 * Inside lib/http: what curl says about a request that failed, as an errno and
 * a sentence that tells an administrator what would be right.
 */
struct http_why {
	const char *where; /* host:port */
	const char *trust; /* bundle, NULL: the system's */
	const char *trust_name;
	bool has_proxy;
	unsigned connect_timeout_ms, timeout_ms;
	const char *curl_text;
};

int http_why_explain(const struct http_why *w, CURL *easy, CURLcode code,
		     struct err *ret);

#endif
