// SPDX-License-Identifier: GPL-2.0-only
/* The commands' pages in docs/. */
#include <ctype.h>
#include <string.h>

#include "help.h"

/* Metavars and plain words must not become markup: <b>, *, _ and the like are escaped. */
static void put(FILE *to, const char *text)
{
	for (; *text; text++) {
		if (strchr("\\`*_<>[]|", *text))
			fputc('\\', to);
		fputc(*text, to);
	}
}

static void put_example(FILE *to, const char *text, int len, bool indented)
{
	if (len)
		fprintf(to, indented ? "  %.*s\n" : "- `%.*s`:\n", len, text);
}

static void put_option(FILE *to, const struct opt *opt)
{
	struct help_option o;

	help_option(opt, &o);
	fputs("- `", to);
	if (o.letter)
		fprintf(to, "-%c, ", o.letter);
	fprintf(to, "--%s%s%s%s`: ", o.name, *o.value ? o.before : "", o.value, o.after);
	put(to, opt->help);
	put(to, o.range);
	fputc('\n', to);
}

void help_markdown(const struct command *cmd, FILE *to)
{
	fprintf(to, "# scry %s\n\n", cmd->name);
	fprintf(to, "    scry %s%s%s\n\n", cmd->name, *cmd->args ? " " : "", cmd->args);
	fputc(toupper((unsigned char)*cmd->summary), to);
	put(to, cmd->summary + 1);
	fputs(".\n", to);
	if (cmd->details) {
		fputc('\n', to);
		put(to, cmd->details);
		fputc('\n', to);
	}
	if (cmd->examples) {
		fputs("\n## Examples\n\n", to);
		help_lines(cmd->examples, to, put_example);
	}
	fputs("\n## Options\n\n", to);
	for (const struct opt *o = cmd->opts; o->name; o++)
		put_option(to, o);
	put_option(to, &opt_help);
}
