/* SPDX-License-Identifier: GPL-2.0-only */
/* From the bytes of a capture's chunk into a profile. For profile_load.c and tests. */
#ifndef SCRY_PROFILE_CHUNK_H
#define SCRY_PROFILE_CHUNK_H

#include "base/cursor.h"
#include "capture_format.h"
#include "profile.h"

/* An empty profile, with item 0 of each array. NULL: no memory. */
struct profile *profile_create(const char *name);

/* Add what an unpacked chunk holds; *ended when it holds the end of the recording. 0, -ENOMEM,
 * or -EBADMSG where the chunk contradicts itself: what came before the bad entry has been added. */
int profile_chunk_add(struct profile *profile, struct cursor chunk, bool *ended);

/* A section of samples; as the other sections, it marks the cursor bad if it is. 0 or -ENOMEM. */
int profile_samples_add(struct profile *profile, struct cursor *in);

uint64_t profile_ticks_to_ns(const struct profile *profile, uint64_t ticks);

#endif
