/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the ids of code objects mean: from the record of a first sight to names and lines. Code objects of the same name, file
 * and first line are one function; of a language whose functions have no names, if they consist of the same, too.
 */
#ifndef SCRY_CODEBOOK_H
#define SCRY_CODEBOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../bpf/wire.h"
#include "../runtimes/runtime.h"

struct codebook;

struct codebook_function {
	const char *name, *file; /* raw text of the target: not escaped; live as long as the book */
	int line;		 /* first; where it is defined */
	enum code_kind kind;
	bool hidden;		 /* the interpreter's own helper, not a function of the program */
};

/* 0 or -ENOMEM, reported. */
int codebook_create(struct codebook **ret);
void codebook_destroy(struct codebook *book);	/* NULL is allowed */

/* Enter a code object. size: of the whole record. Records that are not well-formed are ignored. */
void codebook_add(struct codebook *book, const struct scry_code *code, size_t size);

/* Index of the function an id stands for: 1, 2, ... in the order of their first sight. 0: the id was never told of. */
uint32_t codebook_find(const struct codebook *book, uint32_t code);

/* The function of an index that codebook_find gave, or of 0: then its name says that it is not known. */
const struct codebook_function *codebook_function(const struct codebook *book, uint32_t index);

/* Does a function's name depend on its caller? */
bool codebook_needs_caller(const struct codebook *book, uint32_t code);

/* Is it a remark on the frame above it, which hides that one's caller? */
bool codebook_is_note(const struct codebook *book, uint32_t code);

/* The name of a frame's function for the frame that called it (NULL: none), where that has one. */
bool codebook_call_name(const struct codebook *book, const struct scry_frame *frame, const struct scry_frame *caller,
			char *name, size_t size);

/* From now on, call its function by that name, unless it has got one before. true: that is what it is called now. */
bool codebook_name_call(struct codebook *book, const struct scry_frame *frame, const struct scry_frame *caller);

/* Line of a frame's instruction; of the function's definition where the frame has none; 0: not known. */
int codebook_line(const struct codebook *book, const struct scry_frame *frame);

#endif
