// SPDX-License-Identifier: GPL-2.0-only
#include "flame_text.h"

#include "flamegraph/folded.h"

#define NB "\u00a0"

static uint64_t bad_lines(const char *text)
{
	uint64_t bad;

	flame_destroy(flame_of(text, strlen(text), &bad));
	return bad;
}

static uint64_t total(const char *text)
{
	uint64_t bad, sum;
	struct flame *flame = flame_of(text, strlen(text), &bad);

	sum = flame->tree.nodes[TREE_ROOT].total;
	flame_destroy(flame);
	return sum;
}

static void adds_up_equal_stacks(void **state)
{
	assert_draws("a;b 3\na;b 4\na;c 3\n", "b&#10;7 samples, 70.00%");
	assert_draws("a;b 3\na;b 4\na;c 3\n", "a&#10;10 samples, 100.00%");
	assert_draws("a;b 3\na 1\n", "a&#10;4 samples, 100.00%");
}

static void takes_the_count_after_the_last_space(void **state)
{
	assert_draws("main loop;do it 5\n", "do it&#10;5 samples, 100.00%");
	assert_draws("a;b\t5\n", "b&#10;5 samples, 100.00%");
	assert_draws("a;b   5  \r\n", "b&#10;5 samples, 100.00%");
}

static void needs_no_last_newline(void **state)
{
	assert_int_equal(total("a 1\nb 2"), 3);
}

static void counts_lines_that_are_no_stacks(void **state)
{
	assert_int_equal(bad_lines("a;b\n"), 1);
	assert_int_equal(bad_lines("a;b 1x\n"), 1);
	assert_int_equal(bad_lines("a;b -1\n"), 1);
	assert_int_equal(bad_lines("a;b 1e5\n"), 1);
	assert_int_equal(bad_lines("a;b .\n"), 1);
	assert_int_equal(bad_lines("7\n"), 1);
	assert_int_equal(bad_lines(" 7\n"), 1);
	assert_int_equal(bad_lines("a 1\n\n\r\nb 2\n"), 0);
}

static void a_count_of_zero_adds_nothing(void **state)
{
	assert_int_equal(bad_lines("a 0\n"), 0);
	assert_int_equal(total("a 0\nb 2\n"), 2);
}

static void rounds_fractions(void **state)
{
	assert_int_equal(total("a 1.4\n"), 1);
	assert_int_equal(total("a 1.5\n"), 2);
	assert_int_equal(total("a 1.\n"), 1);
}

static void stops_at_the_largest_count(void **state)
{
	assert_true(total("a 18446744073709551615\n") == UINT64_MAX);
	assert_true(total("a 18446744073709551616\n") == UINT64_MAX);
	assert_true(total("a 99999999999999999999999999\nb 5\n") == UINT64_MAX);
	assert_draws("a 18446744073709551615\n", "a&#10;18" NB "446" NB "744" NB "073" NB "709" NB "551" NB
		     "615 samples, 100.00%");
}

static void a_semicolon_at_the_end_opens_no_frame(void **state)
{
	assert_draws("a;b; 2\na;b 1\n", "b&#10;3 samples, 100.00%");
}

static void shares_the_beginning_of_the_last_line_only_at_frames(void **state)
{
	assert_draws("aa;bb;cc 1\naa;bbx;cc 2\naa;b 4\naa;bb 1\n", "bb&#10;2 samples, 25.00%");
	assert_draws("aa;bb;cc 1\naa;bb 1\naa;bb;cc;dd 2\n", "dd&#10;2 samples, 50.00%");
}

static void reads_lines_longer_than_a_read(void **state)
{
	size_t frames = 200000, length = frames * 8;
	char *text = malloc(length + 16);
	uint64_t bad;
	struct flame *flame;

	for (size_t i = 0; i < frames; i++)
		sprintf(text + i * 8, "f%06zu;", i);
	strcpy(text + length - 1, " 7\na 1\n");
	flame = flame_of(text, strlen(text), &bad);
	assert_int_equal(bad, 0);
	assert_int_equal(flame->tree.count, 3);
	assert_int_equal(flame->tree.runs_count, frames + 1);
	assert_int_equal(flame->tree.nodes[TREE_ROOT].total, 8);
	flame_destroy(flame);
	free(text);
}

static void reads_austin(void **state)
{
	const char *text = "# austin: 3.6.0\n# interval: 100\n"
			   "P42;T0:42;/app/main.py:<module>:9;/app/main.py:work:3 300\n";
	char *svg = svg_of(text);

	assert_has(svg, "<title>work (/app/main.py:3)&#10;300 samples");
	assert_has(svg, "<title>&lt;module&gt; (/app/main.py:9)&#10;");
	assert_has(svg, "<title>P42&#10;");
	free(svg);
	assert_int_equal(bad_lines(text), 0);
	assert_int_equal(total("P42;T0:42;a.py:f:3 300,1,-20\n"), 300);
}

static void reads_py_spy(void **state)
{
	char *svg = svg_of("process 4711:\"python3 app.py\";thread (0x7F01): \"main\";"
			   "serve (app.py:12);__read (libc.so.6) 5\n");

	assert_has(svg, "<title>serve (app.py:12)&#10;5 samples");
	assert_has(svg, "<title>__read (libc.so.6)&#10;5 samples");
	free(svg);
}

static void reads_maps_of_bpftrace(void **state)
{
	const char *text = "Attaching 1 probe...\n\n@[\n    leaf+12\n    caller+0x3\n    root\n, python3]: 42\n"
			   "@start[idle,\n    kernel+1\n]: 8\n@[swapper]: 50\n";
	uint64_t bad;
	struct flame *flame = flame_of(text, strlen(text), &bad);
	char *svg = svg_with(flame, &(struct flame_options){ 0 });

	assert_int_equal(bad, 1);	/* "Attaching" */
	assert_has(svg, "<title>python3&#10;42 samples, 42.00%");
	assert_has(svg, "<title>leaf&#10;42 samples, 42.00%");
	assert_has(svg, "<title>idle&#10;8 samples, 8.00%");
	assert_has(svg, "<title>swapper&#10;50 samples");
	free(svg);
	flame_destroy(flame);
}

static void survives_a_map_cut_off(void **state)
{
	assert_int_equal(bad_lines("@[\n    leaf+12\n"), 1);
	assert_int_equal(bad_lines("@[\n    leaf]\n]: x\na;b 1\n"), 1);
	assert_int_equal(total("@[\n]: x\na;b 1\n"), 1);
	assert_int_equal(total("@[\n]: 3\na;b 1\n"), 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_up_equal_stacks),
		cmocka_unit_test(takes_the_count_after_the_last_space),
		cmocka_unit_test(needs_no_last_newline),
		cmocka_unit_test(counts_lines_that_are_no_stacks),
		cmocka_unit_test(a_count_of_zero_adds_nothing),
		cmocka_unit_test(rounds_fractions),
		cmocka_unit_test(stops_at_the_largest_count),
		cmocka_unit_test(a_semicolon_at_the_end_opens_no_frame),
		cmocka_unit_test(shares_the_beginning_of_the_last_line_only_at_frames),
		cmocka_unit_test(reads_lines_longer_than_a_read),
		cmocka_unit_test(reads_austin),
		cmocka_unit_test(reads_py_spy),
		cmocka_unit_test(reads_maps_of_bpftrace),
		cmocka_unit_test(survives_a_map_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
