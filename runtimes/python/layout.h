/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where CPython keeps what the walker reads: one row of offsets per version (layout_rows.c), or the offsets
 * the target publishes itself (_Py_DebugOffsets, 3.13+). Shared with the BPF side.
 *
 * An offset is stored as AT(n) = n + 1, so that 0 says "this version has no such field" and a forgotten
 * one fails instead of reading offset 0. OFF() takes it back.
 */
#ifndef SCRY_PYTHON_LAYOUT_H
#define SCRY_PYTHON_LAYOUT_H

#include <linux/types.h>

#define AT(n) ((n) + 1)
#define OFF(field) ((__u32)(field)-1)

#define PY_VERSION(major, minor) ((major) << 8 | (minor))

/* struct_field, as CPython names them (members.h says how). The struct, the printed rows and the tests come from this list. */
#define PYTHON_FIELDS(X)                                                                            \
	X(runtime_interpreters_head) X(runtime_tstate_current) X(runtime_tss_key) X(runtime_gil)    \
	X(interp_next) X(interp_threads_head) X(interp_modules) X(interp_gil) X(interp_id)          \
	X(interp_gc_stats) X(interp_monitoring)                                                     \
	X(tstate_next) X(tstate_interp) X(tstate_frame) X(tstate_cframe) X(tstate_root_cframe)     \
	X(tstate_thread_id) X(tstate_native_thread_id) X(tstate_exception)                          \
	X(cframe_current_frame) X(cframe_previous)                                                  \
	X(frame_code) X(frame_previous) X(frame_instr) X(frame_owner) X(frame_tlbc_index)           \
	X(frame_is_entry) X(frame_saved_top) X(frame_stacktop) X(frame_state) X(frame_executing) X(frame_object) X(frameobject_frame)  \
	X(code_filename) X(code_name) X(code_qualname) X(code_firstlineno)                          \
	X(code_linetable) X(code_bytecode) X(code_tlbc) X(code_traceable) X(code_monitoring)       \
	X(object_type) X(type_name) X(type_flags) X(type_dictoffset) X(type_basicsize)              \
	X(type_cached_keys)                                                                         \
	X(str_length) X(str_state) X(str_ascii) X(str_compact)                                      \
	X(bytes_size) X(bytes_data) X(unicode_length) X(unicode_data)                               \
	X(dict_used) X(dict_keys) X(dict_values) X(dict_mask) X(dict_table)                         \
	X(keys_size) X(keys_log2_size) X(keys_log2_index_bytes) X(keys_kind) X(keys_nentries)       \
	X(keys_indices) X(values_items)                                                             \
	X(tuple_size) X(tuple_items) X(exception_args) X(exception_traceback)                       \
	X(int_size) X(int_digits)                                                                   \
	X(frame_localsplus) X(code_argcount) X(code_kwonlyargcount) X(code_flags) X(code_nlocals)   \
	X(code_varnames) X(code_cellvars) X(code_localkinds) X(code_consts)                         \
	X(float_value) X(list_items) X(set_fill) X(set_used) X(set_mask) X(set_table) X(cell_content)

/* How an instruction's position is stored in a frame. */
enum python_instr {
	PYTHON_INSTR_BYTES,	/* int, bytes from the first instruction: 2.7 to 3.9 */
	PYTHON_INSTR_UNITS,	/* int, 2-byte units: 3.10 */
	PYTHON_INSTR_POINTER,	/* address of the instruction: 3.11+ */
};
enum python_lines { PYTHON_LNOTAB_UNSIGNED /* 2.7 */, PYTHON_LNOTAB /* 3.6-3.9 */, PYTHON_LINETABLE /* 3.10 */, PYTHON_LOCATIONS /* 3.11+ */ };
enum python_str { PYTHON_STR_BYTES /* 2.7 */, PYTHON_STR_UNICODE };
enum python_int { PYTHON_INT_LONG /* a C long: 2.7 */, PYTHON_INT_COUNT /* signed count of digits */, PYTHON_INT_TAG /* 3.12+ */ };
/* Where the attributes of an ordinary instance are. */
enum python_instance {
	PYTHON_INSTANCE_DICT,	/* a dict at type_dictoffset: to 3.10, and of any type without the flags below */
	PYTHON_INSTANCE_VALUES,	/* 3.11: a pointer to values 4 words before the object, a dict 3 words before */
	PYTHON_INSTANCE_TAGGED,	/* 3.12: one word 3 words before; bit 0 says values */
	PYTHON_INSTANCE_INLINE,	/* 3.13+: values inside the object, a dict 3 words before (1 without the GIL) */
};

