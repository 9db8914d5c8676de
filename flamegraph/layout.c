// SPDX-License-Identifier: GPL-2.0-only
#include "layout.h"

#include "grow.h"
#include "text.h"

#include <string.h>

#define LEVELS_MAX 16384
#define BYTES_MAX 2900000	/* of frames and their names in the page, as frame_cost() has it */
#define FRAMES_MAX 8000000	/* where nothing bounds the page: what is asked for is kept within memory */
#define NAME_MAX_SHOWN 660	/* bytes of a name; page.c clips its parts to less */

/* A node to be laid out; for LAYOUT_REST and LAYOUT_DEEPER instead of a node, a frame. */
struct visit {
	uint32_t node, level, name, merged;
	uint64_t start, value;
};

struct level {
	uint64_t cost;
	double area;	/* sum of its frames' values */
};

struct maker {
	const struct names *names;
	const struct tree *tree;
	struct layout *layout;
	struct visit *stack;	/* last one first */
	size_t depth, room;
	uint64_t least;		/* value that is drawn */
	double width, min_width;
	uint64_t cost, most;	/* bytes so far, and those at which to give up */
	unsigned digits;	/* of the largest value */
	struct level *by_level;
	uint32_t levels_max;
	uint32_t *seen, turn;	/* by name: the turn it was last counted in */
	bool counting;		/* frames are counted, not kept */
};

/* Bytes that a frame adds to the page, at most: its data, a narrow shape, and its name if it is the first of it. */
static uint64_t frame_cost(struct maker *maker, uint32_t name)
{
	struct text_part text;

	if (name >= LAYOUT_DEEPER || maker->seen[name] == maker->turn)
		return 42 + maker->digits;
	maker->seen[name] = maker->turn;
	text.bytes = names_bytes(maker->names, name);
	text.length = names_length(maker->names, name);
	return 54 + maker->digits + text_cost(text_clip(text, NAME_MAX_SHOWN));
}

/* Add a frame. 0, -ENOMEM, or -E2BIG past the bound. */
static int emit(struct maker *maker, struct layout_frame frame)
{
	struct layout *layout = maker->layout;
	uint64_t cost = frame_cost(maker, frame.name);

	maker->cost += cost;
	maker->by_level[frame.level].cost += cost;
	maker->by_level[frame.level].area += frame.value;
	if (frame.level >= layout->levels)
		layout->levels = frame.level + 1;
	if (maker->cost > maker->most || layout->count >= FRAMES_MAX)
		return -E2BIG;
	if (maker->counting) {
		layout->count++;
		return 0;
	}
	if (grow(&layout->frames, &layout->capacity, layout->count + 1, sizeof(frame)))
		return -ENOMEM;
	layout->frames[layout->count++] = frame;
	return 0;
}

static int push(struct maker *maker, struct visit visit)
{
	if (grow(&maker->stack, &maker->room, maker->depth + 1, sizeof(visit)))
		return -ENOMEM;
	maker->stack[maker->depth++] = visit;
	return 0;
}

/* Last name first, as the stack takes them. */
static int compare_visits(const void *a, const void *b, void *names)
{
	return names_compare(names, ((const struct visit *)b)->name, ((const struct visit *)a)->name);
}

/* Give each child its place, left to right. Sums that stopped at 2^64-1 must not leave the parent. */
static void place_children(struct visit *children, size_t count, uint64_t start, uint64_t room)
{
	while (count--) {
		struct visit *child = &children[count];

		if (child->value > room)
			child->value = room;
		child->start = start;
		start += child->value;
		room -= child->value;
	}
}

/* Put a node's children on the stack, those too narrow as one frame behind the others. */
static int push_children(struct maker *maker, uint32_t parent, uint32_t level, uint64_t start, uint64_t value)
{
	const struct tree_node *nodes = maker->tree->nodes;
	bool deeper = level >= maker->levels_max;
	size_t first = maker->depth;
	struct visit rest = { .name = deeper ? LAYOUT_DEEPER : LAYOUT_REST, .level = level };
	int err = push(maker, rest);

	for (uint32_t i = nodes[parent].child; i && !err; i = nodes[i].next) {
		if (nodes[i].total < maker->least || deeper) {
			rest.merged += rest.merged < UINT32_MAX;
			rest.value = add_saturated(rest.value, nodes[i].total);
			continue;
		}
		err = push(maker, (struct visit){ .node = i, .level = level, .name = nodes[i].name,
						  .value = nodes[i].total });
	}
	if (err)
		return err;
	qsort_r(maker->stack + first + 1, maker->depth - first - 1, sizeof(rest), compare_visits,
		(void *)maker->names);
	maker->stack[first] = rest;
	place_children(maker->stack + first, maker->depth - first, start, value);
	return 0;
}

