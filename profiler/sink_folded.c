// SPDX-License-Identifier: GPL-2.0-only
/* Brendan Gregg's folded stacks: one line each, root first, `;` between frames, a space and the
 * weight. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/escape.h"
#include "profile_rows.h"
#include "sink.h"

/* Functions of the kernel stand as perf's stackcollapse writes them, which other tools know. */
#define KERNEL_SUFFIX "_[k]"

/* The texts of the labels, ready for a line; made when first needed. */
static const char *label_text(const struct profile_tree *tree, char **texts, uint32_t label)
{
	const struct tree_label *of = &tree->labels[label];
	bool kernel = of->is == TREE_FUNCTION && of->kind == CAPTURE_KERNEL;
	_cleanup_free_ char *raw = NULL;
	size_t size;
	FILE *to;

	if (texts[label])
		return texts[label];
	raw = kernel ? strdup(profile_text(tree->profile, of->name)) : profile_tree_label(tree, label);
	to = raw ? open_memstream(&texts[label], &size) : NULL;
	if (!to)
		return NULL;
	escape_folded(to, raw);
	fputs(kernel ? KERNEL_SUFFIX : "", to);
	if (fclose(to))
		return NULL;
	return texts[label];
}

static int write_stack(const struct profile_tree *tree, uint32_t node, uint32_t **path,
		       size_t *capacity, char **texts, FILE *to)
{
	uint64_t weight = profile_weight(tree->profile, &tree->nodes[node].self);
	size_t depth = 0;

	for (uint32_t at = node; at; at = tree->nodes[at].parent) {
		if (!array_reserve(path, capacity, depth + 1, sizeof(**path)))
			return -ENOMEM;
		(*path)[depth++] = tree->nodes[at].label;
	}
	while (depth--) {
		const char *text = label_text(tree, texts, (*path)[depth]);

		if (!text)
			return -ENOMEM;
		fputs(text, to);
		putc(depth ? ';' : ' ', to);
	}
	fprintf(to, "%" PRIu64 "\n", weight);
	return 0;
}

static int write_tree(const struct profile_tree *tree, FILE *to)
{
	char **texts = calloc(tree->labels_count, sizeof(*texts));
	_cleanup_free_ uint32_t *path = NULL;
	size_t capacity = 0;
	int err = texts ? 0 : -ENOMEM;

	for (size_t i = 1; i < tree->nodes_count && !err; i++)
		if (tree->nodes[i].self.samples)
			err = write_stack(tree, (uint32_t)i, &path, &capacity, texts, to);
	for (size_t i = 0; texts && i < tree->labels_count; i++)
		free(texts[i]);
	free(texts);
	return err;
}

static int folded_write(const struct profile *profile, FILE *to, const struct output_options *options)
{
	struct profile_tree *tree;
	int err = profile_tree_create(profile, options, &tree);

	if (err)
		return err;
	err = write_tree(tree, to);
	profile_tree_destroy(tree);
	return err;
}

const struct sink sink_folded = { .extension = ".folded", .write = folded_write };
