// SPDX-License-Identifier: GPL-2.0-only
#include "outside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../runtimes/python/host.h"
#include "base/cleanup.h"
#include "base/file.h"

/* How often the thread has left a CPU: proc_pid_status(5). false: it is gone. */
static bool count_switches(uint32_t pid, uint32_t tid, uint64_t *ret)
{
	static const char *const keys[] = { "\nvoluntary_ctxt_switches:", "\nnonvoluntary_ctxt_switches:" };
	char path[64], text[4096];

	snprintf(path, sizeof(path), "/proc/%u/task/%u/status", pid, tid);
	if (file_read_text(path, text, sizeof(text)) <= 0)
		return false;
	*ret = 0;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *at = strstr(text, keys[i]);

		if (!at)
			return false;
		*ret += strtoull(at + strlen(keys[i]), NULL, 10);
	}
	return true;
}

static bool still_waits(const struct scry_wait *wait)
{
	uint64_t switches;

	return count_switches(wait->who.head.pid, wait->who.tid, &switches) && switches == wait->switches;
}

static uint32_t put_frames(struct capture_writer *capture, const struct python_stack *stack)
{
	uint32_t node = CAPTURE_NO_STACK;

	for (size_t i = stack->count; i-- > 0;) {
		const struct python_host_frame *frame = &stack->frames[i];
		uint32_t function = capture_function(capture, CAPTURE_INTERPRETED, frame->code->name, frame->code->file,
						     frame->code->first_line);

		node = capture_stack(capture, node, capture_frame(capture, function, frame->line));
	}
	return node;
}

uint32_t outside_stack(struct capture_writer *capture, const struct session *session, const struct scry_wait *wait,
		       unsigned int max_stack, enum scry_walk_error *error)
{
	const struct runtime_binary *binary = NULL;
	struct python_stack stack = { 0 };
	struct scry_proc place;
	uint32_t node = CAPTURE_NO_STACK;

	*error = SCRY_WALK_OUTSIDE;
	if (session_place(session, (pid_t)wait->who.head.pid, &place))
		binary = runtime_binary_at(place.binary);
	if (!binary || binary->ops->id != SCRY_RUNTIME_PYTHON)
		return node;
	if (!python_host_walk(binary, (pid_t)wait->who.head.pid, place.bias, wait->who.thread, max_stack, &stack) &&
	    still_waits(wait)) {
		*error = stack.error;
		if (!stack.error)
			node = put_frames(capture, &stack);
	}
	python_stack_deinit(&stack);
	return node;
}
