// SPDX-License-Identifier: GPL-2.0-only
/* Unwind rows against what elfutils makes of the same .eh_frame, address by address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../profiler/base/array.h"
#include "../../profiler/elf.h"
#include "../../runtimes/native/rows.h"

static struct native_rules rules;

static int setup(void **state)
{
	return native_rules_init(&rules);
}

static int teardown(void **state)
{
	native_rules_deinit(&rules);
	memset(&rules, 0, sizeof(rules));
	return 0;
}

static bool op_is(const Dwarf_Op *op, unsigned atom, Dwarf_Word number)
{
	return op->atom == atom && op->number == number;
}

/* CFA by elfutils: does the rule say the same? */
static void check_cfa(Dwarf_Frame *frame, const struct native_rule *rule)
{
	Dwarf_Op *ops;
	size_t n;

	assert_int_equal(dwarf_frame_cfa(frame, &ops, &n), 0);
	switch (rule->kind) {
	case NATIVE_RULE_REGISTER:
		assert_int_equal(n, 1);
		if (ops->atom == DW_OP_bregx) {
			assert_int_equal(ops->number, rule->reg);
			assert_int_equal((__s64)ops->number2, rule->cfa);
		} else {
			assert_true(op_is(ops, DW_OP_breg0 + rule->reg, (Dwarf_Word)(__s64)rule->cfa));
		}
		return;
	case NATIVE_RULE_MEMORY:
		assert_int_equal(n, rule->extra ? 3 : 2);
		assert_true(op_is(ops, DW_OP_breg0 + rule->reg, (Dwarf_Word)(__s64)rule->cfa));
		assert_int_equal(ops[1].atom, DW_OP_deref);
		if (rule->extra)
			assert_true(op_is(ops + 2, DW_OP_plus_uconst, (Dwarf_Word)rule->extra));
		return;
	case NATIVE_RULE_PLT:
		assert_int_equal(n, 9);
		assert_true(op_is(ops, DW_OP_breg0 + 7, (Dwarf_Word)(__s64)rule->cfa));
		assert_int_equal(ops[4].atom, DW_OP_lit0 + rule->extra);
		return;
	case NATIVE_RULE_SIGNAL:
		assert_int_equal(n, 2);
		assert_true(op_is(ops, DW_OP_breg7, 160));
		return;
	}
}

static void check_saved(Dwarf_Frame *frame, const struct native_rule *rule)
{
	Dwarf_Op room[3], *ops;
	size_t n;

	assert_int_equal(dwarf_frame_register(frame, 6, room, &ops, &n), 0);
	if (rule->kind != NATIVE_RULE_REGISTER && rule->kind != NATIVE_RULE_MEMORY && rule->kind != NATIVE_RULE_PLT)
		return;
	switch (rule->saved) {
	case NATIVE_SAVED_NOT: /* "undefined" is what the psABI's default gives a register that is not saved either */
		assert_int_equal(n, 0);
		return;
	case NATIVE_SAVED_AT_CFA:
		assert_int_equal(ops[0].atom, DW_OP_call_frame_cfa);
		assert_int_equal(n, rule->bp ? 2 : 1);
		if (rule->bp)
			assert_true(op_is(ops + 1, DW_OP_plus_uconst, (Dwarf_Word)(__s64)rule->bp));
		return;
	case NATIVE_SAVED_AT_BP:
		assert_true(op_is(ops, DW_OP_breg6, (Dwarf_Word)(__s64)rule->bp));
		return;
	}
}

static void check_rbx(Dwarf_Frame *frame, const struct native_rule *rule)
{
	Dwarf_Op room[3], *ops;
	size_t n;

	assert_int_equal(dwarf_frame_register(frame, 3, room, &ops, &n), 0);
	if (rule->kind != NATIVE_RULE_REGISTER && rule->kind != NATIVE_RULE_MEMORY && rule->kind != NATIVE_RULE_PLT)
		return;
	if (!rule->bx)
		assert_int_equal(n, 0);
	else if (rule->bx != NATIVE_BX_LOST)
		assert_true(n == 2 && ops[0].atom == DW_OP_call_frame_cfa &&
			    op_is(ops + 1, DW_OP_plus_uconst, (Dwarf_Word)(__s64)rule->bx));
}

