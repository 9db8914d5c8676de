// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cmd.h"
#include "help.h"

/*
 * Whether all of the output arrived is known only when it is flushed. A reader that left early (|
 * head) needs no message.
 */
static int flush_output(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	if (errno != EPIPE)
		fail(-errno, "standard output:");
	return status ?: EXIT_FAILED;
}

static int run_verb(int argc, char **argv)
{
	const struct command *cmd = command_find(argv[0]);

	if (!cmd)
		return command_unknown(argv[0]);
	if (opt_wants_help(cmd, argc, argv)) {
		help_command(cmd, stdout);
		return EXIT_DONE;
	}
	return cmd->run(cmd, argc, argv);
}

static int run_scry(int argc, char **argv)
{
	if (argc < 2) {
		help_usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		help_usage(stdout);
	else if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		puts("scry " SCRY_VERSION);
	else
		return run_verb(argc - 1, argv + 1);
	return EXIT_DONE;
}

int main(int argc, char **argv)
{
	return flush_output(run_scry(argc, argv));
}
