// SPDX-License-Identifier: GPL-2.0-only
#include "state.h"

#include "grow.h"

#include <string.h>

int flame_create(struct flame **ret)
{
	struct flame *flame = calloc(1, sizeof(*flame));

	if (!flame)
		return -ENOMEM;
	if (names_open(&flame->names) || tree_open(&flame->tree)) {
		flame_destroy(flame);
		return -ENOMEM;
	}
	*ret = flame;
	return 0;
}

void flame_destroy(struct flame *flame)
{
	if (!flame)
		return;
	names_close(&flame->names);
	tree_close(&flame->tree);
	free(flame->ids);
	free(flame);
}

int flame_add(struct flame *flame, const struct flame_frame *frames, size_t count, uint64_t value)
{
	int err = grow(&flame->ids, &flame->ids_room, count, sizeof(*flame->ids));

	for (size_t i = 0; !err && i < count; i++)
		err = names_intern(&flame->names, frames[i].name, strlen(frames[i].name), frames[i].kind,
				   &flame->ids[i]);
	return err ? err : tree_add(&flame->tree, flame->ids, count, value);
}
