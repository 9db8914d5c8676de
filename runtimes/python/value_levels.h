/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a reading of values stands: the stream that it writes, and of each container that is being read a level, which tells
 * what is next.
 */
#ifndef SCRY_PYTHON_VALUE_LEVELS_H
#define SCRY_PYTHON_VALUE_LEVELS_H

#include "../walk.h"
#include "identity.h"
#include "layout.h"

#define values_inline static inline __attribute__((always_inline))

#define VALUES_SLOTS 64	 /* looked at in a dict or set: some are empty */
#define VALUES_DATA  256 /* bytes behind a head at most */

/* What the items of a level are. */
enum values_kind {
	VALUES_ONE,	/* just `pending` */
	VALUES_POINTERS,
	VALUES_PAIRS,	/* of key and value, in a dict */
	VALUES_SPLIT,	/* keys, and values in an array of their own, at `names`; their order at `extra`, going up */
	VALUES_SPLIT_DOWN, /* ... going down */
	VALUES_SET,	/* pairs of key and hash; 2.7: hash and key */
	VALUES_LOCALS,	/* arguments: locals at `items`, their names at `names` */
};

/* The head of a value, if there is room for it and its bytes. */
values_inline struct scry_value *values_put(struct scry_scratch *s, __u8 what, __u64 number)
{
	struct scry_value *value;
	__u32 at = s->values.bytes;

	if (at > SCRY_VALUE_ROOM - sizeof(*value) - VALUES_DATA)
		return 0;
	value = (struct scry_value *)(s->values.stream + at);
	value->what = what;
	value->flags = 0;
	value->kind = 0;
	value->pad = 0;
	value->bytes = 0;
	value->number = number;
	s->values.bytes = at + sizeof(*value);
	return value;
}

/* Copy `size` bytes behind the head that was just put. */
values_inline void values_copy(struct scry_scratch *s, struct scry_value *value, __u64 size, __u64 address)
{
	if (!size)
		return;
	if (size > VALUES_DATA || walk_read(value + 1, size, address)) {
		value->what = SCRY_VALUE_UNREADABLE;
		return;
	}
	value->bytes = size;
	s->values.bytes += (size + 7) & ~7ULL;
}

/* A level above those in use. Its fields are set by the caller; NULL: too deep. */
values_inline struct scry_values_level *values_push(struct scry_scratch *s, enum values_kind kind, __u64 items, __u64 count)
{
	struct scry_values_level *level;
	__u32 depth = s->values.depth;

	if (depth >= 4)
		return 0;
	level = &s->values.level[depth & 3];
	s->values.depth = depth + 1;
	level->kind = kind;
	level->items = items;
	/* One level is the root's. Deeper containers are told of, but not what is in them. */
	level->count = depth > SCRY_VALUE_DEPTH ? 0 : count > VALUES_SLOTS ? VALUES_SLOTS : count;
	level->next = level->shown = 0;
	level->limit = SCRY_VALUE_ITEMS;
	level->has_pending = 0;
	level->names = level->cells = level->extra = level->pending = 0;
	level->stride = 8;
	return level;
}

/* To 3.10 a cell variable's argument is moved to its cell behind the locals; names are interned, so equal ones are one. */
#define VALUES_CELLS 32
values_inline __u64 values_in_cell(const struct python_layout *l, const struct scry_values_level *level, __u64 name)
{
	__u64 count = walk_pointer(level->extra + OFF(l->tuple_size)), in;

	for (__u32 i = 0; i < VALUES_CELLS; i++) {
		if (i >= count)
			return 0;
		if (walk_pointer(level->extra + OFF(l->tuple_items) + 8 * i) != name)
			continue;
		in = walk_pointer(level->cells + 8 * i);
		return in ? walk_pointer(in + OFF(l->cell_content)) : 0;
	}
	return 0;
}

#define CO_FAST_CELL 0x40 /* Include/internal/pycore_code.h, 3.11+ */

values_inline __u64 values_local(const struct python_layout *l, const struct scry_values_level *level, __u32 i, __u64 name)
{
	__u64 object = walk_pointer(level->items + 8 * (__u64)i);
	__u8 kind = 0;

	if (l->tagged)
		object &= ~3ULL;
	if (!l->code_localkinds)
		return object ? object : values_in_cell(l, level, name);
	if (walk_read(&kind, 1, level->extra + OFF(l->bytes_data) + i) || !(kind & CO_FAST_CELL) || !object)
		return object;
	return walk_pointer(object + OFF(l->cell_content));
}

/* The key in slot i of a dict or set, 0: none; of a dict its value too. */
values_inline __u64 values_slot(const struct python_layout *l, const struct scry_values_level *level, __u32 i, __u64 *value)
{
	__u64 pair[2] = { 0, 0 };
	__u8 at = i;

	if (level->extra && walk_read(&at, 1, level->kind == VALUES_SPLIT ? level->extra + i : level->extra - i))
		return 0;
	if (walk_read(pair, sizeof(pair), level->items + (__u64)level->stride * (level->extra ? at : i)))
		return 0;
	if (level->kind == VALUES_SET) {
		if (l->set_fill) /* 2.7 */
			return pair[1];
		return pair[1] == ~0ULL ? 0 : pair[0]; /* what was removed leaves an entry whose hash is -1 */
	}
	*value = level->names ? walk_pointer(level->names + 8 * (__u64)(level->extra ? at : i)) : pair[1];
	return *value ? pair[0] : 0;
}

/* Moves on by a slot. 0: nothing in it, else *object is to be told. */
values_inline bool values_next(const struct python_layout *l, struct scry_values_level *level, __u64 *object)
{
	__u32 i = level->next++;
	__u64 value = 0;

	if (level->kind == VALUES_POINTERS) {
		*object = walk_pointer(level->items + 8 * (__u64)i);
	} else if (level->kind == VALUES_LOCALS) {
		*object = walk_pointer(level->names + 8 * (__u64)i);
		level->pending = values_local(l, level, i, *object);
		level->has_pending = 1;
	} else {
		*object = values_slot(l, level, i, &value);
		if (!*object)
			return false;
		level->pending = value;
		level->has_pending = level->kind != VALUES_SET;
	}
	level->shown++;
	return true;
}

#endif
