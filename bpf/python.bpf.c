// SPDX-License-Identifier: GPL-2.0-only
/* The walk of CPython's frames in the current task. */
#include "python.h"
#include "task.h"

/* The general registers: on x86-64 the first 15 words of struct pt_regs (arch/x86/include/asm/ptrace.h), on aarch64 x0 to x14. */
#define REGISTERS 15

__noinline int walk_in_register(__u64 value)
{
	const void *regs = (const void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	__u64 held[REGISTERS];

	if (bpf_probe_read_kernel(held, sizeof(held), regs))
		return 0;
	for (int i = 0; i < REGISTERS; i++)
		if (held[i] == value)
			return 1;
	return 0;
}

static __always_inline __u32 walk_code(struct scry_scratch *s, void *cache, __u64 address)
{
	struct scry_code_slot *slot =
		&((struct scry_code_cache *)cache)->slot[(address >> 4 ^ address >> 15) & (CODE_SLOTS - 1)];
	int id;

	if (slot->address == address && slot->instance == s->walk.instance && slot->generation == s->walk.generation) {
		s->here.first = slot->known.first;
		s->here.generator = slot->known.generator;
		return slot->known.id;
	}
	id = python_code(address, s->walk.pid, s->slot);
	if (id <= 0) {
		s->walk.error = -id;
		return 0;
	}
	slot->address = address;
	slot->instance = s->walk.instance;
	slot->generation = s->walk.generation;
	slot->known.id = id;
	slot->known.first = s->here.first;
	slot->known.generator = s->here.generator;
	return id;
}

#include "../runtimes/python/walk.h"

static __always_inline const struct scry_python *binary(__u32 index)
{
	return bpf_map_lookup_elem(&pythons, &index);
}

/* The steps of a walk, each a global function: the verifier looks at it once. 0: go on. */

__noinline int python_begin(__u32 index, __u32 slot)
{
	const struct scry_python *py = binary(index);
	struct scry_scratch *s = scratch_at(slot);

	if (!py || !s)
		return 1;
	return python_find_state(py, s) || s->walk.error;
}

__noinline int python_search_chunk(__u32 index, __u32 slot)
{
	const struct scry_python *py = binary(index);
	struct scry_scratch *s = scratch_at(slot);

	return !py || !s || python_search(py, s);
}

__noinline int python_walk_chunk(__u32 index, __u32 slot)
{
	const struct scry_python *py = binary(index);
	struct scry_scratch *s = scratch_at(slot);
	void *known = bpf_map_lookup_elem(&code_cache, &slot);

	return !py || !s || !known || python_walk_on(py, s, known);
}

/* Many chunks: a loop of its own, so that not every round of one loop is followed, but of two short ones. */
#define CHUNKS 64

__noinline int python_search_far(__u32 index, __u32 slot)
{
	for (int i = 0; i < CHUNKS; i++)
		if (python_search_chunk(index, slot))
			return 1;
	return 0;
}

__noinline int python_walk_far(__u32 index, __u32 slot)
{
	for (int i = 0; i < CHUNKS; i++)
		if (python_walk_chunk(index, slot))
			return 1;
	return 0;
}

__noinline int python_current(__u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);
	struct scry_proc *proc;
	struct scry_walk *w;
	bool known, over;
	__u32 pid;

	if (!s)
		return SCRY_WALK_PENDING;
	w = &s->walk;
	known = w->tls_module;
	w->error = SCRY_WALK_OK;
	w->frame = w->entry = w->interp = w->unsure = 0;
	w->inner = w->again = 0;
	over = python_begin(w->binary, slot);
	for (int i = 0; !over && i < WALK_MAX_STATES / WALK_CHUNK / CHUNKS; i++)
		over = python_search_far(w->binary, slot);
	if (!over) { /* what lies in frame is a thread state yet */
		w->frame = 0;
		w->error = SCRY_WALK_NO_THREAD_STATE;
	}
	if (!w->frame && !w->error)
		w->error = SCRY_WALK_NOT_STARTED;
	if (w->tls_module && !known) { /* the same for all of the process's threads */
		pid = w->pid;
		proc = bpf_map_lookup_elem(&procs, &pid);
		if (proc)
			proc->tls_module = w->tls_module;
		if (s->recent.pid == pid)
			s->recent.proc.tls_module = w->tls_module;
	}
	return w->error;
}

