// SPDX-License-Identifier: GPL-2.0-only
#include "flame_text.h"

#include "flamegraph/color.h"
#include "flamegraph/names.h"

static void check(const char *name, uint32_t source, const char *function, const char *file,
		  const char *line, int kind)
{
	struct label label = label_parse(text_of(name), source);

	assert_int_equal(label.function.length, strlen(function));
	assert_memory_equal(label.function.bytes, function, strlen(function));
	assert_int_equal(label.file.length, strlen(file));
	assert_memory_equal(label.file.bytes, file, strlen(file));
	assert_int_equal(label.line.length, strlen(line));
	assert_memory_equal(label.line.bytes, line, strlen(line));
	assert_int_equal(label.kind, kind);
}

static void splits_function_file_and_line(void **state)
{
	check("f (a/b.py:12)", NAME_FOLDED, "f", "a/b.py", "12", FLAME_INTERPRETED);
	check("A.<lambda> (<string>:1)", NAME_FOLDED, "A.<lambda>", "<string>", "1", FLAME_INTERPRETED);
	check("f (/opt/my (old) app/x.py:3)", NAME_FOLDED, "f", "/opt/my (old) app/x.py", "3",
	      FLAME_INTERPRETED);
	check("run (/usr/bin/hg:43)", NAME_FOLDED, "run", "/usr/bin/hg", "43", FLAME_INTERPRETED);
	check("PyEval (ceval.c:99)", NAME_FOLDED, "PyEval", "ceval.c", "99", FLAME_NATIVE);
	check("read (libc.so.6)", NAME_FOLDED, "read", "libc.so.6", "", FLAME_NATIVE);
	check("f (x.lua:0)", FLAME_INTERPRETED, "f", "x.lua", "0", FLAME_INTERPRETED);
}

/* In what scry hands over itself, the last brackets are the place. */
static void takes_any_place_of_native_code(void **state)
{
	struct label internal = label_parse(text_of("dict_dealloc (python3.11)"), FLAME_NATIVE);
	struct label unnamed = label_parse(text_of("[python3.11d+0x4711]"), FLAME_NATIVE);
	struct label other = label_parse(text_of("dict_dealloc (pythonista)"), FLAME_NATIVE);

	check("main (python3)", FLAME_NATIVE, "main", "python3", "", FLAME_NATIVE);
	check("main (python3)", NAME_FOLDED, "main (python3)", "", "", FLAME_NATIVE);
	check("do_nmi ([kernel])", FLAME_KERNEL, "do_nmi", "[kernel]", "", FLAME_KERNEL);
	assert_true(internal.internal && unnamed.internal);
	assert_false(other.internal);
}

static void leaves_parameters_alone(void **state)
{
	check("std::sort(int*, int*)", NAME_FOLDED, "std::sort(int*, int*)", "", "", FLAME_NATIVE);
	check("operator() (int)", NAME_FOLDED, "operator() (int)", "", "", FLAME_NATIVE);
	check("f )", NAME_FOLDED, "f )", "", "", FLAME_NATIVE);
	check(")", NAME_FOLDED, ")", "", "", FLAME_NATIVE);
	check("(a.py:1)", NAME_FOLDED, "(a.py:1)", "", "", FLAME_NATIVE);
	check("f ()", NAME_FOLDED, "f ()", "", "", FLAME_NATIVE);
	check("", NAME_FOLDED, "", "", "", FLAME_NATIVE);
}

static void knows_kinds_by_suffix_and_brackets(void **state)
{
	check("do_idle_[k]", NAME_FOLDED, "do_idle", "", "", FLAME_KERNEL);
	check("Lfoo_[j]", NAME_FOLDED, "Lfoo", "", "", FLAME_INTERPRETED);
	check("small_[i]", NAME_FOLDED, "small", "", "", FLAME_NATIVE);
	check("[truncated]", NAME_FOLDED, "[truncated]", "", "", FLAME_MARK);
	check("[unknown]", NAME_FOLDED, "[unknown]", "", "", FLAME_MARK);
	check("[libc.so.6]", NAME_FOLDED, "[libc.so.6]", "", "", FLAME_NATIVE);
	check("[kernel.kallsyms]", NAME_FOLDED, "[kernel.kallsyms]", "", "", FLAME_KERNEL);
	check("_[k]", NAME_FOLDED, "_[k]", "", "", FLAME_NATIVE);
	check("x_[k]", FLAME_NATIVE, "x_[k]", "", "", FLAME_NATIVE);
}

static void splits_austin(void **state)
{
	check("/a/b.py:f:12", NAME_AUSTIN, "f", "/a/b.py", "12", FLAME_INTERPRETED);
	check("C:/a.py:f:12", NAME_AUSTIN, "f", "C:/a.py", "12", FLAME_INTERPRETED);
	check("P42", NAME_AUSTIN, "P42", "", "", FLAME_MARK);
	check("T0:42", NAME_AUSTIN, "T0:42", "", "", FLAME_MARK);
	check(":GC:", NAME_AUSTIN, ":GC:", "", "", FLAME_MARK);
	check(":1", NAME_AUSTIN, ":1", "", "", FLAME_MARK);
}

static unsigned color(const char *name, uint32_t source, bool by_name)
{
	struct label label = label_parse(text_of(name), source);

	return color_of(&label, by_name);
}

static void colours_by_module_and_kind(void **state)
{
	assert_int_equal(color("f (a.py:1)", NAME_FOLDED, false) / COLOR_SHADES,
			 color("g (a.py:9)", NAME_FOLDED, false) / COLOR_SHADES);
	assert_int_equal(color("f (a.py:1)", NAME_FOLDED, false) / COLOR_BAND, 0);
	assert_int_equal(color("_PyEval_EvalFrame (python3)", NAME_FOLDED, false) / COLOR_BAND, 1);
	assert_int_equal(color("memcpy (libc.so.6)", NAME_FOLDED, false) / COLOR_BAND, 2);
	assert_int_equal(color("schedule_[k]", NAME_FOLDED, false) / COLOR_BAND, 3);
	assert_int_equal(color("[truncated]", FLAME_MARK, false), COLOR_MARK);
	assert_int_equal(color("f (a.py:1)", NAME_FOLDED, true), color("f (b.py:1)", NAME_FOLDED, true));
	/* The same in every run and on every machine. */
	assert_int_equal(color("f (a.py:1)", NAME_FOLDED, false), 24);
}

/* Relative luminance of WCAG 2, with a square for its power of 2.4. */
static double luminance(uint32_t rgb)
{
	double r = (rgb >> 16) / 255.0, g = (rgb >> 8 & 255) / 255.0, b = (rgb & 255) / 255.0;

	return 0.2126 * r * r + 0.7152 * g * g + 0.0722 * b * b;
}

static void letters_are_read_on_every_colour(void **state)
{
	for (size_t i = 0; flame_schemes[i]; i++) {
		const struct scheme *scheme = scheme_find(flame_schemes[i]);

		assert_non_null(scheme);
		for (unsigned c = 0; c < COLOR_COUNT; c++)
			assert_true(luminance(color_rgb(scheme, c)) + 0.05 > 5 * (luminance(0x221f1b) + 0.05));
	}
	assert_null(scheme_find("none"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits_function_file_and_line),
		cmocka_unit_test(takes_any_place_of_native_code),
		cmocka_unit_test(leaves_parameters_alone),
		cmocka_unit_test(knows_kinds_by_suffix_and_brackets),
		cmocka_unit_test(splits_austin),
		cmocka_unit_test(colours_by_module_and_kind),
		cmocka_unit_test(letters_are_read_on_every_colour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
