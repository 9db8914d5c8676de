/* SPDX-License-Identifier: GPL-2.0-only */
/* Everything that is said about the commands, printed from their tables alone. */
#ifndef SCRY_HELP_H
#define SCRY_HELP_H

#include <stdio.h>

#include "cmd.h"

#define HELP_INTRO                                                                                   \
	"scry shows what a running Python or Lua program is doing: from the kernel, without stopping it, "  \
	"changing it or asking it to cooperate."

void help_usage(FILE *to);				   /* all commands, one line each */
void help_command(const struct command *cmd, FILE *to);	   /* scry VERB --help, 80 columns */
void help_man(const struct command *cmd, FILE *to);	   /* roff; NULL: of scry itself */
void help_markdown(const struct command *cmd, FILE *to);   /* the page of docs/ */
void help_completion(FILE *to);				   /* bash */

/* "-d, --duration SECONDS" in the three parts each writer marks up its own way. */
struct help_option {
	char letter;		/* 0: none */
	const char *name;
	char value[128];	/* "" for a flag; "self|total" for a choice without a metavar */
	const char *before, *after; /* of a value: what stands around it */
	char range[64];		/* " (1 to 20000)", or "" */
};
void help_option(const struct opt *opt, struct help_option *ret);

/*
 * Call line for each row of text; `indented` tells the examples' explanations from their commands.
 */
void help_lines(const char *text, FILE *to,
		void (*line)(FILE *to, const char *text, int len, bool indented));

#endif
