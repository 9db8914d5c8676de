/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Options as data: one table per command. Parsing, ranges, usage errors, --help and the man pages
 * all come from the table. A value is stored in the command's config struct at the row's offset.
 */
#ifndef SCRY_OPT_H
#define SCRY_OPT_H

#include <stdbool.h>
#include <stddef.h>

enum opt_type {
	OPT_FLAG,	/* bool */
	OPT_STRING,	/* const char *, points into argv */
	OPT_LIST,	/* struct opt_list: may be given several times */
	OPT_UINT,	/* unsigned long, within [min, max] */
	OPT_SECONDS,	/* double seconds; accepts 10, 1.5, 500ms, 2m */
	OPT_CHOICE,	/* int, index into choices */
};

#define OPT_LIST_MAX 64

struct opt_list {
	const char *item[OPT_LIST_MAX];
	size_t count;
};

struct opt {
	const char *name;		/* long name without dashes; NULL ends a table */
	char letter;			/* 0: none */
	enum opt_type type;
	size_t offset;			/* in the command's config */
	const char *metavar;		/* NULL for flags, and for choices that help shall spell out */
	const char *help;		/* what it does; ranges and choices are added from the row */
	unsigned long min, max;		/* OPT_UINT; max 0: no upper bound. OPT_SECONDS: min 1: not 0 */
	const char *const *choices;	/* OPT_CHOICE, NULL-ended */
	bool optional;			/* OPT_CHOICE, long name only: --name alone is the first choice, others are --name=CHOICE */
};

struct command;

/*
 * Parse argv[1..] of a command into config by its table: --name VALUE, --name=VALUE, any prefix of
 * a name that fits one option only, -x VALUE, -xVALUE, -xyz for flags. Options and operands may be
 * mixed: argv is reordered so that the operands stand last. "--" ends the options; so does the
 * first operand of a command that runs a program. Returns the index of the first operand (argc:
 * none), or -1 after having printed a usage error.
 */
int opt_parse(const struct command *cmd, int argc, char **argv, void *config);

/*
 * Is --help or -h among the options? Every table has it without saying so; main.c answers it before
 * the command runs.
 */
bool opt_wants_help(const struct command *cmd, int argc, char **argv);
extern const struct opt opt_help;

#endif
