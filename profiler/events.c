// SPDX-License-Identifier: GPL-2.0-only
#include "events.h"

#include <errno.h>
#include <string.h>

#include "base/escape.h"

const char *const event_kind_names[SCRY_EVENT_COUNT] = {
	[SCRY_EVENT_CPU] = "cpu",	[SCRY_EVENT_CALL] = "call",	      [SCRY_EVENT_LINE] = "line",
	[SCRY_EVENT_GC] = "gc",		[SCRY_EVENT_IMPORT] = "import",	      [SCRY_EVENT_EXCEPTION] = "exception",
	[SCRY_EVENT_AUDIT] = "audit",	[SCRY_EVENT_GIL] = "gil",
};

const char *const event_call_names[] = {
	[SCRY_CALL_ENTRY] = "entry", [SCRY_CALL_RESUME] = "resume", [SCRY_CALL_RETURN] = "return",
	[SCRY_CALL_YIELD] = "yield", [SCRY_CALL_UNWIND] = "unwind",
	[SCRY_CALL_DROPPED] = "dropped",
};

bool event_call_begins(const struct event *event)
{
	return event->type == SCRY_CALL_ENTRY || event->type == SCRY_CALL_RESUME;
}

const char *event_gc_work(int64_t number)
{
	return number == SCRY_GC_STEP ? "step" : number == SCRY_GC_FULL ? "full" : NULL;
}

static uint32_t character_at(const unsigned char *bytes, size_t i, unsigned kind)
{
	uint16_t two;
	uint32_t four;

	if (kind == 1)
		return bytes[i];
	if (kind == 2) {
		memcpy(&two, bytes + 2 * i, 2);
		return two;
	}
	memcpy(&four, bytes + 4 * i, 4);
	return four;
}

/* Kind as in scry_event.text_kind. What is longer than the kernel's programs ever send is cut. */
static void decode_text(const unsigned char *bytes, size_t size, unsigned kind, char *to)
{
	size_t at = 0;

	if (size > SCRY_EVENT_TEXT)
		size = SCRY_EVENT_TEXT;
	if (!kind) {
		memcpy(to, bytes, size);
		at = size;
	}
	for (size_t i = 0; kind && i < size / kind; i++) {
		uint32_t character = character_at(bytes, i, kind);

		/* A NUL would end the text for its readers. */
		at += utf8_put(to + at, character && character < 0x110000 ? character : ESCAPE_REPLACEMENT);
	}
	to[at] = '\0';
}

static int decode_texts(const struct scry_event *event, size_t left, struct event *ret)
{
	const unsigned char *bytes = (const unsigned char *)(event + 1);

	for (int i = 0; i < 2; i++) {
		unsigned kind = event->text_kind[i];

		if (event->text_bytes[i] > left || (kind > 2 && kind != 4))
			return -EINVAL;
		decode_text(bytes, event->text_bytes[i], kind, ret->text[i]);
		bytes += event->text_bytes[i];
		left -= event->text_bytes[i];
	}
	if (event->value_bytes > left)
		return -EINVAL;
	ret->values = bytes;
	ret->value_bytes = event->value_bytes;
	return 0;
}

int event_decode(const struct scry_record *record, size_t size, struct event *ret)
{
	const struct scry_sample *sample = (const struct scry_sample *)record;
	const struct scry_event *event;
	size_t left = size, frames;

	if (size < sizeof(*sample) + sizeof(*event) || record->kind != SCRY_RECORD_EVENT)
		return -EINVAL;
	left -= sizeof(*sample) + sizeof(*event);
	frames = (size_t)sample->count + sample->native + sample->kernel;
	if (left / sizeof(sample->frames[0]) < frames || sample->error >= SCRY_WALK_ERROR_COUNT ||
	    sample->native_error >= SCRY_WALK_ERROR_COUNT)
		return -EINVAL;
	left -= frames * sizeof(sample->frames[0]);
	event = (const struct scry_event *)&sample->frames[frames];
	if (event->event == SCRY_EVENT_CPU || event->event >= SCRY_EVENT_COUNT || event->type > SCRY_CALL_DROPPED)
		return -EINVAL;
	ret->kind = event->event;
	ret->type = event->type;
	ret->time = record->time;
	ret->pid = record->pid;
	ret->tid = sample->tid;
	ret->depth = event->depth;
	ret->duration_ns = event->duration_ns;
	ret->own_ns = event->own_ns;
	ret->number = event->number;
	ret->number2 = event->number2;
	ret->number3 = event->number3;
	ret->sample = sample;
	ret->frames = sample->frames;
	ret->frame_count = sample->count;
	ret->error = sample->error;
	return decode_texts(event, left, ret);
}
