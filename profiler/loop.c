// SPDX-License-Identifier: GPL-2.0-only
#include "loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"

uint64_t loop_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static bool is_ignored(int signal)
{
	struct sigaction action;

	return !sigaction(signal, NULL, &action) && action.sa_handler == SIG_IGN;
}

int loop_init(struct loop *l, int records, unsigned int period_ms)
{
	struct timespec period = { period_ms / 1000, period_ms % 1000 * 1000000L };
	struct itimerspec every = { period, period };
	sigset_t set;

	*l = (struct loop){ .records = records, .signals = -1, .timer = -1, .held = -1 };
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	if (!is_ignored(SIGHUP)) /* as by nohup; a signal that is blocked comes even so */
		sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, &l->mask))
		return fail(-errno, "block signals:");
	l->blocked = true;
	l->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (l->signals < 0 || l->timer < 0 || timerfd_settime(l->timer, 0, &every, NULL))
		return fail(-errno, "wait for signals:");
	return 0;
}

void loop_deinit(struct loop *l)
{
	if (l->signals >= 0)
		close(l->signals);
	if (l->timer >= 0)
		close(l->timer);
	if (l->blocked)
		sigprocmask(SIG_SETMASK, &l->mask, NULL);
}

static void take_signals(struct loop *l)
{
	struct signalfd_siginfo info;

	while (read(l->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD) {
			l->child = true;
			continue;
		}
		l->stop = true;
		l->stop_signal = info.ssi_signo;
		l->from_terminal = info.ssi_code == SI_KERNEL;
	}
}

void loop_wait(struct loop *l, bool sleep)
{
	struct pollfd fds[] = {
		{ .fd = l->signals, .events = POLLIN },
		{ .fd = l->timer, .events = POLLIN },
		{ .fd = l->records, .events = POLLIN },
		{ .fd = l->held, .events = POLLIN },
	};
	uint64_t ticks;

	if (poll(fds, ARRAY_SIZE(fds), sleep ? -1 : 0) < 0)
		return;
	if (fds[1].revents && read(l->timer, &ticks, sizeof(ticks)) < 0)
		ticks = 0;
	if (fds[0].revents)
		take_signals(l);
}
