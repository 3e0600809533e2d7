/* SPDX-License-Identifier: MIT */
#include "tests/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "lib/ctlsock.h"

/* A line as a command, then as an answer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctlsock_command command = { 0 };
	char *line = strndup((const char *)data, size);
	struct err answer;

	if (!line)
		abort();
	if (ctlsock_parse_answer(line, &answer) > 0 ||
	    strlen(answer.text) >= sizeof(answer.text))
		abort();
	if (!ctlsock_parse(line, &command)) {
		if (command.argc < 1 || command.argc > CTLSOCK_WORDS ||
		    command.argv[command.argc])
			abort();
		for (int i = 0; i < command.argc; i++)
			if (!*command.argv[i] ||
			    strpbrk(command.argv[i], " \n"))
				abort();
	}
	free(line);
	return 0;
}
