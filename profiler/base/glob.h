/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shell patterns over names. `*` any run of characters, `?` one character, `[abc]`, `[a-z]`,
 * `[!a-z]` one of (or none of) a set, `\` takes the next character as it is. Characters are UTF-8;
 * a byte that is not valid UTF-8 is one character. "/" and "." are characters like any other. A `[`
 * that is never closed stands for itself.
 */
#ifndef SCRY_GLOB_H
#define SCRY_GLOB_H

#include <stdbool.h>

/* Does the whole text match? Time is at most length of the pattern times length of the text. */
bool glob_match(const char *pattern, const char *text);

/* A file is meant by its whole path, or by its base name where the pattern has no slash. */
bool glob_match_file(const char *pattern, const char *path);

#endif
