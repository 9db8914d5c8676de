// SPDX-License-Identifier: GPL-2.0-only
#include "flame_text.h"

#include "flamegraph/layout.h"
#include "flamegraph/page.h"

/* A small generator: the same numbers in every run. */
static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void adds_random_stacks(struct flame *flame, uint32_t seed, unsigned count, unsigned names,
			       unsigned deepest)
{
	struct flame_frame frames[64];
	char text[64][32];

	while (count--) {
		size_t depth = 1 + next(&seed) % deepest;

		for (size_t i = 0; i < depth; i++) {
			snprintf(text[i], sizeof(text[i]), "f%u (m.py:1)", next(&seed) % names);
			frames[i] = (struct flame_frame){ text[i], FLAME_INTERPRETED };
		}
		assert_int_equal(flame_add(flame, frames, depth, 1 + next(&seed) % 9), 0);
	}
}

/* Every frame lies within its caller, and siblings do not overlap. */
static void check_layout(const struct layout *layout)
{
	uint64_t *begin = calloc(layout->levels + 1, sizeof(*begin)),
		*end = calloc(layout->levels + 1, sizeof(*end));

	for (size_t i = 0; i < layout->count; i++) {
		const struct layout_frame *frame = &layout->frames[i];

		assert_true(frame->level < layout->levels);
		assert_true(!i == !frame->level);
		if (i) {
			assert_true(frame->level <= layout->frames[i - 1].level + 1);
			assert_true(frame->start >= begin[frame->level - 1]);
			assert_true(frame->start + frame->value <= end[frame->level - 1]);
			begin[frame->level - 1] = frame->start + frame->value;	/* for the next sibling */
		}
		begin[frame->level] = frame->start;
		end[frame->level] = frame->start + frame->value;
	}
	free(begin);
	free(end);
}

static void lays_callees_within_callers(void **state)
{
	for (uint32_t seed = 1; seed <= 20; seed++) {
		struct flame *flame;
		struct layout layout;

		assert_int_equal(flame_create(&flame), 0);
		adds_random_stacks(flame, seed, 500, 1 + seed, 40);
		assert_int_equal(layout_make(flame, 1200, 0.1, true, &layout), 0);
		check_layout(&layout);
		layout_free(&layout);
		flame_destroy(flame);
	}
}

static void the_order_of_stacks_changes_nothing(void **state)
{
	char *one = svg_of("a;b;c 1\na;b 2\nd 3\na;b;c;e 4\n"),
		*other = svg_of("d 3\na;b;c;e 4\na;b 2\na;b;c 1\n");

	assert_string_equal(one, other);
	free(one);
	free(other);
}

static void merges_what_is_too_narrow(void **state)
{
	char *text = NULL, *svg;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	fputs("a;wide 20000\n", to);
	for (int i = 0; i < 50; i++)
		fprintf(to, "a;slim%d 1\n", i);
	fclose(to);
	svg = svg_of(text);
	assert_lacks(svg, "slim");
	assert_has(svg, ",2,-52,50");	/* fifty frames in one, behind the others */
	assert_has(svg, "50 narrow frames");
	free(svg);
	free(text);
}

static void bounds_the_page(void **state)
{
	struct flame *flame;
	char *svg;

	assert_int_equal(flame_create(&flame), 0);
	for (int i = 0; i < 1100; i++)
		adds_random_stacks(flame, i, 3, 1000000, 64);
	svg = svg_with(flame, &(struct flame_options){ 0 });
	assert_in_range(strlen(svg), 100000, 5000000);
	free(svg);
	flame_destroy(flame);
}

/* Three thousand stacks of 0.4 px: too many frames by far, yet their callers are there. */
static void cuts_depth_where_width_would_leave_nothing(void **state)
{
	struct flame_frame frames[30];
	char text[30][48], *svg;
	struct flame *flame;

	assert_int_equal(flame_create(&flame), 0);
	for (int stack = 0; stack < 3000; stack++) {
		for (int i = 0; i < 30; i++) {
			snprintf(text[i], sizeof(text[i]), "f%d_%d (m.py:1)", stack, i);
			frames[i] = (struct flame_frame){ text[i], FLAME_INTERPRETED };
		}
		assert_int_equal(flame_add(flame, frames, 30, 1), 0);
	}
	svg = svg_with(flame, &(struct flame_options){ 0 });
	assert_has(svg, "\"f0_5\"");
	assert_has(svg, "\"f2999_5\"");
	assert_has(svg, ",-2,1");	/* deeper frames */
	assert_true(strlen(svg) < 5000000);
	free(svg);
	flame_destroy(flame);
}

static void says_when_too_much_is_asked_for(void **state)
{
	struct flame *flame;
	FILE *null = fopen("/dev/null", "w");

	assert_int_equal(flame_create(&flame), 0);
	assert_int_equal(flame_write_svg(flame, null, &(struct flame_options){ 0 }), -ENODATA);
	assert_int_equal(flame_add(flame, &(struct flame_frame){ "f", FLAME_NATIVE }, 1, 1), 0);
	assert_int_equal(flame_write_svg(flame, null, &(struct flame_options){ .colors = "none" }), -EINVAL);
	fclose(null);
	flame_destroy(flame);
}