static void check_address(Dwarf_Frame *frame, const struct native_rule *rule)
{
	Dwarf_Op room[3], *ops;
	size_t n;

	assert_int_equal(dwarf_frame_register(frame, 16, room, &ops, &n), 0);
	if (rule->kind == NATIVE_RULE_END)
		assert_true(n == 0 && ops); /* undefined */
	else if (rule->kind != NATIVE_RULE_UNKNOWN && rule->kind != NATIVE_RULE_SIGNAL && rule->ra == NATIVE_AT_STACK)
		assert_true(n == 2 && ops[0].atom == DW_OP_call_frame_cfa && op_is(ops + 1, DW_OP_plus_uconst, (Dwarf_Word)-8));
}

struct found {
	size_t rows, unknown, kinds[NATIVE_RULE_UNKNOWN + 1];
};

static void check_row(const struct native_rows *rows, Dwarf_CFI *cfi, __u64 address, Dwarf_Addr *end, struct found *found)
{
	Dwarf_Frame *frame;
	Dwarf_Addr start;
	struct native_rule rule;
	bool signal;

	assert_int_equal(dwarf_cfi_addrframe(cfi, address, &frame), 0);
	assert_int_equal(dwarf_frame_info(frame, &start, end, &signal), 16);
	native_rules_get(&rules, native_rows_find(rows, address), &rule);
	assert_int_not_equal(rule.kind, NATIVE_RULE_NONE);
	assert_int_equal(native_rows_find(rows, *end - 1), native_rows_find(rows, address));
	check_cfa(frame, &rule);
	check_saved(frame, &rule);
	check_rbx(frame, &rule);
	check_address(frame, &rule);
	found->rows++;
	found->kinds[rule.kind]++;
	free(frame);
}

/* All functions of the file, each row of which is compared. */
static void check_all(const struct native_rows *rows, Elf *elf, Elf_Data *data, Dwarf_CFI *cfi, struct found *found)
{
	Dwarf_Off at = 0, next;
	Dwarf_CFI_Entry entry;
	unsigned char *ident = (unsigned char *)elf_getident(elf, NULL);
	GElf_Shdr shdr;
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &shdr) && elf_getdata(scn, NULL) == data)
			break;
	while (!dwarf_next_cfi(ident, data, true, at, &next, &entry)) {
		if (!dwarf_cfi_cie_p(&entry)) {
			const unsigned char *p = entry.fde.start; /* pcrel sdata4 in every file this is run on */
			__u64 start = shdr.sh_addr + (size_t)(p - (unsigned char *)data->d_buf), size;
			__s32 by;
			__u32 by_size;

			memcpy(&by, p, 4);
			memcpy(&by_size, p + 4, 4);
			start += (__s64)by;
			size = by_size;
			for (Dwarf_Addr row = start; row < start + size;)
				check_row(rows, cfi, row, &row, found);
		}
		at = next;
	}
}

static void compare(const char *path, struct found *found)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;
	size_t names;
	Elf *elf;

	memset(found, 0, sizeof(*found));
	assert_true(fd >= 0);
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	assert_int_equal(elf_getshdrstrndx(elf, &names), 0);
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name = gelf_getshdr(scn, &shdr) ? elf_strptr(elf, names, shdr.sh_name) : NULL;

		if (name && !strcmp(name, ".eh_frame")) {
			Elf_Data *data = elf_getdata(scn, NULL);
			Dwarf_CFI *cfi = dwarf_getcfi_elf(elf);
			struct native_rows rows;

			assert_int_equal(native_rows_build(data->d_buf, data->d_size, shdr.sh_addr, 0, &rules, &rows), 0);
			check_all(&rows, elf, data, cfi, found);
			assert_int_equal(native_rows_find(&rows, 0), NATIVE_RULE_NONE);
			assert_int_equal(native_rows_find(&rows, ((__u64)rows.first + rows.pages) << NATIVE_PAGE_SHIFT), 0);
			native_rows_deinit(&rows);
			dwarf_cfi_end(cfi);
		}
	}
	elf_end(elf);
	close(fd);
}

