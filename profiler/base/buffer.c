// SPDX-License-Identifier: GPL-2.0-only
#include "buffer.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"

static bool reserve(struct buffer *buffer, size_t size)
{
	if (size <= buffer->capacity - buffer->size)
		return true;
	if (!array_reserve(&buffer->bytes, &buffer->capacity, buffer->size + size, 1))
		buffer->failed = true;
	return !buffer->failed;
}

void buffer_put(struct buffer *buffer, const void *bytes, size_t size)
{
	if (!size || !reserve(buffer, size))
		return;
	memcpy(buffer->bytes + buffer->size, bytes, size);
	buffer->size += size;
}

void buffer_put_number(struct buffer *buffer, uint64_t number)
{
	if (!reserve(buffer, BUFFER_VARINT_MAX))
		return;
	while (number >= 0x80) {
		buffer->bytes[buffer->size++] = (unsigned char)(number | 0x80);
		number >>= 7;
	}
	buffer->bytes[buffer->size++] = (unsigned char)number;
}

void buffer_put_signed(struct buffer *buffer, int64_t number)
{
	buffer_put_number(buffer, (uint64_t)number << 1 ^ (uint64_t)(number >> 63));
}

void buffer_put_text(struct buffer *buffer, const char *text, size_t size)
{
	buffer_put_number(buffer, size);
	buffer_put(buffer, text, size);
}

void buffer_clear(struct buffer *buffer)
{
	buffer->size = 0;
}

void buffer_deinit(struct buffer *buffer)
{
	free(buffer->bytes);
	*buffer = (struct buffer){ 0 };
}
