// SPDX-License-Identifier: GPL-2.0-only
#include "profile_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "profile_vmstate.h"

struct rows {
	const struct profile_tree *tree;
	struct profile_row *item;
	size_t count, capacity;
};

uint64_t profile_weight(const struct profile *profile, const struct tree_weight *weight)
{
	return profile_weighs_count(profile) ? weight->samples : weight->value;
}

static void add(struct tree_weight *to, const struct tree_weight *from)
{
	to->samples += from->samples;
	to->value += from->value;
}

static struct profile_row *row_add(struct rows *rows)
{
	if (!array_reserve(&rows->item, &rows->capacity, rows->count + 1, sizeof(*rows->item)))
		return NULL;
	return &rows->item[rows->count++];
}

static struct tree_label file_label(const struct tree_label *label)
{
	return (struct tree_label){ .is = TREE_FUNCTION, .kind = label->kind, .file = label->file };
}

/* Row (from 1) of each label, 0 where it has none. */
static int rows_of_labels(struct rows *rows, enum output_by by, uint32_t *row_of)
{
	const struct profile_tree *tree = rows->tree;
	struct table known = { 0 };
	bool by_file = by == OUTPUT_BY_FILE;
	int err = 0;

	for (size_t i = 1; i < tree->labels_count && !err; i++) {
		const struct tree_label *label = &tree->labels[i];
		uint32_t had = known.count;
		struct profile_row *row;

		if (label->is != TREE_FUNCTION || label->kind == CAPTURE_MARK)
			continue;
		row_of[i] = by_file ? table_put(&known, label->file, label->kind)
				    : table_put(&known, (uint64_t)label->name << 32 | label->file,
						(uint64_t)label->kind << 32 | (uint32_t)label->line);
		row = row_of[i] > had ? row_add(rows) : NULL;
		if (row)
			row->label = by_file ? file_label(label) : *label;
		else if (!row_of[i] || row_of[i] > had)
			err = -ENOMEM;
	}
	table_deinit(&known);
	return err;
}

/* A walk over the tree, caller before callee, without recursion: stacks may be thousands of
 * frames deep. */
struct walk {
	uint32_t *first, *next;		/* callee, and the next one of the same caller; 0: none */
};

static int walk_init(struct walk *walk, const struct profile_tree *tree)
{
	walk->first = calloc(tree->nodes_count, sizeof(*walk->first));
	walk->next = calloc(tree->nodes_count, sizeof(*walk->next));
	if (!walk->first || !walk->next)
		return -ENOMEM;
	for (size_t i = tree->nodes_count - 1; i > 0; i--) {
		uint32_t *first = &walk->first[tree->nodes[i].parent];

		walk->next[i] = *first;
		*first = (uint32_t)i;
	}
	return 0;
}

static void walk_deinit(struct walk *walk)
{
	free(walk->first);
	free(walk->next);
}

/* Sum the nodes into their rows. `inside` counts how often a row stands on the way from the
 * root: its total takes the outermost of them, which holds the others. */
static void sum_nodes(struct rows *rows, const struct walk *walk, const uint32_t *row_of,
		      uint32_t *inside, const struct tree_weight *totals)
{
	const struct profile_tree *tree = rows->tree;
	uint32_t node = walk->first[0];

	while (node) {
		uint32_t row = row_of[tree->nodes[node].label];

		if (row) {
			add(&rows->item[row - 1].self, &tree->nodes[node].self);
			if (!inside[row]++)
				add(&rows->item[row - 1].total, &totals[node]);
		}
		if (walk->first[node]) {
			node = walk->first[node];
			continue;
		}
		for (; node; node = tree->nodes[node].parent) {
			row = row_of[tree->nodes[node].label];
			if (row)
				inside[row]--;
			if (walk->next[node])
				break;
		}
		node = node ? walk->next[node] : 0;
	}
}

static int rows_by_label(struct rows *rows, enum output_by by)
{
	const struct profile_tree *tree = rows->tree;
	_cleanup_free_ uint32_t *row_of = calloc(tree->labels_count, sizeof(*row_of));
	_cleanup_free_ uint32_t *inside = calloc(tree->labels_count + 1, sizeof(*inside));
	_cleanup_free_ struct tree_weight *totals = profile_tree_totals(tree);
	struct walk walk = { 0 };
	int err = row_of && inside && totals ? rows_of_labels(rows, by, row_of) : -ENOMEM;

	if (!err)
		err = walk_init(&walk, tree);
	if (!err)
		sum_nodes(rows, &walk, row_of, inside, totals);
	walk_deinit(&walk);
	return err;
}

static int rows_by_thread(struct rows *rows)
{
	for (size_t i = 0; i < rows->tree->profile->threads.count; i++) {
		const struct tree_weight *weight = &rows->tree->threads[i];
		struct profile_row *row;

		if (!weight->samples)
			continue;
		row = row_add(rows);
		if (!row)
			return -ENOMEM;
		row->label = (struct tree_label){ .is = TREE_THREAD, .index = (uint32_t)i };
		row->self = row->total = *weight;
		row->threads = 1;
	}
	return 0;
}

