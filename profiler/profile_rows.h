/* SPDX-License-Identifier: GPL-2.0-only */
/* The rows of a table: a tree's weights summed by function, file, line, thread or process. */
#ifndef SCRY_PROFILE_ROWS_H
#define SCRY_PROFILE_ROWS_H

#include "profile_tree.h"

struct profile_row {
	/* by file: only file is set; by thread and process: only is and index; by reason: is and name */
	struct tree_label label;
	struct tree_weight self;	/* samples whose leaf it is */
	struct tree_weight total;	/* samples it is anywhere in, each counted once */
	uint32_t threads;		/* by process and reason: how many had samples */
};

/*
 * Rows by options->by, heaviest first by options->sort (equal ones by name, so that the order is
 * always the same), all of them whatever options->limit says. Marks of scry's own, such as
 * [truncated], are no rows. The caller frees *ret. 0 or -ENOMEM, not reported. The tree must have
 * been made with the same options.
 */
int profile_rows(const struct profile_tree *tree, const struct output_options *options,
		 struct profile_row **ret, size_t *count);

/* What a sum counts for sorting and percentages: samples, or their values where the event has no
 * usual one. */
uint64_t profile_weight(const struct profile *profile, const struct tree_weight *weight);

#endif
