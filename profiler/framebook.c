// SPDX-License-Identifier: GPL-2.0-only
#include "framebook.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/err.h"
#include "base/table.h"

#define CALL_NAME_SIZE 256
#define MAX_FRAMES (1u << 22) /* kept at a time; then the table starts anew */

struct framebook {
	struct capture_writer *capture;
	const struct codebook *book;
	struct table callers; /* (id, at) of callers that name what they call */
	struct table places; /* (caller << 32 | id, at) -> index in frames */
	uint32_t *frames;
	size_t frames_room;
	uint32_t unknown; /* frame for an id never told of */
};

int framebook_create(struct capture_writer *capture, const struct codebook *book, struct framebook **ret)
{
	struct framebook *f = calloc(1, sizeof(*f));

	if (!f)
		return fail(-ENOMEM, "out of memory");
	f->capture = capture;
	f->book = book;
	*ret = f;
	return 0;
}

void framebook_destroy(struct framebook *f)
{
	if (!f)
		return;
	free(f->frames);
	table_deinit(&f->callers);
	table_deinit(&f->places);
	free(f);
}

static uint32_t frame_put(struct framebook *f, enum capture_kind kind, const struct codebook_function *function, int line)
{
	uint32_t index = capture_function(f->capture, kind, function->name, function->file, function->line);

	return capture_frame(f->capture, index, line);
}

/* The first-sight record may come behind the sample of another CPU, or be lost: such a frame is shown as what it is. */
static uint32_t frame_unknown(struct framebook *f)
{
	if (!f->unknown)
		f->unknown = frame_put(f, CAPTURE_MARK, codebook_function(f->book, 0), 0);
	return f->unknown;
}

static uint32_t frame_resolve(struct framebook *f, const struct scry_frame *frame, const struct scry_frame *caller)
{
	static const enum capture_kind kinds[] = { [CODE_FUNCTION] = CAPTURE_INTERPRETED, [CODE_NATIVE] = CAPTURE_NATIVE,
						   [CODE_MARK] = CAPTURE_MARK, [CODE_NOTE] = CAPTURE_NATIVE };
	struct codebook_function function = *codebook_function(f->book, codebook_find(f->book, frame->code));
	char name[CALL_NAME_SIZE];

	if (function.hidden)
		return 0;
	if (codebook_call_name(f->book, frame, caller, name, sizeof(name)))
		function.name = name;
	return frame_put(f, kinds[function.kind], &function, function.kind == CODE_MARK ? 0 : codebook_line(f->book, frame));
}

/* Where the name depends on it: the caller's place as a number. 0: it does not, or there is none. */
static uint32_t caller_of(struct framebook *f, const struct scry_frame *frame, const struct scry_frame *caller)
{
	if (!caller || !codebook_needs_caller(f->book, frame->code))
		return 0;
	return table_put(&f->callers, caller->code, (uint32_t)caller->at);
}

uint32_t framebook_find(struct framebook *f, const struct scry_frame *frame, const struct scry_frame *caller)
{
	uint32_t known, index;

	if (!codebook_find(f->book, frame->code))
		return frame_unknown(f);
	if (f->places.count >= MAX_FRAMES)
		table_clear(&f->places);
	if (f->callers.count >= MAX_FRAMES) { /* its numbers are in the other */
		table_clear(&f->callers);
		table_clear(&f->places);
	}
	known = f->places.count;
	index = table_put(&f->places, (uint64_t)caller_of(f, frame, caller) << 32 | frame->code, (uint32_t)frame->at);
	if (!index || !array_reserve(&f->frames, &f->frames_room, index + 1, sizeof(*f->frames)))
		return frame_unknown(f);
	if (index > known)
		f->frames[index] = frame_resolve(f, frame, caller);
	return f->frames[index];
}
