/* SPDX-License-Identifier: MIT */
#include "streamer/command.h"

#include <errno.h>
#include <string.h>

#include "lib/log.h"
#include "lib/str.h"
#include "streamer/report.h"

static int do_trace(struct command_target *t, const char *word,
		    struct err *answer)
{
	bool on;

	if (str_parse_bool(word, &on))
		return err_set(answer, -EINVAL, "trace needs on or off");
	calls_set_trace(t->calls, on);
	return err_set(answer, 0, "SIP traffic trace is %s", on ? "on" : "off");
}

static int do_limit(struct command_target *t, const char *word,
		    struct err *answer)
{
	uint64_t v = SETTINGS_NO_LIMIT;

	if (strcmp(word, "none") &&
	    str_parse_u64(word, 0, SETTINGS_NO_LIMIT - 1, &v))
		return err_set(answer, -EINVAL,
			       "limit needs a number of calls, or none");
	calls_set_limit(t->calls, (unsigned)v);
	return err_set(answer, 0, "the limit is %s calls until the next reload",
		       word);
}

static int do_drain(struct command_target *t, const char *word,
		    struct err *answer)
{
	calls_drain(t->calls, 0, NULL, NULL);
	return err_set(answer, 0, "no further calls are taken");
}

static int do_resume(struct command_target *t, const char *word,
		     struct err *answer)
{
	calls_undrain(t->calls);
	return err_set(answer, 0, "calls are taken again");
}

static int do_reload(struct command_target *t, const char *word,
		     struct err *answer)
{
	return t->reload(t->arg, answer);
}

static int do_ping(struct command_target *t, const char *word,
		   struct err *answer)
{
	return err_set(answer, 0, "pong");
}

/* Either acts on a call, or on the daemon, with one word more or without. */
static const struct {
	const char *word;
	int (*on_call)(struct calls *calls, uint64_t number,
		       struct err *answer);
	int (*on_daemon)(struct command_target *t, const char *word,
			 struct err *answer);
	bool takes_word;
	const char *done; /* what a call's command says then */
} commands[] = {
	{ "hangup", calls_hangup, NULL, true, "the call is hung up" },
	{ "keyframe", calls_keyframe, NULL, true, "a key frame is asked for" },
	{ "reconnect", calls_reconnect, NULL, true,
	  "the stream's connection is made anew" },
	{ "trace", NULL, do_trace, true, NULL },
	{ "limit", NULL, do_limit, true, NULL },
	{ "drain", NULL, do_drain, false, NULL },
	{ "resume", NULL, do_resume, false, NULL },
	{ "reload", NULL, do_reload, false, NULL },
	{ "ping", NULL, do_ping, false, NULL },
};

static int run_on_call(size_t i, struct command_target *t, const char *id,
		       struct err *answer)
{
	uint64_t number;
	int err;

	if (report_parse_id(t->dir, id, &number))
		return err_set(answer, -ENOENT, "no call has the id %s", id);
	err = commands[i].on_call(t->calls, number, answer);
	if (!err)
		return err_set(answer, 0, "%s", commands[i].done);
	return *answer->text ? err : err_set(answer, err, "%s", err_str(err));
}

static int dispatch(struct command_target *t,
		    const struct ctlsock_command *command, struct err *answer)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].word, command->argv[0]))
			continue;
		if (command->argc != 1 + commands[i].takes_word)
			return err_set(answer, -EINVAL, "%s takes %s",
				       commands[i].word,
				       commands[i].on_call ? "the id of a call"
				       : commands[i].takes_word ? "one word"
								: "nothing");
		if (commands[i].on_call)
			return run_on_call(i, t, command->argv[1], answer);
		return commands[i].on_daemon(t, command->argv[1], answer);
	}
	return err_set(answer, -EINVAL,
		       "unknown command %s: hangup, keyframe, reconnect ID; "
		       "trace on|off, limit N|none, drain, resume, reload, "
		       "ping",
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
