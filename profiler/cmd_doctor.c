// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "base/err.h"
#include "cmd.h"
#include "doctor.h"

static const struct opt opts[] = {
	{ 0 },
};

static const char *const labels[] = { [VERDICT_OK] = "ok", [VERDICT_NOTE] = "note", [VERDICT_FAIL] = "FAIL" };

static void print_text(const struct check *check, const struct finding *f)
{
	printf("%-6s%s%s%s\n", labels[f->verdict], f->text, *f->todo ? ": " : "", f->todo);
}

static int run(const struct command *cmd, int argc, char **argv)
{
	int first = opt_parse(cmd, argc, argv, NULL), failed = 0;

	if (first < 0)
		return EXIT_USAGE;
	if (first < argc)
		return usage_error(cmd, "takes no operand ('%s')", argv[first]);
	for (size_t i = 0; i < doctor_check_count; i++) {
		struct finding f = { 0 };

		doctor_checks[i].run(&doctor_checks[i], &f);
		print_text(&doctor_checks[i], &f);
		failed += f.verdict == VERDICT_FAIL;
	}
	if (!failed)
		return EXIT_DONE;
	fflush(stdout);
	return fail(EXIT_FAILED, "recording cannot work here: %d of %zu checks failed", failed, doctor_check_count);
}

const struct command cmd_doctor = {
	.name = "doctor",
	.args = "",
	.summary = "tell what this machine allows, and what to do about the rest",
	.details = "Each line is a check: 'ok', 'note' (recording works all the same) or 'FAIL' (recording cannot work), with "
		   "what to do about it. Maps, perf events and a BPF program are really tried, so that a seccomp filter or a "
		   "security module that refuses them is found as well. Nothing is left behind.\n\n"
		   "Exit status: 0 if recording works, 1 if it cannot.",
	.examples = "sudo scry doctor\n  every check\n"
		    "sudo scry doctor | grep -v ^ok\n  only what needs a look\n",
	.opts = opts,
	.run = run,
};