/* Deeper than any recursion of ours could follow: 100,000 frames. */
static void draws_stacks_of_any_depth(void **state)
{
	enum { DEPTH = 100000 };
	struct flame_frame *frames = malloc(DEPTH * sizeof(*frames));
	struct flame *flame;
	struct layout layout;
	char *svg;

	for (int i = 0; i < DEPTH; i++)
		frames[i] = (struct flame_frame){ "f (m.py:1)", FLAME_INTERPRETED };
	assert_int_equal(flame_create(&flame), 0);
	assert_int_equal(flame_add(flame, frames, DEPTH, 1), 0);
	assert_int_equal(flame_add(flame, frames, 8192, 1), 0);
	svg = svg_with(flame, &(struct flame_options){ 0 });
	assert_has(svg, "[deeper frames]");
	assert_true(strlen(svg) < 5000000);
	free(svg);
	assert_int_equal(layout_make(flame, 1200, 0.1, true, &layout), 0);
	assert_true(layout.levels > 8192);
	layout_free(&layout);
	flame_destroy(flame);
	free(frames);
}

static void sums_that_stop_stay_in_place(void **state)
{
	struct layout layout;
	uint64_t bad;
	const char *text = "a;b 18446744073709551615\na;c 18446744073709551615\nd 10\n";
	struct flame *flame = flame_of(text, strlen(text), &bad);

	assert_int_equal(layout_make(flame, 1200, 0.1, true, &layout), 0);
	check_layout(&layout);
	assert_true(layout.total == UINT64_MAX);
	layout_free(&layout);
	flame_destroy(flame);
}

static void lets_no_markup_through(void **state)
{
	static const char *const names[] = {
		"</script><script>alert(1)</script>", "]]><svg onload=alert(1)>", "\"'><img src=x>",
		"</title></g><a href=\"javascript:alert(1)\">", "&lt;b&gt;&amp;", "f (</tspan><script>:1)",
	};
	struct flame *flame;
	char *svg;

	assert_int_equal(flame_create(&flame), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(flame_add(flame, &(struct flame_frame){ names[i], i % 4 }, 1, 10), 0);
	svg = svg_with(flame, &(struct flame_options){ .title = names[0], .subtitle = names[1],
		.unit = names[2] });
	assert_lacks(svg, "<script>alert");
	assert_lacks(svg, "<img");
	assert_lacks(svg, "<svg onload");
	assert_lacks(svg, "<a ");
	assert_ptr_equal(strstr(svg, "]]>"), strstr(svg, "]]></script>\n</svg>\n"));
	free(svg);
	flame_destroy(flame);
}

static void the_script_fits_into_the_page(void **state)
{
	assert_lacks(page_js, "]]>");
	assert_lacks(page_css, "<");
	assert_lacks(page_css, "&");
	assert_lacks(page_js, "innerHTML");
	assert_lacks(page_js, "eval(");
}

static void clips_names_of_any_length(void **state)
{
	char *name = malloc(100001), *svg;
	struct flame *flame;

	memset(name, 'x', 100000);
	name[100000] = 0;
	assert_int_equal(flame_create(&flame), 0);
	assert_int_equal(flame_add(flame, &(struct flame_frame){ name, FLAME_NATIVE }, 1, 1), 0);
	svg = svg_with(flame, &(struct flame_options){ .title = name });
	assert_true(strlen(svg) < 50000);
	assert_has(svg, "x\u2026&#10;1 sample,");
	assert_has(svg, "x\u2026\"],\"places\"");
	free(svg);
	flame_destroy(flame);
	free(name);
}

static void explains_the_colours_of_several_kinds(void **state)
{
	static const char folded[] = "f (a.py:1);deflate (libz.so.1);do_syscall_64_[k] 3\n";
	char *svg = svg_of(folded), *alone = svg_of("f (a.py:1);g (b.py:1) 3\n"), *warm;
	struct flame *flame = flame_of(folded, strlen(folded), &(uint64_t){ 0 });

	assert_has(svg, ">program</text>");
	assert_has(svg, ">native</text>");
	assert_has(svg, ">kernel</text>");
	assert_lacks(svg, ">interpreter</text>");
	assert_has(svg, "\"legend\":[[\"program\",\"#");
	assert_has(alone, "\"legend\":[]");
	/* A palette that gives them all the same colours has nothing to explain. */
	warm = svg_with(flame, &(struct flame_options){ .colors = "warm" });
	assert_has(warm, "\"legend\":[]");
	flame_destroy(flame);
	free(svg);
	free(alone);
	free(warm);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lays_callees_within_callers),
		cmocka_unit_test(the_order_of_stacks_changes_nothing),
		cmocka_unit_test(merges_what_is_too_narrow),
		cmocka_unit_test(bounds_the_page),
		cmocka_unit_test(cuts_depth_where_width_would_leave_nothing),
		cmocka_unit_test(says_when_too_much_is_asked_for),
		cmocka_unit_test(draws_stacks_of_any_depth),
		cmocka_unit_test(sums_that_stop_stay_in_place),
		cmocka_unit_test(lets_no_markup_through),
		cmocka_unit_test(the_script_fits_into_the_page),
		cmocka_unit_test(explains_the_colours_of_several_kinds),
		cmocka_unit_test(clips_names_of_any_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
