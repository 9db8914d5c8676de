// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "profiler/base/cleanup.h"
#include "profiler/cmd.h"
#include "caught.h"

struct config {
	bool all, children;
	const char *title;
	struct opt_list out;
	unsigned long rate, limit;
	double duration;
	int sort;
};

static const char *const sorts[] = { "self", "total", NULL };
static const struct opt opts[] = {
	{ "all", 'a', OPT_FLAG, offsetof(struct config, all), .help = "every interpreter" },
	{ "children", 'c', OPT_FLAG, offsetof(struct config, children), .help = "children too" },
	{ "title", 't', OPT_STRING, offsetof(struct config, title), "TEXT", "title" },
	{ "output", 'o', OPT_LIST, offsetof(struct config, out), "FILE", "output" },
	{ "frequency", 'F', OPT_UINT, offsetof(struct config, rate), "HZ", "rate", 1, 20000 },
	{ "limit", 0, OPT_UINT, offsetof(struct config, limit), "N", "rows" },
	{ "duration", 'd', OPT_SECONDS, offsetof(struct config, duration), "SECONDS", "how long" },
	{ "sort", 0, OPT_CHOICE, offsetof(struct config, sort), .help = "order", .choices = sorts },
	{ 0 },
};
static const struct command plain = { .name = "plain", .args = "", .summary = "test", .opts = opts };
static const struct command runs = { .name = "runs", .args = "", .summary = "test", .opts = opts,
				     .program = true };

static const struct command watches = { .name = "watches", .args = "", .summary = "test", .opts = opts,
					.program = true, .subject = true };

#define WORDS_MAX 80

struct result {
	struct config config;
	int first, argc;
	char *argv[WORDS_MAX + 1];
	char message[2048];
};

/* Parse the words and catch what is said on stderr. */
static void parse(const struct command *cmd, const char *const *words, struct result *r)
{
	memset(r, 0, sizeof(*r));
	r->argv[r->argc++] = (char *)cmd->name;
	for (; *words; words++)
		r->argv[r->argc++] = (char *)*words;
	caught_begin();
	r->first = opt_parse(cmd, r->argc, r->argv, &r->config);
	snprintf(r->message, sizeof(r->message), "%s", caught_end());
}

#define PARSE(cmd, r, ...) parse(cmd, (const char *const[]){ __VA_ARGS__, NULL }, r)

static void refused(const char *message, const char *const *words)
{
	struct result r;

	parse(&plain, words, &r);
	assert_string_equal(r.message, message);
	assert_int_equal(r.first, -1);
}

#define REFUSED(message, ...) \
	refused("scry plain: " message "; see 'scry plain --help'\n", \
		(const char *const[]){ __VA_ARGS__, NULL })

static void takes_long_and_short_values(void **state)
{
	struct result r;

	PARSE(&plain, &r, "--frequency", "999", "--title=a=b", "-d1.5", "--limit=0", "--sort",
	      "total", "-a");
	assert_string_equal(r.message, "");
	assert_int_equal(r.first, r.argc);
	assert_int_equal(r.config.rate, 999);
	assert_string_equal(r.config.title, "a=b");
	assert_float_equal(r.config.duration, 1.5, 0);
	assert_int_equal(r.config.sort, 1);
	assert_true(r.config.all);
	assert_false(r.config.children);
}

static void takes_a_prefix_that_fits_one_option(void **state)
{
	struct result r;

	PARSE(&plain, &r, "--freq", "7", "--t=x", "--all");
	assert_int_equal(r.config.rate, 7);
	assert_string_equal(r.config.title, "x");
	assert_true(r.config.all);
}

static void bundles_flags_and_a_last_value(void **state)
{
	struct result r;

	PARSE(&plain, &r, "-acF", "50");
	assert_true(r.config.all && r.config.children);
	assert_int_equal(r.config.rate, 50);
	PARSE(&plain, &r, "-acF60", "x");
	assert_int_equal(r.config.rate, 60);
	assert_int_equal(r.first, 2);
}

static void collects_a_list(void **state)
{
	struct result r;

	PARSE(&plain, &r, "-o", "a.svg", "--output=b.scry", "-o-");
	assert_int_equal(r.config.out.count, 3);
	assert_string_equal(r.config.out.item[0], "a.svg");
	assert_string_equal(r.config.out.item[1], "b.scry");
	assert_string_equal(r.config.out.item[2], "-");
}

static void bounds_a_list(void **state)
{
	const char *words[OPT_LIST_MAX + 2] = { NULL };
	struct result r;

	for (int i = 0; i < OPT_LIST_MAX; i++)
		words[i] = "-ox";
	parse(&plain, words, &r);
	assert_int_equal(r.config.out.count, OPT_LIST_MAX);
	words[OPT_LIST_MAX] = "-ox";
	refused("scry plain: -o is given too often; see 'scry plain --help'\n", words);
}

static void moves_operands_behind_options(void **state)
{
	struct result r;

	PARSE(&plain, &r, "one", "-F", "5", "two", "-a", "-", "three");
	assert_int_equal(r.config.rate, 5);
	assert_true(r.config.all);
	assert_int_equal(r.argc - r.first, 4);
	assert_string_equal(r.argv[r.first], "one");
	assert_string_equal(r.argv[r.first + 1], "two");
	assert_string_equal(r.argv[r.first + 2], "-");
	assert_string_equal(r.argv[r.first + 3], "three");
}

static void ends_at_two_dashes(void **state)
{
	struct result r;

	PARSE(&plain, &r, "one", "-a", "--", "-c", "--", "--bogus");
	assert_true(r.config.all);
	assert_false(r.config.children);
	assert_int_equal(r.argc - r.first, 4);
	assert_string_equal(r.argv[r.first], "one");
	assert_string_equal(r.argv[r.first + 1], "-c");
	assert_string_equal(r.argv[r.first + 2], "--");
}

