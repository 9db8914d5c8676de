/* SPDX-License-Identifier: GPL-2.0-only */
/* Whom a command looks at, as its user says it: the same options, checks and words for all commands that follow programs. */
#ifndef SCRY_TARGETS_H
#define SCRY_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cmd.h"
#include "opt.h"
#include "session.h"

#define TARGETS_MAX 1024 /* pids, and threads, that can be named */

struct targets {
	struct opt_list pid_lists, tid_lists;	/* as written */
	bool all, children;
	const char *cgroup, *comm;
	/* set by targets_check: */
	char *const *command;			/* program to run, NULL-ended; or NULL */
	pid_t pids[TARGETS_MAX], tids[TARGETS_MAX];
	size_t pid_count, tid_count;
	unsigned runtimes; /* set by targets_examine: bits 1 << enum scry_runtime */
};

/* The rows of the option table; config has a member `targets`; verb is a literal such as "record". */
#define TARGETS_AT(config, field) offsetof(struct config, targets.field)
#define TARGETS_OPTIONS(config, verb)                                                                                      \
	{ "pid", 'p', OPT_LIST, TARGETS_AT(config, pid_lists), "PID[,PID...]", verb " these processes, all their threads" }, \
	{ "all", 'a', OPT_FLAG, TARGETS_AT(config, all), NULL,                                                             \
	  verb " every interpreter of the machine, also those that start later" },                                         \
	{ "cgroup", 0, OPT_STRING, TARGETS_AT(config, cgroup), "PATH",                                                     \
	  verb " every interpreter in this cgroup (v2) and those below" },                                                 \
	{ "children", 0, OPT_FLAG, TARGETS_AT(config, children), NULL, "with -p: also processes they start from now on" }, \
	{ "comm", 0, OPT_STRING, TARGETS_AT(config, comm), "GLOB", "only threads whose name matches, as in /proc/PID/comm" }, \
	{ "tid", 't', OPT_LIST, TARGETS_AT(config, tid_lists), "TID[,TID...]", "only these threads" }

/* The synopsis of these options. */
#define TARGETS_SYNOPSIS "(-p PID[,PID...] | -a | --cgroup PATH | -- CMD ARGS...)"

/*
 * After opt_parse: exactly one kind of target, numbers that are numbers. command: the operands that are a program to run, or
 * NULL. 0 or EXIT_USAGE, reported.
 */
int targets_parse(const struct command *cmd, struct targets *targets, char *const *command);

/* This user may record at all, every pid runs an interpreter that scry knows, and each thread named is one of the targets'. 0 or
 * -errno, reported. */
int targets_examine(struct targets *targets);

/* What a session is told of them. The targets must outlive the session. */
void targets_configure(const struct targets *targets, struct session_options *ret);

/* In words, for titles and the summary. The caller frees it; NULL: no memory. */
char *targets_describe(const struct targets *targets);

/* May events come from several processes? */
bool targets_are_many(const struct targets *targets);

#endif
