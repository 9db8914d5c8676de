/* SPDX-License-Identifier: GPL-2.0-only */
/* A command of scry: one const struct at the foot of its own file cmd_NAME.c, one line in commands.h. */
#ifndef SCRY_CMD_H
#define SCRY_CMD_H

#include "opt.h"

struct command {
	const char *name;
	const char *args;	/* synopsis of the operands, e.g. "[OPTIONS] (-p PID | -a | -- CMD ARGS...)" */
	const char *summary;	/* one line, lower case, no full stop */
	const char *details;	/* paragraphs for --help and the man page; may be NULL */
	const char *examples;	/* lines "command\n  what it does\n"; taught by --help; may be NULL */
	const struct opt *opts;	/* ended by a row without a name */
	int (*run)(const struct command *cmd, int argc, char **argv);	/* argv[0] is the command's name; returns the exit status */
};

/* "scry record: MESSAGE; see 'scry record --help'" on stderr; returns EXIT_USAGE. */
int usage_error(const struct command *cmd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