/* The frames of a node's run, which lie on each other, then its children. */
static int lay_run(struct maker *maker, const struct visit *visit)
{
	const struct tree_node *node = &maker->tree->nodes[visit->node];
	const uint32_t *run = maker->tree->runs + node->offset;
	struct layout_frame frame = { .level = visit->level, .start = visit->start, .value = visit->value };

	for (uint32_t i = 0; i < node->length; i++, frame.level++) {
		bool deeper = frame.level >= maker->levels_max;
		int err;

		frame.name = deeper ? LAYOUT_DEEPER : run[i];
		err = emit(maker, frame);
		if (err || deeper)
			return err;
	}
	return push_children(maker, visit->node, frame.level, frame.start, frame.value);
}

static int lay_visit(struct maker *maker, const struct visit *visit)
{
	struct layout_frame frame = {
		.level = visit->level, .name = visit->name, .start = visit->start, .value = visit->value,
	};

	if (visit->name < LAYOUT_DEEPER)
		return visit->value ? lay_run(maker, visit) : 0;
	if (visit->value < maker->least)
		return 0;
	frame.merged = visit->merged;
	return emit(maker, frame);
}

/* One layout with the maker's bounds. */
static int lay_out(struct maker *maker)
{
	struct layout *layout = maker->layout;
	double least = maker->min_width / maker->width * layout->total;
	int err;

	maker->least = least < 1 ? 1 : least >= 0x1p64 ? UINT64_MAX : (uint64_t)least;
	maker->least += maker->least < least;	/* rounded up */
	maker->depth = 0;
	maker->cost = 0;
	maker->turn++;
	memset(maker->by_level, 0, (LEVELS_MAX + 1) * sizeof(*maker->by_level));
	layout->count = layout->levels = 0;
	layout->min_width = maker->min_width;
	err = emit(maker, (struct layout_frame){ .name = LAYOUT_ROOT, .value = layout->total });
	if (!err)
		err = push_children(maker, TREE_ROOT, 1, 0, layout->total);
	while (!err && maker->depth) {
		struct visit visit = maker->stack[--maker->depth];

		err = lay_visit(maker, &visit);
	}
	return err;
}

/* How many levels from the root on cost no more than the bound, and how much of the picture they are. */
static uint32_t affordable_levels(const struct maker *maker, double *area)
{
	uint64_t cost = 0;
	uint32_t level = 0;

	*area = 0;
	for (; level < LEVELS_MAX; level++) {
		cost += maker->by_level[level].cost;
		if (cost > BYTES_MAX)
			break;
		*area += maker->by_level[level].area;
	}
	return level > 1 ? level : 1;
}

/* Of a wider min_width and fewer levels, find what leaves most of the picture. */
static int find_bounds(struct maker *maker, double *min_width, uint32_t *levels)
{
	double best = -1, area;
	uint32_t affordable;

	*min_width = 1;
	*levels = 64;
	for (maker->counting = true;; maker->min_width = maker->min_width < 0.66 ? maker->min_width * 1.5 : 1) {
		int err = lay_out(maker);

		if (err && err != -E2BIG)
			return err;
		affordable = affordable_levels(maker, &area);
		if (!err && area > best) {
			best = area;
			*min_width = maker->min_width;
			*levels = affordable;
		}
		if (maker->min_width >= 1)
			break;
	}
	maker->counting = false;
	return 0;
}

static int lay_out_bounded(struct maker *maker)
{
	double min_width;
	uint32_t levels;
	int err;

	maker->most = BYTES_MAX;
	err = lay_out(maker);
	if (err != -E2BIG)
		return err;
	maker->most = UINT64_MAX;
	err = find_bounds(maker, &min_width, &levels);
	if (err)
		return err;
	maker->min_width = min_width;
	maker->levels_max = levels;
	maker->most = BYTES_MAX + BYTES_MAX / 10;
	while ((err = lay_out(maker)) == -E2BIG && maker->levels_max > 1)
		maker->levels_max -= 1 + maker->levels_max / 8;
	return err;
}

int layout_make(struct flame *flame, double width, double min_width, bool bounded, struct layout *ret)
{
	struct maker maker = {
		.names = &flame->names, .tree = &flame->tree, .layout = ret,
		.width = width, .min_width = min_width,
		.levels_max = LEVELS_MAX, .most = UINT64_MAX,
	};
	int err = -ENOMEM;

	*ret = (struct layout){ .total = flame->tree.nodes[TREE_ROOT].total };
	if (!ret->total)
		return -ENODATA;
	maker.seen = calloc(flame->names.count + 1, sizeof(*maker.seen));
	maker.by_level = calloc(LEVELS_MAX + 1, sizeof(*maker.by_level));
	for (uint64_t rest = ret->total; rest; rest /= 10)
		maker.digits++;
	if (maker.seen && maker.by_level) {
		tree_link(&flame->tree);
		err = bounded ? lay_out_bounded(&maker) : lay_out(&maker);
	}
	free(maker.seen);
	free(maker.by_level);
	free(maker.stack);
	if (err)
		layout_free(ret);
	return err;
}

void layout_free(struct layout *layout)
{
	free(layout->frames);
	*layout = (struct layout){ 0 };
}