__noinline int python_still(__u64 state, __u64 frame, __u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);
	const struct scry_python *py = s ? python_of(s) : 0;
	__u32 size;

	if (!py || !state || !frame || py->layout.tstate_cframe)
		return 0;
	size = py->state_bytes;
	return size <= RAW_BYTES && !walk_read(s->raw, size, state) &&
	       RAW_U64(s, py->layout.tstate_thread_id) == s->walk.thread &&
	       RAW_U64(s, py->layout.tstate_frame) == frame;
}

__noinline int python_walk(__u32 pid, __u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);
	bool over;

	if (!s)
		return 0;
	over = python_walk_chunk(s->walk.binary, slot); /* mostly, that is all */
	for (int i = 0; !over && i <= WALK_MAX_STEPS / WALK_CHUNK / CHUNKS; i++)
		over = python_walk_far(s->walk.binary, slot);
	if (!over)
		s->walk.error = SCRY_WALK_TRUNCATED;
	return 0;
}

__noinline int python_look(__u64 frame, __u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);
	struct scry_code_cache *cache = bpf_map_lookup_elem(&code_cache, &slot);
	const struct scry_python *py = s ? python_of(s) : 0;

	if (!py || !cache)
		return SCRY_WALK_PENDING;
	if (!frame) {
		if (python_current(slot))
			return s->walk.error;
		frame = s->walk.frame;
	}
	s->walk.error = SCRY_WALK_OK;
	s->walk.count = 0;
	s->walk.unsure = s->walk.again = 0; /* at a probe the thread's state is whole */
	s->walk.window_from = s->here.frame = frame; /* this one alone: its callers are not looked at */
	s->walk.window_last = 0;
	if (py->frame_bytes > WINDOW_BYTES || walk_read(s->window, py->frame_bytes, frame))
		return SCRY_WALK_FRAME_FAULT;
	s->here.caller = python_frame(py, s, cache, frame);
	s->here.address = s->walk.code;
	s->here.code = s->frames[0].code;
	s->here.at = s->frames[0].at;
	if (!s->walk.error && !s->walk.count) /* one of the interpreter's own */
		return SCRY_WALK_BAD_CODE;
	return s->walk.error;
}

__noinline __u64 python_previous(__u64 frame, __u32 slot)
{
	const struct python_layout *l = python_layout_at(slot);

	return l ? walk_pointer(frame + OFF(l->frame_previous)) : 0;
}

__noinline int python_skip(__u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);
	const struct scry_python *py = s ? python_of(s) : 0;
	const struct python_layout *l;
	__u32 size;

	if (!py)
		return 0;
	l = &py->layout;
	size = py->frame_bytes;
	if (!l->owner_interpreter || !s->here.caller || size > RAW_BYTES || walk_read(s->raw, size, s->here.caller))
		return 0;
	if (RAW_U8(s, l->frame_owner) >= l->owner_interpreter)
		s->here.caller = RAW_U64(s, l->frame_previous);
	return 0;
}

/* From the start of the GIL of the state that was found, of a binary where threads find it; 0: it cannot be read. */
static __always_inline __u64 gil_of_thread(const struct scry_python *py, struct scry_scratch *s)
{
	__u64 interpreter = s->walk.state ? walk_pointer(s->walk.state + OFF(py->layout.tstate_interp)) : 0;

	return interpreter ? walk_pointer(interpreter + OFF(py->layout.interp_gil)) : 0;
}

/* The conditions that are signalled where the GIL is given back, and where it is taken, are the first and the third part. */
#define GIL_COND	(PYTHON_GIL_WAIT_FROM)
#define GIL_SWITCH_COND (PYTHON_GIL_WAIT_FROM + 48 + 40)

