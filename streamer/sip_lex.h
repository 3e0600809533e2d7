/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SIP_LEX_H
#define UPCAST_SIP_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Recognisers for the pieces that SIP header fields are made of (RFC 3261
 * section 25.1), on unfolded text that may hold any byte. Pure.
 *
 * Each takes the cursor over one piece and says whether it was there; after a
 * false the cursor's place means nothing. Those with a `ret` tell what they
 * saw. A grammar is their chain:
 *
 *	lex_digits(&l, 0, INT32_MAX, &n) && lex_space(&l) && lex_token(&l, &m)
 */
struct lex {
	const char *at, *end;
};

struct lex_span {
	const char *at;
	size_t len;
};

static inline bool lex_is_end(const struct lex *l)
{
	return l->at == l->end;
}

/* The next byte, or -1 at the end. */
static inline int lex_peek(const struct lex *l)
{
	return lex_is_end(l) ? -1 : (unsigned char)*l->at;
}

/* Drops blanks, if any; `lex_space` wants at least one. */
void lex_blanks(struct lex *l);
bool lex_space(struct lex *l);
/* The byte `c`, and with `lex_mark` blanks around it. */
bool lex_byte(struct lex *l, char c);
bool lex_mark(struct lex *l, char c);
/* A token; `ret` may be NULL. */
bool lex_token(struct lex *l, struct lex_span *ret);
bool lex_quoted(struct lex *l);
bool lex_digits(struct lex *l, uint64_t max, uint64_t *ret);
/* A word of Call-ID: a token with some more marks. */
bool lex_word(struct lex *l);

/* host [":" port], an IPv6 address in brackets. */
bool lex_host_port(struct lex *l);
/* *( ";" name [ "=" value ] ) as header fields have them, blanks allowed. */
bool lex_params(struct lex *l);

enum lex_uri_kind { LEX_URI_SIP, LEX_URI_SIPS, LEX_URI_OTHER };

enum lex_uri_form {
	LEX_URI_FULL,	 /* with parameters and headers */
	LEX_URI_REQUEST, /* headers are not allowed */
	LEX_URI_BARE,	 /* ends at ';' '?' ',': an addr-spec without <> */
};
bool lex_uri(struct lex *l, enum lex_uri_form form, enum lex_uri_kind *ret);
/* [display name] "<" URI ">", or a bare URI unless `angled`. */
bool lex_name_addr(struct lex *l, bool angled);

/* The next item of a list with commas; those in quotes and <> are no ends. */
bool lex_item(struct lex *l, struct lex_span *ret);

bool lex_span_is(struct lex_span span, const char *word);

#endif
