// SPDX-License-Identifier: GPL-2.0-only
#include "stacks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../runtimes/native/binaries.h"
#include "base/array.h"
#include "base/err.h"
#include "base/intern.h"
#include "mixed.h"
#include "native_frames.h"

#define MAX_KNOWN_BYTES (64u << 20) /* of raw stacks remembered; then from the beginning */

/* Stacks with other frames than interpreted ones differ in more than these. */
struct key {
	uint32_t pid;
	uint16_t count, native, kernel;
	uint8_t error, native_error, entries, runtime, pad[2];
	struct scry_frame frames[];
};

struct stacks {
	struct capture_writer *capture;
	const struct codebook *book;
	struct framebook *frames;
	struct intern known; /* stacks as they came -> index in nodes */
	size_t known_bytes;
	struct stack *nodes;
	size_t nodes_room;
	bool deep;		 /* samples have frames of C or of the kernel */
	struct mixed mixed;
	struct native_frames *native;
	struct key *key;	 /* of such a sample, for known */
	size_t key_room;
	uint32_t marks[SCRY_WALK_ERROR_COUNT]; /* frames that say why a stack has no root */
};

const char *stacks_error(enum scry_walk_error error)
{
	static const char *const text[] = {
#define X(name, text) [SCRY_WALK_##name] = text,
		SCRY_WALK_ERRORS(X)
#undef X
	};

	return error ? text[error] : NULL;
}

int stacks_create(struct capture_writer *capture, const struct codebook *book, struct framebook *frames, struct stacks **ret)
{
	struct stacks *s = calloc(1, sizeof(*s));

	if (!s)
		return fail(-ENOMEM, "out of memory");
	s->capture = capture;
	s->book = book;
	s->frames = frames;
	*ret = s;
	return 0;
}

int stacks_deepen(struct stacks *s, const struct native_binaries *binaries, bool all)
{
	s->deep = true;
	s->mixed.binaries = binaries;
	s->mixed.all = all;
	return native_frames_create(s->capture, &s->native);
}

void stacks_destroy(struct stacks *s)
{
	if (!s)
		return;
	native_frames_destroy(s->native);
	mixed_deinit(&s->mixed);
	intern_deinit(&s->known);
	free(s->key);
	free(s->nodes);
	free(s);
}

void stacks_forget(struct stacks *s, pid_t pid)
{
	if (s->native)
		native_frames_forget(s->native, pid);
}

/* A frame at the root that says what is missing below it. */
static uint32_t mark(struct stacks *s, enum scry_walk_error error)
{
	char name[96];

	if (!s->marks[error]) {
		snprintf(name, sizeof(name), "[%s]", error == SCRY_WALK_TRUNCATED ? "truncated" : stacks_error(error));
		s->marks[error] =
			capture_frame(s->capture, capture_function(s->capture, CAPTURE_MARK, name, "", 0), 0);
	}
	return s->marks[error];
}

uint32_t stacks_mark(struct stacks *s, enum scry_walk_error error)
{
	return capture_stack(s->capture, CAPTURE_NO_STACK, mark(s, error));
}

static bool is_interpreted(const struct scry_frame *frame)
{
	return frame->code >> SCRY_FRAME_SHIFT == SCRY_FRAME_INTERPRETED;
}

static bool is_kernel(const struct scry_frame *frame)
{
	return frame->code >> SCRY_FRAME_SHIFT == SCRY_FRAME_KERNEL;
}

/* An address as frames of two of the kinds have it: the kernel's are the ones whose high bits are set. */
static uint64_t address_of(const struct scry_frame *frame)
{
	uint64_t address = (uint64_t)(frame->code & SCRY_FRAME_LOW) << 32 | (uint32_t)frame->at;

	return is_kernel(frame) ? address | 7ull << 61 : address;
}

static struct native_row native_row(struct stacks *s, const struct scry_frame *frame, pid_t pid)
{
	uint32_t index = frame->code & SCRY_FRAME_LOW;
	const struct native_binary *binary;

