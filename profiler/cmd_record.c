// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/term.h"
#include "cmd.h"
#include "output.h"
#include "probes.h"
#include "profile.h"
#include "record.h"
#include "targets.h"

struct record_config {
	struct targets targets;
	struct opt_list outputs;
	bool stats, lines, quiet;
	const char *root;
	unsigned long frequency, max_stack;
	double seconds, min_block, max_block;
	int event, weight, method, native, stacks;
	bool waker, gil, kernel, inlined;
};

static const char *const weights[] = { "time", "calls", NULL };
enum { WEIGHT_NOT_GIVEN = -1, WEIGHT_TIME, WEIGHT_CALLS };

#define DEFAULT_HZ 99

/* --native alone is as with "folded". */
static const char *const natives[] = { "folded", "all", NULL };
enum { NATIVE_NOT_GIVEN = -1, NATIVE_FOLDED, NATIVE_ALL };
static const char *const stack_kinds[] = { "interpreted", "full", NULL };
enum { STACKS_INTERPRETED, STACKS_FULL };

/* What can be recorded. Calls by number are the last row, which has no name of its own. */
static const char *const events[] = { "cpu", "call", "gc", "exception", "import", "offcpu", "wall", "gil", NULL };
enum { EVENT_CPU, EVENT_CALL, EVENT_GC, EVENT_EXCEPTION, EVENT_IMPORT, EVENT_OFFCPU, EVENT_WALL, EVENT_GIL, EVENT_CALL_COUNT };

static const struct {
	unsigned bit; /* of session_options.events */
	struct record_kind kind;
} kinds[] = {
	[EVENT_CPU] = { 0, { "cpu", "ns", 0, "samples", NULL } },
	[EVENT_CALL] = { 1u << RUNTIME_EVENT_CALL, { "call", "ns", 0, "calls", "calls, by the time they take" } },
	[EVENT_GC] = { 1u << RUNTIME_EVENT_GC, { "gc", "ns", 0, "collections", "collections of garbage, by time" } },
	[EVENT_EXCEPTION] = { 1u << RUNTIME_EVENT_EXCEPTION, { "exception", "exceptions", 1, "exceptions", "exceptions raised" } },
	[EVENT_IMPORT] = { 1u << RUNTIME_EVENT_IMPORT, { "import", "ns", 0, "imports", "imports, by the time they take" } },
	[EVENT_OFFCPU] = { 0, { "offcpu", "ns", 0, "waits", "time off CPU" } },
	[EVENT_WALL] = { 0, { "wall", "ns", 0, "samples and waits", "time on CPU and off" } },
	[EVENT_GIL] = { 1u << RUNTIME_EVENT_GIL, { "gil", "ns", 0, "holds and waits", "the lock of the interpreter, by time" } },
	[EVENT_CALL_COUNT] = { 1u << RUNTIME_EVENT_CALL, { "call", "calls", 1, "calls", "calls, by their number" } },
};

#define AT_CONFIG(field) offsetof(struct record_config, field)
static const struct opt opts[] = {
	TARGETS_OPTIONS(record_config, "record"),
	{ "event", 'e', OPT_CHOICE, AT_CONFIG(event), NULL, "what to record", .choices = events },
	{ "frequency", 'F', OPT_UINT, AT_CONFIG(frequency), "HZ", "cpu, wall: samples a second on each CPU; 99 if not given", 1, 20000 },
	{ "weight", 0, OPT_CHOICE, AT_CONFIG(weight), NULL, "call: what the widths of a flame graph stand for", .choices = weights },
	{ "method", 0, OPT_CHOICE, AT_CONFIG(method), NULL,
	  "how to see events other than cpu; auto takes the best the build offers", .choices = runtime_method_names },
	{ "min-block", 0, OPT_SECONDS, AT_CONFIG(min_block), "TIME", "offcpu: only waits of at least this: 1ms" },
	{ "max-block", 0, OPT_SECONDS, AT_CONFIG(max_block), "TIME", "offcpu: only waits of at most this" },
	{ "waker", 0, OPT_FLAG, AT_CONFIG(waker), NULL,
	  "offcpu, wall: below each wait the thread that ended it, with its stack, innermost frame first" },
	{ "gil", 0, OPT_FLAG, AT_CONFIG(gil), NULL, "cpu: tell of each sample whether its thread holds Python's lock (as its reason)" },
	{ "duration", 'd', OPT_SECONDS, AT_CONFIG(seconds), "SECONDS",
	  "stop after this time; without it at Ctrl-C, or when the targets are gone", 1 },
	{ "output", 'o', OPT_LIST, AT_CONFIG(outputs), "FILE",
	  "write FILE in the format of its extension (.scry .folded .svg .txt .json; - is folded to stdout); may be repeated" },
	{ "lines", 0, OPT_FLAG, AT_CONFIG(lines), NULL, "frames show the line being executed, not the function's first" },
	{ "root", 0, OPT_STRING, AT_CONFIG(root), "process,thread,reason",
	  "add the process, the thread, what it waits for, or several of them, as root frames" },
	{ "native", 0, OPT_CHOICE, AT_CONFIG(native), NULL,
	  "stacks with functions of C and C++; all: also the interpreter's own that only lead from one function to the next",
	  .choices = natives, .optional = true },
	{ "kernel", 0, OPT_FLAG, AT_CONFIG(kernel), NULL, "stacks with functions of the kernel" },
	{ "stacks", 0, OPT_CHOICE, AT_CONFIG(stacks), NULL, "full: as --native and --kernel", .choices = stack_kinds },
	{ "inline", 0, OPT_FLAG, AT_CONFIG(inlined), NULL, "native: functions that are inlined, and source lines, where debug information tells" },
	{ "max-stack", 0, OPT_UINT, AT_CONFIG(max_stack), "FRAMES", "deepest stack; deeper ones are marked [truncated]; 1024 if not given",
	  1, SCRY_MAX_STACK },
	{ "stats", 0, OPT_FLAG, AT_CONFIG(stats), NULL, "print what scry itself used" },
	{ "quiet", 'q', OPT_FLAG, AT_CONFIG(quiet), NULL, "no progress, summary or table" },
	{ NULL },
};

