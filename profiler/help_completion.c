// SPDX-License-Identifier: GPL-2.0-only
/* Completion for bash: verbs, each verb's options, choices of an option, files elsewhere. */
#include "help.h"

static void put_options(const struct command *cmd, FILE *to)
{
	fprintf(to, "\t%s) words='", cmd->name);
	for (const struct opt *o = cmd->opts; o->name; o++)
		fprintf(to, "--%s ", o->name);
	fputs("--help';;\n", to);
}

static void put_choices(const struct command *cmd, FILE *to)
{
	for (const struct opt *o = cmd->opts; o->name; o++) {
		if (o->type != OPT_CHOICE || o->optional)
			continue;
		fprintf(to, "\t%s,--%s) words='", cmd->name, o->name);
		for (int i = 0; o->choices[i]; i++)
			fprintf(to, "%s%s", i ? " " : "", o->choices[i]);
		fputs("';;\n", to);
	}
}

void help_completion(FILE *to)
{
	fputs("# bash completion for scry\n"
	      "_scry()\n{\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} "
	      "verb=${COMP_WORDS[1]} words=\n"
	      "\tif [ \"$COMP_CWORD\" = 1 ]; then\n\t\tCOMPREPLY=($(compgen -W '", to);
	for (const struct command *const *c = commands; *c; c++)
		fprintf(to, "%s ", (*c)->name);
	fputs("--help --version' -- \"$cur\"))\n\t\treturn\n\tfi\n\tcase \"$verb,$prev\" in\n", to);
	for (const struct command *const *c = commands; *c; c++)
		put_choices(*c, to);
	fputs("\thelp,help) words='", to);
	for (const struct command *const *c = commands; *c; c++)
		fprintf(to, "%s%s", c == commands ? "" : " ", (*c)->name);
	fputs("';;\n\tesac\n\t[ -z \"$words\" ] && [ \"${cur:0:1}\" = - ] && case \"$verb\" in\n", to);
	for (const struct command *const *c = commands; *c; c++)
		put_options(*c, to);
	fputs("\tesac\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n"
	      "complete -o bashdefault -o default -F _scry scry\n", to);
}
