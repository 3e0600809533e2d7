/* SPDX-License-Identifier: MIT */
#include "tests/unit.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * The wrapped allocators count what our objects hold in an open-addressing
 * table of live blocks, so that a free() of a block that libc made for us (a
 * getline() buffer, say) is not mistaken for one of ours.
 */
enum {
	LIVE_SLOTS = 1 << 18,
	OOM_ROUNDS_MAX = 20000,
	LIMIT_S = 300, /* a test that hangs must not hang `make check` */
};

static struct {
	void *live[LIVE_SLOTS];
	size_t live_count;
	bool tracking;
	long fail_at; /* 0: none; n: the n-th allocation from now fails */
	bool failed;  /* it has */
} state;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
void __wrap_free(void *p);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);
int __wrap_asprintf(char **p, const char *fmt, ...) ATTR_PRINTF(2, 3);
int __wrap_vasprintf(char **p, const char *fmt, va_list ap) ATTR_PRINTF(2, 0);

/* Tests with threads run with tracking off, so no lock is needed here. */
static bool should_fail(void)
{
	if (!state.tracking || !state.fail_at || --state.fail_at)
		return false;
	state.failed = true;
	return true;
}

static size_t slot_of(const void *p)
{
	return ((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15ULL >> (64 - 18);
}

static void *track(void *p)
{
	size_t i;

	if (!p || !state.tracking)
		return p;
	for (i = slot_of(p); state.live[i]; i = (i + 1) % LIVE_SLOTS)
		;
	state.live[i] = p;
	if (++state.live_count > LIVE_SLOTS / 2)
		abort();
	return p;
}

/* Removes the block and closes the gap (Knuth 6.4, algorithm R). */
static void untrack(const void *p)
{
	size_t i, j, home;

	if (!p || !state.tracking)
		return;
	for (i = slot_of(p); state.live[i] != p; i = (i + 1) % LIVE_SLOTS)
		if (!state.live[i])
			return;
	state.live_count--;
	for (j = (i + 1) % LIVE_SLOTS; state.live[j];
	     j = (j + 1) % LIVE_SLOTS) {
		home = slot_of(state.live[j]);
		if (i <= j ? i < home && home <= j : i < home || home <= j)
			continue;
		state.live[i] = state.live[j];
		i = j;
	}
	state.live[i] = NULL;
}

void *__wrap_malloc(size_t n)
{
	return should_fail() ? NULL : track(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return should_fail() ? NULL : track(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t n)
{
	void *q;

	if (should_fail())
		return NULL;
	untrack(p);
	q = __real_realloc(p, n);
	track(q ? q : p);
	return q;
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return __wrap_realloc(p, bytes);
}

void __wrap_free(void *p)
{
	untrack(p);
	__real_free(p);
}

char *__wrap_strndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *p = __wrap_malloc(len + 1);

	if (!p)
		return NULL;
	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *__wrap_strdup(const char *s)
{
	return __wrap_strndup(s, strlen(s));
}

int __wrap_vasprintf(char **p, const char *fmt, va_list ap)
{
	va_list copy;
	int n;

	va_copy(copy, ap);
	n = vsnprintf(NULL, 0, fmt, copy);
	va_end(copy);
	*p = n < 0 ? NULL : __wrap_malloc((size_t)n + 1);
	return *p ? vsnprintf(*p, (size_t)n + 1, fmt, ap) : -1;
}

int __wrap_asprintf(char **p, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = __wrap_vasprintf(p, fmt, ap);
	va_end(ap);
	return n;
}

bool unit_is_oom(void)
{
	return state.failed;
}

void unit_report(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("# %s:%d: ", file, line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("%s\n", state.failed ? " (with a failing allocation)" : "");
}

const char *unit_data(const char *name)
{
	static char path[4096];
	const char *top = getenv("top_srcdir");

	snprintf(path, sizeof(path), "%s/tests/data/%s", top ? top : ".", name);
	return path;
}

/* One run of a test; false if it failed or left a block behind. */
static bool run_round(const struct unit_test *t, long fail_at)
{
	int err;

	memset(&state, 0, sizeof(state));
	state.tracking = !(t->flags & UNIT_NO_OOM);
	state.fail_at = fail_at;
	err = t->run();
	/* Threads that a test left may look at it. */
	if (state.tracking)
		state.tracking = false;
	if (err && !(state.failed && err == -ENOMEM)) {
		printf("# %s: ended with %d%s\n", t->name, err,
		       state.failed ? " with a failing allocation" : "");
		return false;
	}
	if (state.live_count) {
		printf("# %s: %zu blocks left%s\n", t->name, state.live_count,
		       state.failed ? " with a failing allocation" : "");
		return false;
	}
	return true;
}

static const char *running;

static void on_alarm(int number)
{
	static const char what[] = ": not done in time\n";
	bool told = write(STDOUT_FILENO, "# ", 2) == 2 &&
		    write(STDOUT_FILENO, running, strlen(running)) > 0 &&
		    write(STDOUT_FILENO, what, sizeof(what) - 1) > 0;

	_exit(told ? 1 : 2);
}

static bool run_test(const struct unit_test *t)
{
	running = t->name;
	signal(SIGALRM, on_alarm);
	alarm(LIMIT_S);
	if (!run_round(t, 0))
		return false;
	if (t->flags & UNIT_NO_OOM)
		return true;
	for (long n = 1; n <= OOM_ROUNDS_MAX; n++) {
		if (!run_round(t, n)) {
			printf("# %s: allocation %ld failed\n", t->name, n);
			return false;
		}
		if (!state.failed)
			return true;
	}
	printf("# %s: more than %d allocations\n", t->name, OOM_ROUNDS_MAX);
	return false;
}

int unit_main(const struct unit_test *tests, size_t n, int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : NULL;
	int failed = 0, number = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < n; i++) {
		bool ok;

		if (only && !strstr(tests[i].name, only))
			continue;
		ok = run_test(&tests[i]);
		failed += !ok;
		printf("%sok %d - %s\n", ok ? "" : "not ", ++number,
		       tests[i].name);
	}
	printf("1..%d\n", number);
	return failed ? 1 : 0;
}