/* The libc of this process: signal frames, the ends of stacks, and hand-written code. */
static void libc_is_as_elfutils_says(void **state)
{
	char line[PATH_MAX + 128], path[PATH_MAX] = "";
	FILE *maps = fopen("/proc/self/maps", "r");
	struct found found;

	while (fgets(line, sizeof(line), maps))
		if (strstr(line, "/libc.so.6") || strstr(line, "/libc-2"))
			sscanf(line, "%*s %*s %*s %*s %*s %s", path);
	fclose(maps);
	if (!*path)
		skip();
	compare(path, &found);
	assert_true(found.rows > 500);
	assert_true(found.kinds[NATIVE_RULE_SIGNAL] >= 1);
	assert_true(found.kinds[NATIVE_RULE_END] >= 1);
	assert_true(found.kinds[NATIVE_RULE_UNKNOWN] * 1000 < found.rows);
}

static void this_program_is_as_elfutils_says(void **state)
{
	struct found found;

	compare("/proc/self/exe", &found);
	assert_true(found.rows > 50);
	assert_true(found.kinds[NATIVE_RULE_END] >= 1);
	assert_int_equal(found.kinds[NATIVE_RULE_UNKNOWN], 0);
}

/* Files named in the environment, parted by colons: for a look at others than those at hand. */
static void named_files_are_as_elfutils_says(void **state)
{
	char *list = getenv("SCRY_NATIVE_FILES"), *path;

	if (!list)
		skip();
	for (list = strdup(list); (path = strsep(&list, ":"));) {
		struct found found;

		compare(path, &found);
		print_message("%s: %zu rows, %zu of an unknown kind, %u rules\n", path, found.rows,
			      found.kinds[NATIVE_RULE_UNKNOWN], native_rules_count(&rules));
	}
}

/* A function, its parts given by hand: a CIE as gcc's, an FDE of 64 bytes of code at `start`. */
static size_t section(unsigned char *to, __u32 address, __u32 start, const unsigned char *program, size_t size)
{
	static const unsigned char cie[] = { 20, 0, 0, 0, 0, 0, 0, 0, 1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x1b,
					     0x0c, 7, 8, 0x90, 1, 0, 0 };
	__u32 length = 4 + 8 + 1 + size, id = sizeof(cie) + 4, from, bytes = 64;

	memcpy(to, cie, sizeof(cie));
	to += sizeof(cie);
	from = start - (address + sizeof(cie) + 8);
	memcpy(to, &length, 4);
	memcpy(to + 4, &id, 4);
	memcpy(to + 8, &from, 4);
	memcpy(to + 12, &bytes, 4);
	to[16] = 0;
	memcpy(to + 17, program, size);
	return sizeof(cie) + 4 + length;
}

static __u32 kind_at(const struct native_rows *rows, __u64 address)
{
	struct native_rule rule;

	native_rules_get(&rules, native_rows_find(rows, address), &rule);
	return rule.kind;
}

static void a_program_that_is_broken_has_no_rule(void **state)
{
	static const unsigned char restores[] = { 0x41, 0x0e, 16, 0x41, 0x0b }; /* advance, CFA, advance, restore what was not saved */
	static const unsigned char beyond[] = { 0x41, 0x0e, 16, 0x03, 0xff, 0xff };
	unsigned char bytes[256];
	struct native_rows rows;
	size_t size = section(bytes, 0x1000, 0x4000, restores, sizeof(restores));

	assert_int_equal(native_rows_build(bytes, size, 0x1000, 0, &rules, &rows), 0);
	assert_int_equal(kind_at(&rows, 0x4000), NATIVE_RULE_UNKNOWN);
	assert_int_equal(kind_at(&rows, 0x403f), NATIVE_RULE_UNKNOWN);
	assert_int_equal(kind_at(&rows, 0x4040), NATIVE_RULE_NONE);
	assert_int_equal(kind_at(&rows, 0x3fff), NATIVE_RULE_NONE);
	native_rows_deinit(&rows);
	size = section(bytes, 0x1000, 0x4000, beyond, sizeof(beyond));
	assert_int_equal(native_rows_build(bytes, size, 0x1000, 0, &rules, &rows), 0);
	assert_int_equal(kind_at(&rows, 0x4001), NATIVE_RULE_UNKNOWN);
	native_rows_deinit(&rows);
}

