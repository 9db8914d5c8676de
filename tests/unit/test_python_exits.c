// SPDX-License-Identifier: GPL-2.0-only
/* Where code made by hand is about to return, and what its registers hold at markers. The file it belongs to is this test's own. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "profiler/elf.h"
#include "runtimes/python/cookie.h"
#include "runtimes/python/exits.h"
#include "runtimes/python/layout.h"

/* What the code calls, by the names of CPython; and tables that lead into its tail. */
void _Py_CheckFunctionResult(void);
void PyCode_Addr2Line(void);
void PyFrame_GetLineNumber(void);
void _Py_CheckFunctionResult(void) {}
void PyCode_Addr2Line(void) {}
void PyFrame_GetLineNumber(void) {}
#define TABLE_TO   0x3000000
#define ADDRESS_TO 0x5a00000000c0ull
extern const __s32 exits_test_distances[16];
extern const volatile __u64 exits_test_addresses[2];
const __s32 exits_test_distances[16] = { TABLE_TO, TABLE_TO, TABLE_TO, TABLE_TO, TABLE_TO, TABLE_TO, TABLE_TO, TABLE_TO,
					 TABLE_TO, TABLE_TO, TABLE_TO, TABLE_TO, TABLE_TO, TABLE_TO, TABLE_TO, TABLE_TO };
const volatile __u64 exits_test_addresses[2] = { ADDRESS_TO, 0 };

#define V39  PY_VERSION(3, 9)
#define V310 PY_VERSION(3, 10)

static struct elf *elf;
static unsigned char bytes[512];
static struct python_code code;

static __u64 address_of(const char *name)
{
	struct elf_symbol symbol;

	assert_int_equal(elf_symbol(elf, name, &symbol), 0);
	return symbol.address;
}

/* Where a function of this file may call others of it. */
static __u64 near_here(void)
{
	return address_of("_Py_CheckFunctionResult") + 0x4000000;
}

static void put(__u64 address, size_t at, const char *text, size_t size)
{
	if (!at) {
		memset(bytes, 0x90, sizeof(bytes));
		code = (struct python_code){ .bytes = bytes, .address = address, .size = sizeof(bytes) };
	}
	memcpy(bytes + at, text, size);
}

static void put_target(size_t at, __u64 target)
{
	__s32 by = (__s32)(target - (code.address + at + 4));

	memcpy(bytes + at, &by, sizeof(by));
}

static int exits(unsigned version, size_t size, size_t ret, struct python_site *sites)
{
	return python_function_exits(&code, elf, version, code.address, size, code.address + ret, sites);
}

/* call _Py_CheckFunctionResult; add $8,%rsp; pop %rbx; ret; xor %eax,%eax; jmp to the add */
static const char checked[] = "\xe8....\x48\x83\xc4\x08\x5b\xc3\x31\xc0\xeb\xf6";

static void a_checked_value_is_returned(void **state)
{
	struct python_site sites[PYTHON_EXITS];

	put(near_here(), 0, checked, 15);
	put_target(1, address_of("_Py_CheckFunctionResult"));
	assert_int_equal(exits(V310, 15, 10, sites), 2);
	assert_int_equal(sites[0].address, code.address);
	assert_int_equal(PYTHON_COOKIE_VALUE(sites[0].cookie), 2 + 1); /* rdx: the third argument */
	assert_int_equal(sites[1].address, code.address + 13);
	assert_int_equal(sites[1].cookie, 0);
	assert_int_equal(exits(PY_VERSION(3, 8), 15, 10, sites), 2);
	assert_int_equal(PYTHON_COOKIE_VALUE(sites[0].cookie), 6 + 1); /* rsi: the second */
	put_target(1, address_of("PyCode_Addr2Line"));
	assert_int_equal(exits(V310, 15, 10, sites), -ENOTSUP);
}

static void a_null_is_made_where_nothing_else_leads_on(void **state)
{
	struct python_site sites[PYTHON_EXITS];

	put(near_here(), 0, "\xeb\x02\x31\xc0\x5b\xc3", 6); /* jmp behind the xor */
	assert_int_equal(exits(V39, 6, 5, sites), 2);
	assert_int_equal(sites[0].address, code.address + 2);
	assert_true(sites[0].cookie & PYTHON_COOKIE_FAILS);
	assert_int_equal(sites[1].address, code.address);
	assert_false(sites[1].cookie & PYTHON_COOKIE_FAILS);
}

static void other_ways_are_refused(void **state)
{
	static const struct {
		const char *text;
		size_t size, ret;
	} cases[] = {
		{ "\x74\x02\x31\xc0\x5b\xc3", 6, 5 },			  /* a branch to the tail */
		{ "\x31\xc0\x75\x7f\x5b\xc3", 6, 5 },			  /* one that leads on to it */
		{ "\xeb\x06\x31\xc0\x48\x83\xc4\x08\x5b\xc3", 10, 9 },	  /* a jump behind its beginning */
		{ "\x48\x89\xd8\x5b\xc3", 5, 4 },			  /* a value that is not known */
		{ "\xeb\x02\x31\xc0\x58\xc3", 6, 5 },			  /* pop %rax */
		{ "\xeb\x02\x31\xc0\x5b\x90", 6, 5 },			  /* no ret */
	};
	struct python_site sites[PYTHON_EXITS];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(near_here(), 0, cases[i].text, cases[i].size);
		if (exits(V39, cases[i].size, cases[i].ret, sites) >= 0)
			fail_msg("case %zu is taken", i);
	}
}

