// SPDX-License-Identifier: GPL-2.0-only
/* Choosing a place in machine code made by hand; in real files: test_python_probes.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "runtimes/python/cookie.h"
#include "runtimes/python/opcodes.h"
#include "runtimes/python/sites.h"
#include "runtimes/x86.h"

static unsigned length_of(const char *code, unsigned size)
{
	struct x86_insn insn;

	return x86_decode(code, size, 0x1000, &insn) ? insn.length : 0;
}

static void instructions_have_their_lengths(void **state)
{
	static const struct {
		const char *code;
		unsigned size, length;
	} cases[] = {
		{ "\xf3\x0f\x1e\xfa", 4, 4 },			  /* endbr64 */
		{ "\x48\x8b\x05\1\2\3\4", 7, 7 },		  /* mov 0x4030201(%rip),%rax */
		{ "\x49\x8b\x44\x24\x10", 5, 5 },		  /* mov 0x10(%r12),%rax */
		{ "\x48\xb8\1\2\3\4\5\6\7\10", 10, 10 },	  /* movabs */
		{ "\x66\xb8\1\2", 4, 4 },			  /* mov $0x201,%ax */
		{ "\xf6\x05\1\2\3\4\1", 7, 7 },		  /* testb $1,(%rip) */
		{ "\xf7\xd8", 2, 2 },				  /* neg %eax: no immediate */
		{ "\x66\x83\x3d\1\2\3\4\0", 8, 8 },		  /* cmpw $0,(%rip) */
		{ "\x0f\x1f\x84\x00\0\0\0\0", 8, 8 },		  /* nopl 0(%rax,%rax) */
		{ "\x66\x66\x48\xe8\1\2\3\4", 8, 8 },		  /* call __tls_get_addr, padded */
		{ "\x48\x8b\x04\x25\1\2\3\4", 8, 8 },		  /* mov 0x4030201,%rax */
		{ "\x48\x8b\x05\1\2\3", 6, 0 },			  /* cut off */
		{ "\x66\xe8\1\2", 4, 0 },			  /* callw */
		{ "\xc5\xf8\x77", 3, 0 },				  /* vzeroupper: not known */
		{ "\x06", 1, 0 },					  /* invalid */
		{ "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x90", 16, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(length_of(cases[i].code, cases[i].size), cases[i].length);
}

/*
 * A file of its own would need a table; code as python_code suffices. Two handlers: at 0x1000 many nops, at 0x1200 the run.
 */
static void site_in(const char *code, size_t size, const char *before, size_t before_size, struct python_site *ret)
{
	static unsigned char bytes[4096];
	static struct python_opcodes opcodes;
	struct python_code segment = { .bytes = bytes, .address = 0x1000, .size = sizeof(bytes) };
	const unsigned char which = 7;

	memset(bytes, 0x90, sizeof(bytes));
	memcpy(bytes + 0x200, code, size);
	memcpy(bytes + 0x200 - before_size, before, before_size);
	for (int i = 0; i < PYTHON_OPCODES; i++)
		opcodes.handlers[i] = 0x1000;
	opcodes.handlers[7] = 0x1200;
	python_sites_find(&segment, &opcodes, 56, &which, 1, ret);
}

#define RUN "\x48\x8b\x43\xf8" /* mov -8(%rbx),%rax */ "\x4c\x89\x7d\x38" /* mov %r15,0x38(%rbp) */ \
	    "\x49\x83\xc7\x02" /* add $2,%r15 */ "\x85\xd2" /* test %edx,%edx */ "\x74\x20" /* je */

static void a_probe_goes_to_the_first_branch_of_a_straight_run(void **state)
{
	struct python_site site;

	site_in(RUN, sizeof(RUN) - 1, "", 0, &site);
	assert_int_equal(site.address, 0x1200 + 14);
	assert_int_equal(PYTHON_COOKIE_OPCODE(site.cookie), 7);
	assert_int_equal(PYTHON_COOKIE_VALUE(site.cookie), 0 + 1); /* rax */
	assert_true(site.cookie & PYTHON_COOKIE_VALUE_DIRECT);
	assert_true(site.cookie & PYTHON_COOKIE_INSTR_STORED);
	assert_int_equal(PYTHON_COOKIE_FRAME(site.cookie), 5 + 1); /* rbp */
}

