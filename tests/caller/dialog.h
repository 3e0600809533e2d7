/* SPDX-License-Identifier: MIT */
#ifndef CALLER_DIALOG_H
#define CALLER_DIALOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/attr.h"
#include "tests/caller/player.h"

/*
 * The SIP side of a call as a bridge has it: a connection of its own, INVITE
 * with an offer, ACK, UPDATE, session timer, BYE; answers to what the peer
 * asks. Whatever happens, `on_end` is called once, with NULL if all went well.
 */
struct event_base;
struct ssl_ctx_st;
struct dialog;

struct dialog_config {
	struct event_base *base;
	struct player *player;
	const struct clip *clip;
	char uri[256];
	struct sockaddr_storage peer;
	char local[64]; /* our address as text */
	char host[72];	/* the same in a URI */
	uint16_t media_port;
	struct ssl_ctx_st *tls; /* NULL: TCP */
	enum suite suite;
	bool optional_crypto, no_feedback, no_video, hold;
	bool mki;  /* and a lifetime of the keys */
	int audio; /* 0 none, 1 LATM, 2 AAC-hbr */
	const char *url, *update_url;
	int expires, verbose;
	uint64_t length_ms; /* 0: until the clip has been sent */
	unsigned delay_ms;
	int infos, updates; /* counted */
	void (*on_end)(void *arg, int number, const char *error);
	void *arg;
};

int dialog_new(struct dialog_config *config, int number,
	       struct dialog **ret_dialog) ATTR_MUST_CHECK;
void dialog_free(struct dialog *d);
/* To be called often: timers. */
void dialog_tick(struct dialog *d);

#endif
