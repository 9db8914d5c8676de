/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stacks of a profile as a tree of what is shown: samples that the options leave out are gone,
 * frames that look the same under the same caller are one node, and the sums are at the nodes.
 * Every output is made from it.
 */
#ifndef SCRY_PROFILE_TREE_H
#define SCRY_PROFILE_TREE_H

#include "base/table.h"
#include "output.h"
#include "profile.h"

enum tree_label_kind { TREE_FUNCTION, TREE_THREAD, TREE_PROCESS, TREE_CAUSE, TREE_REASON, TREE_VMSTATE };

/* What a node shows. Two labels are the same when all their fields are. */
struct tree_label {
	enum tree_label_kind is;
	enum capture_kind kind;	/* of a function */
	uint32_t name, file;	/* TREE_FUNCTION: strings; TREE_CAUSE: name is why there is no stack;
				 * TREE_REASON: name is what the thread waits for, 0: nothing */
	int32_t line;
	uint32_t index;		/* TREE_THREAD, TREE_PROCESS: index into the profile's array */
};

struct tree_weight {
	uint64_t samples, value;	/* value: sum in the event's unit */
};

struct tree_node {
	uint32_t parent;	/* smaller than the node's index; 0: root frame */
	uint32_t label;
	struct tree_weight self;	/* of the samples whose leaf it is */
};

struct profile_tree {
	const struct profile *profile;
	struct tree_label *labels;	/* from 1 */
	size_t labels_count, labels_capacity;
	struct tree_node *nodes;	/* from 1; node 0 is the root of all */
	size_t nodes_count, nodes_capacity;
	struct tree_weight *threads;	/* of each thread of the profile */
	struct tree_weight all;
	struct table reasons;		/* thread, string -> index into reason_weights */
	struct tree_weight *reason_weights;
	size_t reason_capacity;
	struct table errors;		/* string -> index into error_counts */
	uint64_t *error_counts;
	size_t error_capacity;
};

/* 0 or -ENOMEM, not reported. The profile must outlive the tree. */
int profile_tree_create(const struct profile *profile, const struct output_options *options,
			struct profile_tree **ret);
void profile_tree_destroy(struct profile_tree *tree);

/* Totals: self and all callees, for each node; an array the caller frees, NULL: no memory. */
struct tree_weight *profile_tree_totals(const struct profile_tree *tree);

/*
 * The file of a function as texts show it: of native code, whose paths say little, the last part alone, "" where the name tells it; of the kernel
 * "[kernel]" or its module.
 */
const char *profile_tree_file(const struct profile *profile, const struct tree_label *label);

/* "function (file:line)", raw, for the caller to free; NULL: no memory. */
char *profile_tree_label(const struct profile_tree *tree, uint32_t label);

/* "lock", "running": what a sample's reason says of its thread; raw. */
const char *profile_reason(const struct profile *profile, uint32_t reason);

/* Is a sample of this reason time off CPU? */
bool profile_is_off(const struct profile *profile, uint32_t reason);

/* Is the unit of values time (ns)? */
bool profile_is_timed(const struct profile *profile);

/* What so many samples are called: "samples", "call", "collections". */
const char *profile_noun(const struct profile *profile, uint64_t count);

/* Do samples weigh by their count (they have a usual value), or by their own values? */
bool profile_weighs_count(const struct profile *profile);

#endif