/* Numbers of a generator's state, gi_frame_state. */
enum python_generator_states { PYTHON_GENERATOR_SIGNED /* 3.11-3.14: below 0 not running */, PYTHON_GENERATOR_UNSIGNED /* 3.15 */ };

/* Where the lock of an interpreter is. A thread waits for it by a futex in its condition variables and mutexes. */
enum python_gil {
	PYTHON_GIL_UNKNOWN,	/* this build does not tell */
	PYTHON_GIL_NONE,	/* free-threaded */
	PYTHON_GIL_SEMAPHORE,	/* 2.7: gil_at[0] holds a pointer to a sem_t */
	PYTHON_GIL_PARTS_APART,	/* 3.6: each of gil_at is a condition variable or a mutex */
	PYTHON_GIL_STATIC,	/* 3.7 to 3.11: gil_at[0] is the struct */
	PYTHON_GIL_OF_THREAD,	/* 3.12+: a thread's interpreter points to the struct */
};
#define PYTHON_GIL_PARTS 4 /* gil_cond, gil_mutex, switch_cond, switch_mutex */
/*
 * struct _gil_runtime_state, the same from 3.7 to 3.15 (Include/internal/pycore_gil.h; pycore_ceval.h in 3.7): the holder, whether
 * it is held, then the parts above from 32 on, of 48, 40, 48, 40 bytes (glibc's pthread_cond_t, pthread_mutex_t).
 */
#define PYTHON_GIL_HOLDER    8
#define PYTHON_GIL_LOCKED    16
#define PYTHON_GIL_WAIT_FROM 32
#define PYTHON_GIL_WAIT_END  208
#define PYTHON_GIL_PART	     48 /* bytes of the largest */
#define PYTHON_GIL_SEM	     32 /* bytes of a sem_t */

struct python_layout {
#define X(field) __u16 field;
	PYTHON_FIELDS(X)
#undef X
	__u8 instr;	   /* enum python_instr */
	__u8 lines;	   /* enum python_lines */
	__u8 str;	   /* enum python_str */
	__u8 tagged;	   /* frame references carry tag bits (3.14+): mask with ~3 */
	__u8 str_kind_bit; /* lowest bit of the kind in a str's state word: 2, or 8 in free-threaded 3.14+ */
	__u8 free_threaded;
	__u8 owner_interpreter; /* frames whose owner is this or more are the interpreter's own: 3 (3.12+); 0: none */
	__u8 integer;	/* enum python_int */
	__u8 instance;	/* enum python_instance */
	__u8 unicode_width; /* 2.7: bytes of a character of unicode, 2 or 4 */
	__u8 generator_states; /* enum python_generator_states */
	__u8 has_base_frame; /* below all others a thread has one of the interpreter's own, which is no entry (3.15+) */
	__u8 pad[4];
};

/*
 * An interpreter binary as BPF needs it; addresses are link-time ones, add the process's bias.
 * 0 = this build has none.
 */
struct scry_python {
	__u64 current;		/* PyThreadState *: holder of the GIL (to 3.11) */
	__u64 interpreters;	/* PyInterpreterState *: head of the list */
	__u64 tss_key;		/* int: pthread key of a thread's state (3.6 to 3.14) */
	__u64 code_type;	/* PyCode_Type */
	__u64 tls_module;	/* word holding the module id of the thread-local block; 0: static TLS */
	__s64 tls_tstate;	/* offset of _Py_tss_tstate from the thread pointer, or in the module's block */
	__s64 tls_gilstate;	/* same of _Py_tss_gilstate (3.15) */
	__u64 gil_at[PYTHON_GIL_PARTS]; /* as gil_how says */
	__u32 gil_how;		/* enum python_gil */
	__u32 has_tls_tstate;
	__u32 has_tls_gilstate;
	__u32 version;		/* PY_VERSION() */
	__u32 hexversion;	/* PY_VERSION_HEX, 0 if not known to that depth */
	__u16 state_bytes;	/* how much of a thread state the walker reads at once; python_layout_spans() */
	__u16 frame_bytes;	/* how much of a frame */
	__u16 frame_window;	/* how much up to a frame's end is read with it, since its callers are likely there */
	__u16 code_bytes;	/* how much of a code object */
	struct python_layout layout;
};

#endif
