// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "base/err.h"
#include "base/escape.h"
#include "cmd.h"
#include "doctor.h"

struct config {
	bool json;
};

static const struct opt opts[] = {
	{ "json", 0, OPT_FLAG, offsetof(struct config, json), .help = "one object for programs" },
	{ 0 },
};

static const char *const labels[] = {
	[VERDICT_OK] = "ok", [VERDICT_NOTE] = "note", [VERDICT_FAIL] = "FAIL",
};
static const char *const verdicts[] = {
	[VERDICT_OK] = "ok", [VERDICT_NOTE] = "note", [VERDICT_FAIL] = "fail",
};

static void print_text(const struct finding *f)
{
	printf("%-6s", labels[f->verdict]);
	escape_terminal(stdout, f->text);
	printf("%s%s\n", *f->todo ? ": " : "", f->todo);
}

static void print_json(const struct check *check, const struct finding *f, bool first)
{
	fputs(first ? "{\"checks\": [\n " : ",\n ", stdout);
	printf("{\"name\": \"%s\", \"verdict\": \"%s\", \"text\": ", check->name, verdicts[f->verdict]);
	escape_json(stdout, f->text);
	fputs(", \"todo\": ", stdout);
	escape_json(stdout, f->todo);
	putchar('}');
}

static int run(const struct command *cmd, int argc, char **argv)
{
	struct config config = { 0 };
	int first = opt_parse(cmd, argc, argv, &config), failed = 0;

	if (first < 0)
		return EXIT_USAGE;
	if (first < argc)
		return usage_error(cmd, "takes no operand ('%s')", argv[first]);
	for (size_t i = 0; i < doctor_check_count; i++) {
		struct finding f = { 0 };

		doctor_checks[i].run(&doctor_checks[i], &f);
		if (config.json)
			print_json(&doctor_checks[i], &f, !i);
		else
			print_text(&f);
		failed += f.verdict == VERDICT_FAIL;
	}
	if (config.json)
		printf("],\n \"can_record\": %s}\n", failed ? "false" : "true");
	if (!failed)
		return EXIT_DONE;
	fflush(stdout);
	return fail(EXIT_FAILED, "recording cannot work here: %d of %zu checks failed", failed,
		    doctor_check_count);
}

const struct command cmd_doctor = {
	.name = "doctor",
	.args = "[--json]",
	.summary = "tell what this machine allows, and what to do about the rest",
	.details = "Each line is a check: 'ok', 'note' (recording works all the same) or 'FAIL' "
		   "(recording cannot work), with what to do about it. Maps, perf events and a "
		   "BPF program are really tried, so that a seccomp filter or a security "
		   "module that refuses them is found as well. Nothing is left behind.\n\n"
		   "Exit status: 0 if recording works, 1 if it cannot.",
	.examples = "sudo scry doctor\n  every check\n"
		    "sudo scry doctor | grep -v ^ok\n  only what needs a look\n",
	.opts = opts,
	.run = run,
};
