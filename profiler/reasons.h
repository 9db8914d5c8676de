/* SPDX-License-Identifier: GPL-2.0-only */
/* What a thread waits for, in a word: from what the scheduler saw of it. */
#ifndef SCRY_REASONS_H
#define SCRY_REASONS_H

#include "../bpf/wire.h"

/* Static text: "lock", "disk", "sleep", ... docs/waiting.md lists them. */
const char *reason_of_wait(const struct scry_wait *wait);

#endif
