// SPDX-License-Identifier: GPL-2.0-only
#include "cmd.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "commands.h"

#define X(name) extern const struct command cmd_##name;
COMMANDS(X)
#undef X

const struct command *const commands[] = {
#define X(name) &cmd_##name,
	COMMANDS(X)
#undef X
	NULL,
};

const struct command *command_find(const char *name)
{
	for (const struct command *const *c = commands; *c; c++)
		if (!strcmp((*c)->name, name))
			return *c;
	return NULL;
}

#define WORD_MAX 31

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;

	return least < c ? least : c;
}

/* Letters to insert, delete or replace to get from a to b; both at most WORD_MAX long. */
static unsigned edits(const char *a, const char *b)
{
	size_t n = strlen(b);
	unsigned row[WORD_MAX + 1];

	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			unsigned above = row[j];

			row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[n];
}

const struct command *command_nearest(const char *name)
{
	const struct command *best = NULL;
	size_t len = strlen(name);
	unsigned least = 3; /* more than two slips of the finger is another word */

	if (!len || len > WORD_MAX)
		return NULL;
	for (const struct command *const *c = commands; *c; c++) {
		unsigned n = strncmp(name, (*c)->name, len) ? edits(name, (*c)->name) : 0;

		if (n < least && n < len) {
			least = n;
			best = *c;
		}
	}
	return best;
}

int command_unknown(const char *name)
{
	const struct command *nearest = command_nearest(name);

	if (nearest)
		return fail(EXIT_USAGE, "no verb '%s'; did you mean '%s'?", name, nearest->name);
	return fail(EXIT_USAGE, "no verb '%s'; 'scry --help' lists them", name);
}

int usage_error(const struct command *cmd, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	flockfile(stderr);
	fprintf(stderr, "scry %s: ", cmd->name);
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "; see 'scry %s --help'\n", cmd->name);
	funlockfile(stderr);
	va_end(ap);
	return EXIT_USAGE;
}
