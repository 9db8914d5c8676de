/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the BPF programs and user space both see: the records of the ring buffer, the values of the
 * shared maps and the list of walk errors. Nothing else belongs here.
 */
#ifndef SCRY_WIRE_H
#define SCRY_WIRE_H

#include <linux/types.h>

/* Interpreted languages, in the order of runtimes/list.h; 0 is "none". */
enum scry_runtime { SCRY_RUNTIME_NONE, SCRY_RUNTIME_PYTHON, SCRY_RUNTIME_LUA, SCRY_RUNTIME_COUNT };

#define SCRY_MAX_STACK	   8192 /* frames; the largest --max-stack */
#define SCRY_DEFAULT_STACK 1024

/*
 * Why a stack is missing or incomplete. Each sample carries one; record counts them by cause.
 * Order is part of the capture's meaning only through the text, which is stored with it.
 */
#define SCRY_WALK_ERRORS(X)                                             \
	X(OK, "complete")                                               \
	X(PENDING, "process not examined yet")                          \
	X(NO_INTERPRETER, "program without an interpreter")             \
	X(NOT_STARTED, "interpreter starting or ending")                \
	X(NO_THREAD_STATE, "thread outside the interpreter")            \
	X(STATE_FAULT, "thread state not readable")                     \
	X(FRAME_FAULT, "frame not readable (page not present)")         \
	X(FRAME_CYCLE, "frame list is cyclic")                          \
	X(ENTERING, "caught between caller and callee")                 \
	X(BAD_CODE, "frame without a valid code object")                \
	X(CODE_FAULT, "code object not readable (page not present)")    \
	X(CODES_FULL, "table of code objects full")                     \
	X(PROCS_FULL, "table of processes full")                        \
	X(CODE_LOST, "ring buffer full: a code object is not known yet") \
	X(TRUNCATED, "deeper than --max-stack")                         \
	X(EXITING, "process exiting")                                   \
	X(NATIVE_PENDING, "C frames: memory map not read yet")          \
	X(NATIVE_UNMAPPED, "C frames: code not in a known mapping")     \
	X(NATIVE_NO_RULE, "C frames: no unwind rule for an address")    \
	X(NATIVE_RULE, "C frames: unwind rule of an unknown kind")      \
	X(NATIVE_FAULT, "C frames: stack not readable")                 \
	X(NATIVE_STUCK, "C frames: stack does not lead outwards")       \
	X(NATIVE_PROBED, "C frames: a probe is being served")           \
	X(NATIVE_APART, "C frames: not laid between those of this language") \
	X(NATIVE_MISMATCH, "C frames: do not fit the interpreted ones") \
	X(NATIVE_FULL, "C frames: unwind tables full")                     \
	X(STACK_LOST, "ring buffer full: a stack is not known yet")     \
	X(STACKS_FULL, "table of stacks full")                          \
	X(OUTSIDE, "waiting since before the recording")                \
	X(STARTING, "thread has not run yet")                           \
	X(UNSAMPLED, "on CPU between samples")                          \
	X(STOLEN, "CPU taken by the hypervisor or by interrupts")

enum scry_walk_error {
#define X(name, text) SCRY_WALK_##name,
	SCRY_WALK_ERRORS(X)
#undef X
	SCRY_WALK_ERROR_COUNT
};

enum scry_record_kind {
	SCRY_RECORD_SAMPLE = 1,
	SCRY_RECORD_CODE,	/* first sight of a code object */
	SCRY_RECORD_ASK,	/* a process user space should examine */
	SCRY_RECORD_FORK,
	SCRY_RECORD_EXEC,
	SCRY_RECORD_EXIT,	/* of a process's last thread */
	SCRY_RECORD_EVENT,	/* a struct scry_sample, its frames, then a struct scry_event */
	SCRY_RECORD_ASK_MAP,	/* a process whose memory map user space should look at */
	SCRY_RECORD_STACK,	/* first sight of a stack: a struct scry_sample, its key in place of comm */
	SCRY_RECORD_WAIT,	/* struct scry_wait: a wait that has ended */
	SCRY_RECORD_WAITING,	/* struct scry_wait: one that began before the recording, found now */
	SCRY_RECORD_RAN,	/* struct scry_wait: the last of a thread's time on CPU, told by no sample */
	SCRY_RECORD_NAMING,	/* struct scry_naming: how a function without a name of its own was called first */
};

