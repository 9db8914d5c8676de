// SPDX-License-Identifier: GPL-2.0-only
/* scry trace: each event as it happens. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/term.h"
#include "event_options.h"
#include "probes.h"
#include "trace.h"

struct trace_config {
	struct targets targets;
	struct event_options events;
	const char *output;
	unsigned long depth, max_events;
	bool flow, stack, args, ret;
};

#define TRACE_AT(field) offsetof(struct trace_config, field)

static const struct opt opts[] = {
	TARGETS_OPTIONS(trace_config, "trace"),
	EVENT_OPTIONS(trace_config),
	{ "min-duration", 0, OPT_SECONDS, TRACE_AT(events.min_duration), "TIME", "only what took at least so long: 10ms" },
	{ "flow", 0, OPT_FLAG, TRACE_AT(flow), NULL, "calls: indent by depth, -> into and <- out of a function" },
	{ "depth", 0, OPT_UINT, TRACE_AT(depth), "N", "calls: only the outermost N levels", 1, 1000000 },
	{ "args", 0, OPT_FLAG, TRACE_AT(args), NULL, "calls: show the arguments, as repr() would" },
	{ "ret", 0, OPT_FLAG, TRACE_AT(ret), NULL, "calls: show the value returned or yielded" },
	{ "stack", 0, OPT_FLAG, TRACE_AT(stack), NULL, "show the callers below each event, innermost first" },
	{ "max-stack", 0, OPT_UINT, TRACE_AT(events.max_stack), "FRAMES", "deepest stack; 1024 if not given", 1, SCRY_MAX_STACK },
	{ "max-events", 0, OPT_UINT, TRACE_AT(max_events), "N", "stop after so many events", 1 },
	{ "json", 0, OPT_FLAG, TRACE_AT(events.json), NULL, "one JSON object a line for each event" },
	{ "output", 'o', OPT_STRING, TRACE_AT(output), "FILE", "write there instead of to standard output" },
	{ "stats", 0, OPT_FLAG, TRACE_AT(events.stats), NULL, "print what scry itself used" },
	{ "quiet", 'q', OPT_FLAG, TRACE_AT(events.quiet), NULL, "no remarks and no summary" },
	{ NULL },
};

#define BUFFER_BYTES (1u << 18)

/* Lines are handed over in each round: between rounds a large buffer saves writes. */
static int open_output(const struct trace_config *c, FILE **ret)
{
	*ret = c->output ? fopen(c->output, "we") : stdout;
	if (!*ret)
		return fail(-errno, "create %s:", c->output);
	setvbuf(*ret, NULL, _IOFBF, BUFFER_BYTES);
	return 0;
}

static int close_output(const struct trace_config *c, FILE *to)
{
	if (to == stdout)
		return 0; /* main looks whether all arrived */
	return fclose(to) ? fail(-errno, "write %s:", c->output) : 0;
}

static int trace_and_wait(const struct trace_config *c, struct trace_options *o)
{
	struct spawn child = { .gate = -1, .broken = -1 };
	int err = open_output(c, &o->to), failed;

	if (err)
		return EXIT_FAILED;
	o->color = o->to == stdout && term_colors(STDOUT_FILENO);
	err = trace_run(o, &child);
	failed = close_output(c, o->to);
	if (err || failed)
		return EXIT_FAILED;
	spawn_reap(&child, true);
	return child.status;
}

/* Options of calls are not for other events, and arguments not for calls of which only the end is told. 0 or EXIT_USAGE, reported. */
static int check_calls(const struct command *cmd, const struct trace_config *c)
{
	const unsigned call = 1u << RUNTIME_EVENT_CALL;

	if (c->args && c->events.min_duration > 0)
		return usage_error(cmd, "--args is for calls as they begin, where it is not known whether they take --min-duration");
	return event_options_limit(cmd, &c->events, (struct event_limit[]){
		{ c->flow, "flow", call }, { c->depth, "depth", call }, { c->args, "args", call }, { c->ret, "ret", call }, {} });
}

