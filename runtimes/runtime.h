/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A language. To add one: a folder runtimes/NAME/ with a struct runtime_ops NAME_runtime, a walker
 * (walk.h, compiled for BPF and for the host) and a line in list.h.
 *
 *   binary   an ELF file that holds an interpreter; examined once, cached by device, inode and mtime
 *   process  a process that has such a binary mapped, at some bias
 */
#ifndef SCRY_RUNTIME_H
#define SCRY_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "../bpf/wire.h"
#include "lua/layout.h"
#include "python/layout.h"
#include "sites.h"

struct elf;	/* profiler/elf.h */
struct elf_range;

/* One recognised interpreter binary. Filled by runtime_ops.recognise. */
struct runtime_binary {
	const struct runtime_ops *ops;
	char *path;		/* as the target sees it; owned by the cache */
	char version[32];	/* "3.12.4", or "3.12" where the patch level is not known */
	char build_id[41];	/* hex, "" if none */
	const char *layout_from; /* "table row 3.12" or "published offsets"; static text */
	bool stripped;		/* no .symtab */
	bool shared;		/* a library, not the executable */
	bool free_threaded, debug_build;
	const char *collector;	/* of garbage: what kind it is; static text, NULL: not known */
	__u64 code_dealloc;	/* file offset of the function that frees code objects, for a uprobe; 0: not found */
	__u64 code_dealloc_too;	/* a second such place; 0: none */
	union {
		struct scry_python python;
		struct scry_lua lua;
	} wire;			/* what BPF needs of it */
};

/* A code object's identity, decoded from the record of its first sight. UTF-8, NUL-ended. */
struct code_name {
	char *name, *file;	/* raw text of the target: not escaped */
	int first_line;
	unsigned char *lines;	/* the version's own line table */
	size_t lines_size;
	bool hidden;		/* the interpreter's own helper, not a function of the program: left out of stacks */
	enum code_kind { CODE_FUNCTION, CODE_NATIVE /* written in C */, CODE_MARK /* a remark, no function */,
			 CODE_NOTE /* one on the function above it, whose caller is behind it */ } kind;
};

struct runtime_thread_name {
	unsigned long long thread_id;	/* as the interpreter knows it: pthread_self, = the thread pointer */
	pid_t native_id;		/* tid in the process's own pid namespace, 0 if not known */
	char name[64];			/* UTF-8, "" if the program did not name it */
};

/* In the order of enum scry_event_kind (bpf/wire.h), which has the clock before them. */
enum runtime_event { RUNTIME_EVENT_CALL, RUNTIME_EVENT_LINE, RUNTIME_EVENT_GC, RUNTIME_EVENT_IMPORT,
		     RUNTIME_EVENT_EXCEPTION, RUNTIME_EVENT_AUDIT, RUNTIME_EVENT_GIL, RUNTIME_EVENT_COUNT };
/* Ways to see an event; AUTO takes the best that the binary offers. */
enum runtime_method { RUNTIME_METHOD_AUTO, RUNTIME_METHOD_USDT, RUNTIME_METHOD_HANDLERS, RUNTIME_METHOD_EVAL,
		      RUNTIME_METHOD_SYMBOL, RUNTIME_METHOD_COUNT };

/* One place to attach to. */
struct runtime_probe {
	enum runtime_site site;
	const char *marker;	/* that this is a location of; NULL: none. Static text */
	__u64 offset;		/* in the file; an instruction boundary, its bytes checked */
	__u64 semaphore;	/* file offset of a counter to raise while attached, 0: none */
	__u64 cookie;		/* handed to the program: its site, and bits as runtimes/NAME/cookie.h says */
	bool for_values;	/* only tells values returned: attach where they are wanted */
};

struct runtime_ops {
	const char *name;		/* "python" */
	enum scry_runtime id;
	/* What names of its shared libraries begin with; others are not opened. (An executable of any name may be an interpreter, or
	 * have one linked in.) */
	const char *library;
	const char *map;		/* of the BPF programs: where the binaries' wire goes, by their index */
	size_t wire_size;
	bool hides_values;		/* what functions are called with and return is not read: --args and --ret are refused */
	bool by_content;		/* code objects are told apart by their content: exact also where no code_dealloc is known */

