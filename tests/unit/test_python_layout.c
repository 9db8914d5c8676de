// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of offsets against what CPython says of itself: debug info of the interpreters found
 * here, headers of those that have them, and offsets that a binary publishes.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "runtimes/python/python.h"
#include "interpreters.h"

static struct interpreter interpreters[MAX_INTERPRETERS];
static int interpreter_count;

/* ---- members.h ---- */

enum how { MEMBER, SIZE, FREE_THREADED };

static const struct member {
	const char *field;
	unsigned first, last;
	const char *type, *path;
	enum how how;
} members[] = {
#define M(field, first, last, type, path) { #field, first, last, #type, #path, MEMBER },
#define D(field, first, last, type, path) { #field, first, last, #type, #path, MEMBER },
#define F(field, first, last, type, path) { #field, first, last, #type, #path, FREE_THREADED },
#define S(field, first, last, type)	  { #field, first, last, #type, "", SIZE },
#include "runtimes/python/members.h"
#undef M
#undef D
#undef F
#undef S
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))

static size_t field_index(const char *name)
{
	for (size_t i = 0; i < python_field_count; i++)
		if (!strcmp(python_fields[i].name, name))
			return i;
	fail_msg("no field %s", name);
	return 0;
}

static bool applies(const struct member *m, unsigned version, bool free_threaded)
{
	return m->first <= version && version <= m->last &&
	       (m->how != FREE_THREADED || free_threaded);
}

/* Each row has exactly the fields that its version has. */
static void every_row_is_complete(void **state)
{
	static const unsigned versions[] = {
		PY_VERSION(2, 7),  PY_VERSION(3, 6),  PY_VERSION(3, 7),	 PY_VERSION(3, 8),
		PY_VERSION(3, 9),  PY_VERSION(3, 10), PY_VERSION(3, 11), PY_VERSION(3, 12),
		PY_VERSION(3, 13), PY_VERSION(3, 14), PY_VERSION(3, 15)
	};

	for (size_t v = 0; v < sizeof(versions) / sizeof(versions[0]) * 2; v++) {
		unsigned version = versions[v / 2];
		const struct python_row *row = python_row(version, v % 2);
		bool wanted[128] = { 0 };

		assert_int_equal(row != NULL, !(v % 2) || version >= PY_VERSION(3, 13));
		for (size_t i = 0; row && i < MEMBERS; i++)
			if (applies(&members[i], version, v % 2))
				wanted[field_index(members[i].field)] = true;
		for (size_t i = 0; row && i < python_field_count; i++)
			if (wanted[i] != !!python_field_get(&row->layout, i))
				fail_msg("%s: %s is %s", row->name, python_fields[i].name,
					 wanted[i] ? "missing" : "too much");
	}
}

static void an_unknown_version_has_no_row(void **state)
{
	assert_null(python_row(PY_VERSION(3, 16), false));
	assert_null(python_row(PY_VERSION(3, 5), false));
	assert_null(python_row(PY_VERSION(3, 12), true));
}

/* ---- debug info ---- */

/* The struct behind typedefs and qualifiers. False: it is only declared in this unit. */
static bool whole_struct(Dwarf_Die *die, Dwarf_Die *ret)
{
	Dwarf_Attribute attribute;

	*ret = *die;
	while (dwarf_tag(ret) != DW_TAG_structure_type && dwarf_tag(ret) != DW_TAG_union_type)
		if (!dwarf_attr(ret, DW_AT_type, &attribute) || !dwarf_formref_die(&attribute, ret))
			return false;
	return !dwarf_hasattr(ret, DW_AT_declaration);
}

/*
 * Offset of a member named by `path`, dots between nested ones; unnamed unions and structs are
 * looked into.
 */
static bool member_offset(Dwarf_Die *type, const char *path, Dwarf_Word *ret)
{
	size_t length = strcspn(path, ".");
	Dwarf_Die child, inner;
	Dwarf_Word at, rest;

	if (dwarf_child(type, &child))
		return false;
	do {
		Dwarf_Attribute attribute;
		const char *name = dwarf_diename(&child);

		if (dwarf_tag(&child) != DW_TAG_member)
			continue;
		at = 0;
		if (dwarf_attr(&child, DW_AT_data_member_location, &attribute))
			dwarf_formudata(&attribute, &at);
		if (!name && dwarf_attr(&child, DW_AT_type, &attribute) &&
		    dwarf_formref_die(&attribute, &inner) && whole_struct(&inner, &inner) &&
		    member_offset(&inner, path, &rest)) {
			*ret = at + rest;
			return true;
		}
		if (!name || strncmp(name, path, length) || name[length])
			continue;
		*ret = at;
		if (!path[length])
			return true;
		if (!dwarf_attr(&child, DW_AT_type, &attribute) ||
		    !dwarf_formref_die(&attribute, &inner) || !whole_struct(&inner, &inner) ||
		    !member_offset(&inner, path + length + 1, &rest))
			return false;
		*ret += rest;
		return true;
	} while (!dwarf_siblingof(&child, &child));
	return false;
}