/* Counters kept per CPU. */
enum scry_count {
	SCRY_COUNT_SAMPLES,	/* ticks that hit a followed thread */
	SCRY_COUNT_LOST,	/* samples the ring buffer had no room for */
	SCRY_COUNT_LOST_CODES,	/* first sights likewise: sent again with the next sample */
	SCRY_COUNT_CODES,	/* first sights */
	SCRY_COUNT_EVENTS,	/* events seen at probes */
	SCRY_COUNT_LOST_EVENTS, /* no room in the ring buffer */
	SCRY_COUNT_UNPAIRED,	/* exits of calls whose entry was not seen: they began before scry came */
	SCRY_COUNT_UNTRACKED,	/* calls not timed, the table of running calls being full */
	SCRY_COUNT_BUSY,	/* events missed since too many programs were preempted on a CPU */
	SCRY_COUNT_UNREADABLE,	/* events whose frame could not be read */
	SCRY_COUNT_UNFOLLOWED,	/* children for which `targets` had no room: none of theirs is seen */
	SCRY_COUNT_WAITS,	/* that have been told of */
	SCRY_COUNT_UNWAITED,	/* threads that could not be followed on and off CPU: no memory */
	SCRY_COUNT_COUNT
};

struct scry_record {
	__u32 kind; /* enum scry_record_kind */
	__u32 pid;  /* process, as in the pid namespace of scry */
	__u64 time; /* CLOCK_MONOTONIC, ns */
};

/* SCRY_RECORD_FORK, _EXEC, _EXIT: head.pid is the child in a fork. */
struct scry_process {
	struct scry_record head;
	__u32 parent; /* fork */
	__u16 lost;    /* exec: by another thread than the main one, which ends the probes of this process alone */
	__u16 outside; /* exec: not in the cgroup that is watched */
};

/*
 * One frame. The high 3 bits of `code` say what it is (enum scry_frame_kind):
 *   interpreted      code: id given at first sight, never reused in a session (0: not known); at: byte offset of the
 *                    instruction from the first one, SCRY_AT_NONE before the first
 *   native           code: index of the binary in scry's table; at: link-time address in it, as u32
 *   address, kernel  61 bits of an address: low 29 bits of code above the 32 of at
 */
struct scry_frame {
	__u32 code;
	__s32 at;
};
#define SCRY_AT_NONE (-1)
#define SCRY_AT_ANY  (-2) /* struct scry_call.at: its function is entered at one place only */

enum scry_frame_kind {
	SCRY_FRAME_INTERPRETED,
	SCRY_FRAME_NATIVE,  /* in a binary that is known */
	SCRY_FRAME_ADDRESS, /* in user memory: made at run time, or in a file that could not be read */
	SCRY_FRAME_KERNEL,
};
#define SCRY_FRAME_SHIFT 29
#define SCRY_FRAME_LOW	 ((1u << SCRY_FRAME_SHIFT) - 1)

/*
 * In samples with native frames an interpreted frame tells also how many times C entered the interpreter by it, or by frames of
 * the interpreter's own just below it: each is a call of the eval function. The largest number means "or more".
 */
#define SCRY_ENTRIES_SHIFT 26
#define SCRY_ENTRIES_MAX   7
#define SCRY_CODE_IDS	   (1u << SCRY_ENTRIES_SHIFT) /* ids are less */

/* 128 bits of a hash over all that a stack is: equal keys are equal stacks. 0, 0: none. */
struct scry_stack_key {
	__u64 a, b;
};

enum scry_gil_holder { SCRY_GIL_UNKNOWN, SCRY_GIL_MINE, SCRY_GIL_NOT_MINE };

struct scry_sample {
	struct scry_record head;
	__u32 tid;
	__u32 cpu;
	__u8 runtime; /* enum scry_runtime */
	__u8 error;   /* enum scry_walk_error: frames[] holds what was read before it */
	__u16 count;  /* frames, leaf first */
	__u32 instance; /* see struct scry_proc */
	__u64 thread;	/* thread pointer, by which interpreters know their threads */
	__u64 ran;	/* with config.wall: ns on CPU since the thread's last sample */
	union {
		char comm[16];
		struct scry_stack_key key; /* of a SCRY_RECORD_STACK */
	};
	__u16 native;	/* frames behind those, leaf first */
	__u16 kernel;	/* addresses (u64 each) behind those, leaf first */
	__u8 native_error; /* enum scry_walk_error of the native walk; OK without frames: there was none */
	__u8 entries;	/* as in struct scry_frame, before the first interpreted frame */
	__u8 gil;	/* enum scry_gil_holder, with config.gil */
	__u8 exiting;	/* of a struct scry_wait: the thread ends, perhaps after its process's SCRY_RECORD_EXIT */
	struct scry_frame frames[];
};
#define SCRY_MAX_NATIVE 4096
#define SCRY_MAX_KERNEL 127 /* PERF_MAX_STACK_DEPTH, include/uapi/linux/perf_event.h */

