/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of C++ and Rust functions, as their authors wrote them. */
#ifndef SCRY_NATIVE_DEMANGLE_H
#define SCRY_NATIVE_DEMANGLE_H

#include <stddef.h>

/*
 * Write what a symbol is called into text, at most size - 1 bytes, NUL-ended: without parameters and return type, of Rust
 * without the hash; "name@plt" keeps its ending. A symbol that is not mangled stands as it is; of a longer name the end gives
 * way to an ellipsis.
 */
void demangle(const char *symbol, char *text, size_t size);

#endif
