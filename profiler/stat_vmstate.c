// SPDX-License-Identifier: GPL-2.0-only
/*
 * A recording that is not kept, and its table by the machine's state. The machine changes its state a million times a second:
 * samples tell the shares, where counting each change would slow the program down.
 */
#include "stat_vmstate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "output.h"
#include "profile_rows.h"
#include "profile_vmstate.h"
#include "record.h"

static int put_rows(const struct profile_tree *tree, const struct output_options *options, FILE *to)
{
	_cleanup_free_ struct profile_row *rows = NULL;
	size_t count;
	int err = profile_rows(tree, options, &rows, &count);

	if (err)
		return err;
	if (options->limit && count > options->limit)
		count = options->limit;
	fprintf(to, ",\n  \"samples\": %" PRIu64 ",\n  \"rows\": [", tree->all.samples);
	for (size_t i = 0; i < count; i++)
		fprintf(to, "%s\n    {\"state\": \"%s\", \"samples\": %" PRIu64 ", \"total_ns\": %" PRIu64 ", \"share\": %.6f}",
			i ? "," : "", vmstate_names[rows[i].label.index], rows[i].self.samples, rows[i].self.value,
			(double)rows[i].self.samples / (double)tree->all.samples);
	fputs(count ? "\n  ]" : "]", to);
	return 0;
}

static int put_json(const struct profile *profile, const struct output_options *options, FILE *to)
{
	struct profile_tree *tree;
	int err = profile_tree_create(profile, options, &tree);

	if (err)
		return err;
	fprintf(to, "{\n  \"event\": \"vmstate\",\n  \"duration_s\": %.6f,\n  \"lost\": %" PRIu64,
		(double)profile->duration_ns / 1e9, profile->lost);
	err = put_rows(tree, options, to);
	fputs("\n}\n", to);
	profile_tree_destroy(tree);
	return err;
}

static int show(const struct profile *profile, const struct stat_vmstate_options *o)
{
	struct output_options options = { .by = OUTPUT_BY_VMSTATE, .limit = o->limit, .color = o->color };
	int err = 0;

	if (!o->quiet)
		output_summary(profile, stderr);
	if (o->json)
		err = put_json(profile, &options, stdout);
	else
		output_table(profile, stdout, &options);
	return err ? fail(err, "statistics:") : 0;
}

/* Named processes can be asked before; what is started, or found later, shows no frames of the language. */
static int check(const struct targets *targets)
{
	if (targets->pid_count && !(targets->runtimes & 1u << SCRY_RUNTIME_LUA))
		return fail(-ENOTSUP, "event vmstate: only Lua and LuaJIT are told by the state of their machine");
	return 0;
}

int stat_vmstate_run(const struct stat_vmstate_options *o, struct spawn *child)
{
	_cleanup_free_ char *target = targets_describe(o->targets);
	struct profile *profile = NULL;
	_cleanup_fd_ int fd = -1;
	char about[32];
	struct record_options record = {
		.run = { .session = { .frequency = o->frequency, .max_stack = SCRY_DEFAULT_STACK },
			 .targets = o->targets, .seconds = o->seconds, .stats = o->stats },
		.kind = { "cpu", "ns", 1000000000 / o->frequency, "samples", about },
		.target = target, .argv = o->argv, .announce = !o->quiet,
	};
	int err = check(o->targets);

	snprintf(about, sizeof(about), "cpu at %lu Hz", o->frequency);
	if (!err)
		err = record_run(&record, &fd, child);
	if (!err)
		err = profile_load(fd, "recording", &profile);
	if (!err)
		err = show(profile, o);
	profile_destroy(profile);
	return err;
}
