// SPDX-License-Identifier: GPL-2.0-only
#include "base/err.h"
#include "cmd.h"
#include "help.h"

enum form { FORM_TEXT, FORM_MAN, FORM_MARKDOWN, FORM_COMPLETION };

struct config {
	bool man, markdown;
	int completion;
};

enum { SHELL_NONE, SHELL_BASH };
static const char *const shells[] = { "none", "bash", NULL };

static const struct opt opts[] = {
	{ "man", 0, OPT_FLAG, offsetof(struct config, man), .help = "print a man page (roff)" },
	{ "markdown", 0, OPT_FLAG, offsetof(struct config, markdown),
	  .help = "print the page of docs/" },
	{ "completion", 0, OPT_CHOICE, offsetof(struct config, completion),
	  .help = "print completion for a shell", .choices = shells },
	{ 0 },
};

static int help_about(const struct command *about, const struct config *config)
{
	if (config->completion == SHELL_BASH)
		help_completion(stdout);
	else if (config->man)
		help_man(about, stdout);
	else if (!about)
		help_usage(stdout);
	else if (config->markdown)
		help_markdown(about, stdout);
	else
		help_command(about, stdout);
	return EXIT_DONE;
}

static int run(const struct command *cmd, int argc, char **argv)
{
	struct config config = { 0 };
	const struct command *about = NULL;
	int first = opt_parse(cmd, argc, argv, &config);

	if (first < 0)
		return EXIT_USAGE;
	if (argc - first > 1)
		return usage_error(cmd, "one verb at a time");
	if (first < argc) {
		about = command_find(argv[first]);
		if (!about)
			return command_unknown(argv[first]);
	}
	return help_about(about, &config);
}

const struct command cmd_help = {
	.name = "help",
	.args = "[VERB]",
	.summary = "teach a verb",
	.examples = "scry help list\n  what 'scry list --help' prints\n"
		    "scry help --man list | man -l -\n  the same as a man page\n"
		    "source <(scry help --completion bash)\n  completion in this shell\n",
	.opts = opts,
	.hidden = true,
	.run = run,
};
