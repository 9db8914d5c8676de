// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/term.h"
#include "caps.h"
#include "cmd.h"
#include "list.h"

struct config {
	bool json;
};

static const struct opt opts[] = {
	{ "json", 0, OPT_FLAG, offsetof(struct config, json),
	  .help = "an array with one object for each process" },
	{ 0 },
};

struct list {
	struct list_entry *entries;
	size_t count, room;
	size_t hidden;	/* processes that this user may not examine */
	bool full;
};

/* 0 or -errno, silently; the list is as before then. */
static int list_add(struct list *list, const struct target *target)
{
	int err;

	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 16;
		struct list_entry *more = reallocarray(list->entries, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		list->entries = more;
		list->room = room;
	}
	err = list_entry_init(&list->entries[list->count], target, list->full);
	if (err)
		list_entry_deinit(&list->entries[list->count]);
	else
		list->count++;
	return err;
}

static void list_deinit(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		list_entry_deinit(&list->entries[i]);
	free(list->entries);
}

/*
 * Most processes run no interpreter, and some end meanwhile: only what is an interpreter gets a
 * word.
 */
static int examine_any(void *ctx, pid_t pid)
{
	struct target target = { .pid = pid };
	struct list *list = ctx;
	char why[512] = "", comm[PROC_COMM_SIZE];
	struct proc_status status;
	int err = runtime_examine(pid, &target.binary, &target.bias, &target.key, &target.exe, why,
				  sizeof(why));

	if (!err)
		err = list_add(list, &target);
	if (err == -ENOMEM)
		return err;
	if (err == -ENOTSUP) {
		proc_comm(pid, comm);
		_cleanup_free_ char *name = escape_fit(comm, 40);
		_cleanup_free_ char *because = escape_fit(why, sizeof(why));

		remark("pid %d (%s): %s", pid, name ?: "?", because ?: "?");
	}
	if (err == -EACCES || err == -EPERM)
		list->hidden += !proc_status(pid, &status) && !status.kernel;
	return 0;
}

static int find_all(struct list *list)
{
	int err;

	if (!proc_is_mounted())
		return fail(-ENOENT, "/proc is not mounted");
	err = proc_each(examine_any, list);
	if (err)
		return fail(err, "processes in /proc:");
	if (list->hidden && !caps_have(CAP_SYS_PTRACE))
		remark("not seen: %zu processes of other users; run with sudo to see all",
		       list->hidden);
	if (!list->count)
		remark("no process runs an interpreter that scry knows (%s)", target_languages());
	return 0;
}

/* All that can be told of the pids given is told, even if one of them is none. */
static int find_given(struct list *list, const struct command *cmd, char **pids, int count)
{
	struct target target;
	int err = 0, last;
	pid_t pid;

	for (int i = 0; i < count; i++)
		if (target_parse_pid(pids[i], &pid))
			return usage_error(cmd, "'%s' is not a pid", pids[i]);
	for (int i = 0; i < count; i++) {
		target_parse_pid(pids[i], &pid);
		last = target_examine(pid, &target);
		if (!last) {
			last = list_add(list, &target);
			if (last)
				fail(last, "process %d:", pid);
		}
		err = err ?: last;
	}
	return err;
}

static void print(const struct list *list, bool json, bool given)
{
	unsigned columns = term_columns(STDOUT_FILENO);

	if (json)
		return list_print_json(list->entries, list->count, stdout);
	if (!given && list->count)
		return list_print_table(list->entries, list->count, stdout, columns);
	for (size_t i = 0; i < list->count; i++) {
		if (i)
			putchar('\n');
		list_print_entry(&list->entries[i], stdout, columns);
	}
}

static int run(const struct command *cmd, int argc, char **argv)
{
	struct config config = { 0 };
	struct list list = { 0 };
	int first = opt_parse(cmd, argc, argv, &config), err;
	bool given = first < argc;

	if (first < 0)
		return EXIT_USAGE;
	list.full = given || config.json;
	err = given ? find_given(&list, cmd, argv + first, argc - first) : find_all(&list);
	if (err != EXIT_USAGE)
		print(&list, config.json, given);
	list_deinit(&list);
	return err < 0 ? EXIT_FAILED : err;
}

const struct command cmd_list = {
	.name = "list",
	.args = "[--json] [PID...]",
	.summary = "tell which interpreters run, or all about the one in a process",
	.details = "Without a pid: one line for each process that runs an interpreter, also in "
		   "containers. With a pid: its version and build, where the layout of its memory "
		   "is known from, its threads by the names the program gave them, and for "
		   "each event how and where it is observed in this build.\n\n"
		   "Exit status: 1 if a pid is gone, is a thread, may not be examined or runs no "
		   "known interpreter.",
	.examples = "sudo scry list\n  every interpreter on this machine\n"
		    "sudo scry list 4711\n  all about one process\n"
		    "sudo scry list --json | jq -r '.[].binary' | sort | uniq -c\n"
		    "  which binaries run how often\n",
	.opts = opts,
	.run = run,
};
