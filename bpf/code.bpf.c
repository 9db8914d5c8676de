// SPDX-License-Identifier: GPL-2.0-only
/*
 * Code objects: told to user space when first seen, forgotten when they die. That keeps names exact: an id stands for
 * one code object, and a new object at an old address gets a new id.
 */
#include "calls.h"
#include "python.h"
#include "task.h"

#include "../runtimes/python/identity.h"

__u32 next_code = 0;
__u32 generations[GENERATIONS] = {};

/* First told, then entered: whoever finds the id in the table can be sure that its name is on its way before him. */
static __always_inline int code_tell(struct scry_scratch *s, __u32 id, __u32 pid, __u32 binary, __u32 bytes)
{
	__u32 index = id & (MAX_VERDICTS - 1);
	__u8 none = SCRY_VERDICT_NONE;

	bpf_map_update_elem(&verdicts, &index, &none, BPF_ANY); /* of the object that had this slot before */
	s->code.head.kind = SCRY_RECORD_CODE;
	s->code.head.pid = pid;
	s->code.head.time = bpf_ktime_get_ns();
	s->code.id = id;
	s->code.instance = s->walk.instance;
	s->code.binary = binary;
	if (bytes > sizeof(s->text) || emit(&s->code, sizeof(s->code) + bytes)) {
		count(SCRY_COUNT_LOST_CODES);
		return -1;
	}
	count(SCRY_COUNT_CODES);
	return 0;
}

__noinline int python_code(__u64 address, __u32 pid, __u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);
	struct scry_code_key key = { .address = address };
	struct scry_code_known *known, new = {};
	const struct scry_python *py;
	__u32 binary;
	int bytes;

	if (!s)
		return -SCRY_WALK_PENDING;
	binary = s->walk.binary;
	key.instance = s->walk.instance;
	known = bpf_map_lookup_elem(&codes, &key);
	if (known) {
		s->here.first = known->first;
		s->here.generator = known->generator;
		return known->id;
	}
	py = bpf_map_lookup_elem(&pythons, &binary);
	if (!py)
		return -SCRY_WALK_PENDING;
	bytes = identity_read(s, py, s->walk.bias, address);
	if (bytes < 0)
		return bytes;
	new.id = __sync_fetch_and_add(&next_code, 1) + 1;
	new.first = s->here.first;
	new.generator = s->here.generator;
	if (new.id >= SCRY_CODE_IDS)
		return -SCRY_WALK_CODES_FULL;
	if (code_tell(s, new.id, pid, binary, bytes))
		return -SCRY_WALK_CODE_LOST;
	if (bpf_map_update_elem(&codes, &key, &new, BPF_NOEXIST)) {
		known = bpf_map_lookup_elem(&codes, &key); /* another CPU was first */
		return known ? (int)known->id : -SCRY_WALK_CODES_FULL;
	}
	return new.id;
}

/*
 * code_dealloc(PyCodeObject *): the object is about to be freed. The target executes this in the thread that frees,
 * before the memory can be used again, so no sample sees the address with its old meaning.
 */
SEC("uprobe")
int BPF_KPROBE(code_dealloc, void *object)
{
	__u32 pid = task_pid(bpf_get_current_task_btf());
	struct scry_proc *proc = bpf_map_lookup_elem(&procs, &pid);
	struct scry_code_key key = { .address = (__u64)object };

	if (!proc)
		return 0;
	key.instance = proc->instance;
	/* The table evicts what is seldom used, so that an object unknown to it may still be in a cache: always invalidate. */
	bpf_map_delete_elem(&codes, &key);
	__sync_fetch_and_add(generation_of(proc->instance), 1);
	return 0;
}
