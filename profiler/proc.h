/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What /proc says of processes and threads. Names and command lines are raw text of the process:
 * escape before printing.
 */
#ifndef SCRY_PROC_H
#define SCRY_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct proc_status {
	pid_t process;	/* whose thread it is; itself for a process's first thread */
	pid_t inner;	/* its id in its own pid namespace */
	uid_t user;
	char state;	/* 'R', 'S', 'Z', ... */
	bool kernel;	/* has no memory of its own: a kernel thread (or gone: state is 'Z' or 'X') */
};

#define PROC_COMM_SIZE 16

bool proc_is_mounted(void);

/* id: of a process or of any thread. 0, -ESRCH: there is none. */
int proc_status(pid_t id, struct proc_status *ret);

/* Fields of proc_pid_stat(5): when it began, in clock ticks since the machine did, and where its program's code and stack begin. They
 * tell apart lives of a pid, and the programs that run in them. false: it is gone, or may not be seen. */
struct proc_life {
	unsigned long long started, start_code, start_stack;
};
bool proc_life(pid_t pid, struct proc_life *ret);

/* The thread's or process's short name; "?" if it is gone. */
void proc_comm(pid_t id, char comm[PROC_COMM_SIZE]);

/*
 * The command line, its words parted by spaces, cut to size; "" for kernel threads and where it may
 * not be read.
 */
void proc_command(pid_t pid, char *text, size_t size);

/*
 * Call each for every process, or every thread of one, in rising order, until it returns non-zero,
 * which is returned. 0: no more. -errno: no such process, or /proc cannot be read.
 */
int proc_each(int (*each)(void *ctx, pid_t pid), void *ctx);
int proc_each_thread(pid_t pid, int (*each)(void *ctx, pid_t tid), void *ctx);

#endif
