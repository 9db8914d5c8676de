/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What objects are, copied out of the target as struct scry_value: the arguments of a frame that begins, or one object. Like
 * the walk, written once against walk_read(), with all offsets as data.
 *
 * It goes in steps, each of which looks at one slot of the innermost container: what lies in containers is bounded in number,
 * depth and size, and the steps are bounded too, so it ends whatever the target's memory says.
 */
#ifndef SCRY_PYTHON_VALUES_H
#define SCRY_PYTHON_VALUES_H

#include "../walk.h"
#include "identity.h"
#include "layout.h"

#define values_inline static inline __attribute__((always_inline))

#define VALUES_STEPS 512
#define VALUES_SLOTS 64	 /* looked at in a dict or set: some are empty */
#define VALUES_DATA  256 /* bytes behind a head at most */
#define VALUES_NAME  64	 /* of a type's name */

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

/* ---- what is next ---- */

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

/* ---- values of one kind each ---- */

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

/* ---- one value ---- */

/* Is the name in these words the one given? What follows its NUL may be anything. */
#define VALUES_WORD(text)                                                                            \
	({                                                                                           \
		__u64 word_ = 0;                                                                     \
		__builtin_memcpy(&word_, text, sizeof(text) < sizeof(word_) ? sizeof(text) : sizeof(word_)); \
		word_;                                                                               \
	})
#define VALUES_NAMED(word, text) (!(((word) ^ VALUES_WORD(text)) << (64 - 8 * sizeof(text))))

#define VALUES_HEAP_TYPE (1u << 9) /* Py_TPFLAGS_HEAPTYPE, Include/object.h */

/* The class's name at the end of the stream; false: not readable. No more than its page and the next are needed. */
values_inline bool values_type_name(struct scry_scratch *s, struct scry_value *value, __u64 name)
{
	__u32 part = 4096 - (name & 4095);

	if (part > VALUES_NAME)
		part = VALUES_NAME;
	__builtin_memset(value + 1, 0, VALUES_NAME);
	if (!part || walk_read(value + 1, part, name))
		return false;
	if (part == VALUES_NAME)
		return true;
	asm volatile("" : "+r"(part)); /* else the masks, which the verifier needs, are optimised away */
	part &= VALUES_NAME - 1;
	walk_read((__u8 *)(value + 1) + part, (VALUES_NAME - part) & (VALUES_NAME - 1), name + part);
	return true;
}

values_inline void values_builtin(const struct python_layout *l, struct scry_scratch *s, __u64 object, __u64 word, __u64 word2)
{
	__u32 at = s->values.bytes;
	bool old = l->str == PYTHON_STR_BYTES;

	s->values.bytes = at - sizeof(struct scry_value); /* in the place of its type's name */
	if (VALUES_NAMED(word, "str")) {
		if (old)
			values_bytes(l, s, object, SCRY_VALUE_OLD);
		else
			values_str(l, s, object);
	} else if (VALUES_NAMED(word, "int") && l->integer == PYTHON_INT_LONG) {
		values_long(l, s, object, SCRY_VALUE_INT);
	} else if (VALUES_NAMED(word, "bool") && l->integer == PYTHON_INT_LONG) {
		values_long(l, s, object, SCRY_VALUE_BOOL);
	} else if (VALUES_NAMED(word, "int") || VALUES_NAMED(word, "bool") || (old && VALUES_NAMED(word, "long"))) {
		values_digits(l, s, object, VALUES_NAMED(word, "bool") ? SCRY_VALUE_BOOL : SCRY_VALUE_INT,
			      old ? SCRY_VALUE_OLD : 0);
	} else if (VALUES_NAMED(word, "float")) {
		values_put(s, SCRY_VALUE_FLOAT, walk_pointer(object + OFF(l->float_value)));
	} else if (VALUES_NAMED(word, "bytes")) {
		values_bytes(l, s, object, 0);
	} else if (VALUES_NAMED(word, "unicode") && old) {
		values_text(s, SCRY_VALUE_STR, SCRY_VALUE_OLD, l->unicode_width & 6,
			    walk_pointer(object + OFF(l->unicode_length)), walk_pointer(object + OFF(l->unicode_data)));
	} else if (VALUES_NAMED(word, "tuple") || VALUES_NAMED(word, "list")) {
		values_items(l, s, object, VALUES_NAMED(word, "tuple") ? SCRY_VALUE_TUPLE : SCRY_VALUE_LIST);
	} else if (VALUES_NAMED(word, "dict")) {
		values_dict(l, s, object);
	} else if (VALUES_NAMED(word, "set")) {
		values_set(l, s, object, SCRY_VALUE_SET);
	} else if (word == VALUES_WORD("frozense") && VALUES_NAMED(word2, "t")) {
		values_set(l, s, object, SCRY_VALUE_FROZENSET);
	} else if (word == VALUES_WORD("NoneType") && !(word2 & 0xff)) {
		values_put(s, SCRY_VALUE_NONE, 0);
	} else {
		s->values.bytes = at + VALUES_NAME;
	}
}

