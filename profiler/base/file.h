/* SPDX-License-Identifier: GPL-2.0-only */
/* Small text files, as those of /proc and /sys; and files that came to nothing. */
#ifndef SCRY_FILE_H
#define SCRY_FILE_H

#include <stddef.h>
#include <stdio.h>

/*
 * The file's text, at most size - 1 bytes, NUL-ended and without newlines at its end. Its length or
 * -errno, silently.
 */
int file_read_text(const char *path, char *text, size_t size);

/* What was begun and is of no use is removed; a device or a pipe stays. */
void file_remove_partial(const char *path);

/* A stream that failed, which has been told: what did not go out is not tried, and told, again when it is flushed at the end. */
void file_give_up(FILE *stream);

#endif
