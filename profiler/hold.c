// SPDX-License-Identifier: GPL-2.0-only
#include "hold.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "caps.h"

/*
 * Whoever traces is a thread, not a process: when the thread ends, the kernel detaches all that it traced and lets them run
 * (exit_ptrace, kernel/ptrace.c).
 */
struct hold {
	pthread_t thread;
	pid_t pid;
	int asks[2], answers[2]; /* a pid_t from the thread, a byte to it: go on? */
	int err;
};

#define OPTIONS \
	(PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE)

/* Its program is in place. false: that was enough. */
static bool ask(struct hold *h, pid_t pid)
{
	char more = 0;

	if (write(h->asks[1], &pid, sizeof(pid)) != sizeof(pid))
		return false;
	return read(h->answers[0], &more, 1) == 1 && more;
}

static bool stops(int signal)
{
	return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

/* One has stopped: ptrace(2). Signals go where they were going, a process that a signal stopped stays stopped. */
static bool go_on(struct hold *h, pid_t pid, int status)
{
	int signal = WSTOPSIG(status), event = status >> 16;

	if (event == PTRACE_EVENT_EXEC && !ask(h, pid))
		return false;
	if (event == PTRACE_EVENT_STOP && stops(signal))
		ptrace(PTRACE_LISTEN, pid, 0, 0);
	else
		ptrace(PTRACE_CONT, pid, 0, event ? 0l : (long)signal);
	return true;
}

/*
 * The next change of one that is traced: first only looked at, for the end of the command itself belongs to whoever waits for it
 * as its parent, which is another thread of this process. Others' ends must be taken here before their parents are told.
 */
static bool next(struct hold *h)
{
	siginfo_t change = { 0 };
	int status;

	if (waitid(P_ALL, 0, &change, WEXITED | WSTOPPED | WNOWAIT | __WALL | __WNOTHREAD))
		return errno == EINTR;
	if (change.si_pid == h->pid && change.si_code != CLD_TRAPPED && change.si_code != CLD_STOPPED)
		return false;
	if (waitpid(change.si_pid, &status, __WALL | __WNOTHREAD) < 0)
		return errno == EINTR;
	return !WIFSTOPPED(status) || go_on(h, change.si_pid, status);
}

static void *trace(void *ctx)
{
	struct hold *h = ctx;
	pid_t ready = 0;

	h->err = ptrace(PTRACE_SEIZE, h->pid, 0, OPTIONS) ? -errno : 0;
	if (write(h->asks[1], &ready, sizeof(ready)) != sizeof(ready) || h->err)
		return NULL;
	while (next(h))
		;
	return NULL;
}

static void close_pipes(struct hold *h)
{
	for (int i = 0; i < 2; i++) {
		if (h->asks[i] >= 0)
			close(h->asks[i]);
		if (h->answers[i] >= 0)
			close(h->answers[i]);
	}
}

static int start(struct hold *h)
{
	pid_t ready;
	int err;

	if (pipe2(h->asks, O_CLOEXEC) || pipe2(h->answers, O_CLOEXEC))
		return -errno;
	err = pthread_create(&h->thread, NULL, trace, h);
	if (err)
		return -err;
	if (read(h->asks[0], &ready, sizeof(ready)) != sizeof(ready))
		h->err = -EIO;
	if (h->err)
		pthread_join(h->thread, NULL);
	else
		fcntl(h->asks[0], F_SETFL, O_NONBLOCK);
	return h->err;
}

int hold_create(pid_t pid, struct hold **ret)
{
	struct hold *h;
	int err;

	/* One that is traced by somebody without this right does not become another user by running a program such as sudo. */
	if (!caps_have(CAP_SYS_PTRACE))
		return -EPERM;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	*h = (struct hold){ .pid = pid, .asks = { -1, -1 }, .answers = { -1, -1 } };
	err = start(h);
	if (err) {
		close_pipes(h);
		free(h);
		return err;
	}
	*ret = h;
	return 0;
}

void hold_destroy(struct hold *h)
{
	if (!h)
		return;
	pthread_cancel(h->thread); /* it waits for a change, or for an answer */
	pthread_join(h->thread, NULL);
	close_pipes(h);
	free(h);
}

int hold_fd(const struct hold *h)
{
	return h ? h->asks[0] : -1;
}

pid_t hold_waiting(struct hold *h)
{
	pid_t pid;

	return h && read(h->asks[0], &pid, sizeof(pid)) == sizeof(pid) ? pid : 0;
}

void hold_answer(struct hold *h, bool last)
{
	char more = !last;

	if (write(h->answers[1], &more, 1) != 1) /* it has ended: so has the command */
		return;
}
