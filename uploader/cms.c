/* SPDX-License-Identifier: MIT */
#include "uploader/cms.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"
#include "lib/list.h"
#include "lib/log.h"
#include "lib/mono.h"
#include "lib/str.h"
#include "uploader/cms_ask.h"
#include "uploader/cms_parse.h"

enum {
	SPACES_MAX = 1000, /* cached */
	USERS_MAX = 2 * CMS_MEMBERS_MAX,
	USER_ASKS = 4, /* users asked for at the same time */
	PAGE = 100,    /* members asked for; the bridge may give fewer */
	PATH_ID_MAX = 200,
};

/* A user of the bridge, remembered: many spaces have the same members. */
struct user {
	UT_hash_handle hh;
	struct list node; /* oldest first */
	uint64_t until_ms;
	struct cms_person person; /* hashed by its user_id */
};

struct member_ask {
	struct cms_ask ask;
	struct entry *entry;
	struct cms_person *person; /* whom it is about */
};

/* One space: what is known of it, or who is asking and who waits. */
struct entry {
	UT_hash_handle hh;
	struct list node; /* oldest first */
	struct cms *cms;
	char *key;	 /* as the caller wrote the id */
	bool is_dropped; /* no longer in the cache: freed with its last user */
	bool is_asking;
	uint64_t until_ms;
	struct list lookups;

	int err;
	struct err why;
	struct cms_space space;

	struct cms_ask ask; /* space, then member pages */
	size_t received;
	struct member_ask user_asks[USER_ASKS];
	size_t next_person, running; /* 0: the owner, then the members */
};

struct cms_lookup {
	struct list node;
	struct entry *entry;
	struct loop_task task;
	cms_space_fn *fn;
	void *arg;
};

struct cms {
	struct loop *loop;
	struct cms_bridge bridge;
	unsigned cache_ms;
	struct entry *entries;
	struct user *users;
	struct list entry_ages, user_ages;
};

/* ---- users, remembered -------------------------------------------------- */

static void free_user(struct cms *cms, struct user *u)
{
	HASH_DEL(cms->users, u);
	list_del(&u->node);
	cms_person_release(&u->person);
	free(u);
}

static struct user *find_user(struct cms *cms, const char *id)
{
	struct user *u;

	HASH_FIND_STR(cms->users, id, u);
	if (!u || mono_ms() < u->until_ms)
		return u;
	free_user(cms, u);
	return NULL;
}

static int copy_person(struct cms_person *dst, const struct cms_person *src)
{
	int err = src->jid ? str_replace(&dst->jid, src->jid) : 0;

	if (!err && src->email)
		err = str_replace(&dst->email, src->email);
	if (!err && src->name)
		err = str_replace(&dst->name, src->name);
	return err;
}

/* Failing to remember is no failure. */
static void remember_user(struct cms *cms, const struct cms_person *person)
{
	struct user *u = find_user(cms, person->user_id);

	if (u || !cms->cache_ms)
		return;
	if (HASH_COUNT(cms->users) >= USERS_MAX)
		free_user(cms, list_entry(list_first(&cms->user_ages),
					  struct user, node));
	u = calloc(1, sizeof(*u));
	if (!u)
		return;
	u->until_ms = mono_ms() + cms->cache_ms;
	if (str_replace(&u->person.user_id, person->user_id) ||
	    copy_person(&u->person, person))
		goto fail;
	HASH_ADD_KEYPTR(hh, cms->users, u->person.user_id,
			strlen(u->person.user_id), u);
	if (!u->hh.tbl)
		goto fail;
	list_add_tail(&cms->user_ages, &u->node);
	return;
fail:
	cms_person_release(&u->person);
	free(u);
}

/* ---- entries ------------------------------------------------------------ */

static void stop_asking(struct entry *e)
{
	cms_ask_stop(&e->ask);
	for (size_t i = 0; i < USER_ASKS; i++)
		cms_ask_stop(&e->user_asks[i].ask);
	e->is_asking = false;
}

static void free_entry(struct entry *e)
{
	stop_asking(e);
	list_del(&e->node);
	cms_space_release(&e->space);
	free(e->key);
	free(e);
}

/* Out of the cache; it stays for those that still wait for it. */
static void drop_entry(struct entry *e)
{
	if (!e->is_dropped)
		HASH_DEL(e->cms->entries, e);
	e->is_dropped = true;
	if (list_is_empty(&e->lookups) && !e->is_asking)
		free_entry(e);
}

static struct entry *new_entry(struct cms *cms, const char *key)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->cms = cms;
	list_init(&e->node);
	list_init(&e->lookups);
	e->key = strdup(key);
	if (e->key)
		HASH_ADD_KEYPTR(hh, cms->entries, e->key, strlen(e->key), e);
	if (!e->key || !e->hh.tbl) {
		free(e->key);
		free(e);
		return NULL;
	}
	list_add_tail(&cms->entry_ages, &e->node);
	return e;
}

