// SPDX-License-Identifier: GPL-2.0-only
#include "reasons.h"

#include <stddef.h>
#include <sys/syscall.h>

#include "base/cleanup.h"

/* What a system call waits for. */
enum waits_for { FOR_NOTHING, FOR_TIME, FOR_LOCK, FOR_EVENTS, FOR_SOCKET, FOR_FILE, FOR_DISK, FOR_CHILD };

static const char *const texts[] = {
	[FOR_NOTHING] = "other",  [FOR_TIME] = "sleep", [FOR_LOCK] = "lock", [FOR_EVENTS] = "poll",
	[FOR_SOCKET] = "socket", [FOR_FILE] = "io",    [FOR_DISK] = "disk", [FOR_CHILD] = "child",
};

/* Numbers that not all machines have are left out where they are not known. */
#ifndef SYS_futex_waitv /* Linux 5.16 */
#define SYS_futex_waitv 449
#endif
#ifndef SYS_futex_wait /* Linux 6.7 */
#define SYS_futex_wait 455
#endif
#define X(name, what) { SYS_##name, what },
static const struct {
	int number;
	enum waits_for what;
} calls[] = {
	X(futex, FOR_LOCK) X(futex_waitv, FOR_LOCK) X(futex_wait, FOR_LOCK)
	X(nanosleep, FOR_TIME) X(clock_nanosleep, FOR_TIME) X(rt_sigsuspend, FOR_TIME) X(rt_sigtimedwait, FOR_TIME)
	X(pselect6, FOR_EVENTS) X(ppoll, FOR_EVENTS) X(epoll_pwait, FOR_EVENTS) X(epoll_pwait2, FOR_EVENTS)
	X(io_getevents, FOR_EVENTS) X(io_uring_enter, FOR_EVENTS)
	X(accept, FOR_SOCKET) X(accept4, FOR_SOCKET) X(connect, FOR_SOCKET) X(recvfrom, FOR_SOCKET) X(recvmsg, FOR_SOCKET)
	X(recvmmsg, FOR_SOCKET) X(sendto, FOR_SOCKET) X(sendmsg, FOR_SOCKET) X(sendmmsg, FOR_SOCKET)
	X(read, FOR_FILE) X(readv, FOR_FILE) X(pread64, FOR_FILE) X(preadv, FOR_FILE) X(preadv2, FOR_FILE)
	X(write, FOR_FILE) X(writev, FOR_FILE) X(pwrite64, FOR_FILE) X(pwritev, FOR_FILE) X(pwritev2, FOR_FILE)
	X(sendfile, FOR_FILE) X(splice, FOR_FILE) X(copy_file_range, FOR_FILE) X(ioctl, FOR_FILE) X(fcntl, FOR_LOCK)
	X(flock, FOR_LOCK) X(semop, FOR_LOCK) X(semtimedop, FOR_LOCK) X(openat, FOR_FILE)
	X(fsync, FOR_DISK) X(fdatasync, FOR_DISK) X(sync, FOR_DISK) X(syncfs, FOR_DISK) X(msync, FOR_DISK)
	X(sync_file_range, FOR_DISK) X(fallocate, FOR_DISK) X(truncate, FOR_DISK) X(ftruncate, FOR_DISK)
	X(unlinkat, FOR_DISK) X(renameat2, FOR_DISK) X(mkdirat, FOR_DISK) X(getdents64, FOR_DISK)
	X(wait4, FOR_CHILD) X(waitid, FOR_CHILD) X(clone, FOR_CHILD) X(clone3, FOR_CHILD)
#ifdef SYS_epoll_wait /* calls of older machines only, of which each has a successor above */
	X(epoll_wait, FOR_EVENTS) X(poll, FOR_EVENTS) X(select, FOR_EVENTS) X(pause, FOR_TIME) X(open, FOR_FILE)
	X(vfork, FOR_CHILD) X(unlink, FOR_DISK) X(rename, FOR_DISK) X(mkdir, FOR_DISK) X(rmdir, FOR_DISK)
#endif
};
#undef X

static enum waits_for call_waits_for(const struct scry_wait *wait)
{
	enum waits_for what = FOR_NOTHING;

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].number == wait->syscall)
			what = calls[i].what;
	if (what != FOR_EVENTS)
		return what;
	/* Waiting for none of no files is how sleep() was written: CPython to 3.10, by select(). */
	if (wait->syscall == SYS_pselect6)
		return wait->argument[0] ? what : FOR_TIME;
	if (wait->syscall == SYS_ppoll)
		return wait->argument[1] ? what : FOR_TIME;
#ifdef SYS_epoll_wait
	if (wait->syscall == SYS_select)
		return wait->argument[0] ? what : FOR_TIME;
	if (wait->syscall == SYS_poll)
		return wait->argument[1] ? what : FOR_TIME;
#endif
	return what;
}

/* Uninterruptible, but not in what the kernel counts as waiting for a device: file systems do that for their journals and locks,
 * vfork() until its child has gone on. */
static const char *blocked_reason(const struct scry_wait *wait)
{
	switch (call_waits_for(wait)) {
	case FOR_DISK:
	case FOR_FILE:
		return texts[FOR_DISK];
	case FOR_CHILD:
		return texts[FOR_CHILD];
	default:
		return "kernel";
	}
}

const char *reason_of_wait(const struct scry_wait *wait)
{
	switch (wait->state) {
	case SCRY_WAIT_RUNQUEUE:
		return "runqueue";
	case SCRY_WAIT_STOLEN:
		return "stolen";
	case SCRY_WAIT_GIL:
		return "gil";
	case SCRY_WAIT_DISK:
		return "disk";
	case SCRY_WAIT_STOPPED:
		return "stopped";
	case SCRY_WAIT_BLOCKED:
		return blocked_reason(wait);
	default:
		return texts[call_waits_for(wait)];
	}
}