static int check_outputs(const struct command *cmd, const struct record_config *c)
{
	for (size_t i = 0; i < c->outputs.count; i++)
		if (!output_known(c->outputs.item[i]))
			return usage_error(cmd, "-o %s: unknown format; known are %s", c->outputs.item[i], output_formats());
	return 0;
}

static int examine_outputs(const struct record_config *c)
{
	int err = 0;

	for (size_t i = 0; i < c->outputs.count && !err; i++)
		err = output_check(c->outputs.item[i]);
	return err;
}

static int check_event(const struct command *cmd, const struct record_config *c)
{
	bool waits = c->event == EVENT_OFFCPU || c->event == EVENT_WALL;

	if (c->event != EVENT_CPU && c->event != EVENT_WALL && c->frequency)
		return usage_error(cmd, "-F: only -e cpu and wall are sampled by a clock; of other events each one is recorded");
	if (c->event != EVENT_OFFCPU && (c->min_block > 0 || c->max_block > 0))
		return usage_error(cmd, "--min-block, --max-block: only for -e offcpu; wall leaves nothing out");
	if (c->max_block > 0 && c->max_block < c->min_block)
		return usage_error(cmd, "--max-block is less than --min-block");
	if (c->event != EVENT_CPU && c->gil)
		return usage_error(cmd, "--gil: only for -e cpu; -e gil is about the lock itself");
	if (!waits && c->waker)
		return usage_error(cmd, "--waker: only for -e offcpu and wall");
	if (c->event != EVENT_CALL && c->weight != WEIGHT_NOT_GIVEN)
		return usage_error(cmd, "--weight: only for -e call; %s",
				   c->event == EVENT_EXCEPTION ? "exceptions are counted" : "others weigh by time");
	if (c->event != EVENT_CPU && !waits && (c->native != NATIVE_NOT_GIVEN || c->kernel || c->stacks == STACKS_FULL))
		return usage_error(cmd, "--%s: only for -e cpu, offcpu and wall",
				   c->kernel ? "kernel" : c->stacks == STACKS_FULL ? "stacks" : "native");
	if (c->inlined && c->native == NATIVE_NOT_GIVEN && c->stacks != STACKS_FULL)
		return usage_error(cmd, "--inline: only with --native");
	if ((c->event == EVENT_CPU || waits) && c->method)
		return usage_error(cmd, "--method: not for cpu, offcpu and wall, which need no probes");
	return 0;
}

