// SPDX-License-Identifier: GPL-2.0-only
#include "wakers.h"

#include <stdio.h>
#include <string.h>

static uint32_t waker_mark(struct capture_writer *capture, const struct scry_wait *wait)
{
	char comm[sizeof(wait->waker_comm) + 1] = "", name[96];

	memcpy(comm, wait->waker_comm, sizeof(wait->waker_comm));
	if (wait->waker_is == SCRY_WAKER_INTERRUPT)
		snprintf(name, sizeof(name), "[woken by an interrupt]");
	else
		snprintf(name, sizeof(name), "[woken by %s (pid %u, tid %u)]", comm, wait->waker_pid, wait->waker_tid);
	return capture_frame(capture, capture_function(capture, CAPTURE_MARK, name, "", 0), 0);
}

uint32_t wakers_below(struct capture_writer *capture, struct stackbook *known, uint32_t stack, uint32_t waker,
		      const struct scry_wait *wait)
{
	uint64_t pair = (uint64_t)stack << 32 | waker;
	const struct stackbook_entry *entry;
	uint32_t mark, frame;

	if (wait->waker_is == SCRY_WAKER_NONE)
		return stack;
	mark = waker_mark(capture, wait);
	entry = stackbook_find(known, pair, mark);
	if (entry)
		return entry->node;
	stack = capture_stack(capture, stack, mark);
	while (waker && capture_stack_at(capture, waker, &waker, &frame))
		stack = capture_stack(capture, stack, frame);
	stackbook_put(known, pair, mark, (struct stackbook_entry){ .node = stack });
	return stack;
}