	/*
	 * Is this file an interpreter of this language? Called once per file. 0: yes, *ret is filled
	 * (all but ops and path). -ENOENT: no, silently. -ENOTSUP: yes, but of a version or build that
	 * is not known: why (a sentence of at most size bytes) says what was looked for and not found.
	 * pid: a process that maps it at bias, for what only live memory tells; 0: file only.
	 */
	int (*recognise)(const struct elf *elf, const char *path, pid_t pid, __u64 bias,
			 struct runtime_binary *ret, char *why, size_t size);

	/* Decode code->name, file, lines; fetch what is missing from pid. 0 or -errno. Caller frees with code_name_deinit. */
	int (*decode)(const struct runtime_binary *binary, const struct scry_code *code, size_t size, struct code_name *ret);

	/* Line of the instruction at byte offset `at`, or the nearest one before it; first_line where the table has none. */
	int (*line)(const struct runtime_binary *binary, const struct code_name *code, int at);

	/*
	 * NULL, or for a language whose functions have no names of their own: the name of `callee` for its caller, which
	 * is at byte offset `at` (caller NULL: it has none). false: it has none, and the name of decode() stands.
	 */
	bool (*call_name)(const struct runtime_binary *binary, const struct code_name *callee, const struct code_name *caller,
			  int at, char *name, size_t size);

	/* Names the program gave its threads. Calls add for each thread the interpreter knows. 0 or -errno. */
	int (*threads)(const struct runtime_binary *binary, pid_t pid, __u64 bias,
		       void (*add)(void *ctx, const struct runtime_thread_name *thread), void *ctx);

	/*
	 * The places to probe for an event by a method. Calls add for each. 0, *used being the method taken; -ENOTSUP: not by
	 * this method (or by none), why says so in a sentence. Every offset is checked: in executable code, at an instruction
	 * whose bytes are as expected, since a probe at a wrong place destroys the target.
	 */
	int (*probes)(const struct runtime_binary *binary, const struct elf *elf, enum runtime_event event,
		      enum runtime_method method, void (*add)(void *ctx, const struct runtime_probe *probe), void *ctx,
		      enum runtime_method *used, char *why, size_t size);

	/*
	 * Where the code lies by which C enters the interpreter, link-time addresses: one call of it on the C stack stands for the
	 * frames of the language up to the next that says so (bpf/wire.h, SCRY_ENTRIES_SHIFT). The number of parts, at most max;
	 * -ENOENT: not found. NULL: this language cannot be told apart on the C stack.
	 */
	int (*eval)(const struct elf *elf, struct elf_range *ret, size_t max);

	/* Print what `scry list PID` says of events and methods: one row each through add(event, method, place). */
	void (*events)(const struct runtime_binary *binary, const struct elf *elf,
		       void (*add)(void *ctx, const char *event, const char *method, const char *place), void *ctx);
};

void code_name_deinit(struct code_name *name);

/*
 * runtime_examine: which interpreter does pid run? 0: *ret is a cached binary (owned by the cache, lives to the
 * end of the program), *bias its load bias. -ENOENT: none. -ENOTSUP: one of an unknown version; why says so.
 * -ESRCH: the process is gone. *exe and *key describe the executable for SCRY_PLACE_*, where exe is not NULL.
 */
int runtime_examine(pid_t pid, const struct runtime_binary **ret, __u64 *bias, struct scry_exe_key *key,
		    struct scry_exe *exe, char *why, size_t size);

/*
 * The same for a program that has not begun yet, from its files alone: the executable and, where that is no interpreter, a
 * library it needs (NULL: none). pid: where these paths lead, 0: here. *path is the one of them that *ret is in.
 */
int runtime_examine_files(pid_t pid, const char *program, const char *library, const struct runtime_binary **ret,
			  const char **path, struct scry_exe_key *key, struct scry_exe *exe);

/* Open a file by its path as process pid (0: we) sees it. A descriptor or -errno. */
int runtime_open_in(pid_t pid, const char *path);

/* Can a library of this name be an interpreter? */
bool runtime_may_be(const char *path);

/* Index of a cached binary, as in scry_proc.binary and scry_code.binary, and back. */
__u32 runtime_binary_index(const struct runtime_binary *binary);
const struct runtime_binary *runtime_binary_at(__u32 index);

/* A path that opens the file the target maps as binary->path, through /proc/PID/root or map_files. 0 or -errno. */
int runtime_binary_open(const struct runtime_binary *binary, pid_t pid);

#endif
