// SPDX-License-Identifier: GPL-2.0-only
/* scry report: from a capture to any of the outputs, without root. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/term.h"
#include "cmd.h"
#include "output.h"
#include "profile_select.h"

struct report_config {
	struct output_options options;
	int sort, by;
	unsigned long limit;
	const char *root;
	struct opt_list outputs;
};

static const char *const sorts[] = { [OUTPUT_SORT_SELF] = "self", [OUTPUT_SORT_TOTAL] = "total", NULL };
static const char *const bys[] = {
	[OUTPUT_BY_FUNCTION] = "function", [OUTPUT_BY_FILE] = "file",	    [OUTPUT_BY_LINE] = "line",
	[OUTPUT_BY_THREAD] = "thread",	   [OUTPUT_BY_PROCESS] = "process", [OUTPUT_BY_REASON] = "reason",
	[OUTPUT_BY_VMSTATE] = "vmstate",
	NULL,
};

#define AT(field) offsetof(struct report_config, field)

static const struct opt report_opts[] = {
	{ "output", 'o', OPT_LIST, AT(outputs), "FILE",
	  "write to FILE in the format of its extension instead of printing the table; "
	  "- prints folded stacks" },
	{ "by", 0, OPT_CHOICE, AT(by), .help = "what a row of the table is", .choices = bys },
	{ "sort", 0, OPT_CHOICE, AT(sort), .help = "which column decides the order", .choices = sorts },
	{ "limit", 0, OPT_UINT, AT(limit), "N", "rows of the table; 0 for all" },
	{ "func", 0, OPT_STRING, AT(options.func), "GLOB",
	  "only samples with a function of that name in the stack" },
	{ "file", 0, OPT_STRING, AT(options.file), "GLOB",
	  "only samples with a function of such a file in the stack; "
	  "a glob without a slash is for the base name" },
	{ "from", 0, OPT_SECONDS, AT(options.from), "SECONDS", "leave out samples before that time" },
	{ "to", 0, OPT_SECONDS, AT(options.to), "SECONDS", "leave out samples at that time and after" },
	{ "lines", 0, OPT_FLAG, AT(options.lines),
	  .help = "frames show the line executed, not the one that defines" },
	{ "root", 0, OPT_STRING, AT(root), "process,thread,reason",
	  "add the process, the thread, what it waits for, or several of them, as root frames" },
	{ 0 },
};

static int check(const struct command *cmd, struct report_config *config)
{
	for (size_t i = 0; i < config->outputs.count; i++)
		if (!output_known(config->outputs.item[i]))
			return usage_error(cmd, "'%s' has none of the extensions %s",
					   config->outputs.item[i], output_formats());
	if (config->root && !output_roots(config->root, &config->options))
		return usage_error(cmd, "--root takes process, thread, reason or several of them, not '%s'",
				   config->root);
	if (config->options.to > 0 && config->options.to <= config->options.from)
		return usage_error(cmd, "--to must be later than --from");
	config->options.by = (enum output_by)config->by;
	config->options.sort = (enum output_sort)config->sort;
	config->options.limit = config->limit;
	return 0;
}

static int load(const char *path, struct profile **ret)
{
	bool is_stdin = !strcmp(path, "-");
	_cleanup_fd_ int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fail(-errno, "open %s:", path);
	return profile_load(fd, is_stdin ? "standard input" : path, ret);
}

/* Percentages are of the samples that the options keep: say how many these are. */
static void tell_kept(const struct profile *profile, const struct output_options *options)
{
	size_t kept = profile_count(profile, options), all = profile->samples.count;

	if (kept < all)
		remark("%zu of %zu samples kept", kept, all);
}

static int write_outputs(const struct profile *profile, struct report_config *config)
{
	int err = 0;

	tell_kept(profile, &config->options);
	if (!config->outputs.count) {
		config->options.color = term_colors(STDOUT_FILENO);
		output_table(profile, stdout, &config->options);
	}
	for (size_t i = 0; i < config->outputs.count && !err; i++)
		err = output_write(profile, config->outputs.item[i], &config->options);
	return err;
}

static int report_run(const struct command *cmd, int argc, char **argv)
{
	struct report_config config = { 0 };
	int operand = opt_parse(cmd, argc, argv, &config);
	struct profile *profile;
	int status;

	if (operand < 0)
		return EXIT_USAGE;
	if (argc - operand != 1)
		return usage_error(cmd, argc == operand ? "no capture given" : "one capture at a time");
	status = check(cmd, &config);
	if (status)
		return status;
	if (load(argv[operand], &profile))
		return EXIT_FAILED;
	/* With outputs elsewhere the line tells what has been read; the table stands for itself. */
	if (config.outputs.count)
		output_summary(profile, stderr);
	status = write_outputs(profile, &config) ? EXIT_FAILED : EXIT_DONE;
	profile_destroy(profile);
	return status;
}

const struct command cmd_report = {
	.name = "report",
	.args = "[OPTIONS] FILE",
	.summary = "print or convert what was recorded",
	.details =
	"Reads a capture of 'scry record' (- is standard input) and prints its table, heaviest row "
	"first: self counts samples in which the function itself ran, total those in which it or "
	"anything it called did. At a terminal names are fitted into its width, elsewhere they are whole. "
	"No root is needed.\n\n"
	"With -o, which may be given several times, it writes files instead: .scry is a capture of "
	"the samples that the other options keep, .folded stacks for other tools, .svg a flame "
	"graph, .txt the table, .json the table for programs.\n\n"
	"Native code is written 'function (libfoo.so)', of inlined functions and their callers 'function (file.c:line)', and "
	"'[libfoo.so+0x1234]' where the binary names no function there. The kernel's functions stand with '[kernel]' or their "
	"module, in folded stacks with the suffix _[k].\n\n"
	"The end of a capture may be missing, when its recording was killed: what is there is read.",
	.examples =
	"scry report app.scry\n  the table\n"
	"scry report app.scry -o app.svg\n  a flame graph\n"
	"scry report app.scry --by line --file 'views.py' --limit 20\n"
	"  the hottest lines under one file\n"
	"scry report app.scry --from 2 --to 3 --root thread -o -\n"
	"  folded stacks of one second, by thread\n",
	.opts = report_opts,
	.run = report_run,
};
