/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The capture file: everything a recording keeps. docs/capture-format.md describes it byte by byte.
 *
 * Strings, functions, frames, stacks and threads are stored once and referred to by index; a stack
 * is a node of a tree (its frame, and the node of its caller). Chunks are compressed (zstd) one by
 * one, each complete in itself, so that a file cut at any point is readable up to its last whole
 * chunk.
 */
#ifndef SCRY_CAPTURE_H
#define SCRY_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum capture_kind {	/* of a function: decides its colour, and whether it is code of the program */
	CAPTURE_INTERPRETED,	/* a function of the program */
	CAPTURE_NATIVE,
	CAPTURE_KERNEL,
	CAPTURE_MARK,		/* scry's own remark, e.g. [truncated] */
};

struct capture_header {
	uint64_t start_realtime_ns;	/* CLOCK_REALTIME at the start */
	uint64_t start_ns;		/* CLOCK_MONOTONIC then: sample times are relative to it */
	uint64_t period_ns;		/* weight of one sample; 0 if the event has none */
	uint32_t frequency;		/* asked for, Hz; 0: the event has no clock */
	uint32_t max_stack;
	uint32_t cpus;
	const char *event;		/* "cpu", "call", "gc", "exception", "import" */
	const char *unit;		/* of a sample's value: "ns", "calls", "exceptions" */
	const char *command;		/* scry's own command line */
	const char *target;		/* "pid 4711 (python3)", "app.py", "all", "cgroup PATH" */
	const char *host, *kernel, *scry_version;
};

#define CAPTURE_NO_STACK 0	/* index of the empty stack, the parent of root frames */

struct capture_writer;

/* Create path (or an unnamed temporary file where path is NULL). 0 or -errno, reported. */
int capture_create(const char *path, const struct capture_header *header, struct capture_writer **ret);
/* The same into fd, which stays the caller's; messages name it by `name`. NULL: failures are returned, not reported. */
int capture_create_at(int fd, const char *name, const struct capture_header *header,
		      struct capture_writer **ret);

/* Each interns: the same arguments give the same index. Texts are copied; any bytes are allowed.
 * Index 0 is never given but for CAPTURE_NO_STACK. Return 0 when memory is out. */
uint32_t capture_function(struct capture_writer *w, enum capture_kind kind, const char *name,
			  const char *file, int line);
/* line: being executed; 0: not known. */
uint32_t capture_frame(struct capture_writer *w, uint32_t function, int line);
uint32_t capture_stack(struct capture_writer *w, uint32_t parent, uint32_t frame);
/* The caller and the frame of a stack that was given; false: it was not. */
bool capture_stack_at(const struct capture_writer *w, uint32_t stack, uint32_t *parent, uint32_t *frame);
/* A thread of one life of a process: `process` tells lives of a pid apart. */
uint32_t capture_thread(struct capture_writer *w, uint32_t process, uint32_t pid, uint32_t tid);

/* May be given again when it becomes better known: the last one stands. */
void capture_name_thread(struct capture_writer *w, uint32_t thread, const char *name);
void capture_name_process(struct capture_writer *w, uint32_t process, uint32_t pid, const char *name);

/* One sample. error: text of the cause why the stack is missing or incomplete, NULL if it is
 * whole (few distinct texts, interned by address). No allocation but the chunk's own growth. */
void capture_sample(struct capture_writer *w, uint64_t time_ns, uint32_t thread, uint32_t stack,
		    uint64_t value, const char *error);

/* The same of a thread that is in some state meanwhile: it waits (reason: for what), or holds a lock. NULL: it just runs. reason
 * is interned by address as error is. */
void capture_sample_of(struct capture_writer *w, uint64_t time_ns, uint32_t thread, uint32_t stack,
		       uint64_t value, const char *error, const char *reason);

/* Samples that never reached us (ring buffer full): total so far, at the time of the last
 * sample. */
void capture_lost(struct capture_writer *w, uint64_t lost);

/* End the chunk and hand it to the kernel: what was written until now survives a kill -9. Called
 * about once a second. */
int capture_flush(struct capture_writer *w);

/* Write the last chunk with the end time; closes the file. The capture's path can be read from
 * then on; with an unnamed file *fd (if not NULL) gets a descriptor to read it by, owned by the
 * caller. Frees w. 0 or -errno, reported. */
int capture_finish(struct capture_writer *w, uint64_t end_ns, int *fd);

uint64_t capture_size(const struct capture_writer *w);	/* bytes written so far */

#endif
