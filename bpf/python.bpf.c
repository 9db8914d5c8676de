// SPDX-License-Identifier: GPL-2.0-only
/* The walk of CPython's frames in the current task, with the look-up of code objects. */
#include "python.h"
#include "task.h"

/* Not in the slot: look it up in the table of all, or meet it for the first time. */
static __noinline __u32 code_find(struct scry_scratch *s, struct scry_code_slot *slot, __u64 address)
{
	struct scry_code_key key = { .address = address, .instance = s->walk.instance };
	__u32 *known = bpf_map_lookup_elem(&codes, &key);
	int id = known ? (int)*known : python_first_sight(address, s->walk.pid, s->slot);

	if (id <= 0) {
		s->walk.error = -id;
		return 0;
	}
	slot->address = address;
	slot->instance = s->walk.instance;
	slot->generation = s->walk.generation;
	slot->id = id;
	return id;
}

static __always_inline __u32 walk_code(struct scry_scratch *s, void *known, __u64 address)
{
	struct scry_code_cache *cache = known;
	struct scry_code_slot *slot = &cache->slot[(address >> 4 ^ address >> 15) & (CODE_SLOTS - 1)];

	if (slot->address == address && slot->instance == s->walk.instance && slot->generation == s->walk.generation)
		return slot->id;
	return code_find(s, slot, address);
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

__noinline int python_enter(__u32 pid, __u32 slot)
{
	struct scry_proc *proc = bpf_map_lookup_elem(&procs, &pid);
	struct scry_scratch *s = scratch_at(slot);
	struct scry_walk *w;
	bool over;
	__u32 index;

	if (!proc || !s)
		return SCRY_WALK_PENDING;
	w = &s->walk;
	__builtin_memset(w, 0, sizeof(*w));
	s->slot = slot;
	w->bias = proc->bias;
	w->tls_module = proc->tls_module;
	w->instance = proc->instance;
	w->generation = proc->generation;
	w->thread = task_thread_pointer(bpf_get_current_task_btf());
	w->max_stack = config.max_stack;
	w->pid = pid;
	index = proc->binary;
	over = python_begin(index, slot);
	for (int i = 0; !over && i < WALK_MAX_STATES / WALK_CHUNK; i++)
		over = python_search_chunk(index, slot);
	if (!over) { /* what lies in frame is a thread state yet */
		w->frame = 0;
		w->error = SCRY_WALK_NO_THREAD_STATE;
	}
	if (w->tls_module && !proc->tls_module)
		proc->tls_module = w->tls_module;
	if (!w->frame && !w->error)
		w->error = SCRY_WALK_NOT_STARTED;
	return w->error;
}

__noinline int python_walk(__u32 pid, __u32 slot)
{
	struct scry_proc *proc = bpf_map_lookup_elem(&procs, &pid);
	struct scry_scratch *s = scratch_at(slot);
	bool over = false;
	__u32 index;

	if (!proc || !s)
		return 0;
	index = proc->binary;
	for (int i = 0; !over && i < WALK_MAX_STEPS / WALK_CHUNK; i++)
		over = python_walk_chunk(index, slot);
	if (!over)
		s->walk.error = SCRY_WALK_TRUNCATED;
	return 0;
}
