// SPDX-License-Identifier: GPL-2.0-only
/* One line for each event, for people. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "../runtimes/python/repr.h"
#include "base/escape.h"
#include "base/units.h"
#include "function_text.h"
#include "trace.h"

#define THREAD_CELLS 14
#define INDENT_MAX   40 /* levels that are shown as such */

#define DIM   "\033[2m"
#define PLAIN "\033[0m"

static const char *const arrows[] = {
	[SCRY_CALL_ENTRY] = "->", [SCRY_CALL_RESUME] = "=>",  [SCRY_CALL_RETURN] = "<-",
	[SCRY_CALL_YIELD] = "<=", [SCRY_CALL_UNWIND] = "<!",
};

/* The name of a function as a terminal can bear it, made once. */
static const char *label(struct trace *t, const struct watch_place *place)
{
	uint32_t index = place->function;

	if (!array_reserve(&t->labels, &t->labels_room, index + 1, sizeof(*t->labels)))
		return "?";
	if (t->labels[index].of != place->name) { /* a function may get another name: codebook_name_call() */
		free(t->labels[index].text);
		t->labels[index].text = escape_fit(place->name, FUNCTION_TEXT_WHOLE);
		t->labels[index].of = place->name;
	}
	return t->labels[index].text ?: "?";
}

/* " file:line" */
static void put_file(struct trace *t, const struct watch_place *place)
{
	FILE *to = t->options->to;

	if (!*place->file)
		return;
	fputs(t->options->color ? "  " DIM : "  ", to);
	escape_terminal(to, function_text_path(place->file));
	if (place->line > 0)
		fprintf(to, ":%d", place->line);
	fputs(t->options->color ? PLAIN : "", to);
}

static void put_function(struct trace *t, const struct event *event)
{
	struct watch_place place = watch_place(&t->watch, event, 0);

	if (!event->frame_count)
		return;
	fputs(label(t, &place), t->options->to);
	put_file(t, &place);
}

/* "  in function  file:line" */
static void put_running(struct trace *t, const struct event *event)
{
	if (!event->frame_count)
		return;
	fputs("  in ", t->options->to);
	put_function(t, event);
}

struct values {
	FILE *to;
	bool any;
};

static void put_value(void *ctx, const char *name, const char *text)
{
	struct values *v = ctx;

	fputs(!name ? " = " : v->any ? ", " : "", v->to);
	if (name)
		escape_terminal(v->to, name);
	fputs(name ? "=" : "", v->to);
	escape_terminal(v->to, text);
	v->any = true;
}

/* What a function is called with, and what it returns. */
static void put_values(FILE *to, const struct event *event)
{
	bool args = event->type == SCRY_CALL_ENTRY;
	struct values v = { to };

	if (!event->value_bytes)
		return;
	fputs(args ? "(" : "", to);
	python_repr(event->values, event->value_bytes, put_value, &v);
	fputs(args ? ")" : "", to);
}

static void put_call(struct trace *t, const struct event *event)
{
	struct watch_place place = watch_place(&t->watch, event, 0);
	FILE *to = t->options->to;

	if (!t->options->flow)
		fprintf(to, "%-6s  ", event_call_names[event->type]);
	else
		fprintf(to, "%*s%s ", 2 * (int)(event->depth < INDENT_MAX ? event->depth : INDENT_MAX), "",
			arrows[event->type]);
	fputs(label(t, &place), to);
	put_values(to, event);
	/* Where the beginning is not shown, nothing else tells the place. */
	if (event_call_begins(event) || !t->options->flow || t->options->run.session.min_duration_ns)
		put_file(t, &place);
}

static void put_gc(struct trace *t, const struct event *event)
{
	FILE *to = t->options->to;

	if (event_gc_work(event->number))
		fputs(event_gc_work(event->number), to);
	else if (event->number >= 0)
		fprintf(to, "generation %" PRId64, event->number);
	else
		fputs("generation not known", to);
	if (event->number2 >= 0)
		fprintf(to, ", %s collected", units_grouped((uint64_t)event->number2, 0).text);
	if (event->number3 > 0)
		fprintf(to, ", %s uncollectable", units_grouped((uint64_t)event->number3, 0).text);
	put_running(t, event);
}

