// SPDX-License-Identifier: GPL-2.0-only
/* scry stat: events counted and timed. */
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/term.h"
#include "event_options.h"
#include "probes.h"
#include "stat.h"
#include "stat_vmstate.h"

struct stat_config {
	struct targets targets;
	struct event_options events;
	unsigned long limit, frequency;
	double interval;
	int sort;
	bool hist, count;
};

#define STAT_AT(field) offsetof(struct stat_config, field)

static const struct opt opts[] = {
	TARGETS_OPTIONS(stat_config, "count in"),
	EVENT_OPTIONS(stat_config),
	{ "frequency", 'F', OPT_UINT, STAT_AT(frequency), "HZ", "vmstate: samples a second on each CPU; 99 if not given", 1, 20000 },
	{ "interval", 'i', OPT_SECONDS, STAT_AT(interval), "SECONDS", "show what was counted until then so often, not only at the end", 1 },
	{ "sort", 0, OPT_CHOICE, STAT_AT(sort), .help = "which column decides the order; auto is the one that weighs most",
	  .choices = stat_sort_names },
	{ "count", 0, OPT_FLAG, STAT_AT(count), NULL, "call: only count, at half the price: no times, and no errors" },
	{ "limit", 0, OPT_UINT, STAT_AT(limit), "N", "rows of the table; 0 for all; 40 if not given" },
	{ "hist", 0, OPT_FLAG, STAT_AT(hist), NULL, "show for each row how its durations are distributed" },
	{ "json", 0, OPT_FLAG, STAT_AT(events.json), NULL, "one JSON object, with all rows" },
	{ "stats", 0, OPT_FLAG, STAT_AT(events.stats), NULL, "print what scry itself used" },
	{ "quiet", 'q', OPT_FLAG, STAT_AT(events.quiet), NULL, "no remarks and no summary" },
	{ NULL },
};

#define NO_LIMIT_GIVEN -1ul
#define LIMIT	       40
#define DEFAULT_HZ     99

static enum scry_event_kind kind_of(unsigned events)
{
	int kind = SCRY_EVENT_CALL;

	while (events >>= 1) /* enum runtime_event is in the same order, without the clock */
		kind++;
	return kind;
}

/* What a sampled state has no use for. NULL: nothing of it is given. */
static const char *not_for_vmstate(const struct stat_config *c)
{
	return c->events.func ? "func" : c->events.file ? "file" : c->events.text ? "event" : c->events.method ? "method" :
	       c->interval > 0 ? "interval" : c->hist ? "hist" : c->sort ? "sort" : c->count ? "count" : NULL;
}

static int vmstate_main(const struct command *cmd, struct stat_config *c, int argc, char **argv, int first)
{
	struct spawn child = { .gate = -1, .broken = -1 };
	struct stat_vmstate_options o;

	if (not_for_vmstate(c))
		return usage_error(cmd, "--%s: not for vmstate, which is sampled by a clock", not_for_vmstate(c));
	if (targets_parse(cmd, &c->targets, first + 1 < argc ? argv + first + 1 : NULL))
		return EXIT_USAGE;
	if (targets_examine(&c->targets))
		return EXIT_FAILED;
	o = (struct stat_vmstate_options){
		.targets = &c->targets, .frequency = c->frequency ?: DEFAULT_HZ, .limit = c->limit == NO_LIMIT_GIVEN ? 0 : c->limit,
		.seconds = c->events.seconds, .argv = argv, .json = c->events.json, .stats = c->events.stats,
		.quiet = c->events.quiet, .color = term_colors(STDOUT_FILENO),
	};
	if (stat_vmstate_run(&o, &child))
		return EXIT_FAILED;
	spawn_reap(&child, true);
	return child.status;
}

/* Is --count for this event, and what else is wanted to be had with it? 0 or EXIT_USAGE, reported. */
static int check_count(const struct command *cmd, const struct stat_config *c)
{
	if (!c->count)
		return 0;
	if (c->events.events != 1u << RUNTIME_EVENT_CALL)
		return usage_error(cmd, "--count: only for call; of other events no times are taken, or they come with the event");
	if (c->hist || c->sort > STAT_SORT_CALLS)
		return usage_error(cmd, "--%s: not with --count, which takes no times", c->hist ? "hist" : "sort");
	return 0;
}

