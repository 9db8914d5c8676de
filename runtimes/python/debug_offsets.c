// SPDX-License-Identifier: GPL-2.0-only
/*
 * _Py_DebugOffsets (CPython Include/internal/pycore_debug_offsets.h, 3.13: pycore_runtime.h): the
 * first member of _PyRuntime, initialised in the file. A cookie, then 64-bit words: PY_VERSION_HEX,
 * free_threaded, and groups of the size of a struct and offsets in it. Groups and members were
 * added in every minor version, so a field's position is known by version only.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../profiler/base/cleanup.h"
#include "python.h"

enum { WORD_VERSION, WORD_FREE_THREADED };
enum { FIRST_MINOR = 13, VERSIONS = 3 };
#define NONE 255
#define MAX_WORDS 128

/* Words behind the cookie in 3.13, 3.14 and 3.15. */
static const unsigned words[VERSIONS] = { 72, 94, 110 };

struct published {
	size_t at; /* in struct python_layout */
	const char *name;
	unsigned char word[VERSIONS]; /* of the field; NONE: not published */
	unsigned char size[VERSIONS]; /* of its struct's size */
};

#define RUNTIME { 2, 2, 2 }
#define INTERP { 5, 5, 5 }
#define TSTATE { 18, 21, 21 }
#define FRAME { 27, 30, 38 }
#define CODE { 33, 38, 46 }
#define OBJECT { 43, 49, 57 }
#define TYPE { 45, 51, 59 }
#define HEAP_TYPE { NONE, NONE, 65 }
#define BYTES { 63, 73, 85 }
#define UNICODE { 66, 76, 88 }
#define DICT { 55, 65, 77 }
#define LIST { 52, 58, 70 }
#define SET { NONE, 61, 73 }
#define FLOAT { 58, 68, 80 }
#define LONG { 60, 70, 82 }

