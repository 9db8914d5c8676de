// SPDX-License-Identifier: GPL-2.0-only
#include "tree.h"

#include "grow.h"

#include <string.h>

#define SLOTS_AT_FIRST 4096

uint64_t add_saturated(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

int tree_open(struct tree *tree)
{
	memset(tree, 0, sizeof(*tree));
	tree->slots = table_alloc(SLOTS_AT_FIRST, sizeof(*tree->slots));
	tree->mask = SLOTS_AT_FIRST - 1;
	if (!tree->slots || grow(&tree->nodes, &tree->capacity, 1, sizeof(*tree->nodes)))
		return -ENOMEM;
	tree->nodes[TREE_ROOT] = (struct tree_node){ 0 };
	tree->count = 1;
	return 0;
}

void tree_close(struct tree *tree)
{
	free(tree->nodes);
	free(tree->runs);
	table_free(tree->slots, tree->mask + 1, sizeof(*tree->slots));
}

static uint32_t slot_tag(uint32_t parent, uint32_t name)
{
	uint64_t hash = ((uint64_t)parent << 32 | name) * 0x9e3779b97f4a7c15;

	return (hash ^ hash >> 32) * 0xd6e8feb86659fd93 >> 24;
}

/* The slot of parent's child that begins with name; or the free slot it would take, with its tag set. */
static struct tree_slot *find_slot(struct tree *tree, uint32_t parent, uint32_t name)
{
	uint32_t tag = slot_tag(parent, name);
	size_t at;

	for (at = tag & tree->mask; tree->slots[at].node; at = (at + 1) & tree->mask) {
		const struct tree_node *node = &tree->nodes[tree->slots[at].node];

		if (tree->slots[at].tag == tag && node->parent == parent && node->name == name)
			break;
	}
	tree->slots[at].tag = tag;
	return &tree->slots[at];
}

static int grow_slots(struct tree *tree)
{
	size_t mask = tree->mask * 2 + 1;
	struct tree_slot *slots = table_alloc(mask + 1, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i <= tree->mask; i++) {
		size_t at = tree->slots[i].tag & mask;

		if (!tree->slots[i].node)
			continue;
		while (slots[at].node)
			at = (at + 1) & mask;
		slots[at] = tree->slots[i];
	}
	table_free(tree->slots, tree->mask + 1, sizeof(*tree->slots));
	tree->slots = slots;
	tree->mask = mask;
	return 0;
}

/* Room for two more nodes, the most that one stack adds. */
static int make_room(struct tree *tree)
{
	if (tree->count >= UINT32_MAX - 2)
		return -EOVERFLOW;
	if ((tree->count + 2) * 4 > tree->mask * 3 && grow_slots(tree))
		return -ENOMEM;
	return grow(&tree->nodes, &tree->capacity, tree->count + 2, sizeof(*tree->nodes));
}

/*
 * Cut a node after `keep` frames of its run. The upper part is a new node in the old one's place;
 * the lower part keeps the old index, so its children need no change.
 */
static uint32_t split(struct tree *tree, struct tree_slot *slot, uint32_t keep)
{
	uint32_t lower = slot->node, upper = tree->count++;
	struct tree_node *node = &tree->nodes[lower];

	tree->nodes[upper] = *node;
	tree->nodes[upper].length = keep;
	slot->node = upper;
	node->parent = upper;
	node->offset += keep;
	node->length -= keep;
	node->name = tree->runs[node->offset];
	find_slot(tree, upper, node->name)->node = lower;
	return upper;
}

static int add_leaf(struct tree *tree, struct tree_slot *slot, uint32_t parent,
		    const uint32_t *names, size_t count, uint64_t value)
{
	if (tree->runs_count + count > UINT32_MAX)
		return -EOVERFLOW;
	if (grow(&tree->runs, &tree->runs_capacity, tree->runs_count + count, sizeof(*tree->runs)))
		return -ENOMEM;
	memcpy(tree->runs + tree->runs_count, names, count * sizeof(*names));
	tree->nodes[tree->count] = (struct tree_node){
		.parent = parent, .name = names[0], .offset = tree->runs_count,
		.length = count, .total = value,
	};
	tree->runs_count += count;
	slot->node = tree->count++;
	return 0;
}

static uint32_t common_run(const struct tree *tree, uint32_t node, const uint32_t *names, size_t count)
{
	const uint32_t *run = tree->runs + tree->nodes[node].offset;
	size_t most = tree->nodes[node].length < count ? tree->nodes[node].length : count;
	uint32_t same = 1;	/* the first is what the node was found by */

	while (same < most && run[same] == names[same])
		same++;
	return same;
}

int tree_add(struct tree *tree, const uint32_t *names, size_t count, uint64_t value)
{
	uint32_t node = TREE_ROOT, same;
	int err = make_room(tree);

	if (err)
		return err;
	tree->nodes[TREE_ROOT].total = add_saturated(tree->nodes[TREE_ROOT].total, value);
	for (; count; names += same, count -= same) {
		struct tree_slot *slot = find_slot(tree, node, names[0]);

		if (!slot->node)
			return add_leaf(tree, slot, node, names, count, value);
		same = common_run(tree, slot->node, names, count);
		node = same < tree->nodes[slot->node].length ? split(tree, slot, same) : slot->node;
		tree->nodes[node].total = add_saturated(tree->nodes[node].total, value);
	}
	return 0;
}

void tree_link(struct tree *tree)
{
	for (size_t i = 0; i < tree->count; i++)
		tree->nodes[i].child = tree->nodes[i].next = 0;
	for (size_t i = 1; i < tree->count; i++) {
		struct tree_node *parent = &tree->nodes[tree->nodes[i].parent];

		tree->nodes[i].next = parent->child;
		parent->child = i;
	}
}