__noinline int python_gil_part(__u64 word, __u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);
	const struct scry_python *py = s ? python_of(s) : 0;
	__u64 gil = 0;

	if (!py)
		return PYTHON_GIL_OTHER;
	if (py->gil_how == PYTHON_GIL_PARTS_APART) {
		gil = word - s->walk.bias;
		return gil == py->gil_at[0] ? PYTHON_GIL_GIVEN : gil == py->gil_at[2] ? PYTHON_GIL_TAKEN : PYTHON_GIL_OTHER;
	}
	if (py->gil_how == PYTHON_GIL_STATIC)
		gil = s->walk.bias + py->gil_at[0];
	else if (py->gil_how == PYTHON_GIL_OF_THREAD)
		gil = gil_of_thread(py, s);
	if (!gil)
		return PYTHON_GIL_OTHER;
	return word == gil + GIL_COND ? PYTHON_GIL_GIVEN : word == gil + GIL_SWITCH_COND ? PYTHON_GIL_TAKEN : PYTHON_GIL_OTHER;
}

/* To 3.11 the state of the holder is in a variable; later the lock says whether it is held, and by whom last. */
__noinline int python_holds_gil(__u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);
	const struct scry_python *py = s ? python_of(s) : 0;
	__u32 locked = 0;
	__u64 gil;

	if (!py || py->gil_how == PYTHON_GIL_NONE)
		return SCRY_GIL_UNKNOWN;
	if (!s->walk.state)
		return SCRY_GIL_NOT_MINE;
	if (py->current)
		return walk_pointer(s->walk.bias + py->current) == s->walk.state ? SCRY_GIL_MINE : SCRY_GIL_NOT_MINE;
	gil = py->gil_how == PYTHON_GIL_OF_THREAD ? gil_of_thread(py, s) : 0;
	if (!gil || walk_read(&locked, sizeof(locked), gil + PYTHON_GIL_LOCKED))
		return SCRY_GIL_UNKNOWN;
	return locked == 1 && walk_pointer(gil + PYTHON_GIL_HOLDER) == s->walk.state ? SCRY_GIL_MINE : SCRY_GIL_NOT_MINE;
}

__noinline int python_waits_for_gil(__u64 word, __u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);
	const struct scry_python *py = s ? python_of(s) : 0;
	__u64 gil = 0, bias;

	if (!py)
		return 0;
	bias = s->walk.bias;
	if (py->gil_how == PYTHON_GIL_STATIC)
		gil = bias + py->gil_at[0];
	else if (py->gil_how == PYTHON_GIL_OF_THREAD)
		gil = gil_of_thread(py, s);
	if (gil)
		return word >= gil + PYTHON_GIL_WAIT_FROM && word < gil + PYTHON_GIL_WAIT_END;
	if (py->gil_how == PYTHON_GIL_SEMAPHORE) {
		gil = walk_pointer(bias + py->gil_at[0]);
		return gil && word - gil < PYTHON_GIL_SEM;
	}
	if (py->gil_how == PYTHON_GIL_PARTS_APART)
		for (int i = 0; i < PYTHON_GIL_PARTS; i++)
			if (py->gil_at[i] && word - bias - py->gil_at[i] < PYTHON_GIL_PART)
				return 1;
	return 0;
}

__noinline int python_raising(__u64 state, __u32 slot)
{
	const struct python_layout *l = python_layout_at(slot);

	return l && l->tstate_exception && walk_pointer(state + OFF(l->tstate_exception));
}

__noinline int python_raised(__u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);
	const struct scry_python *py = s ? python_of(s) : 0;

	return py && py->layout.tstate_exception && RAW_U64(s, py->layout.tstate_exception);
}

__noinline int python_always_enters_eval(__u32 slot)
{
	const struct python_layout *l = python_layout_at(slot);

	return l && l->instr != PYTHON_INSTR_POINTER;
}

