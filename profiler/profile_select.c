// SPDX-License-Identifier: GPL-2.0-only
#include "profile_select.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/glob.h"

static bool name_fits(const char *pattern, const char *name)
{
	return !pattern || glob_match(pattern, name);
}

static bool file_fits(const char *pattern, const char *path)
{
	return !pattern || glob_match_file(pattern, path);
}

/* Callers come before callees, so one pass tells for all stacks. */
int profile_selection_init(struct profile_selection *selection, const struct profile *p,
			   const struct output_options *options)
{
	_cleanup_free_ unsigned char *fits = NULL;

	*selection = (struct profile_selection){ .profile = p, .options = options };
	if (!options->func && !options->file)
		return 0;
	fits = calloc(p->functions.count, 1);
	selection->stacks = calloc(p->stacks.count, 1);
	if (!fits || !selection->stacks) {
		profile_selection_deinit(selection);
		return -ENOMEM;
	}
	for (size_t i = 1; i < p->functions.count; i++)
		fits[i] = name_fits(options->func, profile_text(p, p->functions.item[i].name)) &&
			  file_fits(options->file, profile_text(p, p->functions.item[i].file));
	for (size_t i = 1; i < p->stacks.count; i++) {
		const struct profile_stack *stack = &p->stacks.item[i];

		selection->stacks[i] = selection->stacks[stack->parent] ||
				       fits[p->frames.item[stack->frame].function];
	}
	return 0;
}

void profile_selection_deinit(struct profile_selection *selection)
{
	free(selection->stacks);
	selection->stacks = NULL;
}

bool profile_selection_has(const struct profile_selection *selection,
			   const struct profile_sample *sample)
{
	const struct output_options *options = selection->options;
	double at = (double)sample->time / 1e9;

	return at >= options->from && (options->to <= 0 || at < options->to) &&
	       (!selection->stacks || selection->stacks[sample->stack]);
}

size_t profile_count(const struct profile *profile, const struct output_options *options)
{
	struct profile_selection selection;
	size_t count = 0;

	if (profile_selection_init(&selection, profile, options))
		return 0;
	for (size_t i = 0; i < profile->samples.count; i++)
		count += profile_selection_has(&selection, &profile->samples.item[i]);
	profile_selection_deinit(&selection);
	return count;
}
