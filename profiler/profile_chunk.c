// SPDX-License-Identifier: GPL-2.0-only
#include "profile_chunk.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "output.h"

/* Longest time a capture may tell, so that sums of times cannot overflow: 292 years. */
#define TIME_MAX INT64_MAX

static void *append(void *items, size_t *capacity, size_t *count, size_t size)
{
	if (!array_reserve(items, capacity, *count + 1, size))
		return NULL;
	return *(char **)items + (*count)++ * size;
}

/* One more item, zeroed, in an array of the profile; NULL: no memory. */
#define ITEM(array) __typeof__(*(array).item)
#define APPEND(array) \
	((ITEM(array) *)append(&(array).item, &(array).capacity, &(array).count, sizeof(ITEM(array))))

struct profile *profile_create(const char *name)
{
	struct profile *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->name = strdup(name);
	p->tick_ns = 1;
#define TEXT_FACT(key, field) p->header.field = "";
	CAPTURE_TEXT_FACTS(TEXT_FACT)
#undef TEXT_FACT
	p->header.event = p->header.unit = "";
	if (!p->name || !APPEND(p->strings) || !APPEND(p->functions) || !APPEND(p->frames) ||
	    !APPEND(p->stacks) || !APPEND(p->processes) || !APPEND(p->threads)) {
		profile_destroy(p);
		return NULL;
	}
	p->strings.item[0] = "";
	return p;
}

void profile_destroy(struct profile *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->texts_count; i++)
		free(p->texts[i]);
	free(p->texts);
	free(p->strings.item);
	free(p->events.item);
	free(p->functions.item);
	free(p->frames.item);
	free(p->stacks.item);
	free(p->processes.item);
	free(p->threads.item);
	free(p->samples.item);
	table_deinit(&p->process_index);
	free(p->name);
	free(p);
}

/* Memory that lives as long as the profile. */
static char *keep(struct profile *p, size_t size)
{
	char *block = NULL;

	if (array_reserve(&p->texts, &p->texts_capacity, p->texts_count + 1, sizeof(*p->texts)))
		block = malloc(size);
	if (block)
		p->texts[p->texts_count++] = block;
	return block;
}

static int32_t get_line(struct cursor *in)
{
	int64_t line = cursor_signed(in);

	if (line < INT32_MIN || line > INT32_MAX) {
		in->bad = true;
		in->at = in->end;
	}
	return (int32_t)line;
}

uint64_t profile_ticks_to_ns(const struct profile *p, uint64_t ticks)
{
	uint64_t ns;

	return __builtin_mul_overflow(ticks, p->tick_ns, &ns) || ns > TIME_MAX ? TIME_MAX : ns;
}

static int add_fact(struct profile *p, uint64_t key, struct cursor value)
{
	struct cursor number = value;
	size_t size = (size_t)(value.end - value.at);
	char *text;

	switch (key) {
#define NUMBER_FACT(at, field)                                                         \
	case at:                                                                       \
		p->header.field = (__typeof__(p->header.field))cursor_number(&number); \
		return 0;
	CAPTURE_NUMBER_FACTS(NUMBER_FACT)
#undef NUMBER_FACT
	case CAPTURE_FACT_TICK:
		p->tick_ns = cursor_number(&number);
		return 0;
#define TEXT_FACT(at, field) case at:
	CAPTURE_TEXT_FACTS(TEXT_FACT)
#undef TEXT_FACT
		break;
	default:
		return 0;	/* of a newer scry */
	}
	text = keep(p, size + 1);
	if (!text)
		return -ENOMEM;
	memcpy(text, value.at, size);
	text[size] = '\0';
	switch (key) {
#define TEXT_FACT(at, field) case at: p->header.field = text; break;
	CAPTURE_TEXT_FACTS(TEXT_FACT)
#undef TEXT_FACT
	}
	return 0;
}

