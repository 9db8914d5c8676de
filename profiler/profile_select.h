/* SPDX-License-Identifier: GPL-2.0-only */
/* Which samples of a profile the options keep: within the time window, with a frame that matches
 * the globs. */
#ifndef SCRY_PROFILE_SELECT_H
#define SCRY_PROFILE_SELECT_H

#include "output.h"
#include "profile.h"

struct profile_selection {
	const struct profile *profile;
	const struct output_options *options;
	unsigned char *stacks;	/* of each stack: does a frame match? NULL: no globs */
};

int profile_selection_init(struct profile_selection *selection, const struct profile *profile,
			   const struct output_options *options);	/* 0 or -ENOMEM */
void profile_selection_deinit(struct profile_selection *selection);
bool profile_selection_has(const struct profile_selection *selection,
			   const struct profile_sample *sample);

/* How many samples the options keep; 0 also where memory runs out. */
size_t profile_count(const struct profile *profile, const struct output_options *options);

#endif
