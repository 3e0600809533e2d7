/* SPDX-License-Identifier: MIT */
#include "fs/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "lib/list.h"

struct commands {
	struct loop *loop;
	char *control_dir;
	struct list running;
	unsigned count;
};

struct command {
	struct list node;
	struct commands *owner;
	struct bufferevent *stream;
	struct loop_timer deadline;
	command_done_fn *done;
	void *arg;
};

int commands_new(struct loop *loop, const char *control_dir,
		 struct commands **ret)
{
	struct commands *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->loop = loop;
	list_init(&c->running);
	c->control_dir = strdup(control_dir);
	if (!c->control_dir) {
		free(c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

void commands_free(struct commands *c)
{
	if (!c)
		return;
	list_for_each_safe(it, &c->running)
		command_cancel(list_entry(it, struct command, node));
	free(c->control_dir);
	free(c);
}

int command_format(const char *text, size_t len, const char *id,
		   char dst[COMMAND_TEXT])
{
	size_t word;
	int n;

	if (len && text[len - 1] == '\n')
		len--;
	while (len && *text == ' ') {
		text++;
		len--;
	}
	for (word = 0; word < len && text[word] != ' '; word++)
		;
	if (!word || memchr(text, '\0', len))
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return -EINVAL;
	if (len >= COMMAND_TEXT)
		return -EMSGSIZE;
	n = snprintf(dst, COMMAND_TEXT, "%.*s%s%s%.*s", (int)word, text,
		     id ? " " : "", id ? id : "", (int)(len - word),
		     text + word);
	return n < COMMAND_TEXT ? 0 : -EMSGSIZE;
}

void command_cancel(struct command *command)
{
	list_del(&command->node);
	command->owner->count--;
	loop_timer_release(&command->deadline);
	if (command->stream)
		bufferevent_free(command->stream);
	free(command);
}

static void finish(struct command *command, int err, const char *sentence)
{
	command_done_fn *done = command->done;
	void *arg = command->arg;

	command_cancel(command);
	done(arg, err, sentence);
}

static void on_read(struct bufferevent *stream, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(stream);
	struct command *command = arg;
	struct err answer;
	char *line = evbuffer_readln(in, NULL, EVBUFFER_EOL_LF);

	if (line) {
		int code = ctlsock_parse_answer(line, &answer);

		free(line);
		finish(command, code, answer.text);
	} else if (evbuffer_get_length(in) > CTLSOCK_LINE) {
		finish(command, -EBADMSG, "the answer makes no sense");
	}
}

static void on_event(struct bufferevent *stream, short what, void *arg)
{
	finish(arg, -ECONNRESET, "the daemon closed the connection");
}

static void on_deadline(struct loop_timer *timer)
{
	finish(container_of(timer, struct command, deadline), -ETIMEDOUT,
	       "the daemon does not answer");
}

/* A descriptor is taken over, also on failure. */
static int start(struct command *command, int fd, uid_t uid, const char *line)
{
	struct loop *loop = command->owner->loop;
	struct evbuffer *out;
	int err;

	command->stream = bufferevent_socket_new(loop_base(loop), fd,
						 BEV_OPT_CLOSE_ON_FREE);
	if (!command->stream) {
		close(fd);
		return -ENOMEM;
	}
	err = loop_timer_init(&command->deadline, loop, on_deadline);
	if (err)
		return err;
	out = bufferevent_get_output(command->stream);
	/*
	 * Only root may speak for others, and others have nobody to speak for.
	 */
	if (uid != geteuid() && evbuffer_add_printf(out, "as %u ", uid) < 0)
		return -ENOMEM;
	if (evbuffer_add_printf(out, "%s\n", line) < 0)
		return -ENOMEM;
	bufferevent_setcb(command->stream, on_read, NULL, on_event, command);
	if (bufferevent_enable(command->stream, EV_READ | EV_WRITE))
		return -EIO;
	loop_timer_start(&command->deadline, COMMAND_TIMEOUT_MS);
	return 0;
}

static int connect_to(const struct commands *c, const char *folder, int *ret_fd)
{
	char *path;
	int err;

	if (asprintf(&path, "%s/%s/ctl", c->control_dir, folder) < 0)
		return -ENOMEM;
	err = ctlsock_connect(path, ret_fd);
	free(path);
	if (err == -EAGAIN)
		return -ETIMEDOUT;
	return err == -ENOENT ? -ECONNREFUSED : err;
}

int command_send(struct commands *c, const char *folder, uid_t uid,
		 const char *line, command_done_fn *done, void *arg,
		 struct command **ret)
{
	struct command *command;
	int fd, err;

	if (c->count >= COMMAND_MAX)
		return -EBUSY;
	err = connect_to(c, folder, &fd);
	if (err)
		return err;
	command = calloc(1, sizeof(*command));
	if (!command) {
		close(fd);
		return -ENOMEM;
	}
	command->owner = c;
	command->done = done;
	command->arg = arg;
	list_add_tail(&c->running, &command->node);
	c->count++;
	err = start(command, fd, uid, line);
	if (err) {
		command_cancel(command);
		return err;
	}
	*ret = command;
	return 0;
}
