/* SPDX-License-Identifier: GPL-2.0-only */
/* RESUME, with which each function of CPython 3.11+ begins, when calls are counted by it alone. */
#ifndef SCRY_BPF_RESUME_H
#define SCRY_BPF_RESUME_H

#include "calls.h"

/*
 * Is the RESUME of the frame in s->here the one that the thread has executed last, executed once more? In thread->resume is then
 * what has to hold still so that the next one of this code is not.
 */
int resume_again(struct scry_thread *thread, __u32 slot);

#endif
