/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests that look into running interpreters: those that tests/interpreters --list prints, each
 * running a script.
 */
#ifndef SCRY_TEST_INTERPRETERS_H
#define SCRY_TEST_INTERPRETERS_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_INTERPRETERS 64

struct interpreter {
	char label[64], path[512], version[32], flags[512];
};

/* The list is made once per program. Returns how many. */
static inline int interpreters_list(struct interpreter *ret)
{
	FILE *f = popen("tests/interpreters --list 2>/dev/null", "r");
	int n = 0;

	while (f && n < MAX_INTERPRETERS &&
	       fscanf(f, "%63s %511s %31s %511s", ret[n].label, ret[n].path, ret[n].version,
		      ret[n].flags) == 4)
		n++;
	if (f)
		pclose(f);
	return n;
}

/*
 * Check each in a process of its own, CHECKED_AT_ONCE of them at a time: most of such a check waits for the kernel. `check`
 * returns how many failures it told of. Returns how many interpreters failed, those included whose process died.
 */
#define CHECKED_AT_ONCE 4

static inline int interpreters_check(const struct interpreter *list, int count, int (*check)(const struct interpreter *))
{
	int failed = 0, status;

	for (int started = 0, ended = 0; ended < count; ended++) {
		for (; started < count && started - ended < CHECKED_AT_ONCE; started++) {
			fflush(NULL);
			/* A failed assertion in a child ends its run of the tests, and so exits with failures too. */
			if (!fork())
				exit(check(&list[started]) ? 1 : 0);
		}
		failed += wait(&status) < 0 || status;
	}
	return failed;
}

struct target {
	pid_t pid;
	FILE *out; /* its standard output */
	int in;	   /* its standard input: closed, it should end */
};

static inline int target_start(const struct interpreter *interpreter, const char *script,
			       struct target *ret)
{
	int in[2], out[2];

	if (pipe(in) || pipe(out))
		return -1;
	ret->pid = fork();
	if (!ret->pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[0]), close(in[1]), close(out[0]), close(out[1]);
		setenv("PYTHONIOENCODING", "utf-8", 1);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		unsetenv("LD_PRELOAD"); /* a sanitizer is not for it */
		execl(interpreter->path, interpreter->path, "-c", script, (char *)NULL);
		_exit(127);
	}
	close(in[0]), close(out[1]);
	ret->in = in[1];
	ret->out = fdopen(out[0], "r");
	return ret->pid < 0 || !ret->out ? -1 : 0;
}

static inline void target_stop(struct target *target)
{
	close(target->in);
	fclose(target->out);
	kill(target->pid, SIGKILL);
	waitpid(target->pid, NULL, 0);
}

#endif