static void rows_cross_pages_of_code(void **state)
{
	static const unsigned char program[] = { 0x60, 0x0e, 16, 0x41, 0x0e, 24 }; /* at 32: rsp + 16, at 33: + 24 */
	unsigned char bytes[256];
	struct native_rows rows;
	struct native_rule rule;
	size_t size = section(bytes, 0x1000, 0x1ffe0, program, sizeof(program));

	assert_int_equal(native_rows_build(bytes, size, 0x1000, 0, &rules, &rows), 0);
	assert_int_equal(rows.first, 1);
	assert_int_equal(rows.pages, 2);
	native_rules_get(&rules, native_rows_find(&rows, 0x1ffff), &rule);
	assert_int_equal(rule.cfa, 8);
	native_rules_get(&rules, native_rows_find(&rows, 0x20000), &rule);
	assert_int_equal(rule.cfa, 16);
	native_rules_get(&rules, native_rows_find(&rows, 0x2001f), &rule);
	assert_int_equal(rule.cfa, 24);
	assert_int_equal(native_rows_find(&rows, 0x20020), NATIVE_RULE_NONE);
	native_rows_deinit(&rows);
}

/* Where a process begins, without a function of its own: the outermost one, up to the next function. */
static void the_entry_has_no_caller(void **state)
{
	static const unsigned char program[] = { 0x41, 0x0e, 16 };
	unsigned char bytes[256];
	struct native_rows rows;
	size_t size = section(bytes, 0x1000, 0x4000, program, sizeof(program));

	assert_int_equal(native_rows_build(bytes, size, 0x1000, 0x3fe0, &rules, &rows), 0);
	assert_int_equal(kind_at(&rows, 0x3fdf), NATIVE_RULE_NONE);
	assert_int_equal(kind_at(&rows, 0x3fe0), NATIVE_RULE_END);
	assert_int_equal(kind_at(&rows, 0x3fff), NATIVE_RULE_END);
	assert_int_equal(kind_at(&rows, 0x4000), NATIVE_RULE_REGISTER);
	native_rows_deinit(&rows);
	assert_int_equal(native_rows_build(bytes, size, 0x1000, 0x4008, &rules, &rows), 0);
	assert_int_equal(kind_at(&rows, 0x4008), NATIVE_RULE_REGISTER);
	native_rows_deinit(&rows);
}

/* Every cut of a section is taken, without a rule for what was cut. */
static void a_section_may_be_cut_anywhere(void **state)
{
	static const unsigned char program[] = { 0x41, 0x0e, 16, 0x86, 2 };
	unsigned char bytes[256];
	size_t size = section(bytes, 0x1000, 0x4000, program, sizeof(program));

	for (size_t cut = 0; cut < size; cut++) {
		struct native_rows rows;
		unsigned char *exact = malloc(cut ?: 1); /* so that a read past the end is seen */

		memcpy(exact, bytes, cut);
		assert_int_equal(native_rows_build(exact, cut, 0x1000, 0, &rules, &rows), 0);
		assert_int_equal(rows.count, 0);
		native_rows_deinit(&rows);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(libc_is_as_elfutils_says, setup, teardown),
		cmocka_unit_test_setup_teardown(this_program_is_as_elfutils_says, setup, teardown),
		cmocka_unit_test_setup_teardown(named_files_are_as_elfutils_says, setup, teardown),
		cmocka_unit_test_setup_teardown(a_program_that_is_broken_has_no_rule, setup, teardown),
		cmocka_unit_test_setup_teardown(rows_cross_pages_of_code, setup, teardown),
		cmocka_unit_test_setup_teardown(the_entry_has_no_caller, setup, teardown),
		cmocka_unit_test_setup_teardown(a_section_may_be_cut_anywhere, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
