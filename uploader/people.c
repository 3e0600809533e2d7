/* SPDX-License-Identifier: MIT */
#include "uploader/people.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"
#include "lib/mono.h"
#include "lib/str.h"

/* What Rev said about one name. */
struct known {
	UT_hash_handle hh;
	char *key; /* "e:anna@example.com", "u:anna" */
	struct policy_person person;
	uint64_t until_ms;
};

struct people {
	struct loop *loop;
	struct rev *rev;
	struct known *known;
	struct list searches;
};

struct people_search {
	struct list node;
	struct people *people;
	const struct conf *conf; /* the caller's; NULL: the jid is the name */
	struct cms_person person;
	size_t next; /* which name */
	struct policy_name name;
	struct rev_call *call;
	struct loop_task task; /* answers from memory come later, too */
	people_done_fn *done;
	void *arg;
};

static void free_known(struct people *p, struct known *k)
{
	HASH_DEL(p->known, k);
	free(k->key);
	free(k->person.id);
	free(k->person.name);
	free(k);
}

void people_flush(struct people *p)
{
	struct known *k, *next;

	HASH_ITER(hh, p->known, k, next)
		free_known(p, k);
}

int people_new(struct loop *loop, struct rev *rev, struct people **ret)
{
	struct people *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->loop = loop;
	p->rev = rev;
	list_init(&p->searches);
	*ret = p;
	return 0;
}

void people_free(struct people *p)
{
	if (!p)
		return;
	list_for_each_safe(it, &p->searches)
		people_cancel(list_entry(it, struct people_search, node));
	people_flush(p);
	free(p);
}

static void make_key(const struct policy_name *name, char *dst, size_t size)
{
	dst[0] = name->is_email ? 'e' : 'u';
	dst[1] = ':';
	str_copy(dst + 2, name->text, size - 2);
}

static struct known *look_up(struct people *p, const struct policy_name *name)
{
	char key[sizeof(name->text) + 2];
	struct known *k;

	make_key(name, key, sizeof(key));
	HASH_FIND_STR(p->known, key, k);
	if (k && k->until_ms <= mono_ms()) {
		free_known(p, k);
		return NULL;
	}
	return k;
}

/* Room is made by dropping the oldest: uthash keeps the order of insertion. */
static int remember(struct people *p, const struct policy_name *name,
		    const char *id, const char *user_name)
{
	char key[sizeof(name->text) + 2];
	struct known *k = calloc(1, sizeof(*k));
	size_t before = HASH_COUNT(p->known);

	if (!k)
		return -ENOMEM;
	make_key(name, key, sizeof(key));
	k->until_ms = mono_ms() + PEOPLE_CACHE_MS;
	if (str_replace(&k->key, key) || str_replace(&k->person.id, id) ||
	    str_replace(&k->person.name, user_name))
		goto fail;
	if (before >= PEOPLE_CACHE_MAX)
		free_known(p, p->known);
	HASH_ADD_KEYPTR(hh, p->known, k->key, strlen(k->key), k);
	if (k->hh.tbl)
		return 0;
fail:
	free(k->key);
	free(k->person.id);
	free(k->person.name);
	free(k);
	return -ENOMEM;
}

static void release_person(struct cms_person *person)
{
	free(person->user_id);
	free(person->jid);
	free(person->email);
	free(person->name);
}

static void free_search(struct people_search *s)
{
	list_del(&s->node);
	loop_cancel(s->people->loop, &s->task);
	release_person(&s->person);
	free(s);
}

void people_cancel(struct people_search *s)
{
	if (s->call)
		rev_cancel(s->call);
	free_search(s);
}

static void finish(struct people_search *s, const struct rev_result *failed,
		   const struct policy_person *person)
{
	people_done_fn *done = s->done;
	void *arg = s->arg;

	done(arg, failed, person);
	free_search(s);
}

static void fail(struct people_search *s, int err)
{
	struct rev_result result = { .class = REV_TRANSIENT };

	err_set(&result.why, err, "looking for %s on rev: %s", s->name.text,
		err_str(err));
	finish(s, &result, NULL);
}

static void on_answer(void *arg, const struct rev_result *result)
{
	struct people_search *s = arg;
	bool found = result->class == REV_OK;
	int err;

	s->call = NULL;
	if (!found && result->class != REV_GONE &&
	    result->class != REV_REFUSED) {
		finish(s, result, NULL);
		return;
	}
	err = remember(s->people, &s->name, found ? result->user_id : NULL,
		       found ? result->user_name : s->name.text);
	if (err)
		fail(s, err);
	else
		loop_defer(s->people->loop, &s->task);
}

/* A user name; where it looks like an address, that too. */
static bool fixed_name(const struct people_search *s, struct policy_name *ret)
{
	ret->is_email = s->next == 1;
	str_copy(ret->text, s->person.jid, sizeof(ret->text));
	return s->next == 0 || (s->next == 1 && strchr(ret->text, '@'));
}

static bool next_name(struct people_search *s)
{
	return s->conf ? policy_name(s->conf, &s->person, s->next, &s->name)
		       : fixed_name(s, &s->name);
}

/* Tries names until Rev knows one, or must be asked. */
static void step(struct loop_task *task)
{
	struct people_search *s = list_entry(task, struct people_search, task);
	struct policy_person nobody = { 0 };
	struct known *k;
	int err;

	while (next_name(s)) {
		k = look_up(s->people, &s->name);
		if (!k) {
			err = rev_find_user(s->people->rev, s->name.text,
					    s->name.is_email, on_answer, s,
					    &s->call);
			if (err)
				fail(s, err);
			return;
		}
		if (k->person.id) {
			finish(s, NULL, &k->person);
			return;
		}
		s->next++;
	}
	nobody.name = s->person.jid;
	finish(s, NULL, &nobody);
}

int people_find(struct people *p, const struct conf *conf,
		const struct cms_person *person, people_done_fn *done,
		void *arg, struct people_search **ret)
{
	struct people_search *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->people = p;
	s->conf = conf;
	s->done = done;
	s->arg = arg;
	list_add_tail(&p->searches, &s->node);
	loop_task_init(&s->task, step);
	if (str_replace(&s->person.jid, person->jid) ||
	    str_replace(&s->person.email, person->email)) {
		free_search(s);
		return -ENOMEM;
	}
	loop_defer(p->loop, &s->task);
	*ret = s;
	return 0;
}

int people_find_user(struct people *p, const char *user, people_done_fn *done,
		     void *arg, struct people_search **ret)
{
	struct cms_person person = { .jid = (char *)user };

	return people_find(p, NULL, &person, done, arg, ret);
}
