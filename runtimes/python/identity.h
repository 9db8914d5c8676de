/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who a code object is: its name, file, first line and line table, copied out of the target the first time it is seen.
 * Like the walk, written once against walk_read(); the result is s->code with its texts in s->text.
 */
#ifndef SCRY_PYTHON_IDENTITY_H
#define SCRY_PYTHON_IDENTITY_H

#include "../walk.h"
#include "layout.h"

/* Copy a text's bytes to s->text at offset `to`; what does not fit or cannot be read is left to user space. */
static __always_inline void identity_copy(struct scry_scratch *s, struct scry_text *text, __u32 to, __u32 room)
{
	__u64 want = (__u64)text->chars * text->kind;

	if (want > room)
		want = room;
	if (to <= SCRY_NAME_BYTES + SCRY_FILE_BYTES && want && !walk_read(s->text + to, want, text->address))
		text->bytes = want;
	walk_forget();
}

/* A bytes object; in 2.7 names are such too. */
static __always_inline void identity_bytes(struct scry_scratch *s, const struct python_layout *l, __u64 object,
					   struct scry_text *text)
{
	__u64 size = walk_pointer(object + OFF(l->bytes_size));

	text->kind = 1;
	text->encoding = SCRY_ENCODING_UTF8;
	text->chars = size < (1 << 30) ? size : 0;
	text->address = object + OFF(l->bytes_data);
}

/* A str object: PEP 393. State word: Include/cpython/unicodeobject.h; kind in three bits, then compact, then ascii. */
static __always_inline void identity_str(struct scry_scratch *s, const struct python_layout *l, __u64 object,
					 struct scry_text *text)
{
	__u64 length = walk_pointer(object + OFF(l->str_length));
	__u32 state = walk_pointer(object + OFF(l->str_state)), shift = l->str_kind_bit & 31;
	__u32 kind = state >> shift & 7;

	text->encoding = SCRY_ENCODING_UCS;
	text->kind = kind == 2 || kind == 4 ? kind : 1;
	text->chars = length < (1 << 28) ? length : 0;
	if (!(state >> shift & 8)) /* made before PEP 393's constructors: text elsewhere */
		text->address = walk_pointer(object + OFF(l->str_compact));
	else
		text->address = object + (state >> shift & 16 ? OFF(l->str_ascii) : OFF(l->str_compact));
}

static __always_inline void identity_text(struct scry_scratch *s, const struct python_layout *l, __u64 object,
					  struct scry_text *text)
{
	__builtin_memset(text, 0, sizeof(*text));
	text->kind = 1;
	if (!object)
		return;
	if (l->str == PYTHON_STR_BYTES)
		identity_bytes(s, l, object, text);
	else
		identity_str(s, l, object, text);
}

#define IDENTITY_MAY_YIELD (0x20 | 0x80 | 0x200) /* CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR: Include/code.h */

/* Fill s->code and s->text from the code object at `address`. Returns how many bytes of text there are, or a negative
 * enum scry_walk_error when it is not a code object or not readable. */
static __always_inline int identity_read(struct scry_scratch *s, const struct scry_python *py, __u64 bias, __u64 address)
{
	const struct python_layout *l = &py->layout;
	struct scry_code *code = &s->code;
	__u64 name, file, lines;

	if (!address || walk_pointer(address + OFF(l->object_type)) != bias + py->code_type)
		return -SCRY_WALK_BAD_CODE;
	if (py->code_bytes > RAW_BYTES || walk_read(s->raw, py->code_bytes, address))
		return -SCRY_WALK_CODE_FAULT;
	name = l->code_qualname ? RAW_U64(s, l->code_qualname) : RAW_U64(s, l->code_name);
	file = RAW_U64(s, l->code_filename);
	lines = RAW_U64(s, l->code_linetable);
	s->here.first = l->code_traceable ? (__s32)(RAW_U32(s, l->code_traceable) * 2) : 0;
	s->here.generator = RAW_U32(s, l->code_flags) & IDENTITY_MAY_YIELD;
	code->first_line = RAW_U32(s, l->code_firstlineno);
	code->address = address;
	identity_text(s, l, name, &code->name);
	identity_text(s, l, file, &code->file);
	__builtin_memset(&code->lines, 0, sizeof(code->lines));
	identity_bytes(s, l, lines, &code->lines);
	identity_copy(s, &code->name, 0, SCRY_NAME_BYTES);
	identity_copy(s, &code->file, code->name.bytes, SCRY_FILE_BYTES);
	identity_copy(s, &code->lines, code->name.bytes + code->file.bytes, SCRY_LINES_BYTES);
	return code->name.bytes + code->file.bytes + code->lines.bytes;
}

#endif
