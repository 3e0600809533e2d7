/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SETTINGS_H
#define UPCAST_SETTINGS_H

#include "lib/conf.h"
#include "lib/secret.h"
#include "streamer/answer.h"
#include "streamer/session.h"
#include "streamer/sip.h"

/*
 * Section [streamer] of the settings, checked beyond what the option table can
 * say, and put into the shapes that the parts want. A reload makes another
 * one; what hangs on the old one is told.
 *
 * A URL that holds a password may stand in a file of its own: the value
 * "secret:NAME" of default_url and of a route is read from
 * SECRETS_DIR/streamer/NAME.
 */
enum { SETTINGS_NO_LIMIT = 1 << 20 };

struct sip_tls;

struct settings {
	struct conf *conf; /* owned; the texts point into it */
	bool enabled;
	unsigned limit; /* calls; SETTINGS_NO_LIMIT */
	unsigned calls_per_second, half_open;
	enum answer_resolution resolution;
	enum answer_encryption encryption;
	uint64_t url_wait_ms, drain_ms;
	uint16_t port_min, port_max;
	int dscp;
	const char *allow_from, *allowed_targets, *advertise;
	struct sip_config sip;
	struct session_config session;
	char rtmps_trust[1024]; /* the path that session.publish names */
	struct sip_tls *tls;	/* owned; NULL: none is needed */
};

/* Takes `conf` on success. -EINVAL with a sentence, what files say, -ENOMEM. */
int settings_new(struct conf *conf, struct settings **ret,
		 struct err *err) ATTR_MUST_CHECK;
void settings_free(struct settings *s);
/* For a person: says all that is wrong; `conf` stays the caller's. */
int settings_check(struct conf *conf, conf_say_fn *say,
		   void *arg) ATTR_MUST_CHECK;

/*
 * The URLs for a user part that [route] or default_url gives, by blanks; empty
 * if there are none. -ENOENT and others with a sentence: a secret that cannot
 * be read.
 */
int settings_find_url(const struct settings *s, const char *user,
		      struct secret *ret, bool *ret_is_route,
		      struct err *err) ATTR_MUST_CHECK;

#endif
