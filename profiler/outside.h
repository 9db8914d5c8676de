/* SPDX-License-Identifier: GPL-2.0-only */
/* Stacks of threads that wait since before the recording, read from outside: what runs in the kernel never sees them leave a CPU. */
#ifndef SCRY_OUTSIDE_H
#define SCRY_OUTSIDE_H

#include "capture.h"
#include "session.h"

/*
 * The stack in the capture of the thread that a SCRY_RECORD_WAITING tells of; CAPTURE_NO_STACK: it cannot be told, or the thread
 * has run meanwhile. *error is what is missing of it.
 */
uint32_t outside_stack(struct capture_writer *capture, const struct session *session, const struct scry_wait *wait,
		       unsigned int max_stack, enum scry_walk_error *error);

#endif