/* What the options say of the event. about: room for a line. */
static void configure_event(const struct record_config *c, struct record_options *o, char about[32])
{
	struct session_options *session = &o->run.session;
	bool counted = c->event == EVENT_CALL && c->weight == WEIGHT_CALLS;

	o->kind = kinds[counted ? EVENT_CALL_COUNT : c->event].kind;
	session->max_stack = c->max_stack;
	session->native = c->native != NATIVE_NOT_GIVEN || c->stacks == STACKS_FULL;
	session->kernel = c->kernel || c->stacks == STACKS_FULL;
	session->inlined = c->inlined;
	o->native_all = c->native == NATIVE_ALL;
	if (c->event == EVENT_CPU) {
		session->gil = c->gil;
		session->frequency = c->frequency ?: DEFAULT_HZ;
		o->kind.period = 1000000000 / session->frequency;
		snprintf(about, 32, "cpu at %lu Hz", session->frequency);
		o->kind.about = about;
		return;
	}
	session->waits = c->event == EVENT_OFFCPU || c->event == EVENT_WALL;
	session->waker = c->waker;
	if (c->event == EVENT_WALL) {
		session->wall = true;
		session->frequency = c->frequency ?: DEFAULT_HZ;
	}
	session->min_wait_ns = (uint64_t)(c->min_block * 1e9);
	session->max_wait_ns = (uint64_t)(c->max_block * 1e9);
	if (session->waits)
		return;
	session->events = kinds[c->event].bit;
	session->method = (enum runtime_method)c->method;
	session->stream = session->stack = true;
	/* The ends of calls tell all: with a least duration the programs do not tell of beginnings. */
	if (c->event == EVENT_CALL && !counted)
		session->min_duration_ns = 1;
}

/* scry-PID-TIME.scry, or by the program's name. */
static char *default_path(const struct targets *t)
{
	char *path = NULL, time_text[32], what[64];
	const char *slash;
	time_t now = time(NULL);
	struct tm tm;

	strftime(time_text, sizeof(time_text), "%Y%m%dT%H%M%S", localtime_r(&now, &tm));
	if (t->pid_count)
		snprintf(what, sizeof(what), "%d", t->pids[0]);
	else if (t->command)
		snprintf(what, sizeof(what), "%s", (slash = strrchr(t->command[0], '/')) ? slash + 1 : t->command[0]);
	else
		snprintf(what, sizeof(what), "%s", t->all ? "all" : "cgroup");
	return asprintf(&path, "scry-%s-%s.scry", what, time_text) < 0 ? NULL : path;
}

/* The capture goes to the first .scry asked for; it is the default output. */
static const char *capture_path(const struct record_config *c)
{
	for (size_t i = 0; i < c->outputs.count; i++) {
		const char *dot = strrchr(c->outputs.item[i], '.');

		if (dot && !strcmp(dot, ".scry"))
			return c->outputs.item[i];
	}
	return NULL;
}

static int write_outputs(const struct record_config *c, const struct profile *profile, const char *capture)
{
	struct output_options options = { .lines = c->lines };
	int err = 0;

	if (c->root)
		output_roots(c->root, &options);
	for (size_t i = 0; i < c->outputs.count && !err; i++)
		if (!capture || strcmp(c->outputs.item[i], capture))
			err = output_write(profile, c->outputs.item[i], &options);
	return err;
}

/* The command's own output must stay as it is: then the table goes to stderr. */
static void show(const struct record_config *c, const struct profile *profile, const char *capture, bool program)
{
	struct output_options options = { .limit = 10, .lines = c->lines };
	FILE *to = program ? stderr : stdout;

	if (c->quiet)
		return;
	output_summary(profile, stderr);
	for (size_t i = 0; i < c->outputs.count; i++) {
		if (!strcmp(c->outputs.item[i], "-"))
			to = stderr;
		else
			remark("wrote %s", c->outputs.item[i]);
	}
	if (!c->outputs.count)
		remark("wrote %s", capture);
	options.color = term_colors(fileno(to));
	fputc('\n', to);
	output_table(profile, to, &options);
	fflush(to);
	if (!profile->samples.count && !strcmp(profile->header.event, "cpu"))
		remark("no thread of an interpreter asked for was on a CPU; 'scry record -e wall' shows where threads wait");
	else if (capture && profile->samples.count)
		remark("next: scry report %s -o flame.svg", capture);
}

static int record_and_show(const struct record_config *c, struct record_options *o)
{
	struct spawn child = { .gate = -1, .broken = -1 };
	struct profile *profile = NULL;
	_cleanup_fd_ int fd = -1;
	int err = record_run(o, &fd, &child);

	if (!err)
		err = profile_load(fd, o->path ?: "recording", &profile);
	if (!err)
		err = write_outputs(c, profile, o->path);
	if (!err)
		show(c, profile, o->path, c->targets.command != NULL);
	profile_destroy(profile);
	spawn_reap(&child, true);
	return err ? EXIT_FAILED : child.status;
}

