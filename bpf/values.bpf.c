// SPDX-License-Identifier: GPL-2.0-only
/* Arguments of calls and the values they return. */
#include "at.h"

#include "../runtimes/python/values.h"

static __always_inline const struct python_layout *layout_at(__u32 index)
{
	const struct scry_python *py = bpf_map_lookup_elem(&pythons, &index);

	return py ? &py->layout : 0;
}

/* The parts are global functions, which the verifier looks at once. */

__noinline int value_step(__u32 index, __u32 slot)
{
	const struct python_layout *l = layout_at(index);
	struct scry_scratch *s = scratch_at(slot);

	return !l || !s || values_step(l, s);
}

/* All that was begun, then to behind the event. */
static __always_inline int value_steps(__u32 index, __u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);
	struct scry_event *event;
	__u32 n, bytes;

	for (int i = 0; i < VALUES_STEPS; i++)
		if (value_step(index, slot))
			break;
	if (!s)
		return 0;
	n = s->sample.count;
	bytes = s->values.bytes;
	if (n > MAX_EVENT_FRAMES || bytes > SCRY_VALUE_ROOM)
		return 0;
	event = (struct scry_event *)&s->frames[n];
	if (!bpf_probe_read_kernel(event + 1, bytes, s->values.stream))
		event->value_bytes = bytes;
	return 0;
}

static __always_inline bool value_place(__u32 slot, __u32 *index, const struct python_layout **l)
{
	struct scry_scratch *s = scratch_at(slot);

	if (!s)
		return false;
	*index = s->walk.binary;
	*l = layout_at(*index);
	return *l && values_known(*l);
}

__noinline int python_arguments(__u64 frame, __u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);
	const struct python_layout *l = 0;
	__u32 index = 0;

	if (!s || !value_place(slot, &index, &l))
		return 0;
	values_begin_args(l, s, frame);
	return value_steps(index, slot);
}

__noinline int python_value(__u64 object, __u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);
	const struct python_layout *l = 0;
	__u32 index = 0;

	if (!s || !value_place(slot, &index, &l))
		return 0;
	values_begin(s, l->tagged ? object & ~3ULL : object);
	return value_steps(index, slot);
}

__noinline int python_pops(__u32 slot)
{
	const struct python_layout *l = 0;
	__u32 index = 0;

	return value_place(slot, &index, &l) && l->instr == PYTHON_INSTR_POINTER && !l->tstate_cframe;
}

__noinline __u64 python_constant(__u64 frame, __u64 instruction, __u32 slot)
{
	const struct python_layout *l = 0;
	__u64 code, constants, count;
	__u32 index = 0;
	__u8 units[4];

	if (!value_place(slot, &index, &l) || !l->code_consts)
		return 0;
	code = walk_pointer(frame + OFF(l->frame_code));
	constants = walk_pointer(code + OFF(l->code_consts));
	count = walk_pointer(constants + OFF(l->tuple_size));
	if (!instruction)
		instruction = walk_pointer(frame + OFF(l->frame_instr));
	if (walk_read(units, sizeof(units), instruction - 2))
		return 0;
	index = units[3];
	/* EXTENDED_ARG (3.12: 144, 3.13: 71) in front says the higher bits; what else is in front may look like it. */
	if (count > 256 && units[0] == (l->tstate_cframe ? 144 : 71))
		index |= (__u32)units[1] << 8;
	return index < count ? walk_pointer(constants + OFF(l->tuple_items) + 8 * (__u64)index) : 0;
}
