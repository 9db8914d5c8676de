/* SPDX-License-Identifier: GPL-2.0-only */
/* From the records of a session to a capture: samples and events, threads and their names. */
#ifndef SCRY_RECORDER_H
#define SCRY_RECORDER_H

#include <stddef.h>
#include <stdint.h>

#include "../bpf/wire.h"
#include "capture.h"
#include "session.h"

struct recorder;

/*
 * period: weight of each sample, or event; 0: an event weighs its own time in ns (a call is then told of when it ends, else when
 * it begins). The capture must outlive the recorder. 0 or -ENOMEM, reported.
 */
int recorder_create(struct capture_writer *capture, uint64_t period, struct recorder **ret);
void recorder_destroy(struct recorder *recorder);

/*
 * Stacks have frames of C (named by the binaries, which must outlive the recorder; NULL: they have not) or of the kernel. all:
 * with the interpreter's own functions between interpreted ones. 0 or -ENOMEM, reported.
 */
struct native_binaries;
int recorder_deepen(struct recorder *recorder, const struct native_binaries *binaries, bool all);
/* Stacks of threads that wait already are read by what this session knows of them; it must outlive the records. */
void recorder_look(struct recorder *recorder, const struct session *session, unsigned int max_stack);

/* One record: a session_handler, ctx being the recorder. */
void recorder_take(void *ctx, const struct scry_record *record, size_t size);

uint64_t recorder_samples(const struct recorder *recorder);

/* Ask the interpreters how their threads are called, where new ones were seen; all: ask again for those known. */
void recorder_name_threads(struct recorder *recorder, const struct session *session, bool all);

#endif
