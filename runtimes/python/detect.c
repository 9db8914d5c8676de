// SPDX-License-Identifier: GPL-2.0-only
/* Is a file a CPython, of which version, and where in it is what the walker reads? */
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../profiler/base/cleanup.h"
#include "python.h"
#include "spans.h"

#define MAX_RODATA (64u << 20)

/* What is found out about one file. */
struct suspect {
	const struct elf *elf;
	__u64 runtime;	  /* _PyRuntime: 3.7+ */
	__u64 current;	  /* _PyThreadState_Current: to 3.6 */
	__u32 hexversion; /* PY_VERSION_HEX, 0: not known to that depth */
	unsigned version; /* PY_VERSION() */
	bool published, free_threaded;
	char *why;
	size_t why_size;
};

static int __attribute__((format(printf, 2, 3))) unknown(struct suspect *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->why, s->why_size, fmt, ap);
	va_end(ap);
	return -ENOTSUP;
}

static bool exports(const struct elf *elf, const char *name)
{
	struct elf_symbol symbol;

	return !elf_export(elf, name, &symbol);
}

/*
 * Before 3.11 no exported word holds the version, but each minor version added functions to the C
 * API that none before it has. The first row whose symbols are all there is the one.
 */
static const struct {
	unsigned version;
	const char *symbols[2];
} api_of[] = {
	{ PY_VERSION(3, 10), { "_PyRuntime", "PyIter_Send" } },
	{ PY_VERSION(3, 9), { "_PyRuntime", "PyFrame_GetCode" } },
	{ PY_VERSION(3, 8), { "_PyRuntime", "PyCode_NewWithPosOnlyArgs" } },
	{ PY_VERSION(3, 7), { "_PyRuntime", "PyThread_tss_create" } },
	{ PY_VERSION(3, 6), { "_PyThreadState_Current", "_PyEval_EvalFrameDefault" } },
	{ PY_VERSION(2, 7), { "_PyThreadState_Current", "PyCapsule_New" } },
};

static unsigned version_by_api(const struct elf *elf)
{
	for (size_t i = 0; i < ARRAY_SIZE(api_of); i++)
		if (exports(elf, api_of[i].symbols[0]) && exports(elf, api_of[i].symbols[1]))
			return api_of[i].version;
	return 0;
}

/*
 * "MICRO", then "a1", "b2", "rc1" or "+", then NUL: the part of PY_VERSION behind "3.9.". 0: it is
 * something else.
 */
static __u32 parse_micro(const char *s, const char *end)
{
	static const struct {
		const char *text;
		unsigned level;
	} levels[] = { { "a", 0xa }, { "b", 0xb }, { "rc", 0xc } };
	unsigned micro = 0, level = 0xf, serial = 0, digits = 0;

	for (; s < end && *s >= '0' && *s <= '9' && digits < 3; s++, digits++)
		micro = micro * 10 + (*s - '0');
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		size_t n = strlen(levels[i].text);

		if ((size_t)(end - s) <= n || memcmp(s, levels[i].text, n) || s[n] < '1' ||
		    s[n] > '9')
			continue;
		level = levels[i].level;
		serial = s[n] - '0';
		s += n + 1;
		break;
	}
	if (s < end && *s == '+') /* built from a repository after that release */
		s++;
	return digits && micro < 256 && s < end && !*s ? micro << 8 | level << 4 | serial : 0;
}

/*
 * The text of PY_VERSION, which Py_GetVersion formats, is a string in .rodata, or the end of one:
 * linkers merge "2.7.18" into "/opt/2.7.18". Returns how many different ones of this minor version
 * there are; *ret: the hex version of the last.
 */
static int version_texts(const struct elf *elf, unsigned version, __u32 *ret)
{
	struct elf_range range;
	_cleanup_free_ char *bytes = elf_section_bytes(elf, ".rodata", MAX_RODATA, &range);
	const char *s, *end;
	char prefix[16];
	int length, found = 0;

	if (!bytes)
		return 0;
	length = snprintf(prefix, sizeof(prefix), "%u.%u.", version >> 8, version & 0xff);
	end = bytes + range.size;
	for (s = bytes; (s = memmem(s, end - s, prefix, length)); s++) {
		__u32 micro = parse_micro(s + length, end), hex = version << 16 | micro;

		if (!micro || (found && hex == *ret) ||
		    (s > bytes && (s[-1] == '.' || (s[-1] >= '0' && s[-1] <= '9'))))
			continue;
		*ret = hex;
		found++;
	}
	return found;
}