static void a_run_that_is_jumped_into_is_probed_at_its_start(void **state)
{
	struct python_site site;

	site_in(RUN, sizeof(RUN) - 1, "\xeb\x04", 2, &site); /* jmp behind the mov */
	assert_int_equal(site.address, 0x1200);
	assert_int_equal(PYTHON_COOKIE_VALUE(site.cookie), 3 + 1); /* rbx: the value is before it in memory */
	assert_false(site.cookie & PYTHON_COOKIE_VALUE_DIRECT);
	assert_int_equal(PYTHON_COOKIE_INSTR(site.cookie), 15 + 1);
	assert_int_equal(PYTHON_COOKIE_FRAME(site.cookie), 5 + 1);
	site_in(RUN, sizeof(RUN) - 1, "\xe9\x0c\x00\x00\x00", 5, &site); /* the same by four bytes */
	assert_int_equal(site.address, 0x1200);
	site_in(RUN, sizeof(RUN) - 1, "\x74\x0e", 2, &site); /* je to the site itself */
	assert_int_equal(site.address, 0x1200);
	site_in(RUN, sizeof(RUN) - 1, "\x74\x10", 2, &site); /* behind it: no harm */
	assert_int_equal(site.address, 0x1200 + 14);
	site_in(RUN, sizeof(RUN) - 1, "\xc5\xf8\x77", 3, &site); /* not known: who knows where it goes */
	assert_int_equal(site.address, 0x1200);
}

static void a_frame_loaded_on_the_way_is_not_the_one_at_the_start(void **state)
{
	static const char loads[] = "\x49\x8b\x6c\x24\x48" /* mov 0x48(%r12),%rbp */ "\x4c\x89\x7d\x38\x74\x20";
	struct python_site site;

	site_in(loads, sizeof(loads) - 1, "", 0, &site);
	assert_int_equal(site.address, 0x1200 + 9);
	assert_int_equal(PYTHON_COOKIE_FRAME(site.cookie), 0);
}

#define SPILL "\x48\x8b\x85\xd8\xfe\xff\xff" /* mov -0x128(%rbp),%rax */ "\x4c\x8b\x68\xf8" /* mov -8(%rax),%r13 */

/* Code at 0x1200 and at 0x1400. */
static void two_sites_in(const char *one, size_t one_size, const char *two, size_t two_size, struct python_site *ret)
{
	static unsigned char bytes[4096];
	static struct python_opcodes opcodes;
	struct python_code segment = { .bytes = bytes, .address = 0x1000, .size = sizeof(bytes) };
	const unsigned char which[] = { 7, 8 };

	memset(bytes, 0x90, sizeof(bytes));
	memcpy(bytes + 0x200, one, one_size);
	memcpy(bytes + 0x400, two, two_size);
	for (int i = 0; i < PYTHON_OPCODES; i++)
		opcodes.handlers[i] = 0x1000;
	opcodes.handlers[7] = 0x1200;
	opcodes.handlers[8] = 0x1400;
	python_sites_find(&segment, &opcodes, 56, which, 2, ret);
}

static void a_stack_pointer_may_be_in_a_local(void **state)
{
	static const char plain[] = SPILL "\x74\x20";
	static const char other[] = "\x48\x8b\x85\xd0\xfe\xff\xff\x4c\x8b\x68\xf8\x74\x20"; /* -0x130(%rbp) */
	static const char stores[] = SPILL "\x48\x89\x85\xd8\xfe\xff\xff\x74\x20"; /* mov %rax,-0x128(%rbp) */
	struct python_site sites[2];

	two_sites_in(plain, sizeof(plain) - 1, plain, sizeof(plain) - 1, sites);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(PYTHON_COOKIE_VALUE(sites[i].cookie), 5 + 1); /* rbp */
		assert_int_equal(PYTHON_COOKIE_LOCAL(sites[i].cookie), -0x128);
		assert_false(sites[i].cookie & PYTHON_COOKIE_VALUE_DIRECT);
	}
	two_sites_in(plain, sizeof(plain) - 1, other, sizeof(other) - 1, sites); /* they do not agree */
	assert_int_equal(PYTHON_COOKIE_VALUE(sites[0].cookie), 0);
	site_in(plain, sizeof(plain) - 1, "", 0, sites); /* nobody says the same */
	assert_int_equal(PYTHON_COOKIE_VALUE(sites[0].cookie), 0);
	two_sites_in(stores, sizeof(stores) - 1, plain, sizeof(plain) - 1, sites);
	assert_int_equal(sites[0].address, 0x1200); /* it has moved on behind */
	assert_int_equal(PYTHON_COOKIE_LOCAL(sites[0].cookie), -0x128);
}

