/* SPDX-License-Identifier: GPL-2.0-only */
/* How trace and stat are told which events to look at: the same rows and checks for both. */
#ifndef SCRY_EVENT_OPTIONS_H
#define SCRY_EVENT_OPTIONS_H

#include "targets.h"
#include "watch.h"

struct event_options {
	const char *func, *file, *text;
	double min_duration, seconds;
	int method;
	unsigned long max_stack;
	bool json, stats, quiet;
	unsigned events; /* set by event_options_parse: bits 1 << enum runtime_event */
};

/* The rows of the option table; config has a member `events`. */
#define EVENT_AT(config, field) offsetof(struct config, events.field)
#define EVENT_OPTIONS(config)                                                                                               \
	{ "duration", 'd', OPT_SECONDS, EVENT_AT(config, seconds), "SECONDS",                                               \
	  "stop after this time; without it at Ctrl-C, or when the targets are gone", 1 },                                  \
	{ "func", 0, OPT_STRING, EVENT_AT(config, func), "GLOB", "only in functions of that name" },                        \
	{ "file", 0, OPT_STRING, EVENT_AT(config, file), "GLOB",                                                            \
	  "only in functions of such a file; a glob without a slash is for the base name" },                                \
	{ "event", 0, OPT_STRING, EVENT_AT(config, text), "GLOB", "only audit events, modules or exceptions of that name" }, \
	{ "method", 0, OPT_CHOICE, EVENT_AT(config, method), NULL,                                                          \
	  "how to see the events; auto takes the best the build offers", .choices = runtime_method_names }

/*
 * After opt_parse, whose result `first` is: the first operand names the events, what follows is a program to run. 0 or
 * EXIT_USAGE, reported.
 */
int event_options_parse(const struct command *cmd, struct event_options *options, struct targets *targets, int argc,
			char **argv, int first);

/* An option that says something of these events alone: without one of them it would do nothing. */
struct event_limit {
	bool given;
	const char *option;
	unsigned events; /* bits 1 << enum runtime_event */
};

/* Is each option that is given for one of the events that are looked at? 0 or EXIT_USAGE, reported. The last row has no option. */
int event_options_limit(const struct command *cmd, const struct event_options *options, const struct event_limit *limits);

/* What a session and a watch are told of them. */
void event_options_configure(const struct event_options *options, struct session_options *session,
			     struct watch_filter *filter);

#endif
