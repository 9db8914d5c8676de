// SPDX-License-Identifier: GPL-2.0-only
#include "recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/err.h"
#include "codebook.h"
#include "events.h"
#include "framebook.h"
#include "outside.h"
#include "reasons.h"
#include "stackbook.h"
#include "stacks.h"
#include "threads.h"
#include "wakers.h"

struct recorder {
	struct capture_writer *capture;
	uint64_t period, samples;
	struct codebook *book;
	struct framebook *frames;
	struct stacks *stacks;
	struct threads threads;
	const struct session *session; /* NULL: stacks cannot be read from outside */
	unsigned int max_stack;
	struct stackbook keyed;	   /* stacks by key */
	struct stackbook outside;  /* by pid, tid */
	struct stackbook woken;	   /* stacks with their wakers below */
	uint32_t *last;		   /* stack of each thread's last sample, where it had one */
	size_t last_room;
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
	err = codebook_create(&r->book) ?: framebook_create(capture, r->book, &r->frames) ?:
	      stacks_create(capture, r->book, r->frames, &r->stacks);
	if (err) {
		recorder_destroy(r);
		return err;
	}
	*ret = r;
	return 0;
}

int recorder_deepen(struct recorder *r, const struct native_binaries *binaries, bool all)
{
	return stacks_deepen(r->stacks, binaries, all);
}

void recorder_destroy(struct recorder *r)
{
	if (!r)
		return;
	stacks_destroy(r->stacks);
	framebook_destroy(r->frames);
	codebook_destroy(r->book);
	threads_deinit(&r->threads);
	stackbook_deinit(&r->keyed);
	stackbook_deinit(&r->outside);
	stackbook_deinit(&r->woken);
	free(r->last);
	free(r);
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
	struct stack stack;
	uint32_t thread;

	if (!sample_is_whole(sample, size))
		return;
	thread = threads_see(&r->threads, sample);
	stack = stacks_find(r->stacks, sample);
	capture_sample_of(r->capture, sample->head.time, thread, stack.node, r->period ?: sample->ran,
			  stacks_error(stack.error), gil_reason(sample));
	if (sample->ran && array_reserve(&r->last, &r->last_room, thread + 1, sizeof(*r->last)))
		r->last[thread] = stack.node;
	r->samples++;
}

/* The stack by this key, and what is missing of it. */
static uint32_t stack_by_key(struct recorder *r, const struct scry_stack_key *key, enum scry_walk_error *error)
{
	const struct stackbook_entry *entry = stackbook_find(&r->keyed, key->a, key->b);

	*error = entry ? entry->error : SCRY_WALK_STACK_LOST;
	return entry ? entry->node : stacks_mark(r->stacks, *error);
}

static void take_stack(struct recorder *r, const struct scry_sample *sample, size_t size)
{
	struct stack stack;

	if (!sample_is_whole(sample, size))
		return;
	stack = stacks_find(r->stacks, sample);
	stackbook_put(&r->keyed, sample->key.a, sample->key.b, (struct stackbook_entry){ stack.node, stack.error });
}

static void take_waiting(struct recorder *r, const struct scry_wait *wait)
{
	enum scry_walk_error error = SCRY_WALK_OUTSIDE;
	uint32_t node = CAPTURE_NO_STACK;

	if (r->session)
		node = outside_stack(r->capture, r->session, wait, r->max_stack, &error);
	if (!node)
		node = stacks_mark(r->stacks, error ?: SCRY_WALK_OUTSIDE);
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
	return entry ? entry->node : stacks_mark(r->stacks, *error);
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
			  stacks_error(error), reason_of_wait(wait));
	r->samples++;
}

/* Time on CPU after a thread's last sample belongs to that one. */
static void take_ran(struct recorder *r, const struct scry_wait *wait)
{
	uint32_t thread = threads_see(&r->threads, &wait->who);
	uint32_t stack = thread < r->last_room ? r->last[thread] : 0;

	capture_sample(r->capture, wait->who.head.time, thread, stack ?: stacks_mark(r->stacks, SCRY_WALK_UNSAMPLED),
		       wait->who.ran, stack ? NULL : stacks_error(SCRY_WALK_UNSAMPLED));
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
	bool ends = event->type == SCRY_CALL_RETURN || event->type == SCRY_CALL_UNWIND || event->type == SCRY_CALL_DROPPED;

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
	struct stack stack;
	struct event event;
	uint32_t thread;
	uint64_t weight;

	if (event_decode(record, size, &event) || !event_weight(r, &event, &weight))
		return;
	/* The interpreter's own code is nothing that the program called. */
	if (event.kind == SCRY_EVENT_CALL && (!event.frame_count || !framebook_find(r->frames, &event.frames[0], NULL)))
		return;
	thread = threads_see(&r->threads, event.sample);
	stack = stacks_find(r->stacks, event.sample);
	if (event_leaf(&event, text, sizeof(text)))
		stack.node = capture_stack(r->capture, stack.node, capture_frame(r->capture,
				      capture_function(r->capture, CAPTURE_NATIVE, text, "", 0), 0));
	capture_sample(r->capture, event.time, thread, stack.node, weight, stacks_error(stack.error));
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
		stacks_forget(r->stacks, record->pid);
		threads_end(&r->threads, record->pid, record->kind == SCRY_RECORD_EXIT);
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