	switch (frame->code >> SCRY_FRAME_SHIFT) {
	case SCRY_FRAME_NATIVE:
		binary = s->mixed.binaries ? native_binaries_at(s->mixed.binaries, index) : NULL;
		return binary ? native_frames_binary(s->native, index, binary->symbols, binary->path, (uint32_t)frame->at) :
				(struct native_row){ 0 };
	case SCRY_FRAME_KERNEL:
		return native_frames_kernel(s->native, address_of(frame));
	default:
		return native_frames_made(s->native, pid, address_of(frame));
	}
}

/* caller: the next interpreted frame. */
static uint32_t stack_put(struct stacks *s, const struct scry_frame *frame, const struct scry_frame *caller, pid_t pid,
			  uint32_t node)
{
	struct native_row row = { 0 };
	uint32_t index;

	if (s->deep && !is_interpreted(frame))
		row = native_row(s, frame, pid);
	if (!row.count) { /* also what should not be there: shown as not known */
		index = framebook_find(s->frames, frame, caller);
		return index ? capture_stack(s->capture, node, index) : node;
	}
	for (unsigned i = row.count; i-- > 0;)
		node = capture_stack(s->capture, node, row.frames[i]);
	return node;
}

/* Code made at run time may get another name: what is on such a stack is looked up each time. */
static bool is_lasting(const struct scry_sample *sample)
{
	for (uint32_t i = 0; i < sample->native; i++)
		if (sample->frames[sample->count + i].code >> SCRY_FRAME_SHIFT == SCRY_FRAME_ADDRESS)
			return false;
	return true;
}

static struct stack stack_build(struct stacks *s, const struct scry_sample *sample)
{
	struct stack stack = { CAPTURE_NO_STACK, sample->error };
	const struct scry_frame *frames = sample->frames, *caller = NULL;
	size_t count = sample->count;

	if (s->deep) {
		stack.error = mixed_lay(&s->mixed, sample);
		frames = s->mixed.frames;
		count = s->mixed.count;
	}
	/* The stack at a tracepoint has on top what looks at it. */
	while (s->deep && sample->head.kind == SCRY_RECORD_STACK && count && is_kernel(frames) &&
	       native_frames_is_probe(s->native, address_of(frames)))
		frames++, count--;
	if (stack.error)
		stack.node = capture_stack(s->capture, stack.node, mark(s, stack.error));
	for (size_t i = count; i-- > 0;) {
		stack.node = stack_put(s, &frames[i], caller, sample->head.pid, stack.node);
		if (is_interpreted(&frames[i]) && !codebook_is_note(s->book, frames[i].code))
			caller = &frames[i];
	}
	return stack;
}

/* What tells a stack from others, and its size; NULL: no memory. */
static const void *stack_key(struct stacks *s, const struct scry_sample *sample, size_t *size)
{
	size_t frames = (size_t)sample->count + sample->native + sample->kernel, bytes = frames * sizeof(sample->frames[0]);

	*size = bytes;
	if (!s->deep)
		return sample->frames;
	*size += sizeof(*s->key);
	if (!array_reserve(&s->key, &s->key_room, *size, 1))
		return NULL;
	*s->key = (struct key){
		.pid = sample->head.pid, .count = sample->count, .native = sample->native, .kernel = sample->kernel,
		.error = sample->error, .native_error = sample->native_error, .entries = sample->entries,
		.runtime = sample->runtime,
	};
	memcpy(s->key->frames, sample->frames, bytes);
	return s->key;
}

/* Most stacks have been seen before, frame by frame: then the answer is one look-up of their bytes. */
struct stack stacks_find(struct stacks *s, const struct scry_sample *sample)
{
	uint32_t before, index;
	const void *key;
	size_t size;

	if (s->deep ? !is_lasting(sample) : sample->error || !sample->count)
		return stack_build(s, sample);
	if (s->known_bytes > MAX_KNOWN_BYTES) {
		intern_deinit(&s->known);
		memset(&s->known, 0, sizeof(s->known));
		s->known_bytes = 0;
	}
	before = s->known.count;
	key = stack_key(s, sample, &size);
	index = key ? intern_put(&s->known, key, size) : 0;
	if (!index || !array_reserve(&s->nodes, &s->nodes_room, index + 1, sizeof(*s->nodes)))
		return stack_build(s, sample);
	if (index > before) {
		s->known_bytes += size + 64;
		s->nodes[index] = stack_build(s, sample);
	}
	return s->nodes[index];
}
