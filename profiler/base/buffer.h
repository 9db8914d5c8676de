/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes being written, and variable-length numbers: seven bits a byte, lowest first, the top bit
 * set on all bytes but the last. Signed numbers are folded (0, -1, 1, -2, ... become 0, 1, 2, 3,
 * ...).
 */
#ifndef SCRY_BUFFER_H
#define SCRY_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUFFER_VARINT_MAX 10	/* bytes of the longest number */

struct buffer {
	unsigned char *bytes;
	size_t size, capacity;
	bool failed;		/* memory ran out: what followed was not kept */
};

void buffer_put(struct buffer *buffer, const void *bytes, size_t size);
void buffer_put_number(struct buffer *buffer, uint64_t number);
void buffer_put_signed(struct buffer *buffer, int64_t number);
/* Its size, then its bytes. */
void buffer_put_text(struct buffer *buffer, const char *text, size_t size);
void buffer_clear(struct buffer *buffer);	/* keeps the memory */
void buffer_deinit(struct buffer *buffer);

#endif
