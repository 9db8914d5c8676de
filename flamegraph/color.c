// SPDX-License-Identifier: GPL-2.0-only
#include "color.h"

#include <string.h>

struct band {
	unsigned short hue, span;	/* degrees */
	unsigned char saturation, light;	/* percent */
};

/* Light enough that dark letters are read on every one of them. */
struct scheme {
	const char *name;
	struct band bands[COLOR_MARK / COLOR_BAND];
};

static const struct scheme schemes[] = {
	{ "module", { { 14, 38, 80, 75 }, { 74, 34, 34, 73 }, { 192, 30, 44, 77 }, { 258, 36, 40, 81 } } },
	{ "warm", { { 8, 46, 80, 74 }, { 8, 46, 80, 74 }, { 8, 46, 80, 74 }, { 8, 46, 80, 74 } } },
	{ "cool", { { 170, 70, 46, 74 }, { 170, 70, 46, 74 }, { 170, 70, 46, 74 }, { 250, 30, 40, 79 } } },
	{ "green", { { 80, 60, 42, 71 }, { 80, 60, 42, 71 }, { 150, 30, 36, 73 }, { 190, 20, 36, 76 } } },
	{ "mono", { { 40, 1, 6, 84 }, { 40, 1, 6, 80 }, { 40, 1, 6, 78 }, { 40, 1, 6, 73 } } },
};

const char *const flame_schemes[] = { "module", "warm", "cool", "green", "mono", NULL };

const struct scheme *scheme_find(const char *name)
{
	if (!name)
		return &schemes[0];
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (!strcmp(schemes[i].name, name))
			return &schemes[i];
	return NULL;
}

/* FNV-1a: its value for a name is the same on every machine. */
static uint32_t hash(struct text_part text)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < text.length; i++)
		h = (h ^ (unsigned char)text.bytes[i]) * 16777619u;
	return h ^ h >> 15;
}

/*
 * What a function without a file belongs to: "module" of "module.f", "std" of "std::f", "tcp" of
 * "tcp_sendmsg".
 */
static struct text_part family(struct text_part name)
{
	size_t at = 1;

	while (at < name.length && !memchr("_.:", name.bytes[at], 3))
		at++;
	if (at < name.length)
		name.length = at;
	return name;
}

unsigned color_of(const struct label *label, bool by_name)
{
	static const unsigned bands[] = {
		[FLAME_INTERPRETED] = 0, [FLAME_NATIVE] = 2 * COLOR_BAND, [FLAME_KERNEL] = 3 * COLOR_BAND,
	};
	struct text_part module = label->file.length ? label->file : family(label->function);
	uint32_t function = hash(label->function);

	if (label->kind == FLAME_MARK)
		return COLOR_MARK;
	return (label->internal ? COLOR_BAND : bands[label->kind]) +
	       (by_name ? function >> 8 : hash(module)) % COLOR_HUES * COLOR_SHADES + function % COLOR_SHADES;
}

/* One channel of HSL, as CSS Color 3 computes it; everything in percent. */
static unsigned channel(double hue, double saturation, double light)
{
	double high = light <= 0.5 ? light * (1 + saturation) : light + saturation - light * saturation;
	double low = 2 * light - high;

	while (hue < 0)
		hue += 360;
	while (hue >= 360)
		hue -= 360;
	if (hue < 60)
		low += (high - low) * hue / 60;
	else if (hue < 180)
		low = high;
	else if (hue < 240)
		low += (high - low) * (240 - hue) / 60;
	return low * 255 + 0.5;
}

uint32_t color_rgb(const struct scheme *scheme, unsigned color)
{
	const struct band *band;
	double hue, saturation, light;

	if (color >= COLOR_MARK)
		return color == COLOR_MARK ? 0xd5d2cc : color == COLOR_ROOT ? 0xe2ddd2 : 0xebe8e2;
	band = &scheme->bands[color / COLOR_BAND];
	hue = band->hue + band->span * (color % COLOR_BAND / COLOR_SHADES) / (COLOR_HUES - 1.0);
	saturation = band->saturation / 100.0;
	light = band->light / 100.0 + ((int)(color % COLOR_SHADES) - 1) * 0.03;
	return channel(hue + 120, saturation, light) << 16 | channel(hue, saturation, light) << 8 |
	       channel(hue - 120, saturation, light);
}
