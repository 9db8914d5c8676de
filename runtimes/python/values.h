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

#include "value_kinds.h"

#define VALUES_STEPS 512
#define VALUES_NAME 64 /* of a type's name */

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
