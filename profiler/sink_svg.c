// SPDX-License-Identifier: GPL-2.0-only
/* The flame graph: a profile's tree handed to flamegraph/. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../flamegraph/flame.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "profile_rows.h"
#include "sink.h"

static const enum flame_kind kinds[] = {
	[CAPTURE_INTERPRETED] = FLAME_INTERPRETED,
	[CAPTURE_NATIVE] = FLAME_NATIVE,
	[CAPTURE_KERNEL] = FLAME_KERNEL,
	[CAPTURE_MARK] = FLAME_MARK,
};

struct drawing {
	const struct profile_tree *tree;
	struct flame *flame;
	struct flame_frame *labels;	/* of each label; the names are ours */
	struct flame_frame *path;
	size_t path_capacity;
};

static int draw_labels(struct drawing *d)
{
	d->labels = calloc(d->tree->labels_count, sizeof(*d->labels));
	if (!d->labels)
		return -ENOMEM;
	for (size_t i = 1; i < d->tree->labels_count; i++) {
		const struct tree_label *label = &d->tree->labels[i];

		d->labels[i].name = profile_tree_label(d->tree, (uint32_t)i);
		d->labels[i].kind = label->is == TREE_FUNCTION ? kinds[label->kind] : FLAME_MARK;
		if (!d->labels[i].name)
			return -ENOMEM;
	}
	return 0;
}

static int draw_stack(struct drawing *d, uint32_t node)
{
	const struct profile_tree *tree = d->tree;
	size_t depth = 0, at;

	for (uint32_t up = node; up; up = tree->nodes[up].parent)
		depth++;
	if (!array_reserve(&d->path, &d->path_capacity, depth, sizeof(*d->path)))
		return -ENOMEM;
	at = depth;
	for (uint32_t up = node; up; up = tree->nodes[up].parent)
		d->path[--at] = d->labels[tree->nodes[up].label];
	return flame_add(d->flame, d->path, depth,
			 profile_weight(tree->profile, &tree->nodes[node].self));
}

/* "cpu at 99 Hz, 10.0 s, host, 2026-01-02 10:00 UTC" */
static char *subtitle(const struct profile *p)
{
	const struct capture_header *header = &p->header;
	time_t start = (time_t)(header->start_realtime_ns / 1000000000);
	char date[64] = "", clock[32] = "", *text;
	struct tm utc;

	if (gmtime_r(&start, &utc))
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", &utc);
	if (header->frequency)
		snprintf(clock, sizeof(clock), " at %" PRIu32 " Hz", header->frequency);
	if (asprintf(&text, "%s%s, %.1f s, %s, %s", header->event, clock,
		     (double)p->duration_ns / 1e9, header->host, date) < 0)
		return NULL;
	return text;
}

static int draw(struct drawing *d, FILE *to)
{
	const struct profile *p = d->tree->profile;
	_cleanup_free_ char *about = subtitle(p);
	struct flame_options options = {
		.title = *p->header.target ? p->header.target : NULL,
		.subtitle = about,
		.unit = profile_weighs_count(p) && profile_is_timed(p) ? "samples" : p->header.unit,
	};
	int err = flame_create(&d->flame);

	if (!err)
		err = draw_labels(d);
	for (size_t i = 1; i < d->tree->nodes_count && !err; i++)
		if (d->tree->nodes[i].self.samples)
			err = draw_stack(d, (uint32_t)i);
	return err ? err : flame_write_svg(d->flame, to, &options);
}

static int svg_write(const struct profile *profile, FILE *to, const struct output_options *options)
{
	struct drawing d = { 0 };
	struct profile_tree *tree;
	int err = profile_tree_create(profile, options, &tree);

	if (err)
		return err;
	d.tree = tree;
	err = draw(&d, to);
	flame_destroy(d.flame);
	for (size_t i = 1; d.labels && i < tree->labels_count; i++)
		free((char *)d.labels[i].name);
	free(d.labels);
	free(d.path);
	profile_tree_destroy(tree);
	return err;
}

const struct sink sink_svg = { .extension = ".svg", .write = svg_write };