static int record_main(const struct command *cmd, int argc, char **argv)
{
	struct record_config c = { .weight = WEIGHT_NOT_GIVEN, .native = NATIVE_NOT_GIVEN, .max_stack = SCRY_DEFAULT_STACK };
	int first = opt_parse(cmd, argc, argv, &c);
	_cleanup_free_ char *target = NULL, *path = NULL;
	struct record_options o;
	struct output_options roots = { 0 };
	char about[32];

	if (first < 0 || targets_parse(cmd, &c.targets, first < argc ? argv + first : NULL) || check_outputs(cmd, &c) ||
	    check_event(cmd, &c))
		return EXIT_USAGE;
	if (c.root && !output_roots(c.root, &roots))
		return usage_error(cmd, "--root %s: give process, thread, reason or several of them", c.root);
	if (targets_examine(&c.targets) || examine_outputs(&c))
		return EXIT_FAILED;
	target = targets_describe(&c.targets);
	if (!c.outputs.count)
		path = default_path(&c.targets);
	o = (struct record_options){
		.run = { .targets = &c.targets, .seconds = c.seconds, .stats = c.stats },
		.path = path ?: capture_path(&c), .target = target, .argv = argv,
		.announce = !c.quiet,
		.progress = !c.quiet && isatty(STDERR_FILENO),
	};
	configure_event(&c, &o, about);
	return record_and_show(&c, &o);
}

const struct command cmd_record = {
	.name = "record",
	.args = "[OPTIONS] " TARGETS_SYNOPSIS,
	.summary = "record where the time of running programs goes",
	.details = "Samples the stacks of interpreted functions, without stopping or changing the program, and writes a\n"
		   "capture, from which 'scry report' makes flame graphs and tables. A started CMD is followed from its first\n"
		   "instruction with all its children, and its exit status is passed on.\n"
		   "\n"
		   "--native adds the functions of C and C++, --kernel those of the kernel, each where it was called: one stack from\n"
		   "the program's entry point through C and interpreted functions and back. No frame pointers or debug information\n"
		   "are needed. The interpreter's own functions are shown where they are called last, and with --native=all everywhere.\n"
		   "\n"
		   "Names come from the binaries' symbols (C++ and Rust demangled), from their debug files where these are installed,\n"
		   "here or where the program runs, and for code made at run time from the program's own /tmp/perf-PID.map (python\n"
		   "-X perf, node --perf-basic-prof and others). A function without a name is told by where it begins: [libfoo.so+0x1234].\n"
		   "--inline adds functions that the compiler put into others, and source lines, where there is debug information.\n"
		   "\n"
		   "-e records events instead, each one with its stack. Calls weigh by their own time (without what they called), so\n"
		   "that totals are the time from entry to return; they count when they end, and a generator where it ended. With\n"
		   "--weight calls each weighs the same, and counts when it begins. Collections of garbage (gc) and imports\n"
		   "weigh by their time, exceptions by their number; the innermost frame names the generation, the module, the type.\n"
		   "This slows the program down by each event: 'scry stat' is cheaper where no stacks are needed.\n"
		   "\n"
		   "-e offcpu records the time that threads spend off the CPU, with the stack at which they left it and the reason:\n"
		   "lock, gil (the lock of Python's interpreter), sleep, poll, socket, io, disk, child, runqueue (they could run, but\n"
		   "another did), stolen (so did another machine). -e wall adds the time on CPU: for each thread the sum is the\n"
		   "time that has passed. Waits that have begun before the recording, or go on after it, count within it.\n"
		   "'scry report --by reason' sums up.",
	.examples = "scry record -p 4711\n  until Ctrl-C; writes scry-4711-TIME.scry and prints the hottest functions\n"
		    "scry record -p 4711 -d 10 -o flame.svg\n  ten seconds, as a flame graph\n"
		    "scry record -F 999 -o out.scry -- python3 app.py --fast\n  a program from its start to its end\n"
		    "scry record -a -d 30 --root process -o machine.svg\n  every interpreter of the machine, by process\n"
		    "scry record -p 4711 -d 5 -o - | grep render\n  folded stacks, for other tools\n"
		    "scry record -p 4711 -d 10 --stacks full -o full.svg\n  with functions of C, C++ and of the kernel\n"
		    "scry record -e gc -p 4711 -d 60 -o gc.svg\n  what makes the collector of garbage work\n"
		    "scry record -e offcpu -p 4711 -d 10 --root reason -o waits.svg\n  what threads wait for, and where\n"
		    "scry record -e wall -p 4711 -d 10 --root thread,reason -o wall.svg\n  all time of all threads, running or not\n"
		    "scry record -e call --weight calls -d 2 -p 4711 -o calls.svg\n  who calls what how often\n",
	.opts = opts,
	.program = true,
	.run = record_main,
};