static int stat_main(const struct command *cmd, int argc, char **argv)
{
	struct stat_config c = { .limit = NO_LIMIT_GIVEN };
	struct spawn child = { .gate = -1, .broken = -1 };
	int first = opt_parse(cmd, argc, argv, &c);
	bool terminal = isatty(STDOUT_FILENO), in_kernel;
	struct stat_options o;

	if (first >= 0 && first < argc && !strcmp(argv[first], "vmstate"))
		return vmstate_main(cmd, &c, argc, argv, first);
	if (first >= 0 && c.frequency)
		return usage_error(cmd, "-F: only for vmstate; of other events each one is counted");
	if (first < 0 || event_options_parse(cmd, &c.events, &c.targets, argc, argv, first))
		return EXIT_USAGE;
	if (c.events.events & (c.events.events - 1))
		return usage_error(cmd, "one event at a time, not %s", argv[first]);
	if (check_count(cmd, &c))
		return EXIT_USAGE;
	if (c.limit == NO_LIMIT_GIVEN)
		c.limit = c.events.json ? 0 : LIMIT;
	if (targets_examine(&c.targets))
		return EXIT_FAILED;
	in_kernel = kind_of(c.events.events) == SCRY_EVENT_CALL || kind_of(c.events.events) == SCRY_EVENT_LINE;
	o = (struct stat_options){
		.run = { .session = { .stream = !in_kernel, .aggregate = in_kernel, .count_only = c.count,
				      /* else the time of functions left out would be their callers' own */
				      .keep_dropped = c.events.func || c.events.file },
			 .targets = &c.targets, .seconds = c.events.seconds, .stats = c.events.stats },
		.kind = kind_of(c.events.events), .sort = (enum stat_sort)c.sort, .limit = c.limit, .interval = c.interval,
		.json = c.events.json, .hist = c.hist, .count = c.count, .quiet = c.events.quiet,
		.color = term_colors(STDOUT_FILENO),
		.rewrite = terminal && c.interval > 0 && !c.events.json, .to = stdout,
	};
	event_options_configure(&c.events, &o.run.session, &o.filter);
	if (stat_run(&o, &child))
		return EXIT_FAILED;
	spawn_reap(&child, true);
	return child.status;
}

const struct command cmd_stat = {
	.name = "stat",
	.args = "EVENT [OPTIONS] " TARGETS_SYNOPSIS,
	.summary = "count calls, collections, imports, exceptions, and how long they take",
	.details = "Events are those of 'scry trace', and vmstate. Calls are counted in the kernel, by function: how often, how many were left by an\n"
		   "exception, the time from entry to return (total), the part of it that was not spent in functions called\n"
		   "(own), its mean, 99th percentile and maximum. A generator or coroutine is one call, timed while it runs;\n"
		   "its resumptions are counted apart. Each call of a recursive function adds its whole time to the total. A call\n"
		   "that has not ended yet counts as a call, but its time does not; the table marks it as running.\n"
		   "Functions of Lua have the name by which one in Lua calls them first.\n"
		   "With --count only the beginnings of calls are looked at, which costs a Python program half as much.\n"
		   "\n"
		   "Collections are told by generation (of Lua: steps and full ones), with their share of the time, a histogram of all pauses and the functions\n"
		   "in which they began; imports by module, lines (counted in the kernel as well) and exceptions by\n"
		   "place, audit events by name.\n"
		   "\n"
		   "The lock of Python's interpreter (gil) is told by the function in which it was given back, or got after a wait:\n"
		   "how often and how long it was held, and how often and how long somebody had to wait for it; then by thread.\n"
		   "\n"
		   "What the machine of Lua or LuaJIT does (vmstate) is sampled by a clock: the share of CPU time in the interpreter and in\n"
		   "C functions; in LuaJIT also in compiled code, collecting garbage, leaving traces and making them. As 'scry report --by\n"
		   "vmstate' tells of a recording; other is time outside Lua, or whose stack could not be read.\n"
		   "\n"
		   "--json writes one object: event, duration_s, lost, and rows, each with what it is about (function, file, line;\n"
		   "generation; module; exception; name) and its figures: calls, resumes, errors, running, total_ns, own_ns, mean_ns, p50_ns,\n"
		   "p99_ns, max_ns (with --count all null but calls and resumes;\n"
		   "gc: count and collected instead of calls, of Lua work (step, full) and no collected; started_by\n"
		   "has the functions, collector its kind, which is in the rows where processes differ; gil: holds, hold_ns,\n"
		   "hold_p99_ns, hold_max_ns, waits, wait_ns, wait_p99_ns, wait_max_ns, also in threads, by pid, tid and name;\n"
		   "vmstate: state, samples, total_ns, share). Percentiles are read from buckets and are at most 1/16 off.",
	.examples = "scry stat call -p 4711 -d 10\n  every function that was called in ten seconds\n"
		    "scry stat call -p 4711 --func 'handle*' --hist\n  how the durations of some functions are distributed\n"
		    "scry stat call -p 4711 -i 1 --sort own\n  every second what was counted so far\n"
		    "scry stat call -p 4711 --count\n  only how often each function is called, at half the price\n"
		    "scry stat gc -p 4711 -d 60\n  what collecting garbage costs\n"
		    "scry stat gil -p 4711 -d 10\n  who holds the lock of the interpreter, and who waits for it\n"
		    "scry stat vmstate -p 4711 -d 10\n  does LuaJIT run compiled code, or interpret it?\n"
		    "scry stat import -- python3 app.py\n  which modules take long to load\n"
		    "scry stat line -p 4711 -d 5 --file app.py\n  hot lines of a file\n",
	.opts = opts,
	.program = true,
	.subject = true,
	.run = stat_main,
};
