// SPDX-License-Identifier: GPL-2.0-only
#include "flame_text.h"

#include "flamegraph/text.h"

#define BAD "\xef\xbf\xbd"

static void check(void (*write)(FILE *to, struct text_part text), const char *bytes, size_t length,
		  const char *expect)
{
	char *out = NULL;
	size_t size;
	FILE *to = open_memstream(&out, &size);

	write(to, (struct text_part){ bytes, length });
	fclose(to);
	assert_string_equal(out, expect);
	free(out);
}
static void json(FILE *to, struct text_part text)
{
	text_json(to, text, "");
}

#define XML(bytes, expect) check(text_xml, bytes, sizeof(bytes) - 1, expect)
#define JSON(bytes, expect) check(json, bytes, sizeof(bytes) - 1, expect)

static void escapes_markup(void **state)
{
	XML("<a b='c' d=\"e\">&amp;]]>", "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;amp;]]&gt;");
	JSON("</script>]]>&'\"\\", "\"\\u003c/script\\u003e]]\\u003e\\u0026\\u0027\\u0022\\u005c\"");
}

static void replaces_what_xml_forbids(void **state)
{
	XML("a\n\r\t\x1b[31m\0z", "a" BAD BAD BAD BAD "[31m" BAD "z");
	XML("\x7f\xc2\x80", BAD BAD);
	XML("\xef\xbf\xbe\xef\xbf\xbf", BAD BAD);		/* U+FFFE, U+FFFF */
	XML("\xed\xa0\x80", BAD);			/* a surrogate */
	XML("\xe2\x80\xaeolleh", BAD "olleh");			/* turns the direction of writing */
	JSON("a\nb", "\"a" BAD "b\"");
}

static void replaces_invalid_utf8(void **state)
{
	XML("\xff\xfe", BAD BAD);
	XML("a\xc3", "a" BAD);
	XML("\xc0\xaf", BAD BAD);	/* '/' written too long */
	XML("\xe0\x80\xaf", BAD BAD BAD);
	XML("\xf0\x9f\x98", BAD BAD BAD);
	XML("\xf4\x90\x80\x80", BAD);	/* past U+10FFFF */
	XML("\x80z", BAD "z");
}

static void keeps_every_other_character(void **state)
{
	XML("h\u00e9llo \u4e16\u754c \U0001f40d", "h\u00e9llo \u4e16\u754c \U0001f40d");
}

static void fits_between_characters(void **state)
{
	struct text_part text = text_of("\u4e16\u754c\u4e16\u754c");

	assert_int_equal(text_fit(text, 30).length, 6);
	assert_int_equal(text_fit(text, 5).length, 0);
	assert_int_equal(text_fit(text, 1000).length, 12);
	assert_int_equal(text_clip(text, 7).length, 6);
	assert_int_equal(text_clip(text, 2).length, 0);
	assert_int_equal(text_clip(text, 12).length, 12);
	assert_true(text_width(text_of("iiii")) < text_width(text_of("mmmm")));
	assert_true(text_width(text_of("~")) > 5);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes_markup),
		cmocka_unit_test(replaces_what_xml_forbids),
		cmocka_unit_test(replaces_invalid_utf8),
		cmocka_unit_test(keeps_every_other_character),
		cmocka_unit_test(fits_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
