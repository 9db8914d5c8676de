// SPDX-License-Identifier: GPL-2.0-only
#include "recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../runtimes/native/binaries.h"
#include "base/array.h"
#include "base/err.h"
#include "base/intern.h"
#include "codebook.h"
#include "events.h"
#include "framebook.h"
#include "mixed.h"
#include "native_frames.h"
#include "outside.h"
#include "reasons.h"
#include "stackbook.h"
#include "threads.h"
#include "wakers.h"

#define MAX_KNOWN_BYTES (64u << 20) /* of raw stacks remembered; then from the beginning */

/* What a stack as it came stands for. */
struct known_stack {
	uint32_t node;
	enum scry_walk_error error;
};

/* Stacks with other frames than interpreted ones differ in more than these. */
struct key {
	uint32_t pid;
	uint16_t count, native, kernel;
	uint8_t error, native_error, entries, runtime, pad[2];
	struct scry_frame frames[];
};

struct recorder {
	struct capture_writer *capture;
	uint64_t period, samples;
	struct codebook *book;
	struct framebook *frames;
	struct threads threads;
	struct intern known; /* stacks as they came -> index in nodes */
	size_t known_bytes;
	struct known_stack *nodes;
	size_t nodes_room;
	bool deep;		 /* samples have frames of C or of the kernel */
	struct mixed mixed;
	struct native_frames *native;
	struct key *key;	 /* of such a sample, for known */
	size_t key_room;
	const struct session *session; /* NULL: stacks cannot be read from outside */
	unsigned int max_stack;
	struct stackbook stacks;   /* by key */
	struct stackbook outside;  /* by pid, tid */
	struct stackbook woken;	   /* stacks with their wakers below */
	uint32_t *last;		   /* stack of each thread's last sample, where it had one */
	size_t last_room;
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

int recorder_deepen(struct recorder *r, const struct native_binaries *binaries, bool all)
{
	r->deep = true;
	r->mixed.binaries = binaries;
	r->mixed.all = all;
	return native_frames_create(r->capture, &r->native);
}

void recorder_destroy(struct recorder *r)
{
	if (!r)
		return;
	framebook_destroy(r->frames);
	codebook_destroy(r->book);
	native_frames_destroy(r->native);
	mixed_deinit(&r->mixed);
	threads_deinit(&r->threads);
	intern_deinit(&r->known);
	free(r->key);
	stackbook_deinit(&r->stacks);
	stackbook_deinit(&r->outside);
	stackbook_deinit(&r->woken);
	free(r->last);
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

/* A stack of which nothing is known but why. */
static uint32_t mark_stack(struct recorder *r, enum scry_walk_error error)
{
	return capture_stack(r->capture, CAPTURE_NO_STACK, mark(r, error));
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

static struct native_row native_row(struct recorder *r, const struct scry_frame *frame, pid_t pid)
{
	uint32_t index = frame->code & SCRY_FRAME_LOW;
	const struct native_binary *binary;

	switch (frame->code >> SCRY_FRAME_SHIFT) {
	case SCRY_FRAME_NATIVE:
		binary = r->mixed.binaries ? native_binaries_at(r->mixed.binaries, index) : NULL;
		return binary ? native_frames_binary(r->native, index, binary->symbols, binary->path, (uint32_t)frame->at) :
				(struct native_row){ 0 };
	case SCRY_FRAME_KERNEL:
		return native_frames_kernel(r->native, address_of(frame));
	default:
		return native_frames_made(r->native, pid, address_of(frame));
	}
}

/* caller: the next interpreted frame. */
static uint32_t stack_put(struct recorder *r, const struct scry_frame *frame, const struct scry_frame *caller, pid_t pid,
			  uint32_t node)
{
	struct native_row row = { 0 };
	uint32_t index;

	if (r->deep && !is_interpreted(frame))
		row = native_row(r, frame, pid);
	if (!row.count) { /* also what should not be there: shown as not known */
		index = framebook_find(r->frames, frame, caller);
		return index ? capture_stack(r->capture, node, index) : node;
	}
	for (unsigned i = row.count; i-- > 0;)
		node = capture_stack(r->capture, node, row.frames[i]);
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

static struct known_stack stack_build(struct recorder *r, const struct scry_sample *sample)
{
	struct known_stack stack = { CAPTURE_NO_STACK, sample->error };
	const struct scry_frame *frames = sample->frames, *caller = NULL;
	size_t count = sample->count;

	if (r->deep) {
		stack.error = mixed_lay(&r->mixed, sample);
		frames = r->mixed.frames;
		count = r->mixed.count;
	}
	/* The stack at a tracepoint has on top what looks at it. */
	while (r->deep && sample->head.kind == SCRY_RECORD_STACK && count && is_kernel(frames) &&
	       native_frames_is_probe(r->native, address_of(frames)))
		frames++, count--;
	if (stack.error)
		stack.node = capture_stack(r->capture, stack.node, mark(r, stack.error));
	for (size_t i = count; i-- > 0;) {
		stack.node = stack_put(r, &frames[i], caller, sample->head.pid, stack.node);
		if (is_interpreted(&frames[i]) && !codebook_is_note(r->book, frames[i].code))
			caller = &frames[i];
	}
	return stack;
}

/* What tells a stack from others, and its size; NULL: no memory. */
static const void *stack_key(struct recorder *r, const struct scry_sample *sample, size_t *size)
{
	size_t frames = (size_t)sample->count + sample->native + sample->kernel, bytes = frames * sizeof(sample->frames[0]);

	*size = bytes;
	if (!r->deep)
		return sample->frames;
	*size += sizeof(*r->key);
	if (!array_reserve(&r->key, &r->key_room, *size, 1))
		return NULL;
	*r->key = (struct key){
		.pid = sample->head.pid, .count = sample->count, .native = sample->native, .kernel = sample->kernel,
		.error = sample->error, .native_error = sample->native_error, .entries = sample->entries,
		.runtime = sample->runtime,
	};
	memcpy(r->key->frames, sample->frames, bytes);
	return r->key;
}

/* Most stacks have been seen before, frame by frame: then the answer is one look-up of their bytes. */
static struct known_stack stack_find(struct recorder *r, const struct scry_sample *sample)
{
	uint32_t before, index;
	const void *key;
	size_t size;

	if (r->deep ? !is_lasting(sample) : sample->error || !sample->count)
		return stack_build(r, sample);
	if (r->known_bytes > MAX_KNOWN_BYTES) {
		intern_deinit(&r->known);
		memset(&r->known, 0, sizeof(r->known));
		r->known_bytes = 0;
	}
	before = r->known.count;
	key = stack_key(r, sample, &size);
	index = key ? intern_put(&r->known, key, size) : 0;
	if (!index || !array_reserve(&r->nodes, &r->nodes_room, index + 1, sizeof(*r->nodes)))
		return stack_build(r, sample);
	if (index > before) {
		r->known_bytes += size + 64;
		r->nodes[index] = stack_build(r, sample);
	}
	return r->nodes[index];
}

static bool sample_is_whole(const struct scry_sample *sample, size_t size)
{
	return size >= sizeof(*sample) && sample->error < SCRY_WALK_ERROR_COUNT && sample->native_error < SCRY_WALK_ERROR_COUNT &&
	       (size - sizeof(*sample)) / sizeof(sample->frames[0]) >= (size_t)sample->count + sample->native + sample->kernel;
}

static const char *gil_reason(const struct scry_sample *sample)
{
	if (sample->gil == SCRY_GIL_MINE)
		return "holds the GIL";
	return sample->gil == SCRY_GIL_NOT_MINE ? "does not hold the GIL" : NULL;
}

static void take_sample(struct recorder *r, const struct scry_sample *sample, size_t size)
{
	struct known_stack stack;
	uint32_t thread;

	if (!sample_is_whole(sample, size))
		return;
	thread = threads_see(&r->threads, sample);
	stack = stack_find(r, sample);
	capture_sample_of(r->capture, sample->head.time, thread, stack.node, r->period ?: sample->ran,
			  stack.error ? error_text[stack.error] : NULL, gil_reason(sample));
	if (sample->ran && array_reserve(&r->last, &r->last_room, thread + 1, sizeof(*r->last)))
		r->last[thread] = stack.node;
	r->samples++;
}

/* The stack by this key, and what is missing of it. */
static uint32_t stack_by_key(struct recorder *r, const struct scry_stack_key *key, enum scry_walk_error *error)
{
	const struct stackbook_entry *entry = stackbook_find(&r->stacks, key->a, key->b);

	*error = entry ? entry->error : SCRY_WALK_STACK_LOST;
	return entry ? entry->node : mark_stack(r, *error);
}

static void take_stack(struct recorder *r, const struct scry_sample *sample, size_t size)
{
	struct known_stack stack;

	if (!sample_is_whole(sample, size))
		return;
	stack = stack_find(r, sample);
	stackbook_put(&r->stacks, sample->key.a, sample->key.b, (struct stackbook_entry){ stack.node, stack.error });
}

static void take_waiting(struct recorder *r, const struct scry_wait *wait)
{
	enum scry_walk_error error = SCRY_WALK_OUTSIDE;
	uint32_t node = CAPTURE_NO_STACK;

	if (r->session)
		node = outside_stack(r->capture, r->session, wait, r->max_stack, &error);
	if (!node)
		node = mark_stack(r, error ?: SCRY_WALK_OUTSIDE);
	stackbook_put(&r->outside, wait->who.head.pid, wait->who.tid, (struct stackbook_entry){ node, error });
}

/* The stack at which a wait began. */
static uint32_t wait_stack(struct recorder *r, const struct scry_wait *wait, enum scry_walk_error *error)
{
	const struct stackbook_entry *entry;

	*error = wait->who.error;
	if (!*error)
		return stack_by_key(r, &wait->stack, error);
	entry = *error == SCRY_WALK_OUTSIDE ? stackbook_find(&r->outside, wait->who.head.pid, wait->who.tid) : NULL;
	if (entry)
		*error = entry->error;
	return entry ? entry->node : mark_stack(r, *error);
}

static void take_wait(struct recorder *r, const struct scry_wait *wait)
{
	uint32_t thread = threads_see(&r->threads, &wait->who), stack, waker = CAPTURE_NO_STACK;
	enum scry_walk_error error, none;

	stack = wait_stack(r, wait, &error);
	if (wait->waker.a || wait->waker.b)
		waker = stack_by_key(r, &wait->waker, &none);
	stack = wakers_below(r->capture, &r->woken, stack, waker, wait);
	capture_sample_of(r->capture, wait->who.head.time, thread, stack, wait->duration_ns,
			  error ? error_text[error] : NULL, reason_of_wait(wait));
	r->samples++;
}

/* Time on CPU after a thread's last sample belongs to that one. */
static void take_ran(struct recorder *r, const struct scry_wait *wait)
{
	uint32_t thread = threads_see(&r->threads, &wait->who);
	uint32_t stack = thread < r->last_room ? r->last[thread] : 0;

	capture_sample(r->capture, wait->who.head.time, thread, stack ?: mark_stack(r, SCRY_WALK_UNSAMPLED), wait->who.ran,
		       stack ? NULL : error_text[SCRY_WALK_UNSAMPLED]);
	r->samples++;
}

static void take_wait_record(struct recorder *r, const struct scry_wait *wait, size_t size)
{
	if (size < sizeof(*wait) || wait->who.error >= SCRY_WALK_ERROR_COUNT || wait->state >= SCRY_WAIT_STATE_COUNT)
		return;
	if (wait->who.head.kind == SCRY_RECORD_WAITING)
		take_waiting(r, wait);
	else if (wait->who.head.kind == SCRY_RECORD_RAN)
		take_ran(r, wait);
	else
		take_wait(r, wait);
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
		else if (event_gc_work(event->number))
			snprintf(text, size, "[gc %s]", event_gc_work(event->number));
		else
			snprintf(text, size, "[gc generation %lld]", (long long)event->number);
		return true;
	case SCRY_EVENT_IMPORT:
		snprintf(text, size, "[import %s]", *event->text[0] ? event->text[0] : "?");
		return true;
	case SCRY_EVENT_GIL:
		snprintf(text, size, event->number == SCRY_GIL_WAITED ? "[waited for the GIL]" : "[held the GIL]");
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
	struct known_stack stack;
	struct event event;
	uint32_t thread;
	uint64_t weight;

	if (event_decode(record, size, &event) || !event_weight(r, &event, &weight))
		return;
	/* The interpreter's own code is nothing that the program called. */
	if (event.kind == SCRY_EVENT_CALL && (!event.frame_count || !framebook_find(r->frames, &event.frames[0], NULL)))
		return;
	thread = threads_see(&r->threads, event.sample);
	stack = stack_find(r, event.sample);
	if (event_leaf(&event, text, sizeof(text)))
		stack.node = capture_stack(r->capture, stack.node, capture_frame(r->capture,
				      capture_function(r->capture, CAPTURE_NATIVE, text, "", 0), 0));
	capture_sample(r->capture, event.time, thread, stack.node, weight, stack.error ? error_text[stack.error] : NULL);
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
	case SCRY_RECORD_STACK:
		take_stack(r, (const struct scry_sample *)record, size);
		break;
	case SCRY_RECORD_WAIT:
	case SCRY_RECORD_WAITING:
	case SCRY_RECORD_RAN:
		take_wait_record(r, (const struct scry_wait *)record, size);
		break;
	case SCRY_RECORD_EXEC: /* another program: names that the one before gave its threads are no more */
	case SCRY_RECORD_EXIT:
		if (r->native)
			native_frames_forget(r->native, record->pid);
		threads_end(&r->threads, record->pid);
		break;
	}
}

void recorder_look(struct recorder *r, const struct session *session, unsigned int max_stack)
{
	r->session = session;
	r->max_stack = max_stack;
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
