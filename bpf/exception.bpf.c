// SPDX-License-Identifier: GPL-2.0-only
/* Exceptions, where they are raised. */
#include "exception.h"
#include "at.h"

/*
 * Where importing fails, the frames of importlib are taken out of the traceback, which is empty then (remove_importlib_frames(),
 * Python/import.c): in the frame that imports it is the same exception still.
 */
static __always_inline bool was_told(struct scry_at *at, __u64 from)
{
	__u64 before = at->thread->exception;

	at->thread->exception = at->s->event.exception;
	return before == at->thread->exception && python_is_importlib(from, at->slot);
}

static __always_inline int tell(struct scry_at *at, __u64 frame)
{
	__u64 type = python_fresh_exception(at->slot), message, from = at->thread->passed_code;
	struct scry_event *event;

	at->thread->passed_code = python_code_of(frame, at->slot);
	if (!type || was_told(at, from))
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