/* An object of any type, and where it is a container a level for what is in it. False: no room. */
values_inline bool values_object(const struct python_layout *l, struct scry_scratch *s, __u64 object)
{
	__u64 type = object ? walk_pointer(object + OFF(l->object_type)) : 0, words[2];
	__u64 name = type ? walk_pointer(type + OFF(l->type_name)) : 0;
	struct scry_value *value = values_put(s, SCRY_VALUE_OTHER, 0);

	if (!value)
		return false;
	if (!name || !values_type_name(s, value, name)) {
		value->what = SCRY_VALUE_UNREADABLE;
		return true;
	}
	__builtin_memcpy(words, value + 1, sizeof(words));
	value->bytes = VALUES_NAME;
	/* Of a class that a program made the name says nothing; the types whose repr is known are not among them. */
	if (walk_pointer(type + OFF(l->type_flags)) & VALUES_HEAP_TYPE)
		s->values.bytes += VALUES_NAME;
	else
		values_builtin(l, s, object, words[0], words[1]);
	return true;
}

/* ---- all of them ---- */

/* One step. True: all is told, or room has run out. */
values_inline bool values_step(const struct python_layout *l, struct scry_scratch *s)
{
	__u32 depth = s->values.depth;
	struct scry_values_level *level;
	__u64 object = 0;

	if (!depth || depth > 4)
		return true;
	level = &s->values.level[(depth - 1) & 3];
	if (level->has_pending) {
		object = level->pending;
		level->has_pending = 0;
	} else if (level->next >= level->count || level->shown >= level->limit) {
		s->values.depth = depth - 1;
		return !values_put(s, SCRY_VALUE_END, 0) || depth == 1;
	} else if (!values_next(l, level, &object)) {
		return false;
	}
	return !values_object(l, s, object);
}

/* Can values be read with what is known of this version? */
values_inline bool values_known(const struct python_layout *l)
{
	return l->frame_localsplus && l->code_argcount && l->code_flags && l->code_varnames && l->float_value && l->list_items &&
	       l->set_table && l->set_mask && l->set_used && l->cell_content && l->tuple_items && l->int_digits &&
	       l->dict_used && l->type_name && l->type_flags && (l->code_localkinds || (l->code_cellvars && l->code_nlocals));
}

/* Begin with one object. */
values_inline void values_begin(struct scry_scratch *s, __u64 object)
{
	struct scry_values_level *level;

	s->values.bytes = s->values.depth = 0;
	level = values_push(s, VALUES_ONE, 0, 0);
	if (level) {
		level->pending = object;
		level->has_pending = 1;
	}
}

#define CO_VARARGS 0x4 /* Include/code.h */
#define CO_VARKEYWORDS 0x8

values_inline __u32 values_word(__u64 address)
{
	__u32 word = 0;

	walk_read(&word, sizeof(word), address);
	return word;
}

/* Begin with the arguments of a frame that has not run yet. */
values_inline void values_begin_args(const struct python_layout *l, struct scry_scratch *s, __u64 frame)
{
	__u64 code = walk_pointer(frame + OFF(l->frame_code)), locals = frame + OFF(l->frame_localsplus);
	struct scry_values_level *level;
	__u32 flags, count;

	s->values.bytes = s->values.depth = 0;
	if (l->tagged)
		code &= ~3ULL;
	flags = values_word(code + OFF(l->code_flags));
	count = values_word(code + OFF(l->code_argcount)) + !!(flags & CO_VARARGS) + !!(flags & CO_VARKEYWORDS);
	if (l->code_kwonlyargcount)
		count += values_word(code + OFF(l->code_kwonlyargcount));
	if (!values_put(s, SCRY_VALUE_ARGS, count))
		return;
	level = values_push(s, VALUES_LOCALS, locals, count);
	if (!level)
		return;
	level->limit = SCRY_VALUE_PARAMS;
	level->names = walk_pointer(code + OFF(l->code_varnames)) + OFF(l->tuple_items);
	if (l->code_localkinds) {
		level->extra = walk_pointer(code + OFF(l->code_localkinds));
	} else {
		level->extra = walk_pointer(code + OFF(l->code_cellvars));
		level->cells = locals + 8 * (__u64)values_word(code + OFF(l->code_nlocals));
	}
}

#endif
