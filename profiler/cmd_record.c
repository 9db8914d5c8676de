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
#include "base/file.h"
#include "caps.h"
#include "cmd.h"
#include "output.h"
#include "record.h"
#include "target.h"

#define MAX_PIDS 1024

struct record_config {
	struct opt_list pids, tids, outputs;
	bool all, children, stats, lines, quiet;
	const char *cgroup, *comm, *root;
	unsigned long frequency, max_stack;
	double seconds;
	int event;
};

static const char *const events[] = { "cpu", NULL };

#define AT_CONFIG(field) offsetof(struct record_config, field)
static const struct opt opts[] = {
	{ "pid", 'p', OPT_LIST, AT_CONFIG(pids), "PID[,PID...]", "record these processes, all their threads" },
	{ "all", 'a', OPT_FLAG, AT_CONFIG(all), NULL, "record every interpreter of the machine, also those that start later" },
	{ "cgroup", 0, OPT_STRING, AT_CONFIG(cgroup), "PATH", "record every interpreter in this cgroup (v2) and those below" },
	{ "children", 0, OPT_FLAG, AT_CONFIG(children), NULL, "with -p: also processes they start from now on" },
	{ "comm", 0, OPT_STRING, AT_CONFIG(comm), "GLOB", "only threads whose name matches, as in /proc/PID/comm" },
	{ "tid", 't', OPT_LIST, AT_CONFIG(tids), "TID[,TID...]", "only these threads" },
	{ "event", 'e', OPT_CHOICE, AT_CONFIG(event), NULL, "what to record", .choices = events },
	{ "frequency", 'F', OPT_UINT, AT_CONFIG(frequency), "HZ", "samples a second on each CPU; 99 if not given", 1, 20000 },
	{ "duration", 'd', OPT_SECONDS, AT_CONFIG(seconds), "SECONDS",
	  "stop after this time; without it at Ctrl-C, or when the targets are gone" },
	{ "output", 'o', OPT_LIST, AT_CONFIG(outputs), "FILE",
	  "write FILE in the format of its extension (.scry .folded .svg .txt .json; - is folded to stdout); may be repeated" },
	{ "lines", 0, OPT_FLAG, AT_CONFIG(lines), NULL, "frames show the line being executed, not the function's first" },
	{ "root", 0, OPT_STRING, AT_CONFIG(root), "process,thread", "add the process, the thread or both as root frames" },
	{ "max-stack", 0, OPT_UINT, AT_CONFIG(max_stack), "FRAMES", "deepest stack; deeper ones are marked [truncated]; 1024 if not given",
	  1, SCRY_MAX_STACK },
	{ "stats", 0, OPT_FLAG, AT_CONFIG(stats), NULL, "print what scry itself used" },
	{ "quiet", 'q', OPT_FLAG, AT_CONFIG(quiet), NULL, "no progress, summary or table" },
	{ NULL },
};

/* Numbers from "1,2" and repeated options. The count, or -1 after a usage error. */
static int parse_numbers(const struct command *cmd, const char *option, const struct opt_list *list, pid_t *ret)
{
	int count = 0;

	for (size_t i = 0; i < list->count; i++) {
		const char *p = list->item[i];

		for (;;) {
			char *end;
			long n = strtol(p, &end, 10);

			if (end == p || (*end && *end != ',') || n <= 0 || n > 0x7fffffff)
				return usage_error(cmd, "--%s %s: not a number", option, list->item[i]), -1;
			if (count == MAX_PIDS)
				return usage_error(cmd, "--%s: more than %d", option, MAX_PIDS), -1;
			ret[count++] = n;
			if (!*end)
				break;
			p = end + 1;
		}
	}
	return count;
}

static int check_outputs(const struct command *cmd, const struct record_config *c)
{
	for (size_t i = 0; i < c->outputs.count; i++)
		if (!output_known(c->outputs.item[i]))
			return usage_error(cmd, "-o %s: unknown format; known are %s", c->outputs.item[i], output_formats());
	return 0;
}

static int check_target(const struct command *cmd, const struct record_config *c, bool program)
{
	int kinds = (c->pids.count > 0) + c->all + (c->cgroup != NULL) + program;

	if (kinds == 0)
		return usage_error(cmd, "nothing to record: give -p PID, -a, --cgroup PATH, or -- CMD ARGS");
	if (kinds > 1)
		return usage_error(cmd, "only one of -p, -a, --cgroup and -- CMD can be given");
	if (c->children && !c->pids.count)
		return usage_error(cmd, "--children goes with -p");
	return check_outputs(cmd, c);
}

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; p && *p; p += strcspn(p, ","), p += *p == ',')
		if (strcspn(p, ",") == len && !strncmp(p, word, len))
			return true;
	return false;
}

static bool root_is_valid(const char *root)
{
	for (const char *p = root; p && *p; p += strcspn(p, ","), p += *p == ',')
		if (!(strcspn(p, ",") == 7 && !strncmp(p, "process", 7)) && !(strcspn(p, ",") == 6 && !strncmp(p, "thread", 6)))
			return false;
	return true;
}

