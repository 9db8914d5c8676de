/* SPDX-License-Identifier: GPL-2.0-only */
/* The threads of a recording: who they are in the capture, and how they are called. */
#ifndef SCRY_THREADS_H
#define SCRY_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../bpf/wire.h"
#include "base/table.h"
#include "capture.h"

struct thread {
	uint32_t index;	  /* in the capture */
	uint32_t process; /* in threads.processes */
	uint64_t pointer; /* thread pointer */
	char comm[16];
	bool named; /* by its program: comm is not used any more */
};

struct process {
	uint32_t pid, life;
	bool fresh; /* has threads whose names were not asked for */
	bool gone;
};

/* How many have used a pid before, and whether the last of these has ended, or runs another program. */
struct process_life {
	uint32_t number;
	bool exited;
};

struct threads {
	struct capture_writer *capture;
	struct table lives;    /* (pid, 0) -> index in life_of */
	struct process_life *life_of;
	size_t life_room;
	struct table by_tid;   /* (life << 32 | pid, tid) -> index in list */
	struct thread *list;
	size_t list_room;
	struct table by_process; /* (life, pid) -> index in processes */
	struct process *processes;
	size_t processes_room;
	struct table by_pointer; /* (process, thread pointer) -> index in pointed */
	uint32_t *pointed;	 /* in list */
	size_t pointed_room;
};

void threads_init(struct threads *threads, struct capture_writer *capture);
void threads_deinit(struct threads *threads);

/* Index in the capture of the sample's thread; 0: no memory. Keeps its comm up to date. */
uint32_t threads_see(struct threads *threads, const struct scry_sample *sample);

/* The process has ended (exited), or runs another program: its pid stands for another one from now on, but for threads that have still to
 * end. */
void threads_end(struct threads *threads, uint32_t pid, bool exited);

/* The program's own name for the thread with this thread pointer. */
void threads_name(struct threads *threads, uint32_t process, uint64_t pointer, const char *name);

#endif
