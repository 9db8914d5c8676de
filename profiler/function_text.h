/* SPDX-License-Identifier: GPL-2.0-only */
/* A function as tables and lines show it: "name (file:line)". */
#ifndef SCRY_FUNCTION_TEXT_H
#define SCRY_FUNCTION_TEXT_H

#include <stdbool.h>
#include <stdio.h>

#define FUNCTION_TEXT_WHOLE (1u << 20) /* cells: no limit */

enum function_text_style { FUNCTION_TEXT_PLAIN, FUNCTION_TEXT_COLOR, FUNCTION_TEXT_BOLD /* the name stands out by itself */ };

/* The path from the package on, where it is installed in one of the usual places: the rest is the same for all. */
const char *function_text_path(const char *path);

/* In so many cells: the line stands, the longer of name and file gives way. 0 or -ENOMEM. */
int function_text_put(FILE *to, const char *name, const char *file, int line, unsigned cells,
		      enum function_text_style style);

/* Columns to fill: those that COLUMNS tells, else the terminal's; FUNCTION_TEXT_WHOLE: a file or a pipe, which has no edge. */
unsigned function_text_columns(FILE *to);

#endif
