// SPDX-License-Identifier: GPL-2.0-only
#include "plain.h"
#include "tally.h"

/*
 * The code object at an address, if it is known to be a plain function's: its id, 0: it is not. Nor is it where the instrumentation
 * of the interpreter's code has changed since: its RESUME may be executed twice.
 */
static __always_inline __u32 plain_code(const struct scry_thread *thread, __u64 address, __u32 *stat)
{
	volatile struct scry_plain_code *slot = plain_slot(address);
	__u32 changes, code, version;
	__u64 version_at;

	if (!slot)
		return 0;
	changes = slot->changes;
	if (slot->address != address || slot->instance != thread->instance ||
	    slot->generation != *(volatile __u32 *)generation_of(thread->instance))
		return 0;
	code = slot->code;
	*stat = slot->stat;
	version = slot->version;
	version_at = slot->version_at;
	if (slot->changes != changes || changes & 1)
		return 0;
	return version_at && (__u32)walk_pointer(version_at) != version ? 0 : code;
}

/* The current thread, if it is known; NULL: go the long way. */
static __always_inline struct scry_thread *plain_thread(void)
{
	struct scry_thread *thread;

	if (!watching || !config.aggregate || config.stream || config.cgroup_level || config.tids || config.glob)
		return 0;
	thread = bpf_task_storage_get(&threads, bpf_get_current_task_btf(), 0, 0);
	return thread && thread->lives == *(volatile __u32 *)&lives ? thread : 0;
}

/*
 * Whose a frame is, and who called it, lie near each other: the address of its code object, with PLAIN_OTHER if its caller is not
 * this one; 0: not readable. at: offsets of the code, and 16 bits up, of the caller. Apart, since it has little on its stack: one of
 * 64 bytes or more is not the task's (since 6.13), and the kernel takes longer to make sure that it may write into that.
 */
#define PLAIN_OTHER 1ULL

__noinline __u64 plain_frame(__u64 frame, __u64 caller, __u32 at)
{
	__u32 in_code = at & 0xffff, in_caller = at >> 16, low = in_code < in_caller ? in_code : in_caller;
	__u64 words[3], code;

	in_code -= low;
	in_caller -= low;
	if (!frame || in_code > 16 || in_caller > 16 || walk_read(words, sizeof(words), frame + low))
		return 0;
	code = in_code == 0 ? words[0] : in_code == 8 ? words[1] : words[2];
	return (code & ~3ULL) | ((in_caller == 0 ? words[0] : in_caller == 8 ? words[1] : words[2]) == caller ? 0 : PLAIN_OTHER);
}

static __always_inline __u64 plain_read(const struct python_layout *l, __u64 frame, __u64 caller)
{
	return plain_frame(frame, caller, OFF(l->frame_code) | OFF(l->frame_previous) << 16);
}

/*
 * The frame that is current in the thread state in which it was when it was looked for last. The thread may have another state by
 * now: what is found is to be compared with what is known to run.
 */
static __always_inline __u64 plain_current(const struct python_layout *l, __u64 state)
{
	if (!state)
		return 0;
	if (!l->tstate_cframe)
		return walk_pointer(state + OFF(l->tstate_frame));
	state = walk_pointer(state + OFF(l->tstate_cframe));
	return state ? walk_pointer(state + OFF(l->cframe_current_frame)) : 0;
}

/* The current thread's, for certain: to 3.11 that of the holder of the GIL, later where static TLS has it. 0: not known. */
static __always_inline __u64 plain_state(const struct scry_thread *thread, const struct scry_python *py)
{
	if (py->current)
		return walk_pointer(thread->bias + py->current);
	if (!py->has_tls_tstate || py->tls_module)
		return 0;
	return walk_pointer(task_thread_pointer(bpf_get_current_task_btf()) + py->tls_tstate);
}

static __always_inline const struct scry_python *plain_python(const struct scry_thread *thread)
{
	__u32 binary = thread ? thread->binary : 0;

	return thread ? bpf_map_lookup_elem(&pythons, &binary) : 0;
}

/* ---- entries ---- */

/*
 * Is there but one frame between this one and the innermost call, and none that has begun? So lies the interpreter's own between a
 * function and what C calls of it (3.12+), and that by which it calls __init__ (3.13+).
 */
__noinline int plain_is_below(__u64 frame, __u64 top, __u32 instance, __u32 previous)
{
	__u64 between = walk_pointer(frame + previous);

	return between && walk_pointer(between + previous) == top && call_index(between, instance) < 0;
}

/* A call of the innermost running function begins. */
static __always_inline int plain_begin(struct scry_thread *thread, __u64 frame, __u32 code, __u32 stat)
{
	__u32 which = call_set(frame, thread->instance);
	struct scry_call_set *set = bpf_map_lookup_elem(&calls, &which);
	struct scry_call *call;
	int way;

	if (!set || set->spilled || set_way(set, frame, thread->instance) >= 0)
		return 0;
	way = set_claim(set);
	if (way < 0)
		return 0;
	call = &set->call[way & (SCRY_CALL_WAYS - 1)];
	__builtin_memset(call, 0, sizeof(*call));
	call->code = code;
	call->stat = stat;
	call->instance = thread->instance;
	call->caller = thread->top;
	call->depth = thread->depth++;
	call->at = SCRY_AT_ANY;
	call->since = bpf_ktime_get_ns();
	thread->top = frame;
	*(volatile __u64 *)&set->frame[way & (SCRY_CALL_WAYS - 1)] = frame;
	return 1;
}

