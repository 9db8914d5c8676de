// SPDX-License-Identifier: GPL-2.0-only
/* A capture of the samples that the options keep, whole in itself. */
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "profile_select.h"
#include "sink.h"

struct copy {
	const struct profile *from;
	struct capture_writer *to;
	uint32_t *stacks, *threads;	/* index in the copy of what has been copied, 0: not yet */
	unsigned char *processes;	/* named in the copy? */
	uint32_t *path;
	size_t path_capacity;
};

static uint32_t copy_frame(struct copy *c, uint32_t frame)
{
	const struct profile_frame *at = &c->from->frames.item[frame];
	const struct profile_function *of = &c->from->functions.item[at->function];
	uint32_t function = capture_function(c->to, of->kind, profile_text(c->from, of->name),
					     profile_text(c->from, of->file), of->line);

	return function ? capture_frame(c->to, function, at->line) : 0;
}

/* Up to the nearest caller that has been copied, and down again. 0 or -ENOMEM. */
static int copy_stack(struct copy *c, uint32_t stack)
{
	uint32_t parent;
	size_t depth = 0;

	for (; stack && !c->stacks[stack]; stack = c->from->stacks.item[stack].parent) {
		if (!array_reserve(&c->path, &c->path_capacity, depth + 1, sizeof(*c->path)))
			return -ENOMEM;
		c->path[depth++] = stack;
	}
	parent = c->stacks[stack];
	while (depth--) {
		uint32_t frame = copy_frame(c, c->from->stacks.item[c->path[depth]].frame);

		parent = frame ? capture_stack(c->to, parent, frame) : 0;
		if (!parent)
			return -ENOMEM;
		c->stacks[c->path[depth]] = parent;
	}
	return 0;
}

static int copy_thread(struct copy *c, uint32_t thread)
{
	const struct profile_thread *from = &c->from->threads.item[thread];
	const struct profile_process *process = &c->from->processes.item[from->process];

	if (c->threads[thread])
		return 0;
	c->threads[thread] = capture_thread(c->to, process->id, process->pid, from->tid);
	if (!c->threads[thread])
		return -ENOMEM;
	if (from->name)
		capture_name_thread(c->to, c->threads[thread], profile_text(c->from, from->name));
	if (process->name && !c->processes[from->process])
		capture_name_process(c->to, process->id, process->pid,
				     profile_text(c->from, process->name));
	c->processes[from->process] = 1;
	return 0;
}

static int copy_samples(struct copy *c, const struct profile_selection *selection)
{
	const struct profile *p = c->from;

	for (size_t i = 0; i < p->samples.count; i++) {
		const struct profile_sample *sample = &p->samples.item[i];
		int err;

		if (!profile_selection_has(selection, sample))
			continue;
		err = copy_thread(c, sample->thread);
		if (!err)
			err = copy_stack(c, sample->stack);
		if (err)
			return err;
		capture_sample_of(c->to, p->header.start_ns + sample->time, c->threads[sample->thread],
			       c->stacks[sample->stack], sample->value,
			       sample->error ? profile_text(p, sample->error) : NULL,
			       sample->reason ? profile_text(p, sample->reason) : NULL);
	}
	return 0;
}

static int copy_all(struct copy *c, FILE *to, const struct output_options *options)
{
	const struct profile *p = c->from;
	struct profile_selection selection;
	int err, finished;

	c->stacks = calloc(p->stacks.count, sizeof(*c->stacks));
	c->threads = calloc(p->threads.count, sizeof(*c->threads));
	c->processes = calloc(p->processes.count, 1);
	err = c->stacks && c->threads && c->processes
		? profile_selection_init(&selection, p, options) : -ENOMEM;
	if (err)
		return err;
	err = capture_create_at(fileno(to), NULL, &p->header, &c->to);
	if (!err) {
		err = copy_samples(c, &selection);
		capture_lost(c->to, p->lost);
		finished = capture_finish(c->to, p->header.start_ns + p->duration_ns, NULL);
		err = err ? err : finished;
	}
	profile_selection_deinit(&selection);
	return err;
}

static int capture_write(const struct profile *profile, FILE *to, const struct output_options *options)
{
	struct copy c = { .from = profile };
	int err = copy_all(&c, to, options);

	free(c.stacks);
	free(c.threads);
	free(c.processes);
	free(c.path);
	return err;
}

const struct sink sink_capture = { .extension = ".scry", .write = capture_write };
