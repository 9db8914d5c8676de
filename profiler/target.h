/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process that the user named by its pid, and why it cannot be looked at: one line each, the same
 * for all commands.
 */
#ifndef SCRY_TARGET_H
#define SCRY_TARGET_H

#include <stdbool.h>
#include <sys/types.h>

#include "runtimes/runtime.h"

struct target {
	pid_t pid;
	const struct runtime_binary *binary;	/* owned by the cache of runtimes */
	__u64 bias;
	struct scry_exe_key key;
	struct scry_exe exe;
};

/* A whole positive number. 0 or -EINVAL, silently: it is a usage error of the command. */
int target_parse_pid(const char *text, pid_t *ret);

/*
 * Is pid a running process of user space that this user may examine? 0. -ESRCH: gone, or the id of
 * a thread; -EACCES: needs rights; -ENOENT: a kernel thread. Reported.
 */
int target_check_pid(pid_t pid);

/*
 * Check it and find its interpreter. 0, those of target_check_pid, -ENOENT: runs none, -ENOTSUP:
 * one of an unknown version, another -errno. Reported.
 */
int target_examine(pid_t pid, struct target *ret);

/* "python, lua" */
const char *target_languages(void);

#endif
