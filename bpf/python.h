/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPython in BPF: bpf/python.bpf.c, bpf/code.bpf.c. All work in a scratch that the caller owns, named by its slot, in whose
 * `walk` the process is prepared (walk_prepare).
 */
#ifndef SCRY_BPF_PYTHON_H
#define SCRY_BPF_PYTHON_H

#include "task.h"

/* What a walk or a look at a frame in this process starts from. */
static __always_inline void walk_prepare(struct scry_scratch *s, const struct scry_proc *proc, __u32 pid, __u32 slot)
{
	struct scry_walk *w = &s->walk;

	__builtin_memset(w, 0, sizeof(*w));
	s->slot = slot;
	w->bias = proc->bias;
	w->tls_module = proc->tls_module;
	w->instance = proc->instance;
	w->generation = *(volatile __u32 *)generation_of(proc->instance);
	w->thread = task_thread_pointer(bpf_get_current_task_btf());
	w->max_stack = config.max_stack;
	w->pid = pid;
	w->binary = proc->binary;
}

/* The interpreter of the process that is prepared; NULL: none. */
static __always_inline const struct scry_python *python_of(const struct scry_scratch *s)
{
	__u32 index = s->walk.binary;

	return bpf_map_lookup_elem(&pythons, &index);
}

static __always_inline const struct python_layout *python_layout_at(__u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);
	const struct scry_python *py = s ? python_of(s) : 0;

	return py ? &py->layout : 0;
}

/* Find the current thread's state, in s->raw: walk.frame is its current frame. An enum scry_walk_error. */
int python_current(__u32 slot);

/*
 * Is `state` the current thread's, and this frame, which is known to run in the thread, current in it? A state that is not in use
 * any more, or whose interpreter does not run now, has another frame or none. If so, s->raw is that state.
 */
int python_still(__u64 state, __u64 frame, __u32 slot);

/* Walk from walk.frame into frames[]; walk.error and walk.count tell how it went. */
int python_walk(__u32 pid, __u32 slot);

/* Look at one frame (0: the thread's current one) into s->here, and into frames[0]. An enum scry_walk_error. */
int python_look(__u64 frame, __u32 slot);

/* The frame that this one was called by; 0: none, or it cannot be read. */
__u64 python_previous(__u64 frame, __u32 slot);

/* s->here.caller may be one of the interpreter's own frames, which mark entries from C: then take its caller. */
int python_skip(__u32 slot);

/*
 * Which condition of the current thread's GIL is at this address? The state has been looked for. Where it is given back, those who
 * wait for it are signalled; where it is taken, who gave it.
 */
enum python_gil_part { PYTHON_GIL_OTHER, PYTHON_GIL_GIVEN, PYTHON_GIL_TAKEN };
int python_gil_part(__u64 address, __u32 slot);

/* Does the current thread, whose state has been looked for, hold the GIL? An enum scry_gil_holder. */
int python_holds_gil(__u32 slot);

/* Is this a word by which threads wait for the GIL of the current thread, whose state has been looked for? */
int python_waits_for_gil(__u64 word, __u32 slot);

/* Is an exception on its way in this thread state? */
int python_raising(__u64 state, __u32 slot);

/* The same of the thread state in s->raw. */
int python_raised(__u32 slot);

/* Does the eval function run this frame, or what it calls? -1: not known (3.6 to 3.10 are). */
int python_executes(__u64 frame, __u32 slot);

/* Has an exception left this frame, to which this object belonged when it passed? (3.11, 3.12; else no) */
int python_is_left(__u64 frame, __u64 object, __u32 slot);

/* Does every call enter the eval function (to 3.10)? Later, calls between Python functions do not. */
int python_always_enters_eval(__u32 slot);

/*
 * The frame that was looked at is about to execute this instruction (0: where it says): in s->here it is there, however much of the
 * handler has run. Always 0.
 */
int python_moves_to(__u64 instruction, __u32 slot);

/*
 * Of the RESUME in s->here, which is at `instruction` (0: where the frame says): 1 if it only creates a generator expression
 * (3.15), whose body begins at a later RESUME; s->here.first is set to that one when it is reached.
 */
int python_creates(__u64 instruction, __u32 slot);

/* Is the frame that of a suspended generator? To be asked only of frames of generators and coroutines. */
int python_suspended(__u64 frame, __u32 slot);

/* The frame of a frame object: itself to 3.10. */
__u64 python_frame_of(__u64 object, __u32 slot);

/*
 * The exception on its way in the current thread, if it has just been raised: address of its type's name, and in
 * s->event.message the str or bytes that is its message, or 0; s->event.exception tells it from others. 0: none.
 */
__u64 python_fresh_exception(__u32 slot);

/*
 * Where the current thread's interpreter counts its collections: struct gc_generation_stats (collections, collected, uncollectable)
 * for each of three generations. 0: not known.
 */
__u64 python_gc_stats(__u32 slot);
#define PYTHON_GC_STATS 9

/* A frame's code object, and whether it is one of importlib's own, which the C code of import takes out of tracebacks. */
__u64 python_code_of(__u64 frame, __u32 slot);
int python_is_importlib(__u64 code, __u32 slot);

/* How many modules the current thread's interpreter has loaded. */
__u64 python_modules(__u32 slot);

/* The name of a module object, a str; 0: not known. What from-imports of relative names load is the module itself. */
__u64 python_module_name(__u64 module, __u32 slot);

/* Append a str's characters, as they are, as the next text of the event that s->sample.count frames lie before. */
int python_text(__u64 object, __u32 slot);

/*
 * The arguments of a frame that begins, and an object, as struct scry_value behind the event that s->sample.count frames lie
 * before; its value_bytes is set. They must be the last that is added to it.
 */
int python_arguments(__u64 frame, __u32 slot);
int python_value(__u64 object, __u32 slot);

/*
 * From 3.13 on a value returned is seen before its frame is popped, which is where the call ends: then return_value is not an
 * end of its own.
 */
int python_pops(__u32 slot);

/* What an instruction that returns a constant returns: `instruction` is its address, 0: where the frame has it. */
__u64 python_constant(__u64 frame, __u64 instruction, __u32 slot);

/*
 * A code object's id, with s->here.first set. At its first sight it is given one, and user space is told of it. 0 or less:
 * a negative enum scry_walk_error.
 */
int python_code(__u64 address, __u32 pid, __u32 slot);

#endif