static int rows_by_process(struct rows *rows)
{
	const struct profile *p = rows->tree->profile;
	_cleanup_free_ uint32_t *row_of = calloc(p->processes.count, sizeof(*row_of));

	if (!row_of)
		return -ENOMEM;
	for (size_t i = 0; i < p->threads.count; i++) {
		uint32_t process = p->threads.item[i].process;
		const struct tree_weight *weight = &rows->tree->threads[i];
		struct profile_row *row;

		if (!weight->samples)
			continue;
		if (!row_of[process]) {
			row = row_add(rows);
			if (!row)
				return -ENOMEM;
			row->label = (struct tree_label){ .is = TREE_PROCESS, .index = process };
			row_of[process] = (uint32_t)rows->count;
		}
		row = &rows->item[row_of[process] - 1];
		add(&row->self, weight);
		add(&row->total, weight);
		row->threads++;
	}
	return 0;
}

static int rows_by_reason(struct rows *rows)
{
	const struct profile_tree *tree = rows->tree;
	struct table known = { 0 };
	int err = 0;

	for (uint32_t i = 1; i <= tree->reasons.count && !err; i++) {
		uint32_t reason = (uint32_t)tree->reasons.keys[i].b, had = known.count;
		uint32_t at = table_put(&known, reason, 0);
		struct profile_row *row = at > had ? row_add(rows) : NULL;

		if (!at || (at > had && !row)) {
			err = -ENOMEM;
			break;
		}
		if (row)
			*row = (struct profile_row){ .label = { .is = TREE_REASON, .name = reason } };
		row = &rows->item[at - 1];
		add(&row->self, &tree->reason_weights[i]);
		add(&row->total, &tree->reason_weights[i]);
		row->threads++;
	}
	table_deinit(&known);
	return err;
}

static int rows_by_vmstate(struct rows *rows)
{
	const struct profile_tree *tree = rows->tree;
	struct tree_weight weights[VMSTATE_COUNT] = { 0 };

	for (uint32_t i = 1; i < tree->nodes_count; i++)
		if (tree->nodes[i].self.samples)
			add(&weights[profile_vmstate(tree, i)], &tree->nodes[i].self);
	add(&weights[VMSTATE_OTHER], &tree->nodes[0].self);
	for (uint32_t i = 0; i < VMSTATE_COUNT; i++) {
		struct profile_row *row = weights[i].samples ? row_add(rows) : NULL;

		if (!row && weights[i].samples)
			return -ENOMEM;
		if (row)
			*row = (struct profile_row){ .label = { .is = TREE_VMSTATE, .index = i }, .self = weights[i],
						     .total = weights[i] };
	}
	return 0;
}

/* What qsort's comparison needs, put next to each row. */
struct ranked {
	struct profile_row row;
	uint64_t first, second;
	const char *name, *file;
};

static int compare(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;
	int names;

	if (a->first != b->first)
		return a->first > b->first ? -1 : 1;
	if (a->second != b->second)
		return a->second > b->second ? -1 : 1;
	names = strcmp(a->name, b->name);
	if (!names)
		names = strcmp(a->file, b->file);
	if (names)
		return names;
	if (a->row.label.line != b->row.label.line)
		return a->row.label.line < b->row.label.line ? -1 : 1;
	return a->row.label.index < b->row.label.index ? -1 : a->row.label.index > b->row.label.index;
}

static int sort(struct rows *rows, enum output_sort by)
{
	const struct profile *p = rows->tree->profile;
	_cleanup_free_ struct ranked *ranked = calloc(rows->count + 1, sizeof(*ranked));

	if (!ranked)
		return -ENOMEM;
	for (size_t i = 0; i < rows->count; i++) {
		const struct profile_row *row = &rows->item[i];
		uint64_t self = profile_weight(p, &row->self), total = profile_weight(p, &row->total);

		ranked[i].row = *row;
		ranked[i].first = by == OUTPUT_SORT_SELF ? self : total;
		ranked[i].second = by == OUTPUT_SORT_SELF ? total : self;
		ranked[i].name = profile_text(p, row->label.name);
		ranked[i].file = profile_text(p, row->label.file);
	}
	qsort(ranked, rows->count, sizeof(*ranked), compare);
	for (size_t i = 0; i < rows->count; i++)
		rows->item[i] = ranked[i].row;
	return 0;
}

int profile_rows(const struct profile_tree *tree, const struct output_options *options,
		 struct profile_row **ret, size_t *count)
{
	struct rows rows = { .tree = tree };
	int err;

	if (options->by == OUTPUT_BY_THREAD)
		err = rows_by_thread(&rows);
	else if (options->by == OUTPUT_BY_PROCESS)
		err = rows_by_process(&rows);
	else if (options->by == OUTPUT_BY_REASON)
		err = rows_by_reason(&rows);
	else if (options->by == OUTPUT_BY_VMSTATE)
		err = rows_by_vmstate(&rows);
	else
		err = rows_by_label(&rows, options->by);
	if (!err)
		err = sort(&rows, options->sort);
	if (err) {
		free(rows.item);
		return err;
	}
	*ret = rows.item;
	*count = rows.count;
	return 0;
}
