/* SPDX-License-Identifier: GPL-2.0-only */
/* One function for each kind of object whose repr is known: puts its head and, where it is a container, a level for its items. */
#ifndef SCRY_PYTHON_VALUE_KINDS_H
#define SCRY_PYTHON_VALUE_KINDS_H

#include "value_levels.h"

values_inline void values_digits(const struct python_layout *l, struct scry_scratch *s, __u64 object, __u8 bool_or_int,
				 __u8 flags)
{
	__u64 size = walk_pointer(object + OFF(l->int_size)), number;
	__u64 first = object + OFF(l->int_digits);
	__u32 digits[3] = { 0, 0, 0 };
	struct scry_value *value;

	if (l->integer == PYTHON_INT_TAG) {
		flags |= (size & 3) == 2 ? SCRY_VALUE_NEGATIVE : 0;
		size >>= 3;
	} else if ((__s64)size < 0) {
		flags |= SCRY_VALUE_NEGATIVE;
		size = -size;
	}
	value = values_put(s, bool_or_int, 0);
	if (!value)
		return;
	value->flags = flags;
	if ((size >= 1 && walk_read(&digits[0], 4, first)) || (size >= 2 && walk_read(&digits[1], 4, first + 4)) ||
	    (size >= 3 && walk_read(&digits[2], 4, first + 8))) {
		value->what = SCRY_VALUE_UNREADABLE;
		return;
	}
	number = digits[0] | (__u64)digits[1] << 30 | (__u64)digits[2] << 60;
	if (size > 3 || digits[2] >> 4) {
		value->what = SCRY_VALUE_BIG;
		number = size;
		values_copy(s, value, 4, first + 4 * (size - 1));
	}
	value->number = number;
}

/* int and bool of 2.7 are a C long. */
values_inline void values_long(const struct python_layout *l, struct scry_scratch *s, __u64 object, __u8 what)
{
	__u64 number = walk_pointer(object + OFF(l->int_size));
	bool negative = (__s64)number < 0;
	struct scry_value *value = values_put(s, what, negative ? -number : number);

	if (value && negative)
		value->flags = SCRY_VALUE_NEGATIVE;
}

values_inline void values_text(struct scry_scratch *s, __u8 what, __u8 flags, __u8 kind, __u64 chars, __u64 address)
{
	struct scry_value *value = values_put(s, what, chars);

	if (!value)
		return;
	value->flags = flags;
	value->kind = kind;
	values_copy(s, value, (chars > SCRY_VALUE_CHARS ? SCRY_VALUE_CHARS : chars) * kind, address);
}

values_inline void values_bytes(const struct python_layout *l, struct scry_scratch *s, __u64 object, __u8 flags)
{
	values_text(s, SCRY_VALUE_BYTES, flags, 1, walk_pointer(object + OFF(l->bytes_size)), object + OFF(l->bytes_data));
}

values_inline void values_str(const struct python_layout *l, struct scry_scratch *s, __u64 object)
{
	__u32 state = walk_pointer(object + OFF(l->str_state));
	__u64 chars = walk_pointer(object + OFF(l->str_length));
	struct scry_text text = { 0 };

	identity_str(s, l, object, &text);
	if (!(state >> (l->str_kind_bit & 31) & 7)) /* not given its shape yet, which C code can do to 3.11 */
		values_put(s, SCRY_VALUE_UNREADABLE, 0);
	else
		values_text(s, SCRY_VALUE_STR, 0, text.kind, chars, text.address);
}

values_inline void values_items(const struct python_layout *l, struct scry_scratch *s, __u64 object, __u8 what)
{
	__u64 count = walk_pointer(object + OFF(l->tuple_size));
	__u64 items = what == SCRY_VALUE_TUPLE ? object + OFF(l->tuple_items) : walk_pointer(object + OFF(l->list_items));

	if (values_put(s, what, count))
		values_push(s, VALUES_POINTERS, items, count);
}