static void a_tail_reached_from_elsewhere_is_refused(void **state)
{
	struct python_site sites[PYTHON_EXITS];
	__u64 table = address_of("exits_test_distances");

	put(near_here(), 0, "\xeb\x02\x31\xc0\x5b\xc3", 6);
	put(0, 300, "\x0f\x84", 2); /* je, in another function */
	put_target(302, code.address + 4);
	assert_int_equal(exits(V39, 6, 5, sites), -ENOTSUP);

	/* lea of a table; the tail begins where its entries lead */
	put(table + TABLE_TO - 13, 0, "\x48\x8d\x05....\xff\xe0\xeb\x02\x31\xc0\x5b\xc3", 15);
	put_target(3, table);
	assert_int_equal(exits(V39, 15, 14, sites), -ENOTSUP);
	put_target(3, table + 1); /* no such targets */
	assert_int_equal(exits(V39, 15, 14, sites), 2);

	put(ADDRESS_TO - 4, 0, "\xeb\x02\x31\xc0\x5b\xc3", 6);
	assert_int_equal(exits(V39, 6, 5, sites), -ENOTSUP);
	put(ADDRESS_TO + 16, 0, "\xeb\x02\x31\xc0\x5b\xc3", 6);
	assert_int_equal(exits(V39, 6, 5, sites), 2);
}

static const struct python_layout layout = { .frame_instr = AT(0x68), .frame_code = AT(0x20) };

/* The registers at a marker behind this code and a call. */
static __u64 registers(const char *text, size_t size, const char *function)
{
	put(near_here(), 0, "", 0);
	memcpy(bytes + 100 - size, text, size);
	bytes[100] = 0xe8;
	put_target(101, address_of(function));
	return python_marker_registers(&code, elf, code.address + 105, &layout);
}

static void the_frame_is_where_its_line_was_asked_for(void **state)
{
	static const char both[] = "\x8b\x73\x68\x4c\x89\xff\x49\x89\xc6";  /* mov 0x68(%rbx),%esi; mov %r15,%rdi; mov %rax,%r14 */
	static const char loads[] = "\x8b\x73\x68\x48\x8b\x7b\x20";	    /* mov 0x68(%rbx),%esi; mov 0x20(%rbx),%rdi */
	static const char whole[] = "\x48\x89\xdf\x49\x89\xc7";		    /* mov %rbx,%rdi; mov %rax,%r15 */
	__u64 cookie = registers(both, 9, "PyCode_Addr2Line");

	assert_int_equal(PYTHON_COOKIE_FRAME(cookie), 3 + 1);
	assert_int_equal(PYTHON_COOKIE_CODE(cookie), 15 + 1);
	cookie = registers(loads, 7, "PyCode_Addr2Line");
	assert_int_equal(PYTHON_COOKIE_FRAME(cookie), 3 + 1);
	assert_int_equal(PYTHON_COOKIE_CODE(cookie), 0);
	cookie = registers(whole, 6, "PyFrame_GetLineNumber");
	assert_int_equal(PYTHON_COOKIE_FRAME(cookie), 3 + 1);
	assert_int_equal(PYTHON_COOKIE_CODE(cookie), 0);
}

static void a_frame_that_is_not_certain_is_not_told(void **state)
{
	assert_int_equal(registers("\x8b\x73\x60\x4c\x89\xff", 6, "PyCode_Addr2Line"), 0);     /* another member */
	assert_int_equal(registers("\x44\x8b\x73\x68\x4c\x89\xff", 7, "PyCode_Addr2Line"), 0); /* into r14d */
	assert_int_equal(registers("\x8b\x70\x68\x4c\x89\xff", 6, "PyCode_Addr2Line"), 0);     /* rax does not survive the call */
	assert_int_equal(registers("\x8b\x73\x68\x48\x89\xc3", 6, "PyCode_Addr2Line"), 0);     /* the frame is replaced */
	assert_int_equal(registers("\x8b\x73\x68\x4c\x89\xff", 6, "_Py_CheckFunctionResult"), 0);
	assert_int_equal(python_marker_registers(&code, elf, code.address + 5, &layout), 0);   /* nothing before it */
	assert_int_equal(python_marker_registers(&code, elf, code.address - 8, &layout), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_checked_value_is_returned),
		cmocka_unit_test(a_null_is_made_where_nothing_else_leads_on),
		cmocka_unit_test(other_ways_are_refused),
		cmocka_unit_test(a_tail_reached_from_elsewhere_is_refused),
		cmocka_unit_test(the_frame_is_where_its_line_was_asked_for),
		cmocka_unit_test(a_frame_that_is_not_certain_is_not_told),
	};
	int err;

	if (elf_open(open("/proc/self/exe", O_RDONLY | O_CLOEXEC), &elf))
		return 1;
	err = cmocka_run_group_tests(tests, NULL, NULL);
	elf_close(elf);
	return err;
}
