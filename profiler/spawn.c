// SPDX-License-Identifier: GPL-2.0-only
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"

/* In the child. Signals are as the shell gave them to scry: the command must not inherit scry's mask. */
static void child_run(int gate, int broken, char *const *argv)
{
	sigset_t none;
	char go;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (read(gate, &go, 1) != 1) /* scry gave up */
		_exit(EXIT_FAILED);
	execvp(argv[0], argv);
	if (write(broken, &errno, sizeof(errno)) < 0)
		_exit(126);
	_exit(127);
}

int spawn_prepare(char *const *argv, struct spawn *ret)
{
	int gate[2], broken[2];
	pid_t pid;

	if (pipe2(gate, O_CLOEXEC) || pipe2(broken, O_CLOEXEC))
		return fail(-errno, "pipe:");
	pid = fork();
	if (pid < 0)
		return fail(-errno, "fork:");
	if (!pid) {
		close(gate[1]);
		child_run(gate[0], broken[1], argv);
	}
	close(gate[0]);
	close(broken[1]);
	*ret = (struct spawn){ .pid = pid, .gate = gate[1], .broken = broken[0] };
	return 0;
}

int spawn_release(struct spawn *s, const char *name)
{
	int err = 0;

	if (write(s->gate, "", 1) != 1)
		err = EPIPE;
	close(s->gate);
	s->gate = -1;
	/* Closed by a successful exec. */
	if (!err && read(s->broken, &err, sizeof(err)) != sizeof(err))
		err = 0;
	close(s->broken);
	s->broken = -1;
	if (!err)
		return 0;
	spawn_reap(s, true);
	return fail(-err, "%s:", name);
}

bool spawn_reap(struct spawn *s, bool wait)
{
	int status;

	if (s->ended || !s->pid)
		return true;
	if (waitpid(s->pid, &status, wait ? 0 : WNOHANG) != s->pid)
		return false;
	s->ended = true;
	s->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return true;
}

void spawn_abandon(struct spawn *s)
{
	if (!s->pid || s->ended)
		return;
	if (s->gate >= 0) {
		close(s->gate);
		close(s->broken);
		s->gate = -1;
		spawn_reap(s, true);
	}
}
