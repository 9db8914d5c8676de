// SPDX-License-Identifier: GPL-2.0-only
#include "array.h"

#include <stdlib.h>
#include <string.h>

bool array_reserve(void *array, size_t *capacity, size_t count, size_t item)
{
	size_t room = *capacity ? *capacity : 16;
	void **slot = array;
	char *grown;

	if (count <= *capacity)
		return true;
	while (room < count) {
		if (room > (size_t)-1 / 2)
			return false;
		room *= 2;
	}
	grown = reallocarray(*slot, room, item);
	if (!grown)
		return false;
	memset(grown + *capacity * item, 0, (room - *capacity) * item);
	*slot = grown;
	*capacity = room;
	return true;
}