static void put_import(struct trace *t, const struct event *event)
{
	FILE *to = t->options->to;

	fprintf(to, "%s   %*s", units_ns(event->own_ns, 8).text, 2 * (int)(event->depth < INDENT_MAX ? event->depth : INDENT_MAX),
		"");
	escape_terminal(to, event->text[0]);
	fputs(event->number ? "" : "  (not found)", to);
}

static void put_exception(struct trace *t, const struct event *event)
{
	FILE *to = t->options->to;

	escape_terminal(to, event->text[0]);
	if (*event->text[1]) {
		fputs(": ", to);
		escape_terminal(to, event->text[1]);
	}
	put_running(t, event);
}

static void put_audit(struct trace *t, const struct event *event)
{
	escape_terminal(t->options->to, event->text[0]);
	put_running(t, event);
}

static const struct {
	const char *head;
	bool timed;
	void (*put)(struct trace *t, const struct event *event);
} kinds[SCRY_EVENT_COUNT] = {
	[SCRY_EVENT_CALL] = { "call", true, put_call },
	[SCRY_EVENT_LINE] = { "line", false, put_function },
	[SCRY_EVENT_GC] = { "collection", true, put_gc },
	[SCRY_EVENT_IMPORT] = { "     own   module", true, put_import },
	[SCRY_EVENT_EXCEPTION] = { "exception", false, put_exception },
	[SCRY_EVENT_AUDIT] = { "audit", false, put_audit },
};

/* Several kinds of events: each line names its own. */
static bool is_mixed(const struct trace *t)
{
	unsigned asked = trace_kinds(t);

	return asked & (asked - 1);
}

static bool has_duration(const struct trace *t)
{
	for (int kind = 0; kind < SCRY_EVENT_COUNT; kind++)
		if (kinds[kind].timed && trace_kinds(t) & 1u << kind)
			return true;
	return false;
}

static void write_head(struct trace *t)
{
	FILE *to = t->options->to;
	const char *head = "event";

	for (int kind = 0; kind < SCRY_EVENT_COUNT && !is_mixed(t); kind++)
		if (trace_kinds(t) & 1u << kind)
			head = kinds[kind].head;
	if (targets_are_many(t->options->run.targets))
		fprintf(to, "%8s", "pid");
	fprintf(to, "%10s  %-*s  %s%s\n", "time", THREAD_CELLS, "thread", has_duration(t) ? "duration  " : "", head);
}

static void put_thread(struct trace *t, const struct event *event)
{
	_cleanup_free_ char *name = escape_fit(watch_thread(&t->watch, event), THREAD_CELLS);
	unsigned cells = name ? escape_width(name) : 0;

	fprintf(t->options->to, "  %s%*s  ", name ?: "", (int)(THREAD_CELLS - cells), "");
}

static void put_duration(struct trace *t, const struct event *event)
{
	bool known = event->kind == SCRY_EVENT_CALL ? !event_call_begins(event) : kinds[event->kind].timed;

	fprintf(t->options->to, "%s  ", known ? units_ns(event->duration_ns, 8).text : "        ");
}

/* The callers, innermost first. */
static void put_stack(struct trace *t, const struct event *event)
{
	FILE *to = t->options->to;
	struct watch_place place;
	uint32_t frame = 0;

	while (watch_next_caller(&t->watch, event, &frame, &place)) {
		fprintf(to, "%*s", THREAD_CELLS + 14, "");
		fputs(label(t, &place), to);
		put_file(t, &place);
		fputc('\n', to);
	}
}

static void write_event(struct trace *t, const struct event *event)
{
	FILE *to = t->options->to;

	if (targets_are_many(t->options->run.targets))
		fprintf(to, "%8" PRIu32, event->pid);
	fprintf(to, "%10.6f", (double)(int64_t)(event->time - t->origin) / 1e9);
	put_thread(t, event);
	if (has_duration(t))
		put_duration(t, event);
	if (is_mixed(t))
		fprintf(to, "%-9s  ", event_kind_names[event->kind]);
	kinds[event->kind].put(t, event);
	fputc('\n', to);
	if (t->options->run.session.stack)
		put_stack(t, event);
}

const struct trace_writer trace_text = { .begin = write_head, .event = write_event };
