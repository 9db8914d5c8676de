/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A command of scry: one const struct at the foot of its own file cmd_NAME.c, one line in
 * commands.h.
 */
#ifndef SCRY_CMD_H
#define SCRY_CMD_H

#include <stdbool.h>

#include "opt.h"

struct command {
	const char *name;
	const char *args;	/* synopsis, e.g. "[OPTIONS] (-p PID | -a | -- CMD ARGS...)" */
	const char *summary;	/* one line, lower case, no full stop */
	const char *details;	/* paragraphs parted by an empty line; may be NULL */
	const char *examples;	/* lines "command\n  what it does\n"; may be NULL */
	const struct opt *opts;	/* ended by a row without a name */
	bool program;		/* the operands are a program to run: options end at its name */
	bool subject;		/* with program: the operand before it is none: options go on behind it */
	bool hidden;		/* not shown in the list of commands */

	/* argv[0] is the command's name. Returns the exit status. */
	int (*run)(const struct command *cmd, int argc, char **argv);
};

extern const struct command *const commands[];	/* in the order of commands.h, NULL-ended */

const struct command *command_find(const char *name); /* NULL: none of that name */

/* What was perhaps meant. NULL: nothing is like it. */
const struct command *command_nearest(const char *name);

/* "scry: no verb 'recrod'; did you mean 'record'?" on stderr; returns EXIT_USAGE. */
int command_unknown(const char *name);

/* "scry record: MESSAGE; see 'scry record --help'" on stderr; returns EXIT_USAGE. */
int usage_error(const struct command *cmd, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
