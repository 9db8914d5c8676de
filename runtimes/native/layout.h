/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Unwind tables as user space makes them and the programs read them: which code is mapped where in a process, and for each
 * address of code the rule by which its caller is found. x86-64.
 *
 * A row is 4 bytes: the low 16 bits of a link-time address, and the number of the rule that holds from there on. The rows of
 * a page of 64 KiB of code lie together, sorted; the first is for the page's first byte. Rows lie in blocks of 4 KiB, whoever they belong to.
 */
#ifndef SCRY_NATIVE_LAYOUT_H
#define SCRY_NATIVE_LAYOUT_H

#include <linux/types.h>

#define NATIVE_PAGE_SHIFT    16
#define NATIVE_BLOCK_ROWS    1024 /* power of two */
#define NATIVE_SEGMENT	     512  /* blocks in a map of rows: 2 MiB, made when needed; power of two */
#define NATIVE_SEGMENTS	     64
#define NATIVE_BLOCKS	     (NATIVE_SEGMENT * NATIVE_SEGMENTS)
#define NATIVE_PAGES	     (128 * 1024) /* of code, of all binaries: 8 GiB */
#define NATIVE_RULES	     (32 * 1024)
#define NATIVE_PART	     32	  /* mappings in a part of a process's list; power of two */
#define NATIVE_SPACE_PARTS   64	  /* parts of a list at most */
#define NATIVE_MAPPINGS	     (NATIVE_PART * NATIVE_SPACE_PARTS)

enum native_rule_kind {
	NATIVE_RULE_NONE,    /* no rule for this code */
	NATIVE_RULE_END,     /* the outermost function: it has no caller */
	NATIVE_RULE_REGISTER, /* CFA = register + cfa */
	NATIVE_RULE_MEMORY,  /* CFA = 8 bytes at register + cfa, + extra */
	NATIVE_RULE_PLT,     /* CFA = rsp + cfa, + 8 where the address's low 4 bits are `extra` or more */
	NATIVE_RULE_SIGNAL,  /* rsp points to the struct ucontext that the kernel will return to */
	NATIVE_RULE_UNKNOWN, /* something else */
};

/* Where the caller's rbp is. */
enum native_saved {
	NATIVE_SAVED_NOT,    /* in rbp */
	NATIVE_SAVED_AT_CFA, /* at CFA + bp */
	NATIVE_SAVED_AT_BP,  /* at rbp + bp */
	NATIVE_SAVED_LOST,   /* somewhere else */
};

#define NATIVE_BX_LOST	1 /* of bx: somewhere else */
#define NATIVE_AT_STACK 0xff /* of ra: at CFA - 8, as a call puts it */

/* Registers by their DWARF numbers: rax rdx rcx rbx rsi rdi rbp rsp r8-r15. The CFA is what rsp is in the caller. */
struct native_rule {
	__u8 kind;  /* enum native_rule_kind */
	__u8 reg;
	__u8 saved; /* enum native_saved: rbp */
	__u8 ra;    /* register that holds the return address, or NATIVE_AT_STACK */
	__s32 cfa;
	__s16 bp;
	__s16 bx;   /* rbx is at CFA + bx; 0: in rbx. What else callees save is of no use for finding callers */
	__s32 extra;
};
#define NATIVE_RBX 3
#define NATIVE_RBP 6
#define NATIVE_RSP 7

struct native_block {
	__u32 row[NATIVE_BLOCK_ROWS]; /* low bits of the address | number of the rule << 16 */
};

/* A page of code: where its rows are. */
struct native_page {
	__u32 row; /* block * NATIVE_BLOCK_ROWS + place in it */
	__u32 rows;
};

/* Executable memory of a process. */
struct native_mapping {
	__u64 start, end;
	__u64 bias;	 /* run-time address minus link-time address */
	__u32 binary;	 /* index in scry's table, NATIVE_NO_BINARY */
	__u32 first;	 /* its pages of code: link-time address of the first >> NATIVE_PAGE_SHIFT, */
	__u32 pages;	 /* their number; 0: it has no rows */
	__u32 at;	 /* index of the first struct native_page; without rows an enum native_without */
};
#define NATIVE_NO_BINARY 0

/* Code without rows. */
enum native_without {
	NATIVE_WITHOUT_POINTERS, /* made at run time, or compiled without: frame pointers are followed */
	NATIVE_WITHOUT_FILE,	 /* its file cannot be read */
	NATIVE_WITHOUT_ROOM,	 /* the tables are full */
};

/* A process's mappings, sorted: in parts of an array that all processes share. What is not used begins at NATIVE_NOWHERE. */
struct native_space {
	__u64 from[NATIVE_SPACE_PARTS]; /* start of a part's first mapping */
	__u32 part[NATIVE_SPACE_PARTS];
};
struct native_part {
	struct native_mapping mapping[NATIVE_PART];
};
#define NATIVE_NOWHERE (1ULL << 62)

/* Which one a process has. */
struct native_proc {
	__u64 stack; /* mm_struct.start_stack, by which the memory of the program before is told apart */
	__u32 space; /* index of a struct native_space */
	__u32 pad;
};

#define NATIVE_KEPT_FRAME 65536 /* bytes of a frame whose CFA is in such a register */
#define NATIVE_SAVED 8 /* power of two: where calls and what functions save first lie */

/* The walk of one thread's C stack. */
struct native_walk {
	__u64 pc, sp, bp, bx;
	__u64 link;    /* what is looked up: pc, or the last byte of the call before it, as link-time address */
	__u64 returns; /* where functions with a probe at their return have been made to return to; 0: none has */
	__u64 reg[16]; /* of the innermost frame, by their DWARF numbers */
	struct native_mapping map; /* that pc was found in last */
	__u64 saved[NATIVE_SAVED]; /* the words below a frame's CFA */
	__u32 row, rows_end, block; /* where the rows of the page of `link` are */
	__u32 space;
	__u32 first;   /* frames[] before its own */
	__u32 count, limit;
	__u32 error;   /* enum scry_walk_error */
	__u8 called;   /* pc is a return address */
	__u8 inner;	/* reg[] holds */
	__u8 whole;	/* saved[] could be read */
	__u8 kept;	/* the frame called the innermost one: what that has not changed of reg[] holds; 2: its CFA is there */
	__u8 pad[4];
};

#endif
