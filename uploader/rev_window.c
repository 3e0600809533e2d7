/* SPDX-License-Identifier: MIT */
#include "uploader/rev_window.h"

#include <errno.h>
#include <stdlib.h>

int rev_window_init(struct rev_window *w, unsigned n)
{
	w->n = n ? n : 1;
	w->next = 0;
	w->sent_ms = calloc(w->n, sizeof(*w->sent_ms));
	return w->sent_ms ? 0 : -ENOMEM;
}

void rev_window_release(struct rev_window *w)
{
	free(w->sent_ms);
	w->sent_ms = NULL;
}

uint64_t rev_window_take(struct rev_window *w, uint64_t now_ms)
{
	uint64_t oldest = w->sent_ms[w->next];

	if (oldest && now_ms < oldest + REV_WINDOW_MS)
		return oldest + REV_WINDOW_MS - now_ms;
	w->sent_ms[w->next] = now_ms;
	w->next = (w->next + 1) % w->n;
	return 0;
}
