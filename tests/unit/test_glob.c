// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/glob.h"

struct row {
	const char *pattern, *text;
	bool match;
};

static void check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (glob_match(rows[i].pattern, rows[i].text) != rows[i].match)
			fail_msg("'%s' on '%s': not %d", rows[i].pattern, rows[i].text, rows[i].match);
}

static void matches_plain_text_whole(void **state)
{
	static const struct row rows[] = {
		{ "", "", true }, { "", "a", false }, { "abc", "abc", true },
		{ "abc", "ab", false }, { "abc", "abcd", false }, { "a.c", "abc", false },
		{ "app/*.py", "app/x/views.py", true },
	};

	check(rows, ARRAY_SIZE(rows));
}

static void stars_take_any_run(void **state)
{
	static const struct row rows[] = {
		{ "*", "", true }, { "*", "anything", true }, { "a*", "a", true },
		{ "*b", "aab", true }, { "a*b*c", "a1b2b3c", true }, { "a*b*c", "a1c2b", false },
		{ "**x**", "yxz", true }, { "*.py", "a.pyc", false }, { "*ab", "aab", true },
		{ "*aab*b", "aaabab", true },
	};

	check(rows, ARRAY_SIZE(rows));
}

static void a_question_mark_takes_one_character(void **state)
{
	static const struct row rows[] = {
		{ "?", "", false }, { "?", "a", true }, { "?", "ab", false },
		{ "?", "é", true },
		{ "??", "é", false }, { "a?c", "a漢c", true }, { "?", "😀", true },
		{ "?", "\xff", true },
		{ "??", "\xc3(", true }, { "?", "\xe6\xbc", false },
	};

	check(rows, ARRAY_SIZE(rows));
}

static void sets_take_one_of_their_members(void **state)
{
	static const struct row rows[] = {
		{ "[abc]", "b", true }, { "[abc]", "d", false }, { "[a-c]x", "bx", true },
		{ "[!a-c]", "b", false },
		{ "[!a-c]", "d", true }, { "[^a]", "b", true }, { "[]a]", "]", true },
		{ "[!]]", "]", false },
		{ "[a-]", "-", true }, { "[é-ü]", "ö", true }, { "[\\]]", "]", true },
		{ "[a-z]*", "handle", true },
		{ "*[0-9]", "w7", true }, { "[abc]", "", false },
	};

	check(rows, ARRAY_SIZE(rows));
}

static void an_unclosed_set_is_plain_text(void **state)
{
	static const struct row rows[] = {
		{ "[abc", "[abc", true }, { "[abc", "a", false }, { "a[", "a[", true },
		{ "[]", "[]", true }, { "[!", "[!", true },
	};

	check(rows, ARRAY_SIZE(rows));
}

static void a_backslash_takes_the_next_as_it_is(void **state)
{
	static const struct row rows[] = {
		{ "\\*", "*", true }, { "\\*", "a", false }, { "\\?x", "?x", true },
		{ "a\\", "a\\", true }, { "\\\\", "\\", true },
	};

	check(rows, ARRAY_SIZE(rows));
}

/* What a glob means, written down as plainly as can be. */
static bool plain_match(const char *pattern, const char *text)
{
	if (!*pattern)
		return !*text;
	if (*pattern == '*')
		return plain_match(pattern + 1, text) || (*text && plain_match(pattern, text + 1));
	return *text && (*pattern == '?' || *pattern == *text) && plain_match(pattern + 1, text + 1);
}

#define LONGEST 6

/* The n-th word over the letters, shortest first; false: longer than LONGEST. */
static bool nth_word(unsigned n, const char *letters, char *word)
{
	size_t base = strlen(letters), len = 0;

	for (; n; n = (n - 1) / base, len++) {
		if (len == LONGEST)
			return false;
		word[len] = letters[(n - 1) % base];
	}
	word[len] = '\0';
	return true;
}

static void agrees_with_the_plain_meaning_on_all_short_words(void **state)
{
	char pattern[LONGEST + 1], text[LONGEST + 1];

	for (unsigned i = 0; nth_word(i, "ab*?", pattern); i++)
		for (unsigned j = 0; nth_word(j, "ab", text); j++)
			if (glob_match(pattern, text) != plain_match(pattern, text))
				fail_msg("'%s' on '%s'", pattern, text);
}

/* An exponential matcher would not return. */
static void many_stars_end_soon(void **state)
{
	char pattern[401], text[10001];

	for (int i = 0; i < 200; i++)
		memcpy(pattern + 2 * i, "*a", 2);
	memcpy(pattern + 398, "*b", 3);
	memset(text, 'a', 10000);
	text[10000] = '\0';
	assert_false(glob_match(pattern, text));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches_plain_text_whole),
		cmocka_unit_test(stars_take_any_run),
		cmocka_unit_test(a_question_mark_takes_one_character),
		cmocka_unit_test(sets_take_one_of_their_members),
		cmocka_unit_test(an_unclosed_set_is_plain_text),
		cmocka_unit_test(a_backslash_takes_the_next_as_it_is),
		cmocka_unit_test(agrees_with_the_plain_meaning_on_all_short_words),
		cmocka_unit_test(many_stars_end_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
