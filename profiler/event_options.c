// SPDX-License-Identifier: GPL-2.0-only
#include "event_options.h"

#include <stdio.h>
#include <string.h>

#include "probes.h"

/* 0: there is no such event */
static unsigned event_bit(const char *name, size_t size)
{
	for (int i = 0; runtime_event_names[i]; i++)
		if (strlen(runtime_event_names[i]) == size && !strncmp(name, runtime_event_names[i], size))
			return 1u << i;
	return 0;
}

/* Events that --event has something to compare with, and those that take time. */
#define NAMED (1u << RUNTIME_EVENT_IMPORT | 1u << RUNTIME_EVENT_EXCEPTION | 1u << RUNTIME_EVENT_AUDIT)
#define TIMED (1u << RUNTIME_EVENT_CALL | 1u << RUNTIME_EVENT_GC | 1u << RUNTIME_EVENT_IMPORT | 1u << RUNTIME_EVENT_GIL)
#define EVENTS_KNOWN "call, line, gc, import, exception, audit, gil"

static int parse_events(const struct command *cmd, const char *list, unsigned *ret)
{
	for (const char *p = list;; p++) {
		size_t size = strcspn(p, ",");
		unsigned bit = event_bit(p, size);

		if (!bit)
			return usage_error(cmd, "there is no event '%.*s'; known are " EVENTS_KNOWN, (int)size, p);
		*ret |= bit;
		p += size;
		if (!*p)
			return 0;
	}
}

/* Their names, as in the usage errors: "call, gc". */
static void name_events(unsigned events, char *to, size_t size)
{
	size_t at = 0;

	*to = '\0';
	for (int i = 0; runtime_event_names[i]; i++)
		if (events >> i & 1 && at < size)
			at += snprintf(to + at, size - at, "%s%s", at ? ", " : "", runtime_event_names[i]);
}

int event_options_limit(const struct command *cmd, const struct event_options *o, const struct event_limit *limits)
{
	char names[128];

	for (; limits->option; limits++) {
		if (!limits->given || o->events & limits->events)
			continue;
		name_events(limits->events, names, sizeof(names));
		return usage_error(cmd, "--%s: only for %s", limits->option, names);
	}
	return 0;
}

int event_options_parse(const struct command *cmd, struct event_options *o, struct targets *targets, int argc,
			char **argv, int first)
{
	if (first >= argc)
		return usage_error(cmd, "which event? " EVENTS_KNOWN);
	return parse_events(cmd, argv[first], &o->events) ?:
	       event_options_limit(cmd, o, (struct event_limit[]){
						   { o->text, "event", NAMED }, { o->min_duration > 0, "min-duration", TIMED }, {} }) ?:
	       targets_parse(cmd, targets, first + 1 < argc ? argv + first + 1 : NULL);
}

void event_options_configure(const struct event_options *o, struct session_options *session, struct watch_filter *filter)
{
	session->events = o->events;
	session->method = (enum runtime_method)o->method;
	session->max_stack = o->max_stack ?: SCRY_DEFAULT_STACK;
	session->min_duration_ns = (uint64_t)(o->min_duration * 1e9);
	*filter = (struct watch_filter){ .func = o->func, .file = o->file, .text = o->text };
}