__noinline int plain_enter(__u64 frame)
{
	struct scry_thread *thread = plain_thread();
	const struct scry_python *py = plain_python(thread);
	__u32 code, stat = SCRY_NO_STAT;
	__u64 found;

	if (!py)
		return 0;
	if (!frame)
		frame = plain_current(&py->layout, thread->state);
	found = plain_read(&py->layout, frame, thread->top);
	code = plain_code(thread, found & ~PLAIN_OTHER, &stat);
	if (!code)
		return 0;
	if (code_dropped(code)) /* it matters for the own time of one that is wanted: is such a one running? */
		return !thread->top || call_index(thread->top, thread->instance) < 0;
	if (stat == SCRY_NO_STAT || !thread->top ||
	    (found & PLAIN_OTHER && !plain_is_below(frame, thread->top, thread->instance, OFF(py->layout.frame_previous))))
		return 0;
	return plain_begin(thread, frame, code, stat);
}

/* ---- exits ---- */

/* The frame that ends is not wanted, and has not been seen to begin. */
static __always_inline bool plain_ignores(const struct scry_thread *thread, const struct scry_python *py, __u64 frame)
{
	__u32 stat, code = plain_code(thread, plain_read(&py->layout, frame, 0) & ~PLAIN_OTHER, &stat);

	return code && code_dropped(code) && call_index(frame, thread->instance) < 0;
}

/* The innermost call returns, if it is one that began so. */
static __always_inline int plain_end(struct scry_thread *thread, bool may_raise)
{
	__u64 now = bpf_ktime_get_ns(), run, callees;
	__u32 which = call_set(thread->top, thread->instance), above;
	struct scry_call_set *set = bpf_map_lookup_elem(&calls, &which), *callers;
	struct scry_call_stat *stat;
	struct scry_call *call;
	int way = set ? set_way(set, thread->top, thread->instance) : -1, caller;

	if (!set || way < 0)
		return 0;
	call = &set->call[way & (SCRY_CALL_WAYS - 1)];
	if (call->at != SCRY_AT_ANY || call->unbegun || (may_raise && call->raised) || code_dropped(call->code))
		return 0;
	stat = stat_of_call(call);
	above = call_set(call->caller, thread->instance);
	callers = bpf_map_lookup_elem(&calls, &above);
	if (!stat || !callers || callers->spilled)
		return 0;
	run = now - call->since;
	callees = call->callees < run ? call->callees : run;
	caller = set_way(callers, call->caller, thread->instance);
	if (caller >= 0)
		callers->call[caller & (SCRY_CALL_WAYS - 1)].callees += run;
	thread->top = call->caller;
	thread->depth = call->depth;
	stat_put(stat, false, false, run, callees);
	*(volatile __u64 *)&set->frame[way & (SCRY_CALL_WAYS - 1)] = 0;
	return 1;
}

__noinline int plain_leave(__u64 frame, __u32 how)
{
	struct scry_thread *thread = plain_thread();
	const struct scry_python *py = plain_python(thread);
	const struct python_layout *l;

	if (!py)
		return 0;
	l = &py->layout;
	if (!frame)
		frame = plain_current(l, thread->state);
	if (!frame || frame != thread->top)
		return frame && plain_ignores(thread, py, frame);
	if (how == PLAIN_ASK &&
	    (!thread->state || !l->tstate_exception || walk_pointer(thread->state + OFF(l->tstate_exception))))
		return 0;
	return plain_end(thread, how == PLAIN_PASSED);
}

/* As python_executes(): then the function that returns is of another stack. */
static __always_inline bool plain_executes(const struct python_layout *l, __u64 frame)
{
	__u16 at = l->frame_executing ?: l->frame_state;
	__u8 state = 0;

	return at && (walk_read(&state, sizeof(state), frame + OFF(at)) || (l->frame_executing ? state != 0 : state == 0));
}

__noinline int plain_leave_eval(void)
{
	struct scry_thread *thread = plain_thread();
	const struct scry_python *py = plain_python(thread);

	return py && py->layout.instr != PYTHON_INSTR_POINTER && thread->top && !plain_executes(&py->layout, thread->top) &&
	       plain_end(thread, false);
}

/* ---- counting alone ---- */

/* In builds in which each thread has a copy of the code: may RESUME be executed once more, or is it that? Else it is the last one. */
static __always_inline bool plain_moves(struct scry_thread *thread, const struct python_layout *l, __u64 frame, __u32 code)
{
	struct scry_resume *last = &thread->resume;
	__u32 copy;

	if (walk_read(&copy, sizeof(copy), frame + OFF(l->frame_tlbc_index)) || (last->frame == frame && last->copy != copy))
		return true;
	last->frame = frame;
	last->code = code;
	last->copy = copy;
	last->home = copy + 1;
	last->resumed = 0;
	return false;
}

__noinline int plain_count(__u64 frame, __u64 code, __u64 instruction)
{
	struct scry_thread *thread = plain_thread();
	const struct scry_python *py = plain_python(thread);
	__u32 id, index = SCRY_NO_STAT;
	struct scry_call_stat *stat;

	if (!py || thread->resume.outdated)
		return 0;
	if (!py->layout.code_tlbc) /* else threads have copies of the instructions, which come and go by themselves */
		code = code ?: instruction;
	if (!code) {
		if (!frame)
			frame = plain_current(&py->layout, plain_state(thread, py));
		code = plain_read(&py->layout, frame, 0) & ~PLAIN_OTHER;
	}
	id = plain_code(thread, code, &index);
	if (!id)
		return 0;
	if (code_dropped(id))
		return 1;
	stat = stat_at(index);
	if (!stat || stat->code != id || (py->layout.frame_tlbc_index && plain_moves(thread, &py->layout, frame, id)))
		return 0;
	__sync_fetch_and_add(&stat->calls, 1);
	return 1;
}
