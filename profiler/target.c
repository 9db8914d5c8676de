// SPDX-License-Identifier: GPL-2.0-only
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/escape.h"
#include "caps.h"
#include "proc.h"
#include "runtimes/list.h"

#define NAME_CELLS 40

const char *target_languages(void)
{
	/* Each X adds ", NAME"; the first two characters are left out. */
	static const char all[] =
#define X(name, NAME) ", " #name
		RUNTIMES(X)
#undef X
		;

	return all + 2;
}

int target_parse_pid(const char *text, pid_t *ret)
{
	char *end;
	long pid;

	errno = 0;
	pid = strtol(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || pid < 1 || pid > INT_MAX)
		return -EINVAL;
	*ret = pid;
	return 0;
}

/* The process's short name for a message. */
static char *shown_name(pid_t pid)
{
	char comm[PROC_COMM_SIZE];

	proc_comm(pid, comm);
	return escape_fit(comm, NAME_CELLS);
}

int target_check_pid(pid_t pid)
{
	_cleanup_free_ char *name = shown_name(pid);
	struct proc_status status;
	char path[64], to[1];
	int err = proc_status(pid, &status);

	if (err == -ESRCH && !proc_is_mounted())
		return fail(-ENOENT, "/proc is not mounted");
	/* Mounted with hidepid, /proc does not show what kill() still finds. */
	if (err == -ESRCH && (!kill(pid, 0) || errno == EPERM))
		return fail(-EACCES, "/proc hides process %d from this user: run with sudo", pid);
	if (err == -ESRCH)
		return fail(err, "there is no process %d", pid);
	if (err)
		return fail(err, "process %d cannot be looked at in /proc:", pid);
	if (status.process != pid)
		return fail(-ESRCH, "%d is a thread of process %d", pid, status.process);
	if (status.state == 'Z' || status.state == 'X')
		return fail(-ESRCH, "process %d (%s) has ended; its parent has not taken notice",
			    pid, name ?: "?");
	if (status.kernel)
		return fail(-ENOENT, "pid %d (%s) is a kernel thread", pid, name ?: "?");
	/* Reading this link asks the same rights as its maps, files and memory: those of ptrace. (Maps may be opened without.) */
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (readlink(path, to, sizeof(to)) >= 0 || errno == ENOENT)
		return 0;
	if ((errno == EACCES || errno == EPERM) && caps_have(CAP_SYS_PTRACE))
		return fail(-EACCES, "pid %d (%s) may not be examined, not even with CAP_SYS_PTRACE",
			    pid, name ?: "?");
	if (errno == EACCES || errno == EPERM)
		return fail(-EACCES, "pid %d (%s) %s: needs CAP_SYS_PTRACE, run with sudo", pid, name ?: "?",
			    status.user == geteuid() ? "has rights that scry has not" : "belongs to another user");
	return fail(-errno, "%s:", path);
}

int target_examine(pid_t pid, struct target *ret)
{
	_cleanup_free_ char *name = NULL, *because = NULL;
	char why[512] = "";
	int err = target_check_pid(pid);

	if (err)
		return err;
	memset(ret, 0, sizeof(*ret));
	ret->pid = pid;
	err = runtime_examine(pid, &ret->binary, &ret->bias, &ret->key, &ret->exe, why, sizeof(why));
	if (!err)
		return 0;
	name = shown_name(pid);
	because = escape_fit(why, sizeof(why));
	if (err == -ENOENT)
		return fail(err,
			    "pid %d (%s) runs no interpreter that scry knows (%s); see 'scry list'",
			    pid, name ?: "?", target_languages());
	if (err == -ENOTSUP)
		return fail(err, "pid %d (%s): %s", pid, name ?: "?", because ?: "?");
	if (err == -ESRCH)
		return fail(err, "process %d has ended", pid);
	if (err == -EACCES && !caps_have(CAP_DAC_READ_SEARCH))
		return fail(err, "pid %d (%s): its interpreter's file may not be read: needs "
			    "CAP_DAC_READ_SEARCH, run with sudo", pid, name ?: "?");
	return fail(err, "pid %d (%s) cannot be examined:", pid, name ?: "?");
}