/* In words, for titles and the summary. */
static char *describe_target(const struct record_config *c, const pid_t *pids, int count, char *const *program)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	if (c->all)
		fputs("all processes", f);
	else if (c->cgroup)
		fprintf(f, "cgroup %s", c->cgroup);
	for (size_t i = 0; program && program[i]; i++)
		fprintf(f, "%s%s", i ? " " : "", program[i]);
	for (int i = 0; i < count; i++) {
		char path[32], comm[64] = "?";

		snprintf(path, sizeof(path), "/proc/%d/comm", pids[i]);
		file_read_text(path, comm, sizeof(comm));
		fprintf(f, "%s%s (%d)", i ? ", " : "", comm, pids[i]);
	}
	fclose(f);
	return text;
}

/* scry-PID-TIME.scry, or by the program's name. */
static char *default_path(const struct record_config *c, const pid_t *pids, int count, char *const *program)
{
	char *path = NULL, time_text[32], what[64];
	const char *slash;
	time_t now = time(NULL);
	struct tm tm;

	strftime(time_text, sizeof(time_text), "%Y%m%dT%H%M%S", localtime_r(&now, &tm));
	if (count)
		snprintf(what, sizeof(what), "%d", pids[0]);
	else if (program)
		snprintf(what, sizeof(what), "%s", (slash = strrchr(program[0], '/')) ? slash + 1 : program[0]);
	else
		snprintf(what, sizeof(what), "%s", c->all ? "all" : "cgroup");
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
	struct output_options options = {
		.lines = c->lines,
		.root_process = has_word(c->root, "process"),
		.root_thread = has_word(c->root, "thread"),
	};
	int err = 0;

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
	options.color = isatty(fileno(to));
	fputc('\n', to);
	output_table(profile, to, &options);
	fflush(to);
	if (capture)
		remark("next: scry report %s -o flame.svg", capture);
}

static int record_and_show(const struct record_config *c, struct record_options *o, bool program)
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
		show(c, profile, o->path, program);
	profile_destroy(profile);
	if (err)
		return EXIT_FAILED;
	spawn_reap(&child, true);
	return child.status;
}

static int record_main(const struct command *cmd, int argc, char **argv)
{
	struct record_config c = { .frequency = 99, .max_stack = SCRY_DEFAULT_STACK };
	int first = opt_parse(cmd, argc, argv, &c), pid_count, tid_count;
	char *const *program = first >= 0 && first < argc ? argv + first : NULL;
	static pid_t pids[MAX_PIDS], tids[MAX_PIDS];
	_cleanup_free_ char *target = NULL, *path = NULL;
	struct record_options o;

	if (first < 0 || check_target(cmd, &c, program != NULL))
		return EXIT_USAGE;
	if (!root_is_valid(c.root))
		return usage_error(cmd, "--root %s: give process, thread or process,thread", c.root);
	pid_count = parse_numbers(cmd, "pid", &c.pids, pids);
	tid_count = parse_numbers(cmd, "tid", &c.tids, tids);
	if (pid_count < 0 || tid_count < 0)
		return EXIT_USAGE;
	for (int i = 0; i < pid_count; i++) {
		struct target target_found;

		if (target_examine(pids[i], &target_found))
			return EXIT_FAILED;
	}
	if (caps_check_record())
		return EXIT_FAILED;
	target = describe_target(&c, pids, pid_count, program);
	if (!c.outputs.count)
		path = default_path(&c, pids, pid_count, program);
	o = (struct record_options){
		.session = { .all = c.all, .children = c.children || program, .cgroup = c.cgroup, .comm = c.comm,
			     .tids = tids, .tid_count = tid_count, .frequency = c.frequency,
			     .max_stack = c.max_stack, .stats = c.stats },
		.pids = pids, .pid_count = pid_count, .command = program, .seconds = c.seconds,
		.path = path ?: capture_path(&c), .target = target, .argv = argv,
		.progress = !c.quiet && isatty(STDERR_FILENO), .stats = c.stats,
	};
	return record_and_show(&c, &o, program != NULL);
}

const struct command cmd_record = {
	.name = "record",
	.args = "[OPTIONS] (-p PID[,PID...] | -a | --cgroup PATH | -- CMD ARGS...)",
	.summary = "record where the time of running programs goes",
	.details = "Samples the stacks of interpreted functions, without stopping or changing the program, and writes a\n"
		   "capture, from which 'scry report' makes flame graphs and tables. A started CMD is followed from its first\n"
		   "instruction with all its children, and its exit status is passed on.",
	.examples = "scry record -p 4711\n  until Ctrl-C; writes scry-4711-TIME.scry and prints the hottest functions\n"
		    "scry record -p 4711 -d 10 -o flame.svg\n  ten seconds, as a flame graph\n"
		    "scry record -F 999 -o out.scry -- python3 app.py --fast\n  a program from its start to its end\n"
		    "scry record -a -d 30 --root process -o machine.svg\n  every interpreter of the machine, by process\n"
		    "scry record -p 4711 -d 5 -o - | grep render\n  folded stacks, for other tools\n",
	.opts = opts,
	.program = true,
	.run = record_main,
};
