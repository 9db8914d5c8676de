// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "base/array.h"
#include "profile_chunk.h"

/* A column of what only few samples have. */
struct exceptions {
	struct cursor in;
	uint64_t next;	/* number of the sample that has the next one; UINT64_MAX: none has */
};

static void exceptions_step(struct exceptions *column, uint64_t from)
{
	column->next = cursor_more(&column->in) ? from + cursor_number(&column->in) : UINT64_MAX;
}

static bool has_exception(const struct exceptions *column, uint64_t number)
{
	return column->next == number;
}

static uint64_t exception_take(struct exceptions *column, uint64_t limit)
{
	uint64_t number = column->next, what = cursor_below(&column->in, limit);

	exceptions_step(column, number + 1);
	return what;
}

/* Read count samples into `to` by their columns. false: the columns do not make sense. */
static bool read_columns(struct profile *p, struct cursor *columns, struct profile_sample *to,
			 uint64_t count, uint32_t event, uint64_t tick)
{
	struct cursor times = columns[CAPTURE_TIMES], threads = columns[CAPTURE_THREAD_INDICES];
	struct cursor stacks = columns[CAPTURE_STACK_INDICES];
	struct exceptions values = { .in = columns[CAPTURE_VALUES] };
	struct exceptions errors = { .in = columns[CAPTURE_ERRORS] };
	struct exceptions reasons = { .in = columns[CAPTURE_REASONS] };
	uint64_t period = p->events.item[event].period;

	exceptions_step(&values, 0);
	exceptions_step(&errors, 0);
	exceptions_step(&reasons, 0);
	for (uint64_t i = 0; i < count; i++) {
		tick += (uint64_t)cursor_signed(&times);
		if (tick > INT64_MAX)
			return false;
		to[i].time = profile_ticks_to_ns(p, tick);
		to[i].thread = (uint32_t)cursor_below(&threads, p->threads.count);
		to[i].stack = (uint32_t)cursor_below(&stacks, p->stacks.count);
		to[i].value = has_exception(&values, i) ? exception_take(&values, UINT64_MAX) : period;
		to[i].error = 0;
		if (has_exception(&errors, i))
			to[i].error = (uint32_t)exception_take(&errors, p->strings.count);
		to[i].reason = 0;
		if (has_exception(&reasons, i))
			to[i].reason = (uint32_t)exception_take(&reasons, p->strings.count);
		to[i].event = event;
	}
	return !times.bad && !threads.bad && !stacks.bad && !values.in.bad && !errors.in.bad && !reasons.in.bad;
}

int profile_samples_add(struct profile *p, struct cursor *in)
{
	struct cursor columns[CAPTURE_COLUMN_COUNT] = { 0 };
	uint32_t event = (uint32_t)cursor_below(in, p->events.count);
	uint64_t count = cursor_number(in), tick = cursor_number(in);
	size_t had = p->samples.count;

	while (cursor_more(in)) {
		uint64_t kind = cursor_number(in);
		struct cursor column = cursor_part(in);

		if (kind < CAPTURE_COLUMN_COUNT)
			columns[kind] = column;
	}
	/* Each sample takes at least one byte of the column of times: no memory for more than
	 * that. */
	if (in->bad || count > (uint64_t)(columns[CAPTURE_TIMES].end - columns[CAPTURE_TIMES].at)) {
		in->bad = true;
		return 0;
	}
	if (!count)
		return 0;
	if (!array_reserve(&p->samples.item, &p->samples.capacity, had + count,
			   sizeof(*p->samples.item)))
		return -ENOMEM;
	if (!read_columns(p, columns, p->samples.item + had, count, event, tick)) {
		in->bad = true;
		return 0;
	}
	p->samples.count += count;
	for (size_t i = had; i < p->samples.count; i++)
		if (p->samples.item[i].time > p->duration_ns)
			p->duration_ns = p->samples.item[i].time;
	return 0;
}
