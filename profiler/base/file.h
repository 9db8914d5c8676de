/* SPDX-License-Identifier: GPL-2.0-only */
/* Small text files, as those of /proc and /sys. */
#ifndef SCRY_FILE_H
#define SCRY_FILE_H

#include <stddef.h>

/*
 * The file's text, at most size - 1 bytes, NUL-ended and without newlines at its end. Its length or
 * -errno, silently.
 */
int file_read_text(const char *path, char *text, size_t size);

#endif
