/* SPDX-License-Identifier: GPL-2.0-only */
/* What a frame's name says: function, place, and the kind of code. */
#ifndef FLAME_LABEL_H
#define FLAME_LABEL_H

#include "flame.h"
#include "text.h"

struct label {
	struct text_part function;
	struct text_part file, line;	/* empty: not known */
	enum flame_kind kind;
	bool internal;			/* native code of an interpreter */
};

/* The parts point into name. source: enum flame_kind, NAME_FOLDED or NAME_AUSTIN. */
struct label label_parse(struct text_part name, uint32_t source);

#endif
