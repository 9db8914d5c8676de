/* SPDX-License-Identifier: GPL-2.0-only */
/* Colours of frames: few enough to be listed in the page, the same for the same name in every run. */
#ifndef FLAME_COLOR_H
#define FLAME_COLOR_H

#include "label.h"

#define COLOR_HUES 12
#define COLOR_SHADES 3
#define COLOR_BAND (COLOR_HUES * COLOR_SHADES)

enum {
	COLOR_MARK = 4 * COLOR_BAND,	/* after the bands: interpreted, internal, native, kernel */
	COLOR_ROOT,
	COLOR_REST,		/* frames too narrow to be drawn one by one */
	COLOR_COUNT,
};

struct scheme;

/* NULL: the one by module and kind. Returns NULL if there is none of that name. */
const struct scheme *scheme_find(const char *name);

/* A colour's index: hue by the file (by_name: by the name alone), shade by the function. */
unsigned color_of(const struct label *label, bool by_name);

uint32_t color_rgb(const struct scheme *scheme, unsigned color);	/* 0xrrggbb */

#endif
