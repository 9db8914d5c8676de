// SPDX-License-Identifier: GPL-2.0-only
/* Man pages: the man macros of groff_man(7), which mandoc understands as well. */
#include <ctype.h>
#include <string.h>

#include "help.h"

/*
 * A '-' is typeset as a hyphen unless escaped, and cannot be pasted then; a leading '.' or '''
 * would be a request.
 */
static void put_text(FILE *to, const char *text, int len)
{
	if (len > 0 && (*text == '.' || *text == '\''))
		fputs("\\&", to);
	for (int i = 0; i < len; i++) {
		if (text[i] == '\\')
			fputs("\\e", to);
		else if (text[i] == '-')
			fputs("\\-", to);
		else
			fputc(text[i], to);
		if (text[i] == '\n' && i + 1 < len && (text[i + 1] == '.' || text[i + 1] == '\''))
			fputs("\\&", to);
	}
}

static void put(FILE *to, const char *text)
{
	put_text(to, text, strlen(text));
}

static void put_paragraphs(FILE *to, const char *text)
{
	for (const char *gap; (gap = strstr(text, "\n\n")); text = gap + 2) {
		put_text(to, text, gap - text);
		fputs("\n.PP\n", to);
	}
	put(to, text);
	fputc('\n', to);
}

static void put_example(FILE *to, const char *text, int len, bool indented)
{
	if (!len)
		return;
	fputs(indented ? "" : ".TP\n.B ", to);
	put_text(to, text, len);
	fputc('\n', to);
}

static void put_option(FILE *to, const struct opt *opt)
{
	struct help_option o;

	help_option(opt, &o);
	fputs(".TP\n", to);
	if (o.letter)
		fprintf(to, "\\fB\\-%c\\fR, ", o.letter);
	fputs("\\fB\\-\\-", to);
	put(to, o.name);
	fputs("\\fR", to);
	if (*o.value) {
		fprintf(to, "%s\\fI", o.before);
		put(to, o.value);
		fprintf(to, "\\fR%s", o.after);
	}
	fputc('\n', to);
	put(to, opt->help);
	put(to, o.range);
	fputc('\n', to);
}

static void put_head(FILE *to, const char *page, const char *summary)
{
	fputs(".TH ", to);
	for (const char *c = page; *c; c++)
		fputc(toupper((unsigned char)*c), to);
	fputs(" 1 \"\" \"scry " SCRY_VERSION "\" \"scry\"\n.SH NAME\n", to);
	put(to, page);
	fputs(" \\- ", to);
	put(to, summary);
	fputs("\n.SH SYNOPSIS\n", to);
}

static void man_scry(FILE *to)
{
	put_head(to, "scry", "show what a running Python or Lua program is doing");
	fputs(".B scry\n.I VERB\n[OPTIONS]\n.SH DESCRIPTION\n", to);
	put(to, HELP_INTRO);
	fputs("\n.SH COMMANDS\n", to);
	for (const struct command *const *c = commands; *c; c++) {
		if ((*c)->hidden)
			continue;
		fprintf(to, ".TP\n.BR scry\\-%s (1)\n", (*c)->name);
		put(to, (*c)->summary);
		fputc('\n', to);
	}
}

static void man_command(const struct command *cmd, FILE *to)
{
	char page[64];

	snprintf(page, sizeof(page), "scry-%s", cmd->name);
	put_head(to, page, cmd->summary);
	fprintf(to, ".B scry %s\n", cmd->name);
	put(to, cmd->args);
	fputs("\n.SH DESCRIPTION\n", to);
	put_paragraphs(to, cmd->details ?: cmd->summary);
	fputs(".SH OPTIONS\n", to);
	for (const struct opt *o = cmd->opts; o->name; o++)
		put_option(to, o);
	put_option(to, &opt_help);
	if (cmd->examples) {
		fputs(".SH EXAMPLES\n", to);
		help_lines(cmd->examples, to, put_example);
	}
}

static void put_see_also(const struct command *cmd, FILE *to)
{
	const char *comma = "";

	fputs(".SH SEE ALSO\n", to);
	if (cmd) {
		fputs(".BR scry (1)", to);
		comma = ",\n";
	}
	for (const struct command *const *c = commands; *c; c++)
		if (*c != cmd && !(*c)->hidden) {
			fprintf(to, "%s.BR scry\\-%s (1)", comma, (*c)->name);
			comma = ",\n";
		}
	fputc('\n', to);
}

void help_man(const struct command *cmd, FILE *to)
{
	if (cmd)
		man_command(cmd, to);
	else
		man_scry(to);
	fputs(".SH EXIT STATUS\n"
	      "0 if it did what was asked, 1 if it could not, 2 if the command line was wrong.\n", to);
	put_see_also(cmd, to);
}
