// SPDX-License-Identifier: GPL-2.0-only
#include "profile_tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "profile_select.h"

/* While a tree is made. */
struct builder {
	struct profile_tree *tree;
	const struct profile *profile;
	const struct output_options *options;
	uint32_t *frame_labels;	/* label of each frame, 0: not made yet */
	struct table labels;	/* of functions: name and file, line and kind */
	struct table edges;	/* parent node, label -> node */
	uint32_t *placed;	/* node of each stack under root 0, 0: not made yet */
	struct table others;	/* root, stack -> index into nodes, for other roots */
	uint32_t *nodes;
	size_t nodes_capacity;
	uint32_t *path;		/* stacks on the way to a placed one */
	size_t path_capacity;
	uint32_t *thread_roots;	/* of each thread: the node its stacks stand under; ~0: not made */
};

static void builder_deinit(struct builder *b)
{
	free(b->frame_labels);
	table_deinit(&b->labels);
	table_deinit(&b->edges);
	free(b->placed);
	table_deinit(&b->others);
	free(b->nodes);
	free(b->path);
	free(b->thread_roots);
}

/* 0: no memory. */
static uint32_t label_add(struct builder *b, struct tree_label label)
{
	struct profile_tree *tree = b->tree;

	if (!array_reserve(&tree->labels, &tree->labels_capacity, tree->labels_count + 1,
			   sizeof(label)))
		return 0;
	tree->labels[tree->labels_count] = label;
	return (uint32_t)tree->labels_count++;
}

static uint32_t label_intern(struct builder *b, struct tree_label label)
{
	uint64_t who = (uint64_t)label.name << 32 | label.file;
	uint64_t what = (uint64_t)(uint32_t)label.line << 32 | (uint64_t)label.kind << 8 | label.is;
	uint32_t known = b->labels.count, index;

	if (label.is == TREE_THREAD || label.is == TREE_PROCESS)
		who = label.index;
	index = table_put(&b->labels, who, what);
	return index > known && !label_add(b, label) ? 0 : index;
}

/* Label of a frame; 0: no memory. */
static uint32_t frame_label(struct builder *b, uint32_t frame)
{
	const struct profile_frame *at = &b->profile->frames.item[frame];
	const struct profile_function *function = &b->profile->functions.item[at->function];

	if (!b->frame_labels[frame])
		b->frame_labels[frame] = label_intern(b, (struct tree_label){
			.is = TREE_FUNCTION, .kind = function->kind, .name = function->name,
			.file = function->file,
			.line = b->options->lines && at->line > 0 ? at->line : function->line,
		});
	return b->frame_labels[frame];
}

/* The node of a label under a parent; 0: no memory. */
static uint32_t node_under(struct builder *b, uint32_t parent, uint32_t label)
{
	struct profile_tree *tree = b->tree;
	uint32_t known = b->edges.count, node;

	if (!label)
		return 0;
	node = table_put(&b->edges, parent, label);
	if (node > known) {
		if (!array_reserve(&tree->nodes, &tree->nodes_capacity, (size_t)node + 1,
				   sizeof(*tree->nodes)))
			return 0;
		tree->nodes[node] = (struct tree_node){ .parent = parent, .label = label };
		tree->nodes_count = (size_t)node + 1;
	}
	return node;
}

/* The node under which a thread's stacks stand: 0 is the root of all. */
static int thread_root(struct builder *b, uint32_t thread, uint32_t *ret)
{
	const struct profile_thread *of = &b->profile->threads.item[thread];
	uint32_t node = 0;

	*ret = b->thread_roots[thread];
	if (*ret != UINT32_MAX)
		return 0;
	if (b->options->root_process) {
		struct tree_label label = { .is = TREE_PROCESS, .index = of->process };

		node = node_under(b, node, label_intern(b, label));
		if (!node)
			return -ENOMEM;
	}
	if (b->options->root_thread) {
		struct tree_label label = { .is = TREE_THREAD, .index = thread };

		node = node_under(b, node, label_intern(b, label));
		if (!node)
			return -ENOMEM;
	}
	*ret = b->thread_roots[thread] = node;
	return 0;
}

/* The node that a stack has been given under a root, 0: none yet. Mostly there is the one root
 * and no need to hash. */
static uint32_t placed(const struct builder *b, uint32_t root, uint32_t stack)
{
	uint32_t index = root ? table_find(&b->others, root, stack) : 0;

	return root ? index ? b->nodes[index] : 0 : b->placed[stack];
}

static bool place(struct builder *b, uint32_t root, uint32_t stack, uint32_t node)
{
	uint32_t index;

	if (!root) {
		b->placed[stack] = node;
		return true;
	}
	index = table_put(&b->others, root, stack);
	if (!index || !array_reserve(&b->nodes, &b->nodes_capacity, (size_t)index + 1,
				     sizeof(*b->nodes)))
		return false;
	b->nodes[index] = node;
	return true;
}

