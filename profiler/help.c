// SPDX-License-Identifier: GPL-2.0-only
/* Help for the terminal, and what all writers share. */
#include "help.h"

#include <ctype.h>
#include <string.h>

#define COLUMNS 80

void help_option(const struct opt *opt, struct help_option *ret)
{
	size_t at = 0;

	memset(ret, 0, sizeof(*ret));
	ret->letter = opt->letter;
	ret->name = opt->name;
	ret->before = opt->optional ? "[=" : " ";
	ret->after = opt->optional ? "]" : "";
	if (opt->metavar)
		snprintf(ret->value, sizeof(ret->value), "%s", opt->metavar);
	else if (opt->type == OPT_CHOICE)
		for (int i = 0; opt->choices[i] && at < sizeof(ret->value); i++)
			at += snprintf(ret->value + at, sizeof(ret->value) - at, "%s%s",
				       i ? "|" : "", opt->choices[i]);
	if (opt->type == OPT_UINT && opt->max)
		snprintf(ret->range, sizeof(ret->range), " (%lu to %lu)", opt->min, opt->max);
}

void help_lines(const char *text, FILE *to,
		void (*line)(FILE *to, const char *text, int len, bool indented))
{
	while (*text) {
		const char *end = strchrnul(text, '\n');
		bool indented = isblank(*text);

		while (isblank(*text))
			text++;
		line(to, text, end - text, indented);
		text = *end ? end + 1 : end;
	}
}

/* What stays on one line. In a synopsis "-- CMD ARGS..." does: it breaks before |, [ and ( alone. */
static int word_length(const char *text, bool synopsis)
{
	int len = strcspn(text, " \n");

	while (synopsis && text[len] == ' ' && !strchr("|[(", text[len + 1]))
		len += 1 + strcspn(text + len + 1, " \n");
	return len;
}

/*
 * Words of text from column `at` on, folded at COLUMNS, further rows indented. One newline in the
 * text is a space, two part paragraphs.
 */
static void print_words(FILE *to, const char *text, int indent, int at, bool synopsis)
{
	bool begun = false;

	while (*text) {
		int len = word_length(text, synopsis);

		if (begun && at + 1 + len > COLUMNS) {
			fprintf(to, "\n%*s", indent, "");
			at = indent;
			begun = false;
		}
		if (len) {
			at += fprintf(to, "%s%.*s", begun ? " " : "", len, text);
			begun = true;
		}
		text += len;
		if (!strncmp(text, "\n\n", 2)) {
			fprintf(to, "\n\n%*s", indent, "");
			at = indent;
			begun = false;
		}
		text += strspn(text, " \n");
	}
	fputc('\n', to);
}

static void print_folded(FILE *to, const char *text, int indent, int at)
{
	print_words(to, text, indent, at, false);
}

static void print_example(FILE *to, const char *text, int len, bool indented)
{
	fprintf(to, "  %s%.*s\n", indented ? "    " : "", len, text);
}

#define OPTION_COLUMN 26

static void print_option(FILE *to, const struct opt *opt)
{
	struct help_option o;
	char text[512];
	int at;

	help_option(opt, &o);
	at = o.letter ? fprintf(to, "  -%c, ", o.letter) : fprintf(to, "      ");
	at += fprintf(to, "--%s%s%s%s", o.name, *o.value ? o.before : "", o.value, o.after);
	if (at + 2 > OPTION_COLUMN) {
		fputc('\n', to);
		at = 0;
	}
	fprintf(to, "%*s", OPTION_COLUMN - at, "");
	snprintf(text, sizeof(text), "%s%s", opt->help, o.range);
	print_folded(to, text, OPTION_COLUMN, OPTION_COLUMN);
}

void help_command(const struct command *cmd, FILE *to)
{
	int at = fprintf(to, "usage: scry %s%s", cmd->name, *cmd->args ? " " : "");

	print_words(to, cmd->args, at, at, true);
	fputc('\n', to);
	fputc(toupper((unsigned char)*cmd->summary), to);
	fprintf(to, "%s.\n", cmd->summary + 1);
	if (cmd->details) {
		fputc('\n', to);
		print_folded(to, cmd->details, 0, 0);
	}
	if (cmd->examples) {
		fputs("\nexamples\n", to);
		help_lines(cmd->examples, to, print_example);
	}
	fputs("\noptions\n", to);
	for (const struct opt *o = cmd->opts; o->name; o++)
		print_option(to, o);
	print_option(to, &opt_help);
}

void help_usage(FILE *to)
{
	fputs("usage: scry VERB [OPTIONS]\n\n", to);
	print_folded(to, HELP_INTRO, 0, 0);
	fputc('\n', to);
	for (const struct command *const *c = commands; *c; c++)
		if (!(*c)->hidden)
			fprintf(to, "  %-12s%s\n", (*c)->name, (*c)->summary);
	fputs("\nfor example\n", to);
	for (const struct command *const *c = commands; *c; c++)
		if (!(*c)->hidden && (*c)->examples)
			fprintf(to, "  %.*s\n", (int)strcspn((*c)->examples, "\n"), (*c)->examples);
	fputs("\n'scry help VERB' teaches one of them; 'scry --version' prints the version.\n", to);
}