/* What a thread off CPU is doing there, as the scheduler sees it. */
enum scry_wait_state {
	SCRY_WAIT_RUNQUEUE, /* wants to run: it was preempted, or is new */
	SCRY_WAIT_SLEEPING,
	SCRY_WAIT_DISK,	    /* uninterruptible, for input or output */
	SCRY_WAIT_BLOCKED,  /* uninterruptible, for something else */
	SCRY_WAIT_STOPPED,  /* by a signal or a debugger */
	SCRY_WAIT_GIL,	    /* for the lock of its interpreter */
	SCRY_WAIT_STOLEN,   /* has a CPU, of which something else takes the time. duration_ns: of many times */
	SCRY_WAIT_STATE_COUNT
};

enum scry_waker { SCRY_WAKER_NONE /* not known */, SCRY_WAKER_THREAD, SCRY_WAKER_INTERRUPT };

struct scry_wait {
	struct scry_sample who; /* without frames; time: when the wait ended; error: why there is no stack */
	__u64 duration_ns;
	struct scry_stack_key stack;
	__u8 state;	/* enum scry_wait_state */
	__u8 open;	/* has not ended: counted up to the end of the recording */
	__u8 waker_is;	/* enum scry_waker */
	__u8 pad;
	__s32 syscall;	/* number of the system call it is in; -1: none */
	__u64 argument[2]; /* of the system call */
	__u64 switches; /* SCRY_RECORD_WAITING: how often the thread has left a CPU so far */
	struct scry_stack_key waker; /* 0: its stack is not known */
	__u32 waker_pid, waker_tid;
	char waker_comm[16];
};

enum scry_event_kind {
	SCRY_EVENT_CPU,
	SCRY_EVENT_CALL,
	SCRY_EVENT_LINE,
	SCRY_EVENT_GC,
	SCRY_EVENT_IMPORT,
	SCRY_EVENT_EXCEPTION,
	SCRY_EVENT_AUDIT,
	SCRY_EVENT_GIL,
	SCRY_EVENT_COUNT
};

enum scry_gil { SCRY_GIL_HELD, SCRY_GIL_WAITED }; /* scry_event.number: what has ended */

enum scry_call_type {
	SCRY_CALL_ENTRY,
	SCRY_CALL_RESUME, /* of a generator or coroutine: its body goes on */
	SCRY_CALL_RETURN,
	SCRY_CALL_YIELD, /* it is suspended */
	SCRY_CALL_UNWIND, /* left by an exception */
	SCRY_CALL_DROPPED, /* a suspended generator is no more; noticed at some time later */
};

/* What Lua's collector does, told in place of a generation. */
enum scry_gc_work { SCRY_GC_STEP = 16, SCRY_GC_FULL };

/* What follows the frames of a SCRY_RECORD_EVENT; then its texts, one after the other. frames[0] is where it happened. */
struct scry_event {
	__u8 event; /* enum scry_event_kind */
	__u8 type;  /* enum scry_call_type */
	__u8 text_kind[2]; /* bytes a character, 1 being Latin-1; 0: a C string that should be UTF-8 */
	__u32 depth;	   /* nesting, 0 outermost, as far as seen */
	__u64 duration_ns; /* of the call, pause or import that ends here; suspended time not counted */
	__u64 own_ns;	   /* without what it called */
	__s64 number;	   /* gc: generation, or enum scry_gc_work; import: whether it was found; line: the line; gil: enum scry_gil */
	__s64 number2;	   /* gc: objects collected */
	__s64 number3;	   /* gc: objects found that cannot be freed; -1: not known */
	__u32 text_bytes[2]; /* import: module; exception: type, message; audit: event */
	__u32 value_bytes;   /* behind the texts; call: arguments, or what it returned. See struct scry_value */
	__u32 pad;
};
#define SCRY_EVENT_TEXT 1024 /* bytes of a text at most */

