/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SCRY_BPF_EXCEPTION_H
#define SCRY_BPF_EXCEPTION_H

#include "calls.h"

/* An exception passes this frame: where it is fresh, tell of its type and, where it is a plain string, its message. */
int exception_tell(struct scry_thread *thread, __u64 frame, __u32 slot);

#endif
