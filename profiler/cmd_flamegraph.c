// SPDX-License-Identifier: GPL-2.0-only
/* scry flamegraph: a filter, folded stacks in and SVG out. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "cmd.h"
#include "flamegraph/flame.h"

struct flamegraph_config {
	const char *output, *title, *subtitle, *unit, *min_width;
	unsigned long width;
	int colors;
	bool inverted, hash;
};

#define AT(field) offsetof(struct flamegraph_config, field)

static const struct opt flamegraph_opts[] = {
	{ "output", 'o', OPT_STRING, AT(output), "FILE", "write to FILE instead of standard output" },
	{ "title", 0, OPT_STRING, AT(title), "TEXT", "heading of the page; the default is 'Flame graph'" },
	{ "subtitle", 0, OPT_STRING, AT(subtitle), "TEXT", "smaller line under the heading" },
	{ "unit", 0, OPT_STRING, AT(unit), "NAME", "what the counts are; the default is 'samples'" },
	{ "width", 0, OPT_UINT, AT(width), "PX", "fixed width; without it the page fits the window",
		200, 20000 },
	{ "minwidth", 0, OPT_STRING, AT(min_width), "PX",
	  "merge frames narrower than this; the default is 0.1, and more where the page would exceed 5 MB" },
	{ "colors", 0, OPT_CHOICE, AT(colors),
		.help = "palette; 'module' tells kinds of code and modules apart",
	  .choices = flame_schemes },
	{ "hash", 0, OPT_FLAG, AT(hash), .help = "colour by the function's name alone, not by its module" },
	{ "inverted", 0, OPT_FLAG, AT(inverted), .help = "root on top (an icicle graph)" },
	{ 0 },
};

static int read_stacks(struct flame *flame, const char *path)
{
	_cleanup_fclose_ FILE *file = path ? fopen(path, "r") : NULL;
	const char *name = path ? path : "standard input";
	uint64_t bad;
	int err;

	if (path && !file)
		return fail(-errno, "open %s:", path);
	err = flame_read_folded(flame, file ? file : stdin, &bad);
	if (err)
		return fail(err, "read %s:", name);
	if (bad)
		remark("%s: left out %llu %s no folded stack", name, (unsigned long long)bad,
		       bad == 1 ? "line that is" : "lines that are");
	return 0;
}

/* The messages that flame_write_svg()'s errors deserve. */
static int fail_write(int err, const char *input, const char *output)
{
	const char *dot = input ? strrchr(input, '.') : NULL;

	if (err == -ENODATA && dot && !strcmp(dot, ".scry"))
		return fail(err, "%s holds no stacks: a capture is drawn by 'scry report %s -o flame.svg'", input, input);
	if (err == -ENODATA)
		return fail(err, "%s holds no stacks: nothing to draw", input ? input : "standard input");
	if (err == -E2BIG)
		return fail(err, "too many frames to draw: give a larger --minwidth");
	return fail(err, "write %s:", output ? output : "standard output");
}

static int write_svg(struct flame *flame, const struct flame_options *options, const char *input,
		     const char *path)
{
	FILE *to = path ? fopen(path, "w") : stdout;
	int err;

	if (!to)
		return fail(-errno, "create %s:", path);
	err = flame_write_svg(flame, to, options);
	if (path && fclose(to) && !err)
		err = -errno;
	if (!err)
		return 0;
	if (path)
		file_remove_partial(path);
	else
		file_give_up(stdout);
	return fail_write(err, input, path);
}

/* 0 or an exit status. */
static int check(const struct command *cmd, const struct flamegraph_config *config, int operands,
		 double *min_width)
{
	char *end;

	*min_width = config->min_width ? strtod(config->min_width, &end) : 0;
	if (config->min_width && (*end || !(*min_width > 0) || *min_width > 1000))
		return usage_error(cmd, "--minwidth takes a width in px above 0, not '%s'",
				   config->min_width);
	if (operands > 1)
		return usage_error(cmd, "takes one FILE");
	if (!operands && isatty(STDIN_FILENO))
		return usage_error(cmd, "reads folded stacks from FILE or standard input");
	if (!config->output && isatty(STDOUT_FILENO))
		return usage_error(cmd, "an SVG is not for a terminal: name a file with -o");
	return 0;
}

static int run(const struct command *cmd, int argc, char **argv)
{
	struct flamegraph_config config = { 0 };
	int first = opt_parse(cmd, argc, argv, &config), err;
	struct flame_options options = { 0 };
	const char *input, *output;
	struct flame *flame;

	if (first < 0 || check(cmd, &config, argc - first, &options.min_width))
		return EXIT_USAGE;
	input = first < argc && strcmp(argv[first], "-") ? argv[first] : NULL;
	output = config.output && strcmp(config.output, "-") ? config.output : NULL;
	options.title = config.title;
	options.subtitle = config.subtitle;
	options.unit = config.unit;
	options.width = config.width;
	options.colors = flame_schemes[config.colors];
	options.inverted = config.inverted;
	options.hash = config.hash;
	err = flame_create(&flame);
	if (err)
		return fail(EXIT_FAILED, "out of memory");
	err = read_stacks(flame, input);
	if (!err)
		err = write_svg(flame, &options, input, output);
	flame_destroy(flame);
	return err ? EXIT_FAILED : EXIT_DONE;
}

const struct command cmd_flamegraph = {
	.name = "flamegraph",
	.args = "[OPTIONS] [FILE]",
	.summary = "draw folded stacks as an interactive SVG",
	.details = "Reads FILE, or standard input, and needs no privileges. A line is a stack: its frames, root first, "
		   "parted by ';', a space and a count. Besides scry's own files that is what perf's stackcollapse, "
		   "'py-spy record -f raw' and austin write; maps keyed by stacks are taken as bpftrace prints them.\n\n"
		   "The page is one file that loads nothing. Click a frame or press Enter on it to zoom; '/' or Ctrl-F "
		   "searches (a regular expression, letters of either case), arrows move, Esc resets. The address keeps "
		   "zoom and search.\n\n"
		   "Colours: code of the program in warm hues by file, an interpreter's own functions green, other native "
		   "code blue, the kernel violet, remarks such as [truncated] grey; a legend names the "
		   "kinds that are there. In folded text the kind comes from the "
		   "suffixes _[k], _[j], _[i] and from the file in 'function (file:line)'.",
	.examples = "scry flamegraph app.folded -o app.svg\n  draw a recording\n"
		    "perf script | stackcollapse-perf.pl | scry flamegraph > perf.svg\n  stacks of perf\n"
		    "py-spy record -f raw -o - -p 4711 | scry flamegraph --title app > app.svg\n  stacks of py-spy\n",
	.opts = flamegraph_opts,
	.run = run,
};
