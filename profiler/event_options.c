// SPDX-License-Identifier: GPL-2.0-only
#include "event_options.h"

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

int event_options_parse(const struct command *cmd, struct event_options *o, struct targets *targets, int argc,
			char **argv, int first)
{
	if (first >= argc)
		return usage_error(cmd, "which event? " EVENTS_KNOWN);
	return parse_events(cmd, argv[first], &o->events) ?:
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