/* The first whole struct with a typedef of this name. */
static bool find_type(Dwarf *dwarf, const char *name, Dwarf_Die *ret)
{
	Dwarf_Off at = 0, next;
	size_t header;

	for (; !dwarf_nextcu(dwarf, at, &next, &header, NULL, NULL, NULL); at = next) {
		Dwarf_Die unit, die;

		if (!dwarf_offdie(dwarf, at + header, &unit) || dwarf_child(&unit, &die))
			continue;
		do {
			const char *s =
				dwarf_tag(&die) == DW_TAG_typedef ? dwarf_diename(&die) : NULL;

			if (s && !strcmp(s, name) && whole_struct(&die, ret))
				return true;
		} while (!dwarf_siblingof(&die, &die));
	}
	return false;
}

static bool look_up(Dwarf *dwarf, const struct member *m, Dwarf_Word *ret)
{
	Dwarf_Die type;

	if (!find_type(dwarf, m->type, &type))
		return false;
	if (m->how != SIZE)
		return member_offset(&type, m->path, ret);
	*ret = dwarf_bytesize(&type);
	return true;
}

/* What the code relies on without a field for it. */
static void check_constants(Dwarf *dwarf, const struct python_layout *l, unsigned version,
			    const char *label)
{
	const struct {
		struct member member;
		unsigned at;
	} constants[] = {
		{ { "", 0, PY_VERSION(3, 255), "PyTypeObject", "tp_dealloc", MEMBER },
		  OFF(l->type_name) + 24 },
		{ { "", 0, PY_VERSION(3, 255), "PyModuleObject", "md_dict", MEMBER },
		  OFF(l->object_type) + 8 },
		{ { "", PY_VERSION(3, 13), PY_VERSION(3, 255), "PyDictValues", "valid", MEMBER },
		  3 },
		{ { "", PY_VERSION(2, 7), PY_VERSION(3, 10), "PyDictKeyEntry", "me_key", MEMBER },
		  8 },
		{ { "", PY_VERSION(2, 7), PY_VERSION(3, 10), "PyDictKeyEntry", "me_value", MEMBER },
		  16 },
		{ { "", PY_VERSION(3, 11), PY_VERSION(3, 255), "PyDictUnicodeEntry", "me_key",
		    MEMBER },
		  0 },
		{ { "", PY_VERSION(3, 11), PY_VERSION(3, 255), "PyDictUnicodeEntry", "me_value",
		    MEMBER },
		  8 },
	};

	for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++) {
		const struct member *m = &constants[i].member;
		Dwarf_Word at;

		if (applies(m, version, false) && look_up(dwarf, m, &at) && at != constants[i].at)
			fail_msg("%s: %s.%s is at %llu, not %u", label, m->type, m->path,
				 (unsigned long long)at, constants[i].at);
	}
}

/* Returns how many fields were compared. */
static int check_dwarf(Dwarf *dwarf, const struct runtime_binary *binary, const char *label)
{
	unsigned version = binary->wire.python.version;
	const struct python_row *row = python_row(version, binary->free_threaded);
	int compared = 0;

	for (size_t i = 0; i < MEMBERS; i++) {
		const struct member *m = &members[i];
		size_t field = field_index(m->field);
		Dwarf_Word at;

		if (!applies(m, version, binary->free_threaded) || !look_up(dwarf, m, &at))
			continue;
		if (python_field_get(&binary->wire.python.layout, field) != AT(at) ||
		    python_field_get(&row->layout, field) != AT(at))
			fail_msg("%s: %s is at %llu, the row says %d", label, m->field,
				 (unsigned long long)at, python_field_get(&row->layout, field) - 1);
		compared++;
	}
	check_constants(dwarf, &row->layout, version, label);
	return compared;
}

