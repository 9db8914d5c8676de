/* SPDX-License-Identifier: GPL-2.0-only */
/* The frames of a session in its capture. A frame seen before costs one look-up. */
#ifndef SCRY_FRAMEBOOK_H
#define SCRY_FRAMEBOOK_H

#include "capture.h"
#include "codebook.h"

struct framebook;

/* Both must outlive it. 0 or -ENOMEM, reported. */
int framebook_create(struct capture_writer *capture, const struct codebook *book, struct framebook **ret);
void framebook_destroy(struct framebook *frames); /* NULL is allowed */

/* Index in the capture of a frame at this place of a code object; 0: a frame to leave out. caller: the next one, NULL: none. */
uint32_t framebook_find(struct framebook *frames, const struct scry_frame *frame, const struct scry_frame *caller);

#endif