/* The node of a stack under a root: up to the nearest caller that has one, and down again. 0: no
 * memory. */
static uint32_t stack_node(struct builder *b, uint32_t root, uint32_t stack)
{
	uint32_t node = 0;
	size_t depth = 0;

	while (stack && !(node = placed(b, root, stack))) {
		if (!array_reserve(&b->path, &b->path_capacity, depth + 1, sizeof(*b->path)))
			return 0;
		b->path[depth++] = stack;
		stack = b->profile->stacks.item[stack].parent;
	}
	if (!node)
		node = root;
	while (depth--) {
		stack = b->path[depth];
		node = node_under(b, node, frame_label(b, b->profile->stacks.item[stack].frame));
		if (!node || !place(b, root, stack, node))
			return 0;
	}
	return node;
}

static bool count_error(struct profile_tree *tree, uint32_t error)
{
	uint32_t index = table_put(&tree->errors, error, 0);

	if (!index || !array_reserve(&tree->error_counts, &tree->error_capacity, (size_t)index + 1,
				     sizeof(uint64_t)))
		return false;
	tree->error_counts[index]++;
	return true;
}

static void weigh(struct tree_weight *weight, const struct profile_sample *sample)
{
	weight->samples++;
	weight->value += sample->value;
}

static bool weigh_reason(struct profile_tree *tree, const struct profile_sample *sample)
{
	uint32_t known = tree->reasons.count, index = table_put(&tree->reasons, sample->thread, sample->reason);

	if (!index || !array_reserve(&tree->reason_weights, &tree->reason_capacity, (size_t)index + 1,
				     sizeof(struct tree_weight)))
		return false;
	if (index > known)
		tree->reason_weights[index] = (struct tree_weight){ 0 };
	weigh(&tree->reason_weights[index], sample);
	return true;
}

static int add_sample(struct builder *b, const struct profile_sample *sample)
{
	struct profile_tree *tree = b->tree;
	struct tree_label cause = { .is = TREE_CAUSE, .kind = CAPTURE_MARK, .name = sample->error };
	uint32_t root, node;
	int err = thread_root(b, sample->thread, &root);

	if (err)
		return err;
	if (b->options->root_reason) {
		root = node_under(b, root, label_intern(b, (struct tree_label){ .is = TREE_REASON, .kind = CAPTURE_MARK,
										 .name = sample->reason }));
		if (!root)
			return -ENOMEM;
	}
	if (sample->stack)
		node = stack_node(b, root, sample->stack);
	else
		node = node_under(b, root, label_intern(b, cause));
	if (!node || (sample->error && !count_error(tree, sample->error)) || !weigh_reason(tree, sample))
		return -ENOMEM;
	weigh(&tree->nodes[node].self, sample);
	weigh(&tree->threads[sample->thread], sample);
	weigh(&tree->all, sample);
	return 0;
}

static int builder_init(struct builder *b)
{
	const struct profile *p = b->profile;
	struct profile_tree *tree = b->tree;

	tree->threads = calloc(p->threads.count, sizeof(*tree->threads));
	b->frame_labels = calloc(p->frames.count, sizeof(*b->frame_labels));
	b->placed = calloc(p->stacks.count, sizeof(*b->placed));
	b->thread_roots = malloc(p->threads.count * sizeof(*b->thread_roots));
	tree->labels_count = tree->nodes_count = 1;
	if (!tree->threads || !b->frame_labels || !b->placed || !b->thread_roots ||
	    !array_reserve(&tree->labels, &tree->labels_capacity, 1, sizeof(*tree->labels)) ||
	    !array_reserve(&tree->nodes, &tree->nodes_capacity, 1, sizeof(*tree->nodes)))
		return -ENOMEM;
	memset(b->thread_roots, 0xff, p->threads.count * sizeof(*b->thread_roots));
	return 0;
}

static int add_samples(struct builder *b)
{
	const struct profile *p = b->profile;
	struct profile_selection selection;
	int err = profile_selection_init(&selection, p, b->options);

	for (size_t i = 0; i < p->samples.count && !err; i++)
		if (profile_selection_has(&selection, &p->samples.item[i]))
			err = add_sample(b, &p->samples.item[i]);
	profile_selection_deinit(&selection);
	return err;
}

int profile_tree_create(const struct profile *profile, const struct output_options *options,
			struct profile_tree **ret)
{
	struct builder b = { .profile = profile, .options = options };
	int err;