static int version_of_old(struct suspect *s)
{
	__u32 hex = 0;
	int found;

	s->version = version_by_api(s->elf);
	if (!s->version)
		return unknown(s,
			       "it exports neither Py_Version nor the C API of 2.7 or 3.6 to 3.10");
	found = version_texts(s->elf, s->version, &hex);
	if (!found)
		return unknown(
			s, "its C API is that of %u.%u, but .rodata holds no version text of it",
			s->version >> 8, s->version & 0xff);
	s->hexversion = found == 1 ? hex : 0;
	return 0;
}

static int version_of(struct suspect *s)
{
	struct elf_symbol symbol;
	__u32 word = 0;

	if (!elf_export(s->elf, "Py_Version", &symbol) &&
	    elf_read(s->elf, symbol.address, &word, sizeof(word)))
		return unknown(s, "Py_Version does not lie in the file");
	s->published = s->runtime && python_published_version(s->elf, s->runtime, &s->hexversion,
							      &s->free_threaded);
	if (s->published && word && word != s->hexversion)
		return unknown(s, "Py_Version says %#x, its published offsets %#x", word,
			       s->hexversion);
	if (!s->published)
		s->hexversion = word;
	if (!s->hexversion)
		return version_of_old(s);
	s->version = s->hexversion >> 16;
	if (s->version >= PY_VERSION(3, 13) && !s->published)
		return unknown(
			s,
			"version %u.%u, but no published offsets (_Py_DebugOffsets) at _PyRuntime",
			s->version >> 8, s->version & 0xff);
	return 0;
}

static void version_print(const struct suspect *s, char *dst, size_t size)
{
	static const char *const levels[16] = { [0xa] = "a", [0xb] = "b", [0xc] = "rc" };
	__u32 hex = s->hexversion;
	const char *level = levels[hex >> 4 & 15];

	if (!hex)
		snprintf(dst, size, "%u.%u", s->version >> 8, s->version & 0xff);
	else if (!level)
		snprintf(dst, size, "%u.%u.%u", hex >> 24, hex >> 16 & 0xff, hex >> 8 & 0xff);
	else
		snprintf(dst, size, "%u.%u.%u%s%u", hex >> 24, hex >> 16 & 0xff, hex >> 8 & 0xff,
			 level, hex & 15);
}

static int layout_of(struct suspect *s, struct runtime_binary *ret)
{
	const struct python_row *row = python_row(s->version, s->free_threaded);
	struct python_layout *layout = &ret->wire.python.layout;
	int differing;

	if (!row)
		return unknown(s, "Python %u.%u%s is not known; known are %s", s->version >> 8,
			       s->version & 0xff, s->free_threaded ? " without the GIL" : "",
			       python_known_versions);
	/* The table is from x86-64: elsewhere locks, and what follows them, have other sizes. */
	if (!s->published && elf_machine(s->elf) != EM_X86_64)
		return unknown(s, "Python %u.%u is known on x86-64 only", s->version >> 8,
			       s->version & 0xff);
	*layout = row->layout;
	if (s->version < PY_VERSION(3, 13) && exports(s->elf, "_Py_AddToAllObjects"))
		python_layout_trace_refs(layout);
	if (layout->unicode_data)
		layout->unicode_width = exports(s->elf, "PyUnicodeUCS2_GetSize") ? 2 : 4;
	ret->layout_from = row->name;
	if (!s->published)
		return 0;
	differing = python_published_layout(s->elf, s->runtime, layout, s->why, s->why_size);
	if (differing < 0)
		return differing;
	ret->layout_from =
		differing ? "published offsets, which differ from the table" : "published offsets";
	if (layout->runtime_interpreters_head != row->layout.runtime_interpreters_head)
		layout->runtime_tss_key = 0; /* not published, and its struct is another */
	return 0;
}

/* An address that an optional field of _PyRuntime has. */
static __u64 in_runtime(const struct suspect *s, __u16 field)
{
	return s->runtime && field ? s->runtime + OFF(field) : 0;
}