/* Makes room in the cache: the oldest that nobody waits for goes. */
static void evict(struct cms *cms)
{
	if (HASH_COUNT(cms->entries) < SPACES_MAX)
		return;
	list_for_each(it, &cms->entry_ages) {
		struct entry *e = list_entry(it, struct entry, node);

		if (e->is_dropped || e->is_asking ||
		    !list_is_empty(&e->lookups))
			continue;
		drop_entry(e);
		return;
	}
}

/* ---- asking for a space ------------------------------------------------- */

static void ask_people(struct entry *e);

/* The answer is complete, or will not come. */
static void answer(struct entry *e, int err, const struct err *why)
{
	stop_asking(e);
	e->err = err == -ENOMEM ? -EAGAIN : err;
	if (err && why && *why->text)
		e->why = *why;
	else if (err)
		err_set(&e->why, e->err, "bridge: %s", err_str(err));
	if (err)
		cms_space_release(&e->space);
	else
		cms_space_tidy(&e->space);
	e->until_ms = mono_ms() + e->cms->cache_ms;
	list_for_each(it, &e->lookups) {
		struct cms_lookup *l = list_entry(it, struct cms_lookup, node);

		loop_defer(e->cms->loop, &l->task);
	}
	/* What failed is asked again by the next that wants it. */
	if (err || !e->cms->cache_ms || list_is_empty(&e->lookups))
		drop_entry(e);
}

/* What was asked for is not in the answer. */
static void answer_nonsense(struct entry *e, int err)
{
	struct err why;

	if (err == -ENOMEM) {
		answer(e, err, NULL);
		return;
	}
	err_set(&why, -EPROTO,
		"the bridge's answer about space %s makes no sense: %s", e->key,
		err_str(err));
	answer(e, -EPROTO, &why);
}

static struct cms_person *person_at(struct entry *e, size_t i)
{
	return i ? &e->space.members[i - 1] : &e->space.owner;
}

static void on_user(struct cms_ask *ask, int err, const struct err *why,
		    const struct buf *body)
{
	struct member_ask *m = container_of(ask, struct member_ask, ask);
	struct entry *e = m->entry;

	e->running--;
	if (!err)
		err = cms_parse_user(body->data, body->len, m->person);
	/* A user who is gone keeps the JID that the space knows. */
	if (err && err != -ENOENT) {
		if (err == -EBADMSG || err == -EMSGSIZE)
			answer_nonsense(e, err);
		else
			answer(e, err, why);
		return;
	}
	remember_user(e->cms, m->person);
	ask_people(e);
}

/* Asks about `p`, unless it is known or cannot be asked about. */
static int ask_person(struct entry *e, struct member_ask *m,
		      struct cms_person *p, bool *ret_asked)
{
	struct user *known = p->user_id ? find_user(e->cms, p->user_id) : NULL;
	struct buf id;
	int err;

	*ret_asked = false;
	if (!p->user_id)
		return 0;
	if (known)
		return copy_person(p, &known->person);
	m->entry = e;
	m->person = p;
	buf_init(&id, PATH_ID_MAX);
	err = str_pct_encode(&id, p->user_id);
	if (!err)
		err = cms_ask_start(&m->ask, &e->cms->bridge, on_user,
				    "users/%s", buf_text(&id));
	buf_release(&id);
	*ret_asked = !err;
	/* An id that long is nobody's. */
	return err == -EMSGSIZE ? 0 : err;
}

/* Keeps up to USER_ASKS questions about people under way. */
static void ask_people(struct entry *e)
{
	size_t count = 1 + e->space.member_count;
	int err = 0;

	for (size_t i = 0; i < USER_ASKS && !err; i++) {
		struct member_ask *m = &e->user_asks[i];
		bool asked = m->ask.request != NULL;

		while (!asked && !err && e->next_person < count) {
			err = ask_person(e, m, person_at(e, e->next_person++),
					 &asked);
			e->running += asked;
		}
	}
	if (err)
		answer(e, err, NULL);
	else if (!e->running)
		answer(e, 0, NULL);
}

static int ask_page(struct entry *e);

static void on_page(struct cms_ask *ask, int err, const struct err *why,
		    const struct buf *body)
{
	struct entry *e = container_of(ask, struct entry, ask);
	size_t received = 0, total = 0;

	/* Gone since the first question: as if it had been gone then. */
	if (err == -ENOENT) {
		cms_space_release(&e->space);
		answer(e, 0, NULL);
		return;
	}
	if (err) {
		answer(e, err, why);
		return;
	}
	err = cms_parse_members(body->data, body->len, &e->space, &received,
				&total);
	if (err == -EMSGSIZE) {
		log_warning("space %s has more than %d members: the others are "
			    "left out",
			    e->key, CMS_MEMBERS_MAX);
		ask_people(e);
		return;
	}
	if (err) {
		answer_nonsense(e, err);
		return;
	}
	e->received += received;
	if (!received || e->received >= total)
		ask_people(e);
	else if (ask_page(e))
		answer(e, -ENOMEM, NULL);
}

