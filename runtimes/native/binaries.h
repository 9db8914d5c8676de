/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ELF files whose code processes run, each once: known by device, inode, size and time of change, and by build id and
 * unwind information where several files are the same. An index stands for a binary for the whole life of scry.
 */
#ifndef SCRY_NATIVE_BINARIES_H
#define SCRY_NATIVE_BINARIES_H

#include <stdbool.h>
#include <sys/types.h>

#include "../../profiler/elf.h"
#include "tables.h"

struct procmap;
struct runtime_binary;
struct native_binaries;

#define NATIVE_EVAL_PARTS 8

struct native_binary {
	char *path;		/* as the first process that had it sees it; "[vdso]" */
	pid_t pid;		/* of that one */
	struct elf_range code;	/* its executable segment */
	struct native_mapping map; /* binary, first, pages, at; the rest 0 */
	struct native_symbols *symbols; /* NULL: it cannot be read */
	const struct runtime_binary *runtime; /* the interpreter it is; NULL: none, or not known yet */
	struct elf_range eval[NATIVE_EVAL_PARTS]; /* runtime_ops.eval */
	int evals;
};

/* inlined: source lines and inlined functions are wanted of symbols. 0 or -ENOMEM. */
int native_binaries_create(const struct native_tables_ops *ops, void *ctx, bool inlined, struct native_binaries **ret);
void native_binaries_destroy(struct native_binaries *binaries); /* NULL is allowed */

/*
 * Fill a mapping of a process's executable memory: where it is, which binary's, and how its callers are found. The file is looked
 * at when it is met first.
 */
void native_binaries_map(struct native_binaries *binaries, pid_t pid, const struct procmap *map, struct native_mapping *ret);

/* A process is about to be started that will map this file: have it ready. */
void native_binaries_expect(struct native_binaries *binaries, const char *path);

/* A process has a binary mapped there, which is this interpreter. */
void native_binaries_tell(struct native_binaries *binaries, pid_t pid, const struct procmap *map, __u32 index,
			  const struct runtime_binary *runtime);

/* By index; NULL: there is none such. It lives as long as the binaries do. */
struct native_binary *native_binaries_at(const struct native_binaries *binaries, __u32 index);

const struct native_tables *native_binaries_tables(const struct native_binaries *binaries);
__u32 native_binaries_count(const struct native_binaries *binaries);

#endif
