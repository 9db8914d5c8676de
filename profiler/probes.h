/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The probes of a session: the places that a runtime names for its events, each with its program. All places of a program in one
 * binary are one link where the kernel can (uprobe_multi.h), one each where it cannot.
 */
#ifndef SCRY_PROBES_H
#define SCRY_PROBES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../bpf/config.h"
#include "../runtimes/runtime.h"

struct scry_bpf;
struct bpf_link;
struct gathering;

struct probe_link {
	struct bpf_link *link; /* NULL: held by fd */
	int fd;
	pid_t pid; /* -1: wherever the file is mapped */
	__u32 binary; /* its index (runtime_binary_index) */
	bool lost; /* with its process's main thread */
};

struct probes {
	struct scry_bpf *skel;
	bool values, arguments; /* of calls are wanted: what they return, and are given; set before any is added */
	bool entries; /* of calls are wanted alone; likewise */
	struct probe_link *links; /* in the order they were added */
	size_t count;
	struct gathering *places[MAX_BINARIES]; /* of binaries that have been looked at; NULL: not yet */
	bool refused[MAX_BINARIES]; /* it has been said why: once is enough for all processes that run it */
	enum runtime_method used[RUNTIME_EVENT_COUNT]; /* AUTO: not attached */
};

/* Before loading: which programs these events (bits 1 << enum runtime_event) need, of targets that may run these languages (bits
 * 1 << enum scry_runtime), and how they will be attached. */
void probes_choose_programs(struct scry_bpf *skel, unsigned events, unsigned runtimes);

/* Can probes be put into single processes, so that others which run the same file are spared? */
bool probes_are_selective(void);

void probes_init(struct probes *probes, struct scry_bpf *skel);
void probes_deinit(struct probes *probes); /* detaches */

/* Binaries that have probes in process pid, bits 1 << index, not counting those that are lost. */
uint64_t probes_in(const struct probes *probes, pid_t pid);

/* Those in process pid are for a main thread that is no more: to be dropped when others are in their place. */
void probes_lose(struct probes *probes, pid_t pid);

/* Detach those of one process: all, or the lost ones. Slow: each waits for the kernel. */
void probes_drop(struct probes *probes, pid_t pid, bool all);

/*
 * Attach where the binary frees code objects, and at all places of these events. fd: the binary's file. pid: in this process
 * alone, -1: wherever the file is mapped, now or later. 0; -ENOTSUP: not to be seen by this method in this build; -ESRCH: no
 * such process, silently; others reported.
 */
int probes_add(struct probes *probes, const struct runtime_binary *binary, int fd, pid_t pid, unsigned events,
	       enum runtime_method method);

extern const char *const runtime_event_names[], *const runtime_method_names[];	/* NULL-ended */

#endif