static int add_facts(struct profile *p, struct cursor *in)
{
	while (cursor_more(in)) {
		uint64_t key = cursor_number(in);
		struct cursor value = cursor_part(in);
		int err = in->bad ? 0 : add_fact(p, key, value);

		if (err)
			return err;
	}
	return 0;
}

/* Events precede the strings of their chunk, so their texts are looked at when the chunk is
 * done. */
static int add_events(struct profile *p, struct cursor *in)
{
	while (cursor_more(in)) {
		struct profile_event event = { .period = cursor_number(in) }, *to;

		event.name = (uint32_t)cursor_below(in, UINT32_MAX);
		event.unit = (uint32_t)cursor_below(in, UINT32_MAX);
		if (in->bad)
			return 0;
		to = APPEND(p->events);
		if (!to)
			return -ENOMEM;
		*to = event;
	}
	return 0;
}

static bool settle_events(struct profile *p)
{
	for (size_t i = 0; i < p->events.count; i++) {
		const struct profile_event *event = &p->events.item[i];

		if (event->name >= p->strings.count || event->unit >= p->strings.count) {
			p->events.count = i;
			return false;
		}
	}
	if (p->events.count) {
		p->header.event = profile_text(p, p->events.item[0].name);
		p->header.unit = profile_text(p, p->events.item[0].unit);
		p->header.period_ns = p->events.item[0].period;
	}
	return true;
}

/* All strings of the section go into one block: each takes there at most its size in the file,
 * because the NUL stands where at least one byte told the size. */
static int add_strings(struct profile *p, struct cursor *in)
{
	char *block = keep(p, (size_t)(in->end - in->at) + 1);

	if (!block)
		return -ENOMEM;
	while (cursor_more(in)) {
		struct cursor text = cursor_part(in);
		size_t size = (size_t)(text.end - text.at);
		const char **to;

		if (in->bad)
			return 0;
		to = APPEND(p->strings);
		if (!to)
			return -ENOMEM;
		memcpy(block, text.at, size);
		block[size] = '\0';
		*to = block;
		block += size + 1;
	}
	return 0;
}

static int add_functions(struct profile *p, struct cursor *in)
{
	while (cursor_more(in)) {
		struct profile_function function, *to;
		uint64_t kind = cursor_number(in);

		/* A kind of a newer scry is shown as code of the program. */
		function.kind = kind <= CAPTURE_MARK ? (enum capture_kind)kind : CAPTURE_INTERPRETED;
		function.name = (uint32_t)cursor_below(in, p->strings.count);
		function.file = (uint32_t)cursor_below(in, p->strings.count);
		function.line = get_line(in);
		if (in->bad)
			return 0;
		to = APPEND(p->functions);
		if (!to)
			return -ENOMEM;
		*to = function;
	}
	return 0;
}

static int add_frames(struct profile *p, struct cursor *in)
{
	while (cursor_more(in)) {
		struct profile_frame frame, *to;

		frame.function = (uint32_t)cursor_below(in, p->functions.count);
		frame.line = get_line(in);
		if (in->bad)
			return 0;
		to = APPEND(p->frames);
		if (!to)
			return -ENOMEM;
		*to = frame;
	}
	return 0;
}

static int add_stacks(struct profile *p, struct cursor *in)
{
	while (cursor_more(in)) {
		uint64_t distance = cursor_below(in, p->stacks.count + 1);
		uint32_t frame = (uint32_t)cursor_below(in, p->frames.count);
		struct profile_stack *to;

		/* Distance 0 would make a stack its own caller. */
		if (in->bad || !distance) {
			in->bad = true;
			return 0;
		}
		to = p->stacks.count < UINT32_MAX ? APPEND(p->stacks) : NULL;
		if (!to)
			return -ENOMEM;
		to->parent = (uint32_t)(p->stacks.count - 1 - distance);
		to->frame = frame;
	}
	return 0;
}