#define P(field, a, b, c, group) \
	{ offsetof(struct python_layout, field), #field, { a, b, c }, group }
static const struct published fields[] = {
	P(runtime_interpreters_head, 4, 4, 4, RUNTIME),
	P(interp_next, 7, 7, 7, INTERP),
	P(interp_threads_head, 8, 8, 8, INTERP),
	P(interp_modules, 10, 11, 11, INTERP),
	P(interp_gil, 13, 14, 14, INTERP),
	P(interp_id, 6, 6, 6, INTERP),
	P(tstate_next, 20, 23, 23, TSTATE),
	P(tstate_interp, 21, 24, 24, TSTATE),
	P(tstate_frame, 22, 25, 25, TSTATE),
	P(tstate_thread_id, 23, 26, 29, TSTATE),
	P(tstate_native_thread_id, 24, 27, 30, TSTATE),
	P(frame_code, 29, 32, 40, FRAME),
	P(frame_previous, 28, 31, 39, FRAME),
	P(frame_instr, 30, 33, 41, FRAME),
	P(frame_owner, 32, 35, 43, FRAME),
	P(frame_tlbc_index, NONE, 37, 45, FRAME),
	P(code_filename, 34, 39, 47, CODE),
	P(code_name, 35, 40, 48, CODE),
	P(code_qualname, 36, 41, 49, CODE),
	P(code_firstlineno, 38, 43, 51, CODE),
	P(code_linetable, 37, 42, 50, CODE),
	P(code_bytecode, 42, 47, 55, CODE),
	P(code_tlbc, NONE, 48, 56, CODE),
	P(object_type, 44, 50, 58, OBJECT),
	P(type_name, 46, 52, 60, TYPE),
	P(type_flags, 48, 54, 62, TYPE),
	P(type_basicsize, NONE, NONE, 63, TYPE),
	P(type_dictoffset, NONE, NONE, 64, TYPE),
	P(type_cached_keys, NONE, NONE, 66, HEAP_TYPE),
	P(bytes_size, 64, 74, 86, BYTES),
	P(bytes_data, 65, 75, 87, BYTES),
	P(str_state, 67, 77, 89, UNICODE),
	P(str_length, 68, 78, 90, UNICODE),
	P(str_ascii, 69, 79, 91, UNICODE),
	P(str_compact, NONE, NONE, 92, UNICODE),
	P(dict_keys, 56, 66, 78, DICT),
	P(dict_values, 57, 67, 79, DICT),
	P(int_size, 61, 71, 83, LONG),
	P(int_digits, 62, 72, 84, LONG),
	P(frame_localsplus, 31, 34, 42, FRAME),
	P(code_argcount, 39, 44, 52, CODE),
	P(code_varnames, 40, 45, 53, CODE),
	P(code_localkinds, 41, 46, 54, CODE),
	P(float_value, 59, 69, 81, FLOAT),
	P(list_items, 53, 59, 71, LIST),
	P(set_used, NONE, 62, 74, SET),
	P(set_table, NONE, 63, 75, SET),
	P(set_mask, NONE, 64, 76, SET),
};

/* The same text occurs elsewhere in the file: only the one at _PyRuntime counts. */
static int read_words(const struct elf *elf, __u64 runtime, __u64 *ret, size_t count)
{
	__u64 all[1 + MAX_WORDS];
	int err = runtime & 7 ? -EINVAL : elf_read(elf, runtime, all, (1 + count) * sizeof(*all));

	if (err || memcmp(all, "xdebugpy", 8))
		return -ENOENT;
	memcpy(ret, all + 1, count * sizeof(*ret));
	return 0;
}

int python_published_version(const struct elf *elf, __u64 runtime, __u32 *version,
			     bool *free_threaded)
{
	__u64 head[2];

	if (read_words(elf, runtime, head, 2) || head[WORD_VERSION] >> 32 ||
	    head[WORD_FREE_THREADED] > 1)
		return 0;
	*version = head[WORD_VERSION];
	*free_threaded = head[WORD_FREE_THREADED];
	return 1;
}

/*
 * Offset 0 is where no field of these is but one: elsewhere it says that this build has no such
 * field.
 */
static int take_field(const struct published *field, size_t v, const __u64 *all, __u16 *target)
{
	__u64 value = all[field->word[v]], size = all[field->size[v]];
	bool empty = !value && *target != AT(0);

	/*
	 * A trailing array begins at the very end of a struct at most. Only owner is narrower than
	 * an int.
	 */
	if (!empty && (value > size || value >= AT(0xfffe) ||
		       (value & 3 && field->at != offsetof(struct python_layout, frame_owner))))
		return -ERANGE;
	if (*target == (empty ? 0 : AT(value)))
		return 0;
	*target = empty ? 0 : AT(value);
	return 1;
}

/*
 * generation_stats[3], of three words each, lies right before `collecting`, whose place is published (pycore_gc.h of 3.13,
 * pycore_interp_structs.h of 3.14). In 3.15 it is elsewhere.
 */
static int take_gc_stats(size_t v, const __u64 *all, __u16 *target)
{
	static const unsigned char gc[VERSIONS] = { 9, 10, NONE }, collecting[VERSIONS] = { 71, 81, NONE };
	const __u64 bytes = 3 * 3 * sizeof(__u64);
	__u16 before = *target;
	__u64 at;

	if (gc[v] == NONE)
		return 0;
	at = all[gc[v]] + all[collecting[v]] - bytes;
	*target = all[gc[v]] < 0xfffe && all[collecting[v]] >= bytes && at < 0xfffe ? AT(at) : 0;
	return *target != before;
}

int python_published_layout(const struct elf *elf, __u64 runtime, struct python_layout *layout,
			    char *why, size_t size)
{
	__u64 all[MAX_WORDS];
	unsigned minor;
	int differing = 0;

	if (read_words(elf, runtime, all, 1))
		return -ENOTSUP;
	minor = all[WORD_VERSION] >> 16 & 0xff;
	if (minor < FIRST_MINOR || minor >= FIRST_MINOR + VERSIONS)
		return -ENOTSUP;
	minor -= FIRST_MINOR;
	if (read_words(elf, runtime, all, words[minor])) {
		snprintf(why, size, "its published offsets (_Py_DebugOffsets) are cut short");
		return -ENOTSUP;
	}
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct published *field = &fields[i];
		int n = field->word[minor] == NONE
				? 0
				: take_field(field, minor, all,
					     (__u16 *)((char *)layout + field->at));

		if (n < 0) {
			snprintf(why, size,
				 "its published offset of %s is %llu, which no member of its "
				 "struct can have",
				 field->name, all[field->word[minor]]);
			return -ENOTSUP;
		}
		differing += n;
	}
	differing += take_gc_stats(minor, all, &layout->interp_gc_stats);
	return differing;
}
