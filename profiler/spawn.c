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

static void close_end(int fd)
{
	if (fd >= 0)
		close(fd);
}

int spawn_prepare(char *const *argv, struct spawn *ret)
{
	int gate[2] = { -1, -1 }, broken[2] = { -1, -1 }, err = 0;
	pid_t pid = -1;

	if (pipe2(gate, O_CLOEXEC) || pipe2(broken, O_CLOEXEC))
		err = fail(-errno, "pipe:");
	else if ((pid = fork()) < 0)
		err = fail(-errno, "fork:");
	if (!pid) {
		close(gate[1]);
		child_run(gate[0], broken[1], argv);
	}
	close_end(gate[0]);
	close_end(broken[1]);
	if (err) {
		close_end(gate[1]);
		close_end(broken[0]);
		return err;
	}
	signal(SIGCHLD, SIG_DFL); /* ignored, as it may be inherited, the kernel keeps no status */
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

/* A command that is being held shows its stops to its parent too, who must leave them to the thread that holds it (hold.h). */
static bool is_over(pid_t pid, bool wait)
{
	siginfo_t change = { 0 };
	int err;

	do
		err = waitid(P_PID, pid, &change, WEXITED | WNOWAIT | (wait ? 0 : WNOHANG));
	while (err && errno == EINTR);
	return err || (change.si_pid == pid && change.si_code != CLD_TRAPPED && change.si_code != CLD_STOPPED);
}

bool spawn_reap(struct spawn *s, bool wait)
{
	int status;
	pid_t pid;

	if (s->ended || !s->pid)
		return true;
	if (!is_over(s->pid, wait))
		return false;
	do
		pid = waitpid(s->pid, &status, 0);
	while (pid < 0 && errno == EINTR);
	s->ended = true;
	if (pid < 0) { /* somebody else waited for it */
		s->status = EXIT_FAILED;
		return true;
	}
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