static void find_tls(const struct suspect *s, struct scry_python *python)
{
	struct python_tls tls;
	const char *current = s->version >= PY_VERSION(3, 13) ? "PyThreadState_GetUnchecked" :
								"_PyThreadState_UncheckedGet";

	if (s->version >= PY_VERSION(3, 12) && !python_accessor_tls(s->elf, current, &tls)) {
		python->has_tls_tstate = 1;
		python->tls_module = tls.module;
		python->tls_tstate = tls.offset;
	}
	if (s->version >= PY_VERSION(3, 15) &&
	    !python_accessor_tls(s->elf, "PyGILState_GetThisThreadState", &tls) &&
	    (!python->has_tls_tstate || python->tls_module == tls.module)) {
		python->has_tls_gilstate = 1;
		python->tls_module = tls.module;
		python->tls_gilstate = tls.offset;
	}
}

static int addresses_of(struct suspect *s, struct scry_python *python)
{
	struct elf_symbol symbol;

	python->current =
		s->runtime ? in_runtime(s, python->layout.runtime_tstate_current) : s->current;
	python->interpreters = in_runtime(s, python->layout.runtime_interpreters_head);
	if (!s->runtime && !elf_symbol(s->elf, "interp_head", &symbol))
		python->interpreters = symbol.address;
	else if (!s->runtime && python_accessor_interp_head(s->elf, &python->interpreters))
		return unknown(
			s, "interp_head is neither in .symtab nor told by PyInterpreterState_Head");
	python->tss_key = in_runtime(s, python->layout.runtime_tss_key);
	if (s->version == PY_VERSION(3, 6) && !elf_symbol(s->elf, "autoTLSkey", &symbol))
		python->tss_key = symbol.address;
	else if (s->version == PY_VERSION(3, 6))
		python_accessor_tls_key(s->elf, &python->tss_key);
	if (elf_export(s->elf, "PyCode_Type", &symbol))
		return unknown(s, "it does not export PyCode_Type");
	python->code_type = symbol.address;
	python->version = s->version;
	python->hexversion = s->hexversion;
	find_tls(s, python);
	python_find_gil(s->elf, s->runtime, python);
	return 0;
}

/* 3.14.0 to 3.14.4 (and the pre-releases of 3.14) have the incremental collector; 3.14.5 has that of 3.13 again. */
static const char *collector_of(const struct suspect *s)
{
	if (s->free_threaded)
		return "free-threaded, stop the world";
	if (s->version != PY_VERSION(3, 14))
		return "generational";
	if (!s->hexversion)
		return NULL;
	return s->hexversion < 0x030e0500 ? "incremental" : "generational";
}

static void describe(const struct suspect *s, struct runtime_binary *ret)
{
	unsigned char id[20];
	__u64 address;
	size_t size = elf_build_id(s->elf, id, sizeof(id), &address);

	version_print(s, ret->version, sizeof(ret->version));
	for (size_t i = 0; i < size && i < sizeof(id); i++)
		sprintf(ret->build_id + 2 * i, "%02x", id[i]);
	ret->stripped = elf_is_stripped(s->elf);
	ret->shared = !elf_is_program(s->elf);
	ret->free_threaded = s->free_threaded;
	ret->collector = collector_of(s);
	/* Py_REF_DEBUG, which Py_DEBUG turns on: to 3.11, and later. */
	ret->debug_build =
		exports(s->elf, "_Py_RefTotal") || exports(s->elf, "_Py_NegativeRefcount");
	ret->code_dealloc = python_code_dealloc(s->elf, &ret->wire.python.layout);
}

int python_recognise(const struct elf *elf, const char *path, pid_t pid, __u64 bias,
		     struct runtime_binary *ret, char *why, size_t size)
{
	struct suspect s = { .elf = elf, .why = why, .why_size = size };
	struct elf_symbol symbol;
	int err;

	if (!elf_export(elf, "_PyRuntime", &symbol))
		s.runtime = symbol.address;
	else if (!elf_export(elf, "_PyThreadState_Current", &symbol))
		s.current = symbol.address;
	else
		return -ENOENT;
	/*
	 * A program linked with a library may hold a copy of its variables, but not its functions.
	 */
	if (!exports(elf, "Py_GetVersion"))
		return -ENOENT;
	err = version_of(&s);
	if (!err)
		err = layout_of(&s, ret);
	if (!err)
		err = addresses_of(&s, &ret->wire.python);
	if (!err && !python_spans(&ret->wire.python))
		err = unknown(&s, "its structures are larger than any known");
	if (!err)
		describe(&s, ret);
	return err;
}
