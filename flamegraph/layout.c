// SPDX-License-Identifier: GPL-2.0-only
#include "layout.h"

#include "grow.h"

#include <string.h>

#define LEVELS_MAX 16384
#define BYTES_MAX 3200000	/* of the page, as estimated by frame_cost() */
#define FRAMES_MAX 8000000	/* where nothing bounds the page: what is asked for is kept within memory */

/* A node to be laid out; for LAYOUT_REST and LAYOUT_DEEPER instead of a node, a frame. */
struct visit {
	uint32_t node, level, name, merged;
	uint64_t start, value;
};

struct maker {
	const struct names *names;
	const struct tree *tree;
	struct layout *layout;
	struct visit *stack;	/* last one first */
	size_t depth, room;
	uint64_t least;		/* value that is drawn */
	double width, min_width;
	uint64_t cost, *level_cost;
	uint32_t levels_max;
	uint32_t *seen, turn;	/* by name: the turn it was last counted in */
	uint64_t most;		/* cost at which to give up */
};

/* Bytes that a frame adds to the page; roughly, names being escaped and frames under a px having no text. */
static uint64_t frame_cost(struct maker *maker, const struct layout_frame *frame)
{
	double px = (double)frame->value / maker->layout->total * maker->width;
	size_t name = 10;
	uint64_t cost = 14 + (px < 1 ? 24 : 130);

	if (frame->name < LAYOUT_DEEPER)
		name = names_length(maker->names, frame->name);
	if (name > 512)
		name = 512;
	if (px >= 1)
		cost += name;
	if (frame->name < LAYOUT_DEEPER && maker->seen[frame->name] != maker->turn) {
		maker->seen[frame->name] = maker->turn;
		cost += name + 12;
	}
	return cost;
}

/* Add a frame. 0, -ENOMEM, or -E2BIG past the bound. */
static int emit(struct maker *maker, struct layout_frame frame)
{
	struct layout *layout = maker->layout;
	uint64_t cost = frame_cost(maker, &frame);

	maker->cost += cost;
	maker->level_cost[frame.level] += cost;
	if (frame.level >= layout->levels)
		layout->levels = frame.level + 1;
	if (maker->cost > maker->most || layout->count >= FRAMES_MAX)
		return -E2BIG;
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
	memset(maker->level_cost, 0, (LEVELS_MAX + 1) * sizeof(*maker->level_cost));
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

/* How many levels from the root on cost no more than the bound. */
static uint32_t affordable_levels(const struct maker *maker)
{
	uint64_t cost = 0;
	uint32_t level = 0;

	while (level < LEVELS_MAX && (cost += maker->level_cost[level]) <= BYTES_MAX)
		level++;
	return level > 2 ? level - 1 : 1;
}

static int lay_out_bounded(struct maker *maker)
{
	int err;

	maker->most = BYTES_MAX;
	for (;;) {
		err = lay_out(maker);
		if (err != -E2BIG || maker->min_width >= 1)
			break;
		maker->min_width = maker->min_width * 1.5 < 1 ? maker->min_width * 1.5 : 1;
	}
	if (err != -E2BIG)
		return err;
	maker->most = UINT64_MAX;
	err = lay_out(maker);
	if (err && err != -E2BIG)
		return err;
	maker->levels_max = affordable_levels(maker);
	maker->most = 2 * BYTES_MAX;
	while ((err = lay_out(maker)) == -E2BIG && maker->levels_max > 1)
		maker->levels_max /= 2;
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
	maker.level_cost = calloc(LEVELS_MAX + 1, sizeof(*maker.level_cost));
	if (maker.seen && maker.level_cost) {
		tree_link(&flame->tree);
		err = bounded ? lay_out_bounded(&maker) : lay_out(&maker);
	}
	free(maker.seen);
	free(maker.level_cost);
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
