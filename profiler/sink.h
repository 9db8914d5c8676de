/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An output format. To add one: a file sink_NAME.c with a const struct sink sink_NAME at its foot,
 * and a word in SINKS.
 */
#ifndef SCRY_SINK_H
#define SCRY_SINK_H

#include "output.h"
#include "profile_tree.h"

#define SINKS(X) X(capture) X(folded) X(svg) X(table) X(json)

struct sink {
	const char *extension;	/* ".folded" */
	/* Write to a stream just opened. Failures of the stream itself are found by the caller;
	 * others are returned as -errno, not reported. */
	int (*write)(const struct profile *profile, FILE *to, const struct output_options *options);
};

#define DECLARE_SINK(name) extern const struct sink sink_##name;
SINKS(DECLARE_SINK)
#undef DECLARE_SINK

#endif
