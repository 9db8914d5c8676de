// SPDX-License-Identifier: GPL-2.0-only
#include "recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/err.h"
#include "base/intern.h"
#include "codebook.h"
#include "events.h"
#include "framebook.h"
#include "threads.h"

#define MAX_KNOWN_BYTES (64u << 20) /* of raw stacks remembered; then from the beginning */

struct recorder {
	struct capture_writer *capture;
	uint64_t period, samples;
	struct codebook *book;
	struct framebook *frames;
	struct threads threads;
	struct intern known; /* stacks as they came -> index in nodes */
	size_t known_bytes;
	uint32_t *nodes;
	size_t nodes_room;
	uint32_t marks[SCRY_WALK_ERROR_COUNT]; /* frames that say why a stack has no root */
};

/* Why, as counted and stored. */
static const char *const error_text[] = {
#define X(name, text) [SCRY_WALK_##name] = text,
	SCRY_WALK_ERRORS(X)
#undef X
};

int recorder_create(struct capture_writer *capture, uint64_t period, struct recorder **ret)
{
	struct recorder *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return fail(-ENOMEM, "out of memory");
	r->capture = capture;
	r->period = period;
	threads_init(&r->threads, capture);
	err = codebook_create(&r->book) ?: framebook_create(capture, r->book, &r->frames);
	if (err) {
		recorder_destroy(r);
		return err;
	}
	*ret = r;
	return 0;
}

void recorder_destroy(struct recorder *r)
{
	if (!r)
		return;
	framebook_destroy(r->frames);
	codebook_destroy(r->book);
	threads_deinit(&r->threads);
	intern_deinit(&r->known);
	free(r->nodes);
	free(r);
}

/* A frame at the root that says what is missing below it. */
static uint32_t mark(struct recorder *r, enum scry_walk_error error)
{
	char name[96];

	if (!r->marks[error]) {
		snprintf(name, sizeof(name), "[%s]", error == SCRY_WALK_TRUNCATED ? "truncated" : error_text[error]);
		r->marks[error] =
			capture_frame(r->capture, capture_function(r->capture, CAPTURE_MARK, name, "", 0), 0);
	}
	return r->marks[error];
}

static uint32_t stack_build(struct recorder *r, const struct scry_sample *sample)
{
	uint32_t node = CAPTURE_NO_STACK;

	if (sample->error)
		node = capture_stack(r->capture, node, mark(r, sample->error));
	for (uint32_t i = sample->count; i-- > 0;) {
		uint32_t frame = framebook_find(r->frames, &sample->frames[i],
						i + 1 < sample->count ? &sample->frames[i + 1] : NULL);

		if (frame)
			node = capture_stack(r->capture, node, frame);
	}
	return node;
}

/* Most stacks have been seen before, frame by frame: then the answer is one look-up of their bytes. */
static uint32_t stack_find(struct recorder *r, const struct scry_sample *sample)
{
	const char *bytes = (const char *)sample->frames;
	size_t size = sample->count * sizeof(sample->frames[0]);
	uint32_t before, index;

	if (sample->error || !sample->count)
		return stack_build(r, sample);
	if (r->known_bytes > MAX_KNOWN_BYTES) {
		intern_deinit(&r->known);
		memset(&r->known, 0, sizeof(r->known));
		r->known_bytes = 0;
	}
	before = r->known.count;
	index = intern_put(&r->known, bytes, size);
	if (!index || !array_reserve(&r->nodes, &r->nodes_room, index + 1, sizeof(*r->nodes)))
		return stack_build(r, sample);
	if (index > before) {
		r->known_bytes += size + 64;
		r->nodes[index] = stack_build(r, sample);
	}
	return r->nodes[index];
}

static void take_sample(struct recorder *r, const struct scry_sample *sample, size_t size)
{
	uint32_t thread;

	if (size < sizeof(*sample) || sample->error >= SCRY_WALK_ERROR_COUNT ||
	    (size - sizeof(*sample)) / sizeof(sample->frames[0]) < sample->count)
		return;
	thread = threads_see(&r->threads, sample);
	capture_sample(r->capture, sample->head.time, thread, stack_find(r, sample), r->period,
		       sample->error ? error_text[sample->error] : NULL);
	r->samples++;
}