static void a_run_that_stores_elsewhere_is_probed_at_its_start(void **state)
{
	static const char stores[] = "\x49\x89\x5c\x24\x48" /* mov %rbx,0x48(%r12): the current frame */ "\x74\x20";
	static const char atomic[] = "\xf0\xff\x00\x74\x20"; /* lock incl (%rax) */
	struct python_site site;

	site_in(stores, sizeof(stores) - 1, "", 0, &site);
	assert_int_equal(site.address, 0x1200);
	site_in(atomic, sizeof(atomic) - 1, "", 0, &site);
	assert_int_equal(site.address, 0x1200);
}

/* Of a function of so many bytes, with what stands behind it. */
static int returns_in(const char *code, size_t whole, size_t size, __u64 *ret)
{
	unsigned char bytes[256];
	struct python_code segment = { .bytes = bytes, .address = 0x1000, .size = sizeof(bytes) };

	memset(bytes, 0x90, sizeof(bytes));
	bytes[255] = 0xc3; /* another function's */
	memcpy(bytes, code, whole);
	return python_function_returns(&segment, 0x1000, size, ret, 2);
}

static int returns_of(const char *code, size_t size, __u64 *ret)
{
	return returns_in(code, size, size, ret);
}

static void all_ways_out_of_a_function_are_its_rets(void **state)
{
	__u64 at[2];

	assert_int_equal(returns_of("\x53\x74\x02\x5b\xc3\x5b\xc3", 7, at), 2);
	assert_int_equal(at[0], 0x1004);
	assert_int_equal(at[1], 0x1006);
	assert_int_equal(returns_of("\x5b\xc3\xc3\xc3", 4, at), -ENOTSUP);	    /* more than asked for */
	assert_int_equal(returns_of("\x5b\xeb\x20\xc3", 4, at), -ENOTSUP);	    /* a tail call */
	assert_int_equal(returns_of("\x5b\xff\xe0\xc3", 4, at), -ENOTSUP);	    /* by pointer */
	assert_int_equal(returns_of("\xff\x25\x00\x00\x00\x00\xc3", 7, at), -ENOTSUP); /* by the linkage table */
	assert_int_equal(returns_of("\x5b\x75\xfd\xc3", 4, at), -ENOTSUP);	    /* its own start */
	assert_int_equal(returns_of("\x74\x20\x5b\xc3", 4, at), -ENOTSUP);	    /* a part elsewhere that returns */
	/* a part elsewhere, entered behind a pop: it comes back; its end is not known; it leaves by pointer */
	assert_int_equal(returns_in("\x59\x74\x02\x5b\xc3\xeb\xfc", 7, 5, at), 1);
	assert_int_equal(returns_in("\x59\x74\x02\x5b\xc3\x5b\xff\xe0", 8, 5, at), -ENOTSUP);
	assert_int_equal(returns_in("\x59\x74\x02\x5b\xc3\xff\x25\x00\x00\x00\x00", 11, 5, at), -ENOTSUP);
	assert_int_equal(returns_in("\x59\x74\x02\x5b\xc3\xeb\xf9", 7, 5, at), -ENOTSUP);
	assert_int_equal(returns_of("\x5b\xc3\xe8\x00", 4, at), -ENOTSUP);	    /* the end is no boundary */
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instructions_have_their_lengths),
		cmocka_unit_test(a_probe_goes_to_the_first_branch_of_a_straight_run),
		cmocka_unit_test(a_run_that_is_jumped_into_is_probed_at_its_start),
		cmocka_unit_test(a_frame_loaded_on_the_way_is_not_the_one_at_the_start),
		cmocka_unit_test(a_stack_pointer_may_be_in_a_local),
		cmocka_unit_test(a_run_that_stores_elsewhere_is_probed_at_its_start),
		cmocka_unit_test(all_ways_out_of_a_function_are_its_rets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