/*
 * Python objects as values: each a head and `bytes` bytes, padded to a multiple of 8. What is in a container follows it, up
 * to an END (of a dict key and value in turns); so do the arguments of a call, the name before each. Where room ran out the
 * stream just ends.
 */
enum scry_value_what {
	SCRY_VALUE_END,
	SCRY_VALUE_UNREADABLE,
	SCRY_VALUE_NONE,
	SCRY_VALUE_BOOL,   /* number: 0 or 1 */
	SCRY_VALUE_INT,	   /* number: its magnitude */
	SCRY_VALUE_BIG,	   /* an int of more than 64 bits; number: its digits of 30 bits; bytes: the highest */
	SCRY_VALUE_FLOAT,  /* number: its bits */
	SCRY_VALUE_STR,	   /* number: characters; bytes: the first ones */
	SCRY_VALUE_BYTES,
	SCRY_VALUE_LIST,   /* containers: number: items */
	SCRY_VALUE_TUPLE,
	SCRY_VALUE_SET,
	SCRY_VALUE_FROZENSET,
	SCRY_VALUE_DICT,
	SCRY_VALUE_OTHER,  /* bytes: the name of its type, up to a NUL */
	SCRY_VALUE_ARGS,   /* number: of the arguments */
	SCRY_VALUE_COUNT
};
enum scry_value_flag {
	SCRY_VALUE_NEGATIVE = 1,
	SCRY_VALUE_OLD = 2, /* a type of 2.7 whose repr differs: long, str as bytes, unicode, set */
};
struct scry_value {
	__u8 what;  /* enum scry_value_what */
	__u8 flags; /* enum scry_value_flag */
	__u8 kind;  /* of a str: bytes a character */
	__u8 pad;
	__u32 bytes;
	__u64 number;
};
#define SCRY_VALUE_ROOM	 4096 /* bytes of a stream at most */
#define SCRY_VALUE_ITEMS 4    /* shown of a container */
#define SCRY_VALUE_DEPTH 2    /* containers in each other whose items are shown */
#define SCRY_VALUE_CHARS 64   /* shown of a str or bytes */
#define SCRY_VALUE_PARAMS 32  /* shown of the arguments */

struct scry_naming {
	struct scry_record head;
	struct scry_frame function, caller;
};

/* A call that runs, or is suspended. */
struct scry_call {
	__u32 code;
	__u32 instance; /* of the process; 0: nothing is here */
	__u64 caller;	/* frame that called or resumed it */
	__u64 since;	/* ns: when it began to run, this time */
	__u64 ran;	/* ns: in earlier runs, of a generator */
	__u64 callees;	/* ns: in what it called */
	__u32 depth;
	union {
		__s32 at;      /* where it began to run, this time */
		__u32 strand;  /* Lua: index of its struct scry_strand */
	};
	__u8 suspended;
	__u8 resumed;	/* known only since it was resumed: its beginning was not seen */
	__u8 unbegun;	/* a generator closed before its body began, which is no call */
	union {
		__u8 generator; /* or coroutine: it may yield */
		__u8 bottom;	/* Lua: the outermost known of its lua_State: struct scry_strand tells who resumed it */
	};
	__s32 level;	/* Lua: where its function lies on the stack of its lua_State */
	__u32 stat;	/* where its statistics are kept; SCRY_NO_STAT: nowhere yet */
	union {
		__u8 raised; /* an exception has passed it, which it may have caught */
		__u8 tail;   /* Lua: it took the place of others */
	};
	__u8 pad[3];
};

/*
 * A lua_State (a coroutine, or the main thread) with calls that are known, in the same table as they: it is suspended as a whole,
 * however many they are. The times of its calls are less by what `waited` has grown since they began.
 */
struct scry_strand {
	__u32 code; /* 0: this is no call */
	__u32 instance;
	__u64 state;   /* the lua_State */
	__u64 resumer; /* the call that resumed it, or began it; 0: not known */
	__u64 since;   /* ns: when it was resumed, or suspended, last */
	__u64 waited;  /* ns that it was suspended so far */
	__u32 running; /* calls */
	__u8 suspended;
	__u8 pad[3];
	__u64 top; /* suspended: its innermost call */
	__u64 unused;
};
_Static_assert(sizeof(struct scry_strand) == sizeof(struct scry_call), "they share a table");