__noinline int python_moves_to(__u64 instruction, __u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);
	const struct scry_python *py = s ? python_of(s) : 0;
	const struct python_layout *l;
	__u64 code, at;

	if (!py || !instruction)
		return 0;
	l = &py->layout;
	/* In free-threaded builds each thread has a copy of the bytecode: the frame says which, and is believed. */
	if (l->instr != PYTHON_INSTR_POINTER || l->code_tlbc)
		return 0;
	code = FRAME_FIELD(s, __u64, 0, l->frame_code); /* the window begins with the frame */
	if (l->tagged)
		code &= ~3ULL;
	at = instruction - code - OFF(l->code_bytecode);
	if (at < MAX_AT)
		s->here.at = at;
	return 0;
}

/* The argument's lower bits: RESUME_AT_FUNC_START, RESUME_AT_GEN_EXPR_START (Include/internal/pycore_opcode_utils.h, 3.15). */
#define RESUME_AT 7
#define RESUME_AT_BODY 0
#define RESUME_AT_CREATION 4

__noinline int python_creates(__u64 instruction, __u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);
	const struct scry_python *py = s ? python_of(s) : 0;
	__u8 unit[2];

	if (!py || py->version < 0x030f || !s->here.generator)
		return 0;
	if (!instruction)
		instruction = walk_pointer(s->here.frame + OFF(py->layout.frame_instr));
	if (walk_read(unit, sizeof(unit), instruction))
		return 0;
	if ((unit[1] & RESUME_AT) == RESUME_AT_BODY)
		s->here.first = s->here.at;
	return (unit[1] & RESUME_AT) == RESUME_AT_CREATION;
}

/* To 3.9 a suspended frame keeps the top of its value stack; in 3.10 its state is FRAME_SUSPENDED, -1 (cpython/frameobject.h). */
static __always_inline bool is_suspended(const struct python_layout *l, __u64 frame)
{
	__s8 state = 0;

	if (l->frame_stacktop)
		return walk_pointer(frame + OFF(l->frame_stacktop)) != 0;
	return l->frame_state && !walk_read(&state, sizeof(state), frame + OFF(l->frame_state)) && state == -1;
}

/* In a generator object the state stands right before the frame: gi_frame_state, Include/cpython/genobject.h, 3.11+. */
static __always_inline bool is_suspended_inside(const struct python_layout *l, __u64 frame)
{
	const __u8 owned_by_generator = 1;
	__u8 owner = 0;
	__s8 state = 0;

	if (walk_read(&owner, 1, frame + OFF(l->frame_owner)) || owner != owned_by_generator ||
	    walk_read(&state, 1, frame - 5))
		return false;
	return l->generator_states == PYTHON_GENERATOR_SIGNED ? state < 0 : state >= 1 && state <= 3;
}

__noinline int python_suspended(__u64 frame, __u32 slot)
{
	const struct python_layout *l = python_layout_at(slot);

	if (!l)
		return 0;
	return l->instr == PYTHON_INSTR_POINTER ? is_suspended_inside(l, frame) : is_suspended(l, frame);
}

/* f_executing is 0 when the eval function returns, and f_state is not FRAME_EXECUTING, 0 (cpython/frameobject.h of 3.10). */
__noinline int python_executes(__u64 frame, __u32 slot)
{
	const struct python_layout *l = python_layout_at(slot);
	__u16 at = l ? l->frame_executing ?: l->frame_state : 0;
	__u8 state = 0;

	if (!l || !at || walk_read(&state, sizeof(state), frame + OFF(at)))
		return -1;
	return l->frame_executing ? state != 0 : state == 0;
}

/* It is given away, or freed, where the frame is cleared: _PyFrame_Clear(), Python/frame.c of 3.11 and 3.12. */
__noinline int python_is_left(__u64 frame, __u64 object, __u32 slot)
{
	const struct python_layout *l = python_layout_at(slot);

	return l && object && l->frame_object && walk_pointer(frame + OFF(l->frame_object)) != object;
}

__noinline __u64 python_frame_of(__u64 object, __u32 slot)
{
	const struct python_layout *l = python_layout_at(slot);

	return l && l->frameobject_frame ? walk_pointer(object + OFF(l->frameobject_frame)) : object;
}
