/* SPDX-License-Identifier: GPL-2.0-only */
/* Arrays that grow by doubling. */
#ifndef SCRY_ARRAY_H
#define SCRY_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Make room for count items of item bytes in the array whose pointer is at `array` (NULL at first)
 * and whose room is *capacity items. New room is zeroed. false: no memory, nothing changed. The
 * caller frees the array.
 */
bool array_reserve(void *array, size_t *capacity, size_t count, size_t item);

#endif
