/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this folder share. */
#ifndef SCRY_PYTHON_H
#define SCRY_PYTHON_H

#include "../../profiler/elf.h"
#include "../runtime.h"

/* ---- layout_rows.c, layout_rows_free.c, layout.c ---- */

struct python_row {
	unsigned version; /* PY_VERSION() */
	const char *name; /* "table row 3.12": what `scry list` says */
	struct python_layout layout;
};

/* With the GIL and without; a row of version 0 ends each. */
extern const struct python_row python_rows[], python_rows_free[];
/* NULL: no such row. */
const struct python_row *python_row(unsigned version, bool free_threaded);
/*
 * Builds with Py_TRACE_REFS (all debug builds to 3.7; to 3.12 configure --with-trace-refs) link all
 * objects with each other: two pointers before what else is in every object (Include/object.h,
 * _PyObject_HEAD_EXTRA).
 */
void python_layout_trace_refs(struct python_layout *layout);
/* "2.7, 3.6 to 3.15" */
extern const char python_known_versions[];

/* Names and places of the fields, in the order of the struct. */
struct python_field {
	const char *name;
	size_t at; /* of a __u16 in struct python_layout */
};
extern const struct python_field python_fields[];
extern const size_t python_field_count;
__u16 python_field_get(const struct python_layout *layout, size_t i);
void python_field_set(struct python_layout *layout, size_t i, __u16 value);

/* ---- debug_offsets.c: _Py_DebugOffsets, what a 3.13+ binary publishes at _PyRuntime ---- */

/*
 * 1: found; version (PY_VERSION_HEX) and free_threaded are filled. 0: this binary publishes none.
 * runtime: address of _PyRuntime.
 */
int python_published_version(const struct elf *elf, __u64 runtime, __u32 *version,
			     bool *free_threaded);
/*
 * Put the published offsets over those of the row. The number of fields where they differ, or
 * -ENOTSUP with a sentence in why where one of them cannot be true.
 */
int python_published_layout(const struct elf *elf, __u64 runtime, struct python_layout *layout,
			    char *why, size_t size);

/* ---- accessors.c: addresses told by the machine code of small exported functions ---- */

/* x86-64 only, each 0 or -ENOENT: any byte that is not as expected says no. */
int python_accessor_interp_head(const struct elf *elf, __u64 *ret); /* PyInterpreterState_Head */
int python_accessor_tls_key(const struct elf *elf, __u64 *ret); /* PyGILState_Get..., of 3.6 */
int python_accessor_interpreter_lock(const struct elf *elf, __u64 *ret); /* PyEval_ThreadsInitialized, of 2.7 */
struct python_tls {
	__u64 module; /* word with the module id; 0: offset is from the thread pointer */
	__s64 offset;
};
int python_accessor_tls(const struct elf *elf, const char *function, struct python_tls *ret);
/* File offset of code_dealloc, or of the push behind its endbr64; 0: not found. */
__u64 python_code_dealloc(const struct elf *elf, const struct python_layout *layout);

/* ---- gil.c: gil_how and gil_at; the layout and the version are known. runtime: address of _PyRuntime, or 0 ---- */

/* Address of the jump in the procedure linkage table by which the binary calls an imported function. -ENOENT: not so. x86-64 only. */
int python_linkage(const struct elf *elf, const char *function, __u64 *ret);

void python_find_gil(const struct elf *elf, __u64 runtime, struct scry_python *python);

/* ---- the members of python_runtime ---- */

int python_recognise(const struct elf *elf, const char *path, pid_t pid, __u64 bias,
		     struct runtime_binary *ret, char *why, size_t size);
int python_decode(const struct runtime_binary *binary, const struct scry_code *code, size_t size,
		  struct code_name *ret);
int python_line(const struct runtime_binary *binary, const struct code_name *code, int at);
int python_threads(const struct runtime_binary *binary, pid_t pid, __u64 bias,
		   void (*add)(void *ctx, const struct runtime_thread_name *thread), void *ctx);
int python_probes(const struct runtime_binary *binary, const struct elf *elf,
		  enum runtime_event event, enum runtime_method method,
		  void (*add)(void *ctx, const struct runtime_probe *probe), void *ctx,
		  enum runtime_method *used, char *why, size_t size);
void python_events(const struct runtime_binary *binary, const struct elf *elf,
		   void (*add)(void *ctx, const char *event, const char *method, const char *place),
		   void *ctx);

extern const struct runtime_ops python_runtime;

/*
 * Lines of one table; at: byte offset. In lines.c, apart from struct runtime_binary for the fuzzer.
 */
int python_table_line(enum python_lines format, const unsigned char *table, size_t size,
		      int first_line, int at);

/*
 * names.c: characters of 1, 2 or 4 bytes, or bytes that should be UTF-8, as NUL-ended UTF-8 that
 * the caller frees. What is no character (surrogates, numbers too large, NUL, broken UTF-8) is
 * written as \uXXXX, \xXX. NULL: no memory.
 */
char *python_text(const unsigned char *bytes, size_t chars, unsigned kind,
		  enum scry_encoding encoding);

/* ---- eval.c ---- */

int python_eval_parts(const struct elf *elf, struct elf_range *ret, size_t max);

#endif
