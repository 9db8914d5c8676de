/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of the BPF programs: load, attach, read what they send, detach. A session follows processes, finds their
 * interpreters when asked by the programs, and hands every record to one handler. The kernel removes all of it when scry ends,
 * however it ends.
 */
#ifndef SCRY_SESSION_H
#define SCRY_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "../bpf/wire.h"
#include "../runtimes/runtime.h"

struct session_options {
	bool all;		/* every interpreter of the machine, or of the cgroup */
	bool children;		/* also what followed processes fork */
	const char *cgroup;	/* path of a cgroup (v2) directory, or NULL */
	const char *comm;	/* glob for thread names, or NULL */
	const pid_t *tids;	/* only these threads */
	size_t tid_count;
	unsigned long frequency; /* Hz; 0: no clock */
	unsigned long max_stack; /* frames */
	bool native, kernel;	/* stacks with frames of C, of the kernel */
	bool inlined;		/* native: source lines and inlined functions too */
	unsigned events;	/* besides sampling: bits 1 << enum runtime_event */
	enum runtime_method method; /* how to see them */
	bool stream, aggregate;	/* send each event; keep statistics of calls or lines */
	bool args, ret;		/* calls: with their arguments, with the values they return */
	bool count_only;	/* calls: only their entries are seen, and counted */
	bool stack;		/* events carry the whole stack */
	uint64_t min_duration_ns;
	unsigned long max_depth; /* of calls; 0: all */
	bool keep_dropped;	/* calls of functions that session_judge drops take part in the pairing and in own times */
	unsigned runtimes;	/* bits 1 << enum scry_runtime that targets may have; 0: any */
	bool waits;		/* threads off CPU: SCRY_RECORD_WAIT and its like */
	bool wall;		/* with it and a clock: samples carry the exact time on CPU since the one before */
	bool gil;		/* samples tell whether their thread holds the interpreter's lock */
	bool waker;		/* with who ended a wait */
	uint64_t min_wait_ns, max_wait_ns; /* only waits of this length; max 0: of any */
	bool stats;		/* measure the programs' run time */
};

/* Called for every record, in the order they happened. binary: of a SCRY_RECORD_CODE, else NULL. */
typedef void session_handler(void *ctx, const struct scry_record *record, size_t size);

struct session;

/* Load the programs; nothing is attached yet. 0 or -errno, reported. */
int session_open(const struct session_options *options, session_handler *handler, void *ctx, struct session **ret);
void session_close(struct session *session);	/* NULL is allowed */

/* Follow a process. Its interpreter is looked for now. 0; as follow_process(), but without `required` it is no error to find
 * none: it may come with another program. */
int session_follow(struct session *session, pid_t pid, bool required);

/* A command is about to be started from this file: be there from its first instruction on, if it is an interpreter. Is it? */
bool session_expect(struct session *session, const char *path);
/* Programs of the command wait, each before its first instruction, until they are prepared; or do not any more. */
void session_hold(struct session *session, bool held);
/* The same for a process that waits before the first instruction of its program. */
bool session_prepare(struct session *session, pid_t pid);

/* Start to sample on every CPU, and to take notice of events. 0 or -errno, reported. */
int session_start(struct session *session);
/* Stop sampling, detach the probes (those that only watch code objects until session_close); records on their way can still be
 * polled, maps be read. */
void session_stop(struct session *session);

/* Hand over the records that wait, up to a bound: true: more may wait. */
bool session_poll(struct session *session);

/* Readable when records should be polled at once. */
int session_fd(const struct session *session);

/* Is a followed process alive, or a child of one with options.children? The programs keep the list of them, so it does
 * not depend on records that may be lost. Never with options.all. */
bool session_alive(const struct session *session);

/* Sum over CPUs of a counter. */
uint64_t session_count(const struct session *session, enum scry_count which);

/* Programs executed while events were watched whose probes came late, and the longest time from the beginning of one to its probes. */
struct session_unseen {
	unsigned programs;
	pid_t pid; /* 0: of several processes */
	uint64_t longest_ns;
};
struct session_unseen session_unseen(const struct session *session);

/* Where a process's interpreter is: false if not known (any more). */
bool session_place(const struct session *session, pid_t pid, struct scry_proc *ret);

/* Whether events of a code object are wanted, by its names: later ones are judged by it in the kernel. */
void session_judge(struct session *session, uint32_t code, enum scry_verdict verdict);

/* What was kept of the calls of each code object (options.aggregate), and the calls that have not ended. */
void session_each_stat(const struct session *session,
		       void (*add)(void *ctx, const struct scry_call_stat *stat), void *ctx);
void session_each_call(const struct session *session, void (*add)(void *ctx, const struct scry_call *call), void *ctx);
/* How often each line was executed (options.aggregate). */
void session_each_line(const struct session *session,
		       void (*add)(void *ctx, const struct scry_line *line, uint64_t times), void *ctx);

/* The binaries that native frames name (options.native), or NULL. */
struct native_binaries *session_binaries(const struct session *session);

/* What the programs and maps used, one line each. */
void session_print_stats(const struct session *session, FILE *to);

#endif
