// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../bpf/wire.h"
#include "base/cleanup.h"
#include "base/escape.h"
#include "base/units.h"
#include "output.h"
#include "profile_tree.h"

/* Texts of the causes, as samples carry them. */
static const char *const causes[] = {
#define CAUSE(name, text) [SCRY_WALK_##name] = text,
	SCRY_WALK_ERRORS(CAUSE)
#undef CAUSE
};

/* Causes that are no failure to read: what a sample of them says is told apart. */
static const struct {
	enum scry_walk_error cause;
	const char *text;
} apart[] = {
	{ SCRY_WALK_NO_INTERPRETER, "in programs without an interpreter" },
	{ SCRY_WALK_NO_THREAD_STATE, "outside the interpreter" },
	{ SCRY_WALK_TRUNCATED, "deeper than --max-stack" },
	{ SCRY_WALK_OUTSIDE, "waiting since before the recording" },
	{ SCRY_WALK_STARTING, "of threads before they ran" },
	{ SCRY_WALK_UNSAMPLED, "on CPU between samples" },
	{ SCRY_WALK_STOLEN, "of time taken from a CPU" },
};

static const char *told_apart(const char *cause)
{
	for (size_t i = 0; i < ARRAY_SIZE(apart); i++)
		if (!strcmp(cause, causes[apart[i].cause]))
			return apart[i].text;
	return NULL;
}

static void put_errors(const struct profile_tree *tree, FILE *to)
{
	uint64_t unreadable = 0;
	const char *separator = "";

	for (uint32_t i = 1; i <= tree->errors.count; i++) {
		const char *cause = profile_text(tree->profile, (uint32_t)tree->errors.keys[i].a);

		if (told_apart(cause))
			fprintf(to, "; %" PRIu64 " %s", tree->error_counts[i], told_apart(cause));
		else
			unreadable += tree->error_counts[i];
	}
	if (!unreadable)
		return;
	fprintf(to, "; %" PRIu64 " unreadable (", unreadable);
	for (uint32_t i = 1; i <= tree->errors.count; i++) {
		const char *cause = profile_text(tree->profile, (uint32_t)tree->errors.keys[i].a);

		if (told_apart(cause))
			continue;
		fprintf(to, "%s%" PRIu64 " ", separator, tree->error_counts[i]);
		escape_terminal(to, cause);
		separator = ", ";
	}
	putc(')', to);
}

static uint64_t count_threads(const struct profile_tree *tree, uint64_t *processes)
{
	const struct profile *p = tree->profile;
	_cleanup_free_ unsigned char *seen = calloc(p->processes.count, 1);
	uint64_t threads = 0;

	*processes = 0;
	for (size_t i = 0; i < p->threads.count; i++) {
		uint32_t process = p->threads.item[i].process;

		if (!tree->threads[i].samples)
			continue;
		threads++;
		if (seen && !seen[process]++)
			++*processes;
	}
	return threads;
}

void output_summary(const struct profile *profile, FILE *to)
{
	const struct output_options all = { 0 };
	struct profile_tree *tree;
	uint64_t threads, processes;

	if (profile_tree_create(profile, &all, &tree))
		return;
	threads = count_threads(tree, &processes);
	fprintf(to, "scry: %" PRIu64 " %s in %s, ", tree->all.samples,
		profile_noun(profile, tree->all.samples), units_ns(profile->duration_ns, 0).text);
	fprintf(to, "%" PRIu64 " thread%s of %" PRIu64 " process%s; %" PRIu64 " lost", threads,
		threads == 1 ? "" : "s", processes, processes == 1 ? "" : "es", profile->lost);
	put_errors(tree, to);
	putc('\n', to);
	profile_tree_destroy(tree);
}
