/* SPDX-License-Identifier: GPL-2.0-only */
/* CPython's walker in BPF, with the look-up of code objects. */
#ifndef SCRY_BPF_PYTHON_H
#define SCRY_BPF_PYTHON_H

#include "code.h"
#include "task.h"

#include "../runtimes/python/walk.h"

/* Not in the slot: look it up in the table of all, or meet it for the first time. */
static __noinline __u32 code_find(struct python_walk *w, struct scry_code_slot *slot, __u64 address)
{
	struct scry_code_key key = { .address = address, .instance = w->instance };
	__u32 *known = bpf_map_lookup_elem(&codes, &key);
	int id = known ? (int)*known : python_first_sight(address, w->pid);

	if (id <= 0) {
		w->error = -id;
		return 0;
	}
	slot->address = address;
	slot->instance = w->instance;
	slot->generation = w->generation;
	slot->id = id;
	return id;
}

static __always_inline __u32 walk_code(struct python_walk *w, __u64 address)
{
	struct scry_code_slot *slot = &w->cache->slot[(address >> 4 ^ address >> 15) & (CODE_SLOTS - 1)];

	if (slot->address == address && slot->instance == w->instance && slot->generation == w->generation)
		return slot->id;
	return code_find(w, slot, address);
}

/* Walk the current thread of a Python process into s->frames. */
static __noinline void python_walk(struct scry_scratch *s, struct scry_proc *proc, __u32 pid)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 binary = proc->binary, cpu = bpf_get_smp_processor_id();
	struct python_walk w = {
		.s = s,
		.bias = proc->bias,
		.thread = task_thread_pointer(task),
		.tls_module = proc->tls_module,
		.next_mark = 1,
		.max_stack = config.max_stack,
		.pid = pid,
		.instance = proc->instance,
		.generation = proc->generation,
	};

	w.py = bpf_map_lookup_elem(&pythons, &binary);
	w.cache = bpf_map_lookup_elem(&code_cache, &cpu);
	if (!w.py || !w.cache)
		return;
	python_walk_frames(&w);
	if (w.tls_module && !proc->tls_module)
		proc->tls_module = w.tls_module;
	s->sample.error = w.error;
	s->sample.count = w.count;
}

#endif
