// SPDX-License-Identifier: GPL-2.0-only
/* Exceptions, where they are raised. */
#include "exception.h"
#include "at.h"

static __always_inline int tell(struct scry_at *at, __u64 frame)
{
	__u64 type = python_fresh_exception(at->slot), message;
	struct scry_event *event;

	if (!type)
		return 0;
	message = at->s->event.message;
	if (python_look(frame, at->slot) || code_dropped(at->s->here.code))
		return 0;
	event = at_event(at, SCRY_EVENT_EXCEPTION);
	at_text(event, 0, type);
	if (message)
		python_text(message, at->slot);
	at_send(at, event->text_bytes[0] + event->text_bytes[1]);
	return 0;
}

__noinline int exception_tell(struct scry_thread *thread, __u64 frame, __u32 slot)
{
	struct scry_at at;

	return at_again(&at, thread, slot) ? tell(&at, frame) : 0;
}
