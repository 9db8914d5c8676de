/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every walker is written against. Whoever includes a walker defines first
 *
 *     long walk_read(void *dst, __u32 size, __u64 address)     0: read; else: not readable
 *     bool walk_in_register(__u64 value)     does a register of the thread hold this? false where that is not known
 *     bool walk_counts_entries()     are entries from C to be counted in the frames? (bpf/wire.h)
 *
 * In BPF (bpf/walk.h) it reads the current task's memory; on the host (runtimes/host.h) another process's, or an image.
 *
 * A walk goes in chunks of WALK_CHUNK steps, each a bounded loop whose state lies in struct scry_walk between chunks. In BPF a
 * chunk is a global function, which the verifier looks at once however often it is called: so the kernels without bpf_loop
 * (before 5.17) walk as deep as the others, by the same code.
 */
#ifndef SCRY_RUNTIMES_WALK_H
#define SCRY_RUNTIMES_WALK_H

#include "../bpf/wire.h"
#include "native/layout.h"

#define RAW_BYTES    256
#define WINDOW_BYTES 2048 /* power of two */

#define WALK_CHUNK 2
#define WALK_MAX_STATES 16384 /* thread states looked at to find one */
/* Frames looked at in one walk: between two of the program's there may be one of the interpreter's own. */
#define WALK_MAX_STEPS (2 * (SCRY_MAX_STACK + WALK_CHUNK))

struct scry_walk {
	__u64 bias;	  /* of the interpreter's binary */
	__u64 thread;	  /* the thread pointer */
	__u64 tls_module; /* module id of the interpreter's thread-local block, once known */
	__u64 state;	  /* the thread's, once found */
	__u64 frame;	  /* next frame to read; 0: no more */
	__u64 entry;	  /* the frame that was current when C entered the interpreter last */
	__u64 interp;	  /* search: interpreter whose threads are looked at */
	__u64 mark;	  /* cycle detection (Brent): an earlier frame ... */
	__u32 next_mark;  /* ... that moves on at this step */
	__u32 steps;	  /* frames read, those left out included */
	__u32 count;	  /* frames found */
	__u32 max_stack;
	__u32 binary;	  /* index of the interpreter binary */
	__u32 pid, instance, generation; /* of the process: whose code objects these are */
	__u32 error;	  /* enum scry_walk_error */
	__u64 code;	  /* of the frame looked at */
	__u64 window_from, window_last; /* what s->window holds: frames that begin at from to from + last */
	__u32 unsure;	  /* entry is still to be compared with what the walk finds */
	__u32 entries;	  /* of C into the interpreter, before the first frame */
	__s32 at;	  /* of the frame looked at: as in struct scry_frame */
	__u8 inner;	  /* C called the interpreter from within the interpreter */
	__u8 again;	  /* the walk began a second time, at entry */
	__u8 pad[2];
};

/* One frame, looked at for an event. */
struct scry_here {
	__u64 frame;
	__u64 caller; /* as the frame says; may be one of the interpreter's own */
	__u64 address; /* of its code object */
	__u32 code;
	__s32 at;    /* as in struct scry_frame */
	__s32 first; /* offset of the first instruction that is traced: before it the body has not begun */
	__u32 generator; /* or coroutine: it may yield */
};

/* Values of objects being read: runtimes/python/values.h. */
struct scry_values_level {
	__u64 items, names, cells, extra, pending; /* addresses */
	__u32 next, count;		    /* slots looked at, and to look at */
	__u32 shown, limit;
	__u8 kind, stride, has_pending, pad[5];
};
struct scry_values {
	__u32 bytes; /* of the stream */
	__u32 depth; /* levels in use */
	struct scry_values_level level[4];
	__u8 stream[SCRY_VALUE_ROOM];
};

/* A call of Lua that is to be told of, with its callers. */
struct lua_told {
	__u64 now, duration, own; /* ns */
	__u32 type, depth;
	__u8 wanted, tail; /* tail: it took the place of others */
	__u8 pad[6];
};

/* Room to build records in. */
struct scry_scratch {
	__u8 window[WINDOW_BYTES]; /* several frames of the target */
	/* What each sample needs is side by side: the target's own work leaves little of it in the CPU's caches. */
	__u32 slot; /* its own index in BPF */
	__u32 busy; /* in BPF: taken by a program that can be preempted */
	__u8 raw[RAW_BYTES];	   /* one structure of the target */
	struct {
		__u32 pid, lives;
		struct scry_proc proc;
	} recent; /* in BPF: the process of this CPU's last sample (bpf/sample.bpf.c) */
	struct scry_walk walk;
	struct scry_here here;
	struct scry_sample sample;
	struct scry_frame frames[SCRY_MAX_STACK + SCRY_MAX_NATIVE + SCRY_MAX_KERNEL];
	struct native_walk native;
	struct {
		__u64 now; /* ns */
		__u32 pid, instance;
		__u64 message; /* of an exception: str or bytes, 0: none */
		__u64 exception; /* that object, or what it will be made of */
		__u64 value;   /* returned or yielded: an object, 0: not known */
		struct {
			__u64 frame, caller;
			struct scry_frame place;
		} unlinked; /* a frame that is about to run, whose caller is not in it yet; 0: none */
	} event; /* being worked on */
	struct {
		__u64 state;	 /* lua_State */
		__u64 ci;	 /* CallInfo of the function that begins or ends, or runs */
		__u64 below;	 /* the one that it was called by, which may be a C function's */
		__u64 caller;	 /* the one that called it, where it runs */
		__s32 code;	 /* its function; 0: not looked at */
		__s32 level;	 /* where that lies on Lua's stack; -1: no function in Lua runs */
		__u32 fresh;	 /* it has not begun */
		__u32 plain;	 /* it was called: it has not taken the place of another in a tail call */
		__u32 returning; /* a function that returns and is found to have called others, which an error has left; 0: none */
		__u32 returning_tail; /* that has taken the place of others */
		struct lua_told told;
	} lua; /* event of a Lua call */
	struct {
		struct scry_stack_key key;
		__u32 at; /* words done */
		__u32 words;
	} intern; /* of the stack in sample and frames */
	struct scry_values values;
	__u64 own[144]; /* what a runtime's walker keeps for itself */
	struct scry_code code;
	__u8 text[SCRY_NAME_BYTES + SCRY_FILE_BYTES + SCRY_LINES_BYTES];
};

/* Field of the structure in s->raw. The masks keep the verifier content; layouts are checked when they are made. */
#define RAW_U64(s, field) (*(__u64 *)((s)->raw + (OFF(field) & 0xf8)))
#define RAW_U32(s, field) (*(__u32 *)((s)->raw + (OFF(field) & 0xfc)))
#define RAW_U8(s, field)  ((s)->raw[OFF(field) & 0xff])

/*
 * What the BPF verifier knows of registers it follows through all that comes after, each way apart; of what lies in the scratch
 * it knows nothing. Here values are taken from the scratch again, so that the ways meet.
 */
#define walk_forget() asm volatile("" ::: "memory")

/* A loop whose body is there once: in a program that runs seldom most instructions come from far memory. */
#ifdef __clang__
#define walk_rolled _Pragma("clang loop unroll(disable)")
#else
#define walk_rolled
#endif

#ifdef walk_read
static inline __attribute__((always_inline)) __u64 walk_pointer(__u64 address)
{
	__u64 value = 0;

	walk_read(&value, sizeof(value), address);
	return value;
}
#endif

#endif
