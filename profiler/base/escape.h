/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names as each output can bear them. Names come from the programs looked at: any bytes. Bytes that
 * are not UTF-8 become U+FFFD everywhere, so that all we write is valid.
 */
#ifndef SCRY_ESCAPE_H
#define SCRY_ESCAPE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ESCAPE_REPLACEMENT 0xfffd

/* The character at *text, which is moved behind it; U+FFFD for bytes that are not UTF-8. 0 at
 * the end. */
uint32_t utf8_next(const char **text);
size_t utf8_put(char *to, uint32_t character);	/* up to 4 bytes; returns how many */

void escape_json(FILE *to, const char *text);	/* with the quotes */

/* One frame of a folded stack: `;` becomes `:`, control characters `?`. */
void escape_folded(FILE *to, const char *text);

/* For a terminal: control characters, and those that reorder text, become \x1b, \u202e and the
 * like. */
void escape_terminal(FILE *to, const char *text);

/* Cells that a text without control characters takes on a terminal. */
unsigned escape_width(const char *text);

/*
 * A copy of the text, escaped for a terminal, that takes at most `cells` there: what is too long
 * gives way in its middle to an ellipsis. The caller frees it; NULL: no memory.
 */
char *escape_fit(const char *text, unsigned cells);

#endif
