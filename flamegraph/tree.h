/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stacks as a tree of calls. A node holds a whole run of frames that never branched so far (a radix
 * tree): a stack that shares nothing costs one node and four bytes a frame, whatever its depth.
 */
#ifndef FLAME_TREE_H
#define FLAME_TREE_H

#include <stddef.h>
#include <stdint.h>

#define TREE_ROOT 0u	/* its run is empty */

struct tree_node {
	uint32_t parent;
	uint32_t name;		/* the first of its run: its key among its siblings */
	uint32_t offset, length;	/* of its run in tree.runs */
	uint32_t child, next;	/* set by tree_link(); 0 ends */
	uint64_t total;		/* weight of all stacks through it; stops at UINT64_MAX */
};

struct tree_slot {
	uint32_t tag;		/* hash of parent and name: where the search begins, and a first comparison */
	uint32_t node;		/* 0: free */
};

struct tree {
	struct tree_node *nodes;
	size_t count, capacity;
	uint32_t *runs;		/* names, root side first */
	size_t runs_count, runs_capacity;
	struct tree_slot *slots;	/* nodes by parent and name */
	size_t mask;
};

int tree_open(struct tree *tree);
void tree_close(struct tree *tree);

/* Add value to the stack of names, root first. 0 or -ENOMEM, -EOVERFLOW. */
int tree_add(struct tree *tree, const uint32_t *names, size_t count, uint64_t value);

/* Set child and next of every node; siblings come in no particular order. */
void tree_link(struct tree *tree);

uint64_t add_saturated(uint64_t a, uint64_t b);

#endif
