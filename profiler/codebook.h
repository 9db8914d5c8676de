/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the ids of code objects mean: from the record of a first sight to functions and lines in the capture. Decoding is
 * done once for each code object; a frame seen before costs one look-up.
 */
#ifndef SCRY_CODEBOOK_H
#define SCRY_CODEBOOK_H

#include <stddef.h>
#include <stdint.h>

#include "../bpf/wire.h"
#include "capture.h"

struct codebook;

/* The codebook writes to capture, which must outlive it. 0 or -ENOMEM, reported. */
int codebook_create(struct capture_writer *capture, struct codebook **ret);
void codebook_destroy(struct codebook *book);

/* Enter a code object. size: of the whole record. Records that are not well-formed are ignored. */
void codebook_add(struct codebook *book, const struct scry_code *code, size_t size);

/* Index in the capture of a frame at this place of a code object; 0: a frame to leave out. */
uint32_t codebook_frame(struct codebook *book, const struct scry_frame *frame);

#endif
