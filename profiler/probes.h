/* SPDX-License-Identifier: GPL-2.0-only */
/* The probes of a session: the places a runtime names for an event, with the program for each attached there. */
#ifndef SCRY_PROBES_H
#define SCRY_PROBES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../runtimes/runtime.h"

struct scry_bpf;
struct bpf_link;

struct probe_link {
	struct bpf_link *link; /* NULL: held by fd */
	int fd;
	pid_t pid; /* -1: wherever the file is mapped */
};

struct probes {
	struct scry_bpf *skel;
	bool values; /* of calls, which they return, are wanted; set before any is added */
	struct probe_link *links; /* in the order they were added */
	size_t count;
	enum runtime_method used[RUNTIME_EVENT_COUNT]; /* AUTO: not attached */
};

/* Can these events (bits 1 << enum runtime_event) need this program? What they cannot need is not loaded. */
bool probes_may_use(const char *program, unsigned events);

void probes_init(struct probes *probes, struct scry_bpf *skel);
void probes_deinit(struct probes *probes); /* detaches */

/* Detach those of one process among the first `count`. Slow: each waits for the kernel. */
void probes_drop(struct probes *probes, pid_t pid, size_t count);

/* Watch code objects die wherever the file is mapped, if the kernel allows it without perf (uprobe_multi.h). 0 or -errno. */
int probes_watch_code(struct probes *probes, int fd, __u64 offset);

/* One program at one file offset of the file fd, in process pid or (-1) wherever the file is mapped. 0 or -errno. */
int probes_add_at(struct probes *probes, const char *program, int fd, pid_t pid, __u64 offset, __u64 semaphore,
		  __u64 cookie);

/* All places of an event. fd: the binary's file. 0; -ENOTSUP: not to be seen by this method in this build, reported. */
int probes_add_event(struct probes *probes, const struct runtime_binary *binary, int fd, pid_t pid,
		     enum runtime_event event, enum runtime_method method);

extern const char *const runtime_event_names[], *const runtime_method_names[];	/* NULL-ended */

#endif
