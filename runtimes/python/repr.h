/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Values as Python's repr() writes them, from a stream of struct scry_value. What was cut says so: a text ends in '...', a
 * container's last items are `... N items`, N being how many it has in all.
 */
#ifndef SCRY_PYTHON_REPR_H
#define SCRY_PYTHON_REPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Calls each for every argument, with its name, in order; for a value alone once, with name NULL. Both are UTF-8 of printable
 * characters, and valid during the call. Arguments that are not in the stream are one of name and text "...". Returns how
 * many calls there were, or -ENOMEM. Any bytes are allowed.
 */
int python_repr(const void *stream, size_t size, void (*each)(void *ctx, const char *name, const char *text), void *ctx);

/* str.isprintable() of one character, by the Unicode tables of a recent Python: repr() escapes all others. */
bool python_is_printable(uint32_t character);

#endif
