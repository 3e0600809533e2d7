/* SPDX-License-Identifier: MIT */
/* Prints the syntax of every command, for the check of upcast(1). */
#include <stdio.h>

#include "cli/cmd.h"

int main(void)
{
	for (size_t i = 0; i < commands.count; i++)
		if (!(commands.rows[i].flags & COMMAND_HIDDEN))
			puts(commands.rows[i].syntax);
	return 0;
}