	b.tree = calloc(1, sizeof(*b.tree));
	if (!b.tree)
		return -ENOMEM;
	b.tree->profile = profile;
	err = builder_init(&b);
	if (!err)
		err = add_samples(&b);
	builder_deinit(&b);
	if (err)
		profile_tree_destroy(b.tree);
	else
		*ret = b.tree;
	return err;
}

void profile_tree_destroy(struct profile_tree *tree)
{
	if (!tree)
		return;
	free(tree->labels);
	free(tree->nodes);
	free(tree->threads);
	table_deinit(&tree->reasons);
	free(tree->reason_weights);
	table_deinit(&tree->errors);
	free(tree->error_counts);
	free(tree);
}

struct tree_weight *profile_tree_totals(const struct profile_tree *tree)
{
	struct tree_weight *totals = malloc(tree->nodes_count * sizeof(*totals));

	if (!totals)
		return NULL;
	for (size_t i = 0; i < tree->nodes_count; i++)
		totals[i] = tree->nodes[i].self;
	/* Callees come after their callers, so from the end each one is complete when it is
	 * added up. */
	for (size_t i = tree->nodes_count - 1; i > 0; i--) {
		totals[tree->nodes[i].parent].samples += totals[i].samples;
		totals[tree->nodes[i].parent].value += totals[i].value;
	}
	return totals;
}

const char *profile_tree_file(const struct profile *profile, const struct tree_label *label)
{
	const char *file = profile_text(profile, label->file), *slash = strrchr(file, '/');

	if (label->kind != CAPTURE_NATIVE)
		return file;
	if (*profile_text(profile, label->name) == '[') /* "[libfoo.so+0x1234]" tells the file itself */
		return "";
	return slash && slash[1] ? slash + 1 : file;
}

static int function_label(const struct profile *p, const struct tree_label *label, char **text)
{
	const char *name = profile_text(p, label->name), *file = profile_tree_file(p, label);

	if (!*name)
		name = "?";
	if (!*file)
		return asprintf(text, "%s", name);
	if (label->line > 0)
		return asprintf(text, "%s (%s:%d)", name, file, label->line);
	return asprintf(text, "%s (%s)", name, file);
}

static int process_label(const struct profile *p, uint32_t index, char **text)
{
	const struct profile_process *process = &p->processes.item[index];
	const char *name = process->name ? profile_text(p, process->name) : "process";

	return asprintf(text, "%s (pid %u)", name, process->pid);
}

static int thread_label(const struct profile *p, uint32_t index, char **text)
{
	const struct profile_thread *thread = &p->threads.item[index];
	const char *name = thread->name ? profile_text(p, thread->name) : "thread";

	return asprintf(text, "%s (tid %u)", name, thread->tid);
}

static int cause_label(const struct profile *p, uint32_t cause, char **text)
{
	return asprintf(text, "[%s]", cause ? profile_text(p, cause) : "no stack");
}

char *profile_tree_label(const struct profile_tree *tree, uint32_t index)
{
	const struct profile *p = tree->profile;
	const struct tree_label *label = &tree->labels[index];
	char *text = NULL;
	int done = -1;

	if (label->is == TREE_FUNCTION)
		done = function_label(p, label, &text);
	else if (label->is == TREE_PROCESS)
		done = process_label(p, label->index, &text);
	else if (label->is == TREE_THREAD)
		done = thread_label(p, label->index, &text);
	else if (label->is == TREE_REASON)
		done = asprintf(&text, "[%s]", profile_reason(p, label->name));
	else
		done = cause_label(p, label->name, &text);
	return done < 0 ? NULL : text;
}

const char *profile_reason(const struct profile *profile, uint32_t reason)
{
	return reason ? profile_text(profile, reason) : "running";
}

bool profile_is_off(const struct profile *profile, uint32_t reason)
{
	return reason && (!strcmp(profile->header.event, "offcpu") || !strcmp(profile->header.event, "wall"));
}

bool profile_weighs_count(const struct profile *profile)
{
	return profile->header.period_ns != 0;
}

bool profile_is_timed(const struct profile *profile)
{
	return !strcmp(profile->header.unit, "ns");
}

static const struct {
	const char *event, *one, *many;
} nouns[] = {
	{ "call", "call", "calls" },
	{ "gc", "collection", "collections" },
	{ "exception", "exception", "exceptions" },
	{ "import", "import", "imports" },
	{ "offcpu", "wait", "waits" },
};

const char *profile_noun(const struct profile *profile, uint64_t count)
{
	for (size_t i = 0; i < ARRAY_SIZE(nouns); i++)
		if (!strcmp(profile->header.event, nouns[i].event))
			return count == 1 ? nouns[i].one : nouns[i].many;
	return count == 1 ? "sample" : "samples";
}