static void leaves_a_program_its_own_options(void **state)
{
	struct result r;

	PARSE(&runs, &r, "-a", "python3", "-c", "pass", "--frequency", "no");
	assert_string_equal(r.message, "");
	assert_false(r.config.children);
	assert_int_equal(r.argc - r.first, 5);
	assert_string_equal(r.argv[r.first], "python3");
	PARSE(&runs, &r, "-a", "--", "-odd-program", "--", "-c");
	assert_int_equal(r.argc - r.first, 3);
	assert_string_equal(r.argv[r.first], "-odd-program");
}

static void takes_options_between_a_subject_and_a_program(void **state)
{
	struct result r;

	PARSE(&watches, &r, "call", "-a", "python3", "-F", "no");
	assert_string_equal(r.message, "");
	assert_true(r.config.all);
	assert_int_equal(r.argc - r.first, 4);
	assert_string_equal(r.argv[r.first], "call");
	assert_string_equal(r.argv[r.first + 1], "python3");
	PARSE(&watches, &r, "-F", "5", "call", "--", "-odd-program", "-a");
	assert_int_equal(r.config.rate, 5);
	assert_false(r.config.all);
	assert_int_equal(r.argc - r.first, 3);
	assert_string_equal(r.argv[r.first + 1], "-odd-program");
}

static void names_what_it_refuses(void **state)
{
	REFUSED("--bogus is not an option", "--bogus");
	REFUSED("--bogus is not an option", "--bogus=1");
	REFUSED("-x is not an option", "-ax");
	REFUSED("--frequency needs a value: HZ", "--frequency");
	REFUSED("-F needs a value: HZ", "-aF");
	REFUSED("--sort needs a value", "--sort");
	REFUSED("--all takes no value", "--all=yes");
	REFUSED("--sort wants self or total, not 'name'", "--sort", "name");
	REFUSED("-d wants a time such as 10, 1.5, 500ms or 2m, not 'soon'", "-d", "soon");
}

static void refuses_an_ambiguous_prefix(void **state)
{
	static const struct opt two[] = {
		{ "comm", 0, OPT_STRING, offsetof(struct config, title), "GLOB", "x" },
		{ "command", 0, OPT_STRING, offsetof(struct config, title), "GLOB", "x" },
		{ "hash", 0, OPT_FLAG, offsetof(struct config, all), .help = "x" },
		{ 0 },
	};
	const struct command cmd = { .name = "plain", .args = "", .summary = "test", .opts = two };
	struct result r;

	PARSE(&cmd, &r, "--co=x");
	assert_string_equal(r.message,
			    "scry plain: --co may mean --comm or --command; see 'scry plain --help'\n");
	PARSE(&cmd, &r, "--h");
	assert_string_equal(r.message,
			    "scry plain: --h may mean --hash or --help; see 'scry plain --help'\n");
	PARSE(&cmd, &r, "--comm=x");
	assert_string_equal(r.message, "");
	assert_string_equal(r.config.title, "x");
}

static void checks_numbers_and_their_range(void **state)
{
	static const char *const bad[] = { "0", "20001", "-1", "+1", " 1", "", "1x", "0x10",
					   "99999999999999999999" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char message[160];

		snprintf(message, sizeof(message),
			 "scry plain: --frequency wants a number from 1 to 20000, not '%s'; "
			 "see 'scry plain --help'\n", bad[i]);
		refused(message, (const char *const[]){ "--frequency", bad[i], NULL });
	}
	REFUSED("--limit wants a number of 0 or more, not 'x'", "--limit=x");
}

static bool wants_help(const struct command *cmd, int argc, const char **words)
{
	return opt_wants_help(cmd, argc, (char **)words);
}

static void finds_help_among_the_options_only(void **state)
{
	assert_true(wants_help(&plain, 2, (const char *[]){ "plain", "--help" }));
	assert_true(wants_help(&plain, 2, (const char *[]){ "plain", "-ah" }));
	assert_true(wants_help(&plain, 4, (const char *[]){ "plain", "--bogus", "x", "--help" }));
	assert_false(wants_help(&plain, 3, (const char *[]){ "plain", "--", "--help" }));
	assert_false(wants_help(&plain, 3, (const char *[]){ "plain", "-t", "--help" }));
	assert_false(wants_help(&runs, 3, (const char *[]){ "runs", "python3", "--help" }));
	assert_true(wants_help(&runs, 3, (const char *[]){ "runs", "--help", "python3" }));
}

static void suggests_the_verb_that_was_meant(void **state)
{
	assert_ptr_equal(command_nearest("hlep"), command_find("help"));
	assert_ptr_equal(command_nearest("hel"), command_find("help"));
	assert_null(command_nearest("launch"));
	assert_null(command_nearest(""));
	assert_null(command_nearest("a-word-of-more-letters-than-any-verb-has"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_long_and_short_values),
		cmocka_unit_test(takes_a_prefix_that_fits_one_option),
		cmocka_unit_test(bundles_flags_and_a_last_value),
		cmocka_unit_test(collects_a_list),
		cmocka_unit_test(bounds_a_list),
		cmocka_unit_test(moves_operands_behind_options),
		cmocka_unit_test(ends_at_two_dashes),
		cmocka_unit_test(leaves_a_program_its_own_options),
		cmocka_unit_test(takes_options_between_a_subject_and_a_program),
		cmocka_unit_test(names_what_it_refuses),
		cmocka_unit_test(refuses_an_ambiguous_prefix),
		cmocka_unit_test(checks_numbers_and_their_range),
		cmocka_unit_test(finds_help_among_the_options_only),
		cmocka_unit_test(suggests_the_verb_that_was_meant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
