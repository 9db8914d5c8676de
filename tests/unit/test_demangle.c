// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs the above */
#include <cmocka.h>

#include "runtimes/native/demangle.h"

static void check(const char *symbol, const char *name)
{
	char text[256];

	demangle(symbol, text, sizeof(text));
	assert_string_equal(text, name);
}

static void names_of_c_stay(void **state)
{
	check("malloc", "malloc");
	check("_PyEval_EvalFrameDefault", "_PyEval_EvalFrameDefault");
	check("malloc@plt", "malloc@plt");
	check("_Z", "_Z");
	check("_ZNot mangled", "_ZNot mangled");
	check("_R", "_R");
	check("", "");
	check("@plt", "@plt");
}

static void cxx_without_parameters(void **state)
{
	check("_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector<int, std::allocator<int> >::push_back");
	check("_ZN12_GLOBAL__N_16hiddenEv", "(anonymous namespace)::hidden");
	check("_ZNKSt8functionIFviEEclEi", "std::function<void (int)>::operator()");
	check("_Z3mulIdET_S0_S0_", "mul<double>");
	check("_ZN5thing4workEv.isra.0", "thing::work");
	check("_ZN5thing4workEv@plt", "thing::work@plt");
}

static void rust_of_both_manglings(void **state)
{
	check("_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad");
	check("_ZN58_$LT$alloc..string..String$u20$as$u20$core..fmt..Write$GT$9write_str17hd05eb5b5b2dc4d6eE",
	      "<alloc::string::String as core::fmt::Write>::write_str");
	check("_RNvCs1234_7mycrate3foo", "mycrate::foo");
	check("_RNvMsr_NtCs3ssYzQotkvD_3std4pathNtB5_7PathBuf3newCs15kBYyAo9fc_7mycrate", "<std::path::PathBuf>::new");
	check("_RINvNtC3std3mem8align_ofjdE", "std::mem::align_of::<usize, f64>");
}

static void long_names_end_in_an_ellipsis(void **state)
{
	char symbol[2000], text[32];

	memset(symbol, 'x', sizeof(symbol) - 1);
	symbol[sizeof(symbol) - 1] = 0;
	demangle(symbol, text, sizeof(text));
	assert_string_equal(text, "xxxxxxxxxxxxxxxxxxxxxxxxxxxx\u2026");
	demangle("_ZNSt6vectorIiSaIiEE9push_backERKi", text, sizeof(text));
	assert_string_equal(text, "std::vector<int, std::alloca\u2026");
	demangle("_ZNSt6vectorIiSaIiEE9push_backERKi@plt", text, sizeof(text));
	assert_string_equal(text, "std::vector<int, std::al\u2026@plt");
}

/* Each argument is made of two of the one before: some 400 bytes that stand for 2^24 times "int". */
static void a_name_that_doubles_ends(void **state)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char symbol[512] = "_Z1fI4pairIiiE", text[4096];

	for (int i = 1; i <= 24; i++)
		sprintf(symbol + strlen(symbol), "S0_IS%c_S%c_E", digits[i], digits[i]);
	strcat(symbol, "Evv");
	demangle(symbol, text, sizeof(text));
	assert_int_equal(strncmp(text, "f<pair<int, int>, pair<pair<int, int>, pair<int, int> >, ", 57), 0);
	assert_int_equal(strlen(text), sizeof(text) - 1);
	assert_string_equal(text + sizeof(text) - 4, "\u2026");
}

/* Rust's back references, to where the tuple before it begins, in numbers of base 62. */
static void a_name_of_rust_that_doubles_ends(void **state)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char symbol[512] = "_RINvC1a1fTuuE", text[4096], back[8];
	size_t before = 8;

	for (int i = 0; i < 24; i++) {
		size_t here = strlen(symbol) - 2, number = before - 1;

		if (number < 62)
			snprintf(back, sizeof(back), "B%c_", digits[number]);
		else
			snprintf(back, sizeof(back), "B%c%c_", digits[number / 62], digits[number % 62]);
		sprintf(symbol + strlen(symbol), "T%s%sE", back, back);
		before = here;
	}
	strcat(symbol, "E");
	demangle(symbol, text, sizeof(text));
	assert_int_equal(strncmp(text, "a::f::<((), ()), (((), ()), ((), ())), ", 39), 0);
	assert_string_equal(text + sizeof(text) - 4, "\u2026");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_c_stay),
		cmocka_unit_test(cxx_without_parameters),
		cmocka_unit_test(rust_of_both_manglings),
		cmocka_unit_test(long_names_end_in_an_ellipsis),
		cmocka_unit_test(a_name_that_doubles_ends),
		cmocka_unit_test(a_name_of_rust_that_doubles_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