/* What an event weighs: the time that is its own and no other event's, so that the sums of a flame graph add up. A call is told
 * of at its beginning and at its end: counted it is by the first, timed by the last. false: another record tells of it. */
static bool event_weight(const struct recorder *r, const struct event *event, uint64_t *weight)
{
	bool ends = event->type == SCRY_CALL_RETURN || event->type == SCRY_CALL_UNWIND;

	*weight = r->period ? r->period : event->own_ns;
	return event->kind != SCRY_EVENT_CALL || (r->period ? event->type == SCRY_CALL_ENTRY : ends);
}

/* What the innermost function was busy with, as a frame above it; false: nothing that a frame could tell. */
static bool event_leaf(const struct event *event, char *text, size_t size)
{
	switch (event->kind) {
	case SCRY_EVENT_GC:
		if (event->number < 0)
			snprintf(text, size, "[gc]");
		else
			snprintf(text, size, "[gc generation %lld]", (long long)event->number);
		return true;
	case SCRY_EVENT_IMPORT:
		snprintf(text, size, "[import %s]", *event->text[0] ? event->text[0] : "?");
		return true;
	case SCRY_EVENT_EXCEPTION:
		snprintf(text, size, "[raise %s]", *event->text[0] ? event->text[0] : "?");
		return true;
	default:
		return false;
	}
}

static void take_event(struct recorder *r, const struct scry_record *record, size_t size)
{
	char text[EVENT_TEXT_SIZE + 16];
	struct event event;
	uint32_t stack, thread;
	uint64_t weight;

	if (event_decode(record, size, &event) || !event_weight(r, &event, &weight))
		return;
	/* The interpreter's own code is nothing that the program called. */
	if (event.kind == SCRY_EVENT_CALL && (!event.frame_count || !framebook_find(r->frames, &event.frames[0], NULL)))
		return;
	thread = threads_see(&r->threads, event.sample);
	stack = stack_find(r, event.sample);
	if (event_leaf(&event, text, sizeof(text)))
		stack = capture_stack(r->capture, stack, capture_frame(r->capture,
				      capture_function(r->capture, CAPTURE_NATIVE, text, "", 0), 0));
	capture_sample(r->capture, event.time, thread, stack, weight, event.error ? error_text[event.error] : NULL);
	r->samples++;
}

void recorder_take(void *ctx, const struct scry_record *record, size_t size)
{
	struct recorder *r = ctx;

	switch (record->kind) {
	case SCRY_RECORD_SAMPLE:
		take_sample(r, (const struct scry_sample *)record, size);
		break;
	case SCRY_RECORD_EVENT:
		take_event(r, record, size);
		break;
	case SCRY_RECORD_CODE:
		codebook_add(r->book, (const struct scry_code *)record, size);
		break;
	case SCRY_RECORD_EXEC: /* another program: names that the one before gave its threads are no more */
	case SCRY_RECORD_EXIT:
		threads_end(&r->threads, record->pid);
		break;
	}
}

uint64_t recorder_samples(const struct recorder *r)
{
	return r->samples;
}

struct naming {
	struct threads *threads;
	uint32_t process;
};

static void add_name(void *ctx, const struct runtime_thread_name *thread)
{
	const struct naming *naming = ctx;

	threads_name(naming->threads, naming->process, thread->thread_id, thread->name);
}

void recorder_name_threads(struct recorder *r, const struct session *session, bool all)
{
	for (uint32_t i = 1; i <= r->threads.by_process.count; i++) {
		struct process *process = &r->threads.processes[i];
		struct naming naming = { &r->threads, i };
		const struct runtime_binary *binary;
		struct scry_proc place;

		if (process->gone || (!process->fresh && !all) || !session_place(session, process->pid, &place))
			continue;
		binary = runtime_binary_at(place.binary);
		if (binary && binary->ops->threads)
			binary->ops->threads(binary, process->pid, place.bias, add_name, &naming);
		process->fresh = false;
	}
}
