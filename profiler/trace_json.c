// SPDX-License-Identifier: GPL-2.0-only
/* One object a line for each event. */
#include <inttypes.h>

#include "../runtimes/python/repr.h"
#include "base/escape.h"
#include "trace.h"

static void put_text(FILE *to, const char *key, const char *text)
{
	fprintf(to, ", \"%s\": ", key);
	escape_json(to, text);
}

static void put_place(FILE *to, const struct watch_place *place)
{
	escape_json(to, place->name);
	put_text(to, "file", place->file);
	fprintf(to, ", \"line\": %d", place->line);
}

struct values {
	FILE *to;
	bool any;
};

static void put_argument(void *ctx, const char *name, const char *text)
{
	struct values *v = ctx;

	if (!name) {
		put_text(v->to, "ret", text);
		return;
	}
	fputs(v->any ? ", " : "", v->to);
	escape_json(v->to, name);
	fputs(": ", v->to);
	escape_json(v->to, text);
	v->any = true;
}

static void put_values(FILE *to, const struct event *event)
{
	bool args = event->type == SCRY_CALL_ENTRY;
	struct values v = { to };

	if (!event->value_bytes)
		return;
	fputs(args ? ", \"args\": {" : "", to);
	python_repr(event->values, event->value_bytes, put_argument, &v);
	fputs(args ? "}" : "", to);
}

static void put_call(FILE *to, const struct event *event)
{
	fprintf(to, ", \"type\": \"%s\", \"depth\": %" PRIu32, event_call_names[event->type], event->depth);
	if (!event_call_begins(event))
		fprintf(to, ", \"duration_ns\": %" PRIu64 ", \"own_ns\": %" PRIu64, event->duration_ns, event->own_ns);
	put_values(to, event);
}

static void put_number(FILE *to, const char *key, int64_t number)
{
	if (number < 0) /* the interpreter did not tell */
		fprintf(to, ", \"%s\": null", key);
	else
		fprintf(to, ", \"%s\": %" PRId64, key, number);
}

static void put_gc(FILE *to, const struct event *event)
{
	const char *work = event_gc_work(event->number);

	put_number(to, "generation", work ? -1 : event->number);
	if (work)
		put_text(to, "work", work);
	fprintf(to, ", \"duration_ns\": %" PRIu64, event->duration_ns);
	put_number(to, "collected", event->number2);
	put_number(to, "uncollectable", event->number3);
}

static void put_import(FILE *to, const struct event *event)
{
	put_text(to, "module", event->text[0]);
	fprintf(to, ", \"depth\": %" PRIu32 ", \"found\": %s, \"total_ns\": %" PRIu64 ", \"own_ns\": %" PRIu64, event->depth,
		event->number ? "true" : "false", event->duration_ns, event->own_ns);
}

static void put_exception(FILE *to, const struct event *event)
{
	put_text(to, "exception", event->text[0]);
	put_text(to, "message", event->text[1]);
}

static void put_audit(FILE *to, const struct event *event)
{
	put_text(to, "name", event->text[0]);
}

static void (*const payloads[SCRY_EVENT_COUNT])(FILE *to, const struct event *event) = {
	[SCRY_EVENT_CALL] = put_call,	[SCRY_EVENT_GC] = put_gc,	[SCRY_EVENT_IMPORT] = put_import,
	[SCRY_EVENT_EXCEPTION] = put_exception, [SCRY_EVENT_AUDIT] = put_audit,
};

/* The callers, innermost first. */
static void put_stack(struct trace *t, FILE *to, const struct event *event)
{
	struct watch_place place;
	uint32_t frame = 0;
	bool any = false;

	fputs(", \"stack\": [", to);
	while (watch_next_caller(&t->watch, event, &frame, &place)) {
		fputs(any ? ", {\"function\": " : "{\"function\": ", to);
		put_place(to, &place);
		fputc('}', to);
		any = true;
	}
	fputc(']', to);
}

static void write_event(struct trace *t, const struct event *event)
{
	struct watch_place place = watch_place(&t->watch, event, 0);
	FILE *to = t->options->to;

	fprintf(to, "{\"event\": \"%s\", \"time\": %.9f, \"pid\": %" PRIu32 ", \"tid\": %" PRIu32,
		event_kind_names[event->kind], (double)(int64_t)(event->time - t->origin) / 1e9, event->pid, event->tid);
	put_text(to, "thread", watch_thread(&t->watch, event));
	fputs(", \"function\": ", to);
	if (event->frame_count)
		put_place(to, &place);
	else
		fputs("null, \"file\": null, \"line\": null", to);
	if (payloads[event->kind])
		payloads[event->kind](to, event);
	if (t->options->run.session.stack)
		put_stack(t, to, event);
	fputs("}\n", to);
}

const struct trace_writer trace_json = { .event = write_event };