static int trace_main(const struct command *cmd, int argc, char **argv)
{
	struct trace_config c = { 0 };
	int first = opt_parse(cmd, argc, argv, &c);
	struct trace_options o;

	if (first < 0 || event_options_parse(cmd, &c.events, &c.targets, argc, argv, first))
		return EXIT_USAGE;
	if (c.events.events & 1u << RUNTIME_EVENT_GIL)
		return usage_error(cmd, "gil: only for 'scry stat' and 'scry record -e'");
	if (check_calls(cmd, &c))
		return EXIT_USAGE;
	if (targets_examine(&c.targets))
		return EXIT_FAILED;
	o = (struct trace_options){
		.run = { .session = { .stream = true, .stack = c.stack, .args = c.args, .ret = c.ret,
				      .max_depth = c.depth },
			 .targets = &c.targets, .seconds = c.events.seconds, .stats = c.events.stats },
		.writer = c.events.json ? &trace_json : &trace_text,
		.max_events = c.max_events, .flow = c.flow, .quiet = c.events.quiet,
	};
	event_options_configure(&c.events, &o.run.session, &o.filter);
	return trace_and_wait(&c, &o);
}

const struct command cmd_trace = {
	.name = "trace",
	.args = "EVENT[,EVENT] [OPTIONS] " TARGETS_SYNOPSIS,
	.summary = "print calls, collections, imports, exceptions as they happen",
	.details = "Events are call (functions entered and left), line (lines executed), gc (collections of garbage), import (modules\n"
		   "loaded), exception (raised) and audit (of sys.addaudithook). Each is one line: when it happened, in seconds, the\n"
		   "thread, how long it took, and the function with its file and line.\n"
		   "\n"
		   "With --flow a call is '->' when it begins and '<-' when it returns, '<!' when an exception ends it; a generator or\n"
		   "coroutine that is suspended is '<=', and '=>' when it goes on. Time in which it is suspended is not its\n"
		   "own, and if it is dropped then, nothing is told of that. In Lua calls are those of functions written in Lua, a tail\n"
		   "call is the end of its caller's, and '<=' and '=>' stand at the function that suspends its coroutine.\n"
		   "\n"
		   "Of Python, --args shows what functions are called with and --ret what they return or yield, as repr() writes it: None, bool,\n"
		   "int up to 64 bits, float, str and bytes up to 64 characters, and the first four items of list, tuple, dict and set,\n"
		   "two deep. A text that is cut ends in '...', a container tells how many items it has; others are '<type>'.\n"
		   "\n"
		   "A command that is given is held before each program that it begins until one of them is an interpreter, so that no\n"
		   "event of it is missed. Till then it cannot trace others itself, as strace and gdb do. What a process of -p executes is\n"
		   "seen from its first call too if it is the same interpreter; else it is told how long its events were not seen.\n"
		   "\n"
		   "At the end it is told how many events were lost since they came faster than they could be written, and how many\n"
		   "calls ended whose beginning was not seen, since scry came later. --json writes one object a line, with the\n"
		   "fields event, time, pid, tid, thread, function, file and line, and what belongs to the event: for call type (entry,\n"
		   "return, unwind, yield, resume), depth, duration_ns, own_ns, args, ret; gc generation (Lua: work), duration_ns, collected,\n"
		   "uncollectable; import module, depth, found, total_ns, own_ns; exception exception, message; audit name.",
	.examples = "scry trace call -p 4711 --flow --func 'handle*'\n  calls of these functions\n"
		    "scry trace call -p 4711 --min-duration 10ms --stack\n  slow calls, and who called\n"
		    "scry trace gc,exception -p 4711 -d 60\n  collections and exceptions of one minute\n"
		    "scry trace import -- python3 app.py\n  what a program loads, and how long it takes\n"
		    "scry trace call -p 4711 --json -o calls.jsonl\n  for programs\n",
	.opts = opts,
	.program = true,
	.subject = true,
	.run = trace_main,
};
