/* SPDX-License-Identifier: MIT */
#include "uploader/command.h"

#include <errno.h>
#include <string.h>

#include "lib/log.h"
#include "lib/str.h"

static int do_pause(struct command_target *t, struct err *answer)
{
	engine_pause(t->engine);
	return err_set(answer, 0, "no new upload begins");
}

static int do_resume(struct command_target *t, struct err *answer)
{
	engine_resume(t->engine);
	return err_set(answer, 0, "uploads go on");
}

static int do_rescan(struct command_target *t, struct err *answer)
{
	engine_rescan(t->engine);
	return err_set(answer, 0, "scanning");
}

static int do_reconcile(struct command_target *t, struct err *answer)
{
	engine_reconcile(t->engine);
	return err_set(answer, 0, "looking for duplicates on Rev");
}

static int do_reload(struct command_target *t, struct err *answer)
{
	return t->reload(t->arg, answer);
}

static int do_ping(struct command_target *t, struct err *answer)
{
	return err_set(answer, 0, "pong");
}

/* Either takes an id and acts on a recording, or nothing and on the daemon. */
static const struct {
	const char *word;
	int (*on_item)(struct engine *e, int64_t id, struct err *answer);
	int (*on_daemon)(struct command_target *t, struct err *answer);
} commands[] = {
	{ "retry", engine_retry, NULL },     { "cancel", engine_cancel, NULL },
	{ "forget", engine_forget, NULL },   { "pause", NULL, do_pause },
	{ "resume", NULL, do_resume },	     { "rescan", NULL, do_rescan },
	{ "reconcile", NULL, do_reconcile }, { "reload", NULL, do_reload },
	{ "ping", NULL, do_ping },
};

static int run_on_item(size_t i, struct command_target *t,
		       const struct ctlsock_command *command,
		       struct err *answer)
{
	int64_t id;

	if (command->argc != 2)
		return err_set(answer, -EINVAL,
			       "%s needs the id of a recording",
			       commands[i].word);
	if (str_parse_i64(command->argv[1], 1, INT64_MAX, &id))
		return err_set(answer, -EINVAL, "%s is no id: a number is",
			       command->argv[1]);
	return commands[i].on_item(t->engine, id, answer);
}

static int dispatch(struct command_target *t,
		    const struct ctlsock_command *command, struct err *answer)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].word, command->argv[0]))
			continue;
		if (commands[i].on_item)
			return run_on_item(i, t, command, answer);
		if (command->argc != 1)
			return err_set(answer, -EINVAL, "%s takes nothing",
				       commands[i].word);
		return commands[i].on_daemon(t, answer);
	}
	return err_set(answer, -EINVAL,
		       "unknown command %s: retry, cancel, forget ID; pause, "
		       "resume, rescan, reconcile, reload, ping",
		       command->argv[0]);
}

int command_run(void *arg, const struct ctlsock_command *command,
		struct err *answer)
{
	int err;

	answer->text[0] = '\0';
	err = dispatch(arg, command, answer);
	if (strcmp(command->argv[0], "ping"))
		log_info("uid %u: %s%s%s: %s", (unsigned)command->uid,
			 command->argv[0], command->argc > 1 ? " " : "",
			 command->argc > 1 ? command->argv[1] : "",
			 answer->text);
	return err;
}