/*
 * The map `calls`: those whose frames' addresses fall into the same set. A hash map of the kernel's would cost a call its entry
 * and its removal, each several times what finding it here does.
 */
#define SCRY_CALL_WAYS 8
struct scry_call_set {
	__u64 frame[SCRY_CALL_WAYS]; /* 0: free */
	__u64 spilled;		     /* some found no room here and are in the set behind */
	struct scry_call call[SCRY_CALL_WAYS];
};

/* Of the name filter, for each code object. */
enum scry_verdict { SCRY_VERDICT_NONE /* not decided yet */, SCRY_VERDICT_KEEP, SCRY_VERDICT_DROP };
#define SCRY_VERDICT_NAMED 0x80 /* added: a SCRY_RECORD_NAMING has been sent */

/*
 * Kept by BPF for each function that was called; hist by bpf/hist.h. `calls` are those that have ended, by their beginning; where
 * calls are only counted, those that have begun. Index 0 of the map `call_stats` is none.
 */
#define SCRY_HIST_BUCKETS 320
#define SCRY_NO_STAT	  0
struct scry_call_stat {
	__u32 code; /* 0: of no function */
	__u32 pad;
	__u64 calls, resumes, errors;
	__u64 total_ns, callees_ns, max_ns;
	__u32 hist[SCRY_HIST_BUCKETS];
};

/* A line of a code object (0: not known): the map `lines` has how often it was executed. */
struct scry_line {
	__u32 code;
	__s32 line;
};

/* Text read from the target: a str (kind 1, 2, 4 bytes a character) or bytes (kind 1, utf8 set). */
struct scry_text {
	__u32 chars; /* length in the target, in characters */
	__u32 bytes; /* how many bytes of it follow; less than chars * kind: cut or not readable */
	__u8 kind;
	__u8 encoding; /* enum scry_encoding */
	__u16 pad;
	__u64 address; /* of the first character in the target, to read what is missing */
};
enum scry_encoding { SCRY_ENCODING_UCS, SCRY_ENCODING_UTF8 };

/* The identity of a code object; the texts' bytes follow one another: name, file, lines. */
struct scry_code {
	struct scry_record head;
	__u32 id;
	__u32 instance;
	__u64 address;
	__u32 binary; /* index of the interpreter binary: tells the line table's format */
	__s32 first_line;
	struct scry_text name, file, lines;
	__u8 bytes[];
};
#define SCRY_NAME_BYTES	 8192	/* sent at first sight; the rest is read by user space */
#define SCRY_FILE_BYTES	 4096
#define SCRY_LINES_BYTES 32768

/* A followed process whose interpreter is known. Key: pid (tgid). */
struct scry_proc {
	__u64 bias;	  /* run-time address minus link-time address of the interpreter's binary */
	__u32 runtime;	  /* enum scry_runtime */
	__u32 binary;	  /* index into the runtime's map of binaries */
	__u32 instance;	  /* unique for each life of a pid and each exec in it */
	__u32 pad;
	__u64 tls_module; /* cached module id of the interpreter's thread-local block, 0: not read yet */
};

/*
 * How to recognise and place an interpreter from its executable's inode alone, so that a process
 * that lives for milliseconds needs no help from user space. Key: struct scry_exe_key.
 */
struct scry_exe_key {
	__u64 inode;
	__u64 device; /* kernel's dev_t: major << 20 | minor */
};
enum scry_place {
	SCRY_PLACE_ASK,	   /* no interpreter was found in it: it may load one later, so ask user space, seldom */
	SCRY_PLACE_EXE,	   /* the executable is the interpreter: bias from mm->start_code */
	SCRY_PLACE_LINKED, /* a shared library: found in the dynamic linker's list (struct r_debug) */
};
struct scry_exe {
	__u32 place; /* enum scry_place */
	__u32 runtime;
	__u32 binary;
	__u32 fixed;	     /* ET_EXEC: bias is 0 */
	__u64 start_code;    /* link-time address of the lowest executable segment of the executable */
	__u64 debug_slot;    /* link-time address of the executable's DT_DEBUG value */
	__u64 library_dynamic; /* link-time address of the library's dynamic section */
	__u64 build_id_at;   /* link-time address of the interpreter binary's build id */
	__u8 build_id[20];
	__u32 build_id_size; /* 0: none, not compared */
};

#endif