static int ask_page(struct entry *e)
{
	struct buf id;
	int err;

	buf_init(&id, PATH_ID_MAX);
	err = str_pct_encode(&id, e->key);
	if (!err)
		err = cms_ask_start(&e->ask, &e->cms->bridge, on_page,
				    "coSpaces/%s/coSpaceUsers?offset=%zu"
				    "&limit=%d",
				    buf_text(&id), e->received, PAGE);
	buf_release(&id);
	return err;
}

static void on_space(struct cms_ask *ask, int err, const struct err *why,
		     const struct buf *body)
{
	struct entry *e = container_of(ask, struct entry, ask);

	if (err) {
		/* "There is no such space" is an answer. */
		answer(e, err == -ENOENT ? 0 : err, why);
		return;
	}
	err = cms_parse_space(body->data, body->len, &e->space);
	if (err)
		answer_nonsense(e, err);
	else if (ask_page(e))
		answer(e, -ENOMEM, NULL);
}

static int ask_space(struct entry *e)
{
	struct buf id;
	int err;

	buf_init(&id, PATH_ID_MAX);
	err = str_pct_encode(&id, e->key);
	if (!err)
		err = cms_ask_start(&e->ask, &e->cms->bridge, on_space,
				    "coSpaces/%s", buf_text(&id));
	buf_release(&id);
	e->is_asking = !err;
	return err;
}

/* ---- lookups ------------------------------------------------------------ */

static void free_lookup(struct cms_lookup *l)
{
	struct entry *e = l->entry;

	loop_cancel(e->cms->loop, &l->task);
	list_del(&l->node);
	free(l);
	if (!list_is_empty(&e->lookups))
		return;
	if (e->is_asking)
		stop_asking(e);
	else if (!e->is_dropped)
		return;
	drop_entry(e);
}

static void run_lookup(struct loop_task *task)
{
	struct cms_lookup *l = container_of(task, struct cms_lookup, task);
	struct entry *e = l->entry;

	l->fn(l->arg, e->err, e->err ? &e->why : NULL,
	      e->err ? NULL : &e->space);
	free_lookup(l);
}

/* The entry to wait for: what is cached and fresh, or a new question. */
static int get_entry(struct cms *cms, const char *key, struct entry **ret)
{
	struct entry *e;
	int err;

	HASH_FIND_STR(cms->entries, key, e);
	if (e && !e->is_asking && mono_ms() >= e->until_ms) {
		drop_entry(e);
		e = NULL;
	}
	if (!e) {
		evict(cms);
		e = new_entry(cms, key);
		if (!e)
			return -ENOMEM;
		err = ask_space(e);
		if (err) {
			drop_entry(e);
			return err;
		}
	}
	*ret = e;
	return 0;
}

int cms_get_space(struct cms *cms, const char *space_id, cms_space_fn *fn,
		  void *arg, struct cms_lookup **ret)
{
	struct cms_lookup *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	err = get_entry(cms, space_id, &l->entry);
	if (err) {
		free(l);
		return err;
	}
	l->fn = fn;
	l->arg = arg;
	loop_task_init(&l->task, run_lookup);
	list_add_tail(&l->entry->lookups, &l->node);
	if (!l->entry->is_asking)
		loop_defer(cms->loop, &l->task);
	*ret = l;
	return 0;
}

void cms_cancel(struct cms_lookup *lookup)
{
	if (lookup)
		free_lookup(lookup);
}

void cms_flush(struct cms *cms)
{
	list_for_each_safe(it, &cms->entry_ages)
		drop_entry(list_entry(it, struct entry, node));
	list_for_each_safe(it, &cms->user_ages)
		free_user(cms, list_entry(it, struct user, node));
}

int cms_new(struct loop *loop, const struct cms_config *config,
	    struct cms **ret, struct err *err)
{
	struct cms *cms = calloc(1, sizeof(*cms));
	int e;

	if (!cms)
		return err_set(err, -ENOMEM, "cms: no memory");
	cms->loop = loop;
	cms->cache_ms = config->cache_ms;
	list_init(&cms->entry_ages);
	list_init(&cms->user_ages);
	e = cms_bridge_init(&cms->bridge, loop, config, err);
	if (e)
		free(cms);
	else
		*ret = cms;
	return e;
}

void cms_free(struct cms *cms)
{
	if (!cms)
		return;
	list_for_each(it, &cms->entry_ages) {
		struct entry *e = list_entry(it, struct entry, node);

		stop_asking(e);
		list_for_each_safe(l, &e->lookups) {
			struct cms_lookup *lookup =
				list_entry(l, struct cms_lookup, node);

			loop_cancel(cms->loop, &lookup->task);
			list_del(&lookup->node);
			free(lookup);
		}
	}
	cms_flush(cms);
	cms_bridge_release(&cms->bridge);
	free(cms);
}
