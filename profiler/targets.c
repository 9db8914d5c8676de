// SPDX-License-Identifier: GPL-2.0-only
#include "targets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/file.h"
#include "caps.h"
#include "proc.h"
#include "target.h"

/* Numbers from "1,2" and repeated options. 0 or EXIT_USAGE, reported. */
static int parse_numbers(const struct command *cmd, const char *option, const struct opt_list *list, pid_t *ret,
			 size_t *count)
{
	*count = 0;
	for (size_t i = 0; i < list->count; i++) {
		const char *p = list->item[i];

		for (;;) {
			char *end;
			long n = strtol(p, &end, 10);

			if (*p < '0' || *p > '9' || (*end && *end != ',') || n <= 0 || n > 0x7fffffff)
				return usage_error(cmd, "--%s %s: not a %s", option, list->item[i], option);
			if (*count == TARGETS_MAX)
				return usage_error(cmd, "--%s: more than %d", option, TARGETS_MAX);
			ret[(*count)++] = (pid_t)n;
			if (!*end)
				break;
			p = end + 1;
		}
	}
	return 0;
}

int targets_parse(const struct command *cmd, struct targets *t, char *const *command)
{
	int kinds = (t->pid_lists.count > 0) + t->all + (t->cgroup != NULL) + (command != NULL);

	if (kinds == 0)
		return usage_error(cmd, "nothing to %s: give -p PID, -a, --cgroup PATH, or -- CMD ARGS", cmd->name);
	if (kinds > 1)
		return usage_error(cmd, "only one of -p, -a, --cgroup and -- CMD can be given");
	if (t->children && !t->pid_lists.count)
		return usage_error(cmd, "--children goes with -p");
	if (command && t->tid_lists.count)
		return usage_error(cmd, "--tid: a program that has not begun has no threads yet; --comm goes by their names");
	t->command = command;
	return parse_numbers(cmd, "pid", &t->pid_lists, t->pids, &t->pid_count) ?:
	       parse_numbers(cmd, "tid", &t->tid_lists, t->tids, &t->tid_count);
}

/* Else a slip of the finger would be a long recording of nothing. */
static int examine_tid(const struct targets *t, pid_t tid)
{
	bool theirs = t->all || t->cgroup || t->children;
	struct proc_status status;

	if (proc_status(tid, &status))
		return fail(-ESRCH, "there is no thread %d", tid);
	for (size_t i = 0; i < t->pid_count && !theirs; i++)
		theirs = status.process == t->pids[i];
	return theirs ? 0 : fail(-ESRCH, "thread %d is one of process %d, which is not recorded", tid, status.process);
}

int targets_examine(struct targets *t)
{
	int err = caps_check_record();

	if (err)
		return err;
	for (size_t i = 0; i < t->pid_count; i++) {
		struct target found;

		err = target_examine(t->pids[i], &found);
		if (err)
			return err;
		t->runtimes |= 1u << found.binary->ops->id;
	}
	for (size_t i = 0; i < t->tid_count && !err; i++)
		err = examine_tid(t, t->tids[i]);
	return err;
}

void targets_configure(const struct targets *t, struct session_options *ret)
{
	ret->all = t->all;
	/* What processes start may run anything. */
	ret->runtimes = t->all || t->cgroup || t->children || t->command ? 0 : t->runtimes;
	ret->children = t->children || t->command;
	ret->cgroup = t->cgroup;
	ret->comm = t->comm;
	ret->tids = t->tids;
	ret->tid_count = t->tid_count;
}

char *targets_describe(const struct targets *t)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	if (t->all)
		fputs("all processes", f);
	else if (t->cgroup)
		fprintf(f, "cgroup %s", t->cgroup);
	for (size_t i = 0; t->command && t->command[i]; i++)
		fprintf(f, "%s%s", i ? " " : "", t->command[i]);
	for (size_t i = 0; i < t->pid_count; i++) {
		char path[32], comm[64] = "?";

		snprintf(path, sizeof(path), "/proc/%d/comm", t->pids[i]);
		file_read_text(path, comm, sizeof(comm));
		fprintf(f, "%s%s (%d)", i ? ", " : "", comm, t->pids[i]);
	}
	fclose(f);
	return text;
}

bool targets_are_many(const struct targets *t)
{
	return t->all || t->cgroup || t->children || t->command || t->pid_count > 1;
}