/* The process of this id and pid, made at its first mention. The table counts as the array does. */
static int find_process(struct profile *p, uint32_t id, uint32_t pid, uint32_t *ret)
{
	struct profile_process *to;
	uint32_t index = table_put(&p->process_index, id, pid);

	if (!index)
		return -ENOMEM;
	*ret = index;
	if (index < p->processes.count)
		return 0;
	to = APPEND(p->processes);
	if (!to)
		return -ENOMEM;
	to->id = id;
	to->pid = pid;
	return 0;
}

static int add_threads(struct profile *p, struct cursor *in)
{
	while (cursor_more(in)) {
		uint32_t id = (uint32_t)cursor_below(in, 1ULL << 32);
		uint32_t pid = (uint32_t)cursor_below(in, 1ULL << 32);
		uint32_t tid = (uint32_t)cursor_below(in, 1ULL << 32), process;
		struct profile_thread *to;
		int err = in->bad ? 0 : find_process(p, id, pid, &process);

		if (err || in->bad)
			return err;
		to = APPEND(p->threads);
		if (!to)
			return -ENOMEM;
		to->process = process;
		to->tid = tid;
	}
	return 0;
}

static int add_thread_names(struct profile *p, struct cursor *in)
{
	while (cursor_more(in)) {
		uint64_t thread = cursor_below(in, p->threads.count);
		uint32_t name = (uint32_t)cursor_below(in, p->strings.count);

		if (!in->bad)
			p->threads.item[thread].name = name;
	}
	return 0;
}

static int add_process_names(struct profile *p, struct cursor *in)
{
	while (cursor_more(in)) {
		uint32_t id = (uint32_t)cursor_below(in, 1ULL << 32);
		uint32_t pid = (uint32_t)cursor_below(in, 1ULL << 32);
		uint32_t name = (uint32_t)cursor_below(in, p->strings.count), process;
		int err = in->bad ? 0 : find_process(p, id, pid, &process);

		if (err || in->bad)
			return err;
		p->processes.item[process].name = name;
	}
	return 0;
}

/* Totals so far, each with its time: the last one stands. */
static int add_lost(struct profile *p, struct cursor *in)
{
	while (cursor_more(in)) {
		uint64_t lost;

		cursor_number(in);
		lost = cursor_number(in);
		if (!in->bad)
			p->lost = lost;
	}
	return 0;
}

static int add_end(struct profile *p, struct cursor *in)
{
	uint64_t end = profile_ticks_to_ns(p, cursor_number(in));

	if (end > p->duration_ns)
		p->duration_ns = end;
	return 0;
}

static int (*const sections[CAPTURE_SECTION_COUNT])(struct profile *p, struct cursor *in) = {
	[CAPTURE_FACTS] = add_facts,
	[CAPTURE_EVENTS] = add_events,
	[CAPTURE_STRINGS] = add_strings,
	[CAPTURE_FUNCTIONS] = add_functions,
	[CAPTURE_FRAMES] = add_frames,
	[CAPTURE_STACKS] = add_stacks,
	[CAPTURE_THREADS] = add_threads,
	[CAPTURE_THREAD_NAMES] = add_thread_names,
	[CAPTURE_PROCESS_NAMES] = add_process_names,
	[CAPTURE_SAMPLES] = profile_samples_add,
	[CAPTURE_LOST] = add_lost,
	[CAPTURE_END] = add_end,
};

int profile_chunk_add(struct profile *p, struct cursor chunk, bool *ended)
{
	bool bad = false;
	int err = 0;

	*ended = false;
	while (cursor_more(&chunk) && !bad && !err) {
		uint64_t kind = cursor_number(&chunk);
		struct cursor section = cursor_part(&chunk);

		/* A kind that is not known is of a newer scry, and skipped. */
		if (!section.bad && kind < CAPTURE_SECTION_COUNT && sections[kind])
			err = sections[kind](p, &section);
		bad = section.bad || chunk.bad;
		*ended |= !bad && kind == CAPTURE_END;
	}
	if (!err && (!settle_events(p) || bad))
		err = -EBADMSG;
	return err;
}
