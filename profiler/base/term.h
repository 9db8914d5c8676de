/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SCRY_TERM_H
#define SCRY_TERM_H

#include <stdbool.h>

/* Columns of the terminal behind fd; 0 if it is none: then nothing need be cut. */
unsigned term_columns(int fd);

/* Is it a terminal, and one that shall have colours (no-color.org)? */
bool term_colors(int fd);

#endif
