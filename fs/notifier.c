/* SPDX-License-Identifier: MIT */
#include "fs/notifier.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/list.h"

struct item {
	struct list node;
	struct notice notice;
	char name[];
};

struct notifier {
	struct loop *loop;
	notifier_send_fn *send;
	void *arg;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t wake;
	struct list queue;
	unsigned waiting;
	struct loop_task *stopped; /* set: the thread ends */
};

static struct item *take(struct notifier *n)
{
	struct list *it;

	pthread_mutex_lock(&n->lock);
	while (!n->stopped && list_is_empty(&n->queue))
		pthread_cond_wait(&n->wake, &n->lock);
	it = n->stopped ? NULL : list_first(&n->queue);
	if (it) {
		list_del(it);
		n->waiting--;
	}
	pthread_mutex_unlock(&n->lock);
	return it ? list_entry(it, struct item, node) : NULL;
}

static void *run(void *arg)
{
	struct notifier *n = arg;
	struct item *item;

	while ((item = take(n))) {
		n->send(n->arg, &item->notice, false);
		free(item);
	}
	loop_post(n->loop, n->stopped);
	return NULL;
}

int notifier_new(struct loop *loop, notifier_send_fn *send, void *arg,
		 struct notifier **ret)
{
	struct notifier *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->loop = loop;
	n->send = send;
	n->arg = arg;
	list_init(&n->queue);
	pthread_mutex_init(&n->lock, NULL);
	pthread_cond_init(&n->wake, NULL);
	n->started = !pthread_create(&n->thread, NULL, run, n);
	if (!n->started) {
		notifier_free(n);
		return -EAGAIN;
	}
	pthread_setname_np(n->thread, "notifier");
	*ret = n;
	return 0;
}

void notifier_free(struct notifier *n)
{
	if (!n)
		return;
	if (n->started)
		pthread_join(n->thread, NULL);
	list_for_each_safe(it, &n->queue) {
		struct item *item = list_entry(it, struct item, node);

		n->send(n->arg, &item->notice, true);
		free(item);
	}
	pthread_cond_destroy(&n->wake);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

static bool enqueue(struct notifier *n, struct item *item, unsigned max)
{
	bool taken;

	pthread_mutex_lock(&n->lock);
	taken = n->waiting < max && !n->stopped;
	if (taken) {
		list_add_tail(&n->queue, &item->node);
		n->waiting++;
		pthread_cond_signal(&n->wake);
	}
	pthread_mutex_unlock(&n->lock);
	return taken;
}

void notifier_send_gone(struct notifier *n, uint64_t parent, uint64_t inode,
			const char *name)
{
	size_t size = strlen(name) + 1;
	struct item *item = calloc(1, sizeof(*item) + size);

	if (!item)
		return;
	item->notice = (struct notice){ .parent = parent,
					.inode = inode,
					.name = item->name };
	memcpy(item->name, name, size);
	if (!enqueue(n, item, NOTIFIER_QUEUE))
		free(item);
}

/* There is one for each open file at most, so these are never too many. */
void notifier_send_poll(struct notifier *n, void *poll_handle)
{
	struct notice notice = { .poll_handle = poll_handle };
	struct item *item = calloc(1, sizeof(*item));

	if (item) {
		item->notice = notice;
		if (enqueue(n, item, UINT32_MAX))
			return;
		free(item);
	}
	n->send(n->arg, &notice, true);
}

void notifier_stop(struct notifier *n, struct loop_task *stopped)
{
	pthread_mutex_lock(&n->lock);
	n->stopped = stopped;
	pthread_cond_signal(&n->wake);
	pthread_mutex_unlock(&n->lock);
}
