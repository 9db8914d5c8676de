// SPDX-License-Identifier: GPL-2.0-only
#include "host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../profiler/base/array.h"
#include "../../profiler/base/cleanup.h"
#include "../../profiler/base/table.h"
#include "python.h"

struct scry_scratch;

/* A code object met in a walk. Ids hold for one walk alone: between two, an object may die and another take its address. */
struct python_code {
	__u64 address;
	struct code_name name;
};

struct host_walk {
	const struct runtime_binary *binary;
	struct table ids;	   /* (address, 0) -> index in codes */
	struct python_code *codes; /* from 1 */
	size_t codes_room;
	int err;
};

static __u32 walk_code(struct scry_scratch *s, void *known, __u64 address);

#include "identity.h"
#include "walk.h"

#define MAX_TRIES 4 /* walks until two agree */

static __u32 code_refuse(struct scry_scratch *s, enum scry_walk_error error)
{
	s->walk.error = error;
	return 0;
}

static __u32 walk_code(struct scry_scratch *s, void *known, __u64 address)
{
	struct host_walk *walk = known;
	__u32 id = table_find(&walk->ids, address, 0);
	int bytes;

	if (id)
		return id;
	bytes = identity_read(s, &walk->binary->wire.python, s->walk.bias, address);
	if (bytes < 0)
		return code_refuse(s, -bytes);
	id = table_put(&walk->ids, address, 0);
	if (!id || !array_reserve(&walk->codes, &walk->codes_room, id + 1, sizeof(*walk->codes))) {
		walk->err = -ENOMEM;
		return code_refuse(s, SCRY_WALK_CODES_FULL);
	}
	s->code.head.pid = s->walk.pid;
	walk->codes[id].address = address;
	if (python_decode(walk->binary, &s->code, sizeof(s->code) + bytes, &walk->codes[id].name)) {
		walk->err = -ENOMEM;
		return code_refuse(s, SCRY_WALK_BAD_CODE);
	}
	return id;
}

/* Find the thread's state and walk its frames: as python_walk() of bpf/python.bpf.c. */
static void walk_frames(const struct scry_python *py, struct scry_scratch *s, struct host_walk *walk)
{
	struct scry_walk *w = &s->walk;
	bool over = python_find_state(py, s) || w->error;

	for (int i = 0; !over && i < WALK_MAX_STATES / WALK_CHUNK; i++)
		over = python_search(py, s);
	if (!over) {
		w->frame = 0;
		w->error = SCRY_WALK_NO_THREAD_STATE;
	}
	if (!w->frame && !w->error)
		w->error = SCRY_WALK_NOT_STARTED;
	over = w->error;
	for (int i = 0; !over && i < WALK_MAX_STEPS / WALK_CHUNK; i++)
		over = python_walk_on(py, s, walk);
	if (!over)
		w->error = SCRY_WALK_TRUNCATED;
}

/* Hand over what was found. The codes go to the stack. */
static int stack_fill(struct python_stack *ret, const struct scry_scratch *s, struct host_walk *walk)
{
	ret->error = s->walk.error;
	ret->codes = walk->codes;
	ret->code_count = walk->codes_room;
	if (walk->err)
		return walk->err;
	ret->frames = calloc(s->walk.count + 1, sizeof(*ret->frames));
	if (!ret->frames)
		return -ENOMEM;
	for (__u32 i = 0; i < s->walk.count; i++) {
		const struct python_code *code = &walk->codes[s->frames[i].code];

		if (code->name.hidden)
			continue;
		ret->frames[ret->count++] = (struct python_host_frame){
			.code = &code->name,
			.address = code->address,
			.at = s->frames[i].at,
			.line = python_line(walk->binary, &code->name, s->frames[i].at),
		};
	}
	return 0;
}

int python_host_walk_memory(const struct runtime_binary *binary, const struct walk_memory *memory, __u64 bias,
			    __u64 thread_pointer, unsigned int max_stack, struct python_stack *ret)
{
	_cleanup_free_ struct scry_scratch *s = calloc(1, sizeof(*s));
	struct host_walk walk = { .binary = binary };
	int err;

	memset(ret, 0, sizeof(*ret));
	if (!s)
		return -ENOMEM;
	s->walk.bias = bias;
	s->walk.thread = thread_pointer;
	s->walk.max_stack = max_stack;
	s->walk.pid = memory->pid;
	walk_memory = memory;
	walk_frames(&binary->wire.python, s, &walk);
	walk_memory = NULL;
	err = stack_fill(ret, s, &walk);
	table_deinit(&walk.ids);
	return err;
}

static bool stacks_agree(const struct python_stack *a, const struct python_stack *b)
{
	if (a->error != b->error || a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->frames[i].address != b->frames[i].address || a->frames[i].at != b->frames[i].at)
			return false;
	return true;
}

int python_host_walk(const struct runtime_binary *binary, pid_t pid, __u64 bias, __u64 thread_pointer,
		     unsigned int max_stack, struct python_stack *ret)
{
	const struct walk_memory memory = { .pid = pid };
	struct python_stack before = { 0 };
	__u64 word;
	int err = remote_read(pid, bias + binary->wire.python.interpreters, &word, sizeof(word));

	memset(ret, 0, sizeof(*ret));
	for (int i = 0; !err && !ret->steady && i < MAX_TRIES; i++) {
		python_stack_deinit(&before);
		before = *ret;
		err = python_host_walk_memory(binary, &memory, bias, thread_pointer, max_stack, ret);
		ret->steady = !err && i && stacks_agree(&before, ret);
	}
	python_stack_deinit(&before);
	return err;
}

void python_stack_deinit(struct python_stack *stack)
{
	for (size_t i = 0; i < stack->code_count; i++)
		code_name_deinit(&stack->codes[i].name);
	free(stack->codes);
	free(stack->frames);
	memset(stack, 0, sizeof(*stack));
}