/* The binary that an interpreter runs; *fd reads it. */
static const struct runtime_binary *binary_of(const struct interpreter *interpreter, int *fd)
{
	static const char script[] =
		"import sys; sys.stdout.write('ready\\n'); sys.stdout.flush(); sys.stdin.read()";
	const struct runtime_binary *binary = NULL;
	struct target target = { 0 };
	char why[160], line[16];
	__u64 bias;

	assert_int_equal(target_start(interpreter, script, &target), 0);
	assert_non_null(fgets(line, sizeof(line), target.out));
	if (runtime_examine(target.pid, &binary, &bias, NULL, NULL, why, sizeof(why)))
		binary = NULL;
	*fd = binary ? runtime_binary_open(binary, target.pid) : -1;
	target_stop(&target);
	return binary;
}

static void debug_info_says_the_same(void **state)
{
	int units = 0;

	for (int i = 0; i < interpreter_count; i++) {
		int fd, compared;
		const struct runtime_binary *binary = binary_of(&interpreters[i], &fd);
		Dwarf *dwarf = fd < 0 ? NULL : dwarf_begin(fd, DWARF_C_READ);

		compared = binary && dwarf ? check_dwarf(dwarf, binary, interpreters[i].label) : 0;
		if (compared)
			printf("# %-20s %d fields as in debug info\n", interpreters[i].label,
			       compared);
		units += compared > 0;
		dwarf_end(dwarf);
		if (fd >= 0)
			close(fd);
	}
	if (!units)
		skip();
}

/* ---- headers ---- */

/*
 * Compare the row that `make layouts` prints, with the headers as Py_TRACE_REFS changes them or
 * not. Returns how many fields it has; 0: no such headers.
 */
static int check_headers(const char *config, bool trace_refs)
{
	struct python_layout wanted;
	unsigned major = 0, minor = 0, at;
	struct python_layout printed = { 0 };
	const struct python_row *row;
	char command[700], line[256], field[64];
	int count = 0;
	FILE *f;

	snprintf(command, sizeof(command),
		 "CPPFLAGS=%s runtimes/python/layouts '%s' gcc 2>/dev/null",
		 trace_refs ? "'-DPy_DEBUG -DPy_TRACE_REFS'" : "", config);
	f = popen(command, "r");
	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, " .version = PY_VERSION(%u, %u)", &major, &minor);
		if (strstr(line, ".free_threaded = 1"))
			printed.free_threaded = 1;
		if (sscanf(line, " .%63[a-z_0-9] = AT(%u)", field, &at) != 2)
			continue;
		python_field_set(&printed, field_index(field), AT(at));
		count++;
	}
	if (!f || pclose(f) || !count)
		return 0;
	row = python_row(PY_VERSION(major, minor), printed.free_threaded);
	if (!row)
		return 0;
	wanted = row->layout;
	if (trace_refs && row->version < PY_VERSION(3, 13))
		python_layout_trace_refs(&wanted);
	for (size_t i = 0; i < python_field_count; i++)
		if (python_field_get(&printed, i) &&
		    python_field_get(&printed, i) != python_field_get(&wanted, i))
			fail_msg("%s: %s is at %d, not %d", config, python_fields[i].name,
				 python_field_get(&printed, i) - 1,
				 python_field_get(&wanted, i) - 1);
	printf("# %-20s %d fields as in headers%s\n", row->name, count,
	       trace_refs ? " with Py_TRACE_REFS" : "");
	return count;
}

static void headers_say_the_same(void **state)
{
	char config[600];
	int found = 0;

	for (int i = 0; i < interpreter_count; i++) {
		int tail = strlen(interpreters[i].path);

		/* /usr/bin/python3-config beside /usr/bin/python3 */
		if (strstr(interpreters[i].flags, "root=") ||
		    strstr(interpreters[i].flags, "embedded"))
			continue;
		snprintf(config, sizeof(config), "%.*s-config", tail, interpreters[i].path);
		if (access(config, X_OK))
			continue;
		found += check_headers(config, false) > 0;
		check_headers(config, true);
	}
	if (!found)
		skip();
}

/* ---- published offsets ---- */

static int list_interpreters(void **state)
{
	interpreter_count = interpreters_list(interpreters);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_complete),
		cmocka_unit_test(an_unknown_version_has_no_row),
		cmocka_unit_test(debug_info_says_the_same),
		cmocka_unit_test(headers_say_the_same),
	};

	return cmocka_run_group_tests(tests, list_interpreters, NULL);
}
