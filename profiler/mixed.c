// SPDX-License-Identifier: GPL-2.0-only
#include "mixed.h"

#include <stdlib.h>
#include <string.h>

#include "../runtimes/native/binaries.h"
#include "base/array.h"

#define MAX_COMPILED 4 /* frames of one such call */

void mixed_deinit(struct mixed *m)
{
	free(m->frames);
	m->frames = NULL;
}

static enum scry_frame_kind kind_of(const struct scry_frame *frame)
{
	return frame->code >> SCRY_FRAME_SHIFT;
}

static const struct native_binary *binary_of(const struct mixed *m, const struct scry_frame *frame)
{
	if (!m->binaries || kind_of(frame) != SCRY_FRAME_NATIVE)
		return NULL;
	return native_binaries_at(m->binaries, frame->code & SCRY_FRAME_LOW);
}

static bool is_eval(const struct mixed *m, const struct scry_frame *frame)
{
	const struct native_binary *binary = binary_of(m, frame);

	for (int i = 0; binary && i < binary->evals; i++)
		if ((__u32)frame->at - binary->eval[i].address < binary->eval[i].size)
			return true;
	return false;
}

static unsigned entries_of(const struct scry_frame *frame)
{
	return frame->code >> SCRY_ENTRIES_SHIFT & SCRY_ENTRIES_MAX;
}

static void add(struct mixed *m, const struct scry_frame *frame)
{
	m->frames[m->count++] = *frame;
}

static void add_interpreted(struct mixed *m, const struct scry_frame *frame)
{
	m->frames[m->count].code = frame->code & (SCRY_CODE_IDS - 1);
	m->frames[m->count++].at = frame->at;
}

static void add_kernel(struct mixed *m, const struct scry_sample *sample)
{
	const struct scry_frame *first = &sample->frames[sample->count + sample->native];

	for (__u32 i = 0; i < sample->kernel; i++) {
		__u64 address;

		memcpy(&address, &first[i], sizeof(address));
		m->frames[m->count].code = SCRY_FRAME_KERNEL << SCRY_FRAME_SHIFT | (address >> 32 & SCRY_FRAME_LOW);
		m->frames[m->count++].at = (__s32)address;
	}
}

/* How often C has entered the interpreter, as its frames tell; -1: more often than they can tell. */
static long entries(const struct scry_sample *sample)
{
	long sum = sample->entries;
	bool full = sample->entries == SCRY_ENTRIES_MAX;

	for (__u32 i = 0; i < sample->count; i++) {
		sum += entries_of(&sample->frames[i]);
		full |= entries_of(&sample->frames[i]) == SCRY_ENTRIES_MAX;
	}
	return full ? -1 : sum;
}

static long evals(const struct mixed *m, const struct scry_sample *sample)
{
	long sum = 0;

	for (__u32 i = 0; i < sample->native; i++)
		sum += is_eval(m, &sample->frames[sample->count + i]);
	return sum;
}

/*
 * The C frames above the innermost call of the eval function, then all interpreted ones. Where that is not known of a language, those
 * above the interpreter's own code.
 */
static void lay_apart(struct mixed *m, const struct scry_sample *sample, bool unknown)
{
	for (__u32 i = 0; i < sample->native; i++) {
		const struct scry_frame *frame = &sample->frames[sample->count + i];
		const struct native_binary *binary = binary_of(m, frame);

		if (is_eval(m, frame) || (unknown && binary && binary->runtime))
			break;
		add(m, frame);
	}
	for (__u32 i = 0; i < sample->count; i++)
		add_interpreted(m, &sample->frames[i]);
}

/* Code made at run time that eval goes on into: the interpreter's own, by its compiler (CPython 3.13 and later), and a frame or two. */
static bool is_compiled(const struct mixed *m, const struct scry_sample *sample, __u32 at)
{
	__u32 end = at + MAX_COMPILED < sample->native ? at + MAX_COMPILED : sample->native;

	while (at < end && kind_of(&sample->frames[sample->count + at]) == SCRY_FRAME_ADDRESS)
		if (++at < end && is_eval(m, &sample->frames[sample->count + at]))
			return true;
	return false;
}

/* unlinked: of the innermost call of the eval function there is no frame. */
static void lay_together(struct mixed *m, const struct scry_sample *sample, bool unlinked)
{
	unsigned empty = sample->entries; /* calls that have no frame of the program */
	__u32 next = 0;
	bool below = false; /* an interpreted frame */
	bool called = false; /* the eval function, by this frame */

	for (__u32 i = 0; i < sample->native; i++) {
		const struct scry_frame *frame = &sample->frames[sample->count + i];
		const struct native_binary *binary = binary_of(m, frame);
		bool outermost = i + 1 == sample->native;
		/* Code made at run time that calls it is the interpreter's own: a trampoline of -X perf. */
		bool own = binary ? binary->runtime != NULL : called && kind_of(frame) == SCRY_FRAME_ADDRESS;

		if (!is_eval(m, frame) || unlinked) {
			unlinked &= !is_eval(m, frame);
			if (m->all || ((!below || outermost || !own) && !is_compiled(m, sample, i)))
				add(m, frame);
			called = false;
			continue;
		}
		called = true;
		while (next < sample->count && !empty) {
			add_interpreted(m, &sample->frames[next]);
			empty = entries_of(&sample->frames[next++]);
			below = true;
		}
		empty -= empty > 0;
		if (m->all)
			add(m, frame);
	}
}

/* A thread that C code made, and that the interpreter does not know, has a whole stack without it. */
static bool is_outside(enum scry_walk_error error)
{
	return error == SCRY_WALK_NO_INTERPRETER || error == SCRY_WALK_NOT_STARTED || error == SCRY_WALK_NO_THREAD_STATE;
}

static enum scry_walk_error lay(struct mixed *m, const struct scry_sample *sample)
{
	enum scry_walk_error error = is_outside(sample->error) ? SCRY_WALK_OK : sample->error;
	long calls, known;

	if (!error)
		error = sample->native_error;
	if (!error) {
		calls = evals(m, sample);
		known = entries(sample);
		/* Of a language whose calls cannot be told on the C stack none is known. */
		if (known >= 0 && (known || !sample->count) && (calls == known || (calls == known + 1 && !sample->error))) {
			lay_together(m, sample, calls > known);
			return SCRY_WALK_OK;
		}
		error = sample->error		   ? sample->error :
			sample->count && !known ? SCRY_WALK_NATIVE_APART :
						  SCRY_WALK_NATIVE_MISMATCH;
	}
	lay_apart(m, sample, error == SCRY_WALK_NATIVE_APART);
	return error;
}

enum scry_walk_error mixed_lay(struct mixed *m, const struct scry_sample *sample)
{
	m->count = 0;
	if (!array_reserve(&m->frames, &m->room, (size_t)sample->count + sample->native + sample->kernel + 1,
			   sizeof(*m->frames)))
		return sample->error ? sample->error : SCRY_WALK_NATIVE_MISMATCH;
	add_kernel(m, sample);
	if (sample->native || sample->native_error)
		return lay(m, sample);
	for (__u32 i = 0; i < sample->count; i++)
		add_interpreted(m, &sample->frames[i]);
	return sample->error;
}