values_inline void values_set(const struct python_layout *l, struct scry_scratch *s, __u64 object, __u8 what)
{
	__u64 used = walk_pointer(object + OFF(l->set_used)), slots = walk_pointer(object + OFF(l->set_mask)) + 1;
	struct scry_values_level *level;
	struct scry_value *value = values_put(s, what, used);

	if (!value)
		return;
	if (l->set_fill) { /* 2.7: what was removed leaves an entry that cannot be told from others */
		value->flags = SCRY_VALUE_OLD;
		if (walk_pointer(object + OFF(l->set_fill)) != used)
			slots = 0;
	}
	level = values_push(s, VALUES_SET, walk_pointer(object + OFF(l->set_table)), used ? slots : 0);
	if (level)
		level->stride = 16;
}

/* 3.11+: the order of insertion of a split dict is kept beside its values, a byte for each. */
values_inline void values_order(const struct python_layout *l, struct scry_values_level *level, __u64 values)
{
	__u8 count = 0, capacity = 0;

	if (OFF(l->values_items)) { /* 3.13+: capacity, size, embedded, valid; the values; the order */
		walk_read(&capacity, 1, values);
		walk_read(&count, 1, values + 1);
		level->kind = VALUES_SPLIT;
		level->extra = values + OFF(l->values_items) + 8 * (__u64)capacity;
	} else { /* in front of the values, going down: their own size, how many there are, the order */
		walk_read(&count, 1, values - 2);
		level->kind = VALUES_SPLIT_DOWN;
		level->extra = values - 3;
	}
	if (level->count > count)
		level->count = count;
}

values_inline void values_old_dict(const struct python_layout *l, struct scry_scratch *s, __u64 object)
{
	__u64 keys = walk_pointer(object + OFF(l->dict_keys)), size = walk_pointer(keys + OFF(l->keys_size));
	__u64 width = size <= 0xff ? 1 : size <= 0xffff ? 2 : 4;
	struct scry_values_level *level;

	level = values_push(s, VALUES_PAIRS, keys + OFF(l->keys_indices) + size * width + 8,
			    walk_pointer(keys + OFF(l->keys_nentries)));
	if (!level)
		return;
	level->stride = 24;
	level->names = walk_pointer(object + OFF(l->dict_values));
}

values_inline void values_new_dict(const struct python_layout *l, struct scry_scratch *s, __u64 object)
{
	__u64 keys = walk_pointer(object + OFF(l->dict_keys)), values = walk_pointer(object + OFF(l->dict_values));
	struct scry_values_level *level;
	__u8 log2 = 0, kind = 0;

	walk_read(&log2, 1, keys + OFF(l->keys_log2_index_bytes));
	walk_read(&kind, 1, keys + OFF(l->keys_kind));
	level = values_push(s, VALUES_PAIRS, keys + OFF(l->keys_indices) + (1ULL << (log2 & 31)) + (kind ? 0 : 8),
			    walk_pointer(keys + OFF(l->keys_nentries)));
	if (!level)
		return;
	level->stride = kind ? 16 : 24;
	if (!values)
		return;
	level->names = values + OFF(l->values_items);
	values_order(l, level, values);
}

values_inline void values_dict(const struct python_layout *l, struct scry_scratch *s, __u64 object)
{
	__u64 used = walk_pointer(object + OFF(l->dict_used));
	struct scry_values_level *level;

	if (!values_put(s, SCRY_VALUE_DICT, used))
		return;
	if (!used) {
		values_push(s, VALUES_ONE, 0, 0);
	} else if (l->dict_table) { /* 2.7 */
		level = values_push(s, VALUES_PAIRS, walk_pointer(object + OFF(l->dict_table)) + 8,
				    walk_pointer(object + OFF(l->dict_mask)) + 1);
		if (level)
			level->stride = 24;
	} else if (l->keys_size) {
		values_old_dict(l, s, object);
	} else {
		values_new_dict(l, s, object);
	}
}

#endif
