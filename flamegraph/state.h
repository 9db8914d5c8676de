/* SPDX-License-Identifier: GPL-2.0-only */
/* What a struct flame is made of; for flamegraph/ alone. */
#ifndef FLAME_STATE_H
#define FLAME_STATE_H

#include "flame.h"
#include "names.h"
#include "tree.h"

struct flame {
	struct names names;
	struct tree tree;
	uint32_t *ids;		/* scratch of flame_add() */
	size_t ids_room;
};

#endif
