// SPDX-License-Identifier: GPL-2.0-only
#include "watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/glob.h"
#include "base/units.h"

int watch_init(struct watch *w, const struct watch_filter *filter)
{
	*w = (struct watch){ .filter = *filter };
	return codebook_create(&w->book) ?: thread_names_create(&w->names);
}

void watch_deinit(struct watch *w)
{
	codebook_destroy(w->book);
	thread_names_destroy(w->names);
	free(w->verdicts);
	*w = (struct watch){ 0 };
}

static bool judge(const struct watch *w, uint32_t index)
{
	const struct codebook_function *function = codebook_function(w->book, index);

	return !function->hidden && (!w->filter.func || glob_match(w->filter.func, function->name)) &&
	       (!w->filter.file || glob_match_file(w->filter.file, function->file));
}

bool watch_wants(struct watch *w, uint32_t function)
{
	if (!function)
		return !w->filter.func && !w->filter.file;
	if (!array_reserve(&w->verdicts, &w->verdicts_room, function + 1, 1))
		return judge(w, function);
	if (w->verdicts[function] == SCRY_VERDICT_NONE)
		w->verdicts[function] = judge(w, function) ? SCRY_VERDICT_KEEP : SCRY_VERDICT_DROP;
	return w->verdicts[function] == SCRY_VERDICT_KEEP;
}

/* From here on the kernel's programs spare what is not wanted. */
static void judge_code(struct watch *w, uint32_t code)
{
	uint32_t function = codebook_find(w->book, code);

	if (function && w->session && !watch_wants(w, function))
		session_judge(w->session, code, SCRY_VERDICT_DROP);
}

static void take_code(struct watch *w, const struct scry_code *code, size_t size)
{
	if (size < sizeof(*code))
		return;
	codebook_add(w->book, code, size);
	if (!w->filter.func || !codebook_needs_caller(w->book, code->id)) /* else its name is still to come */
		judge_code(w, code->id);
}

/* A function that had no name may have one now, by which it is judged anew. */
static void name_call(struct watch *w, const struct scry_frame *frame, const struct scry_frame *caller)
{
	uint32_t function = codebook_find(w->book, frame->code);

	if (codebook_name_call(w->book, frame, caller) && function < w->verdicts_room)
		w->verdicts[function] = SCRY_VERDICT_NONE;
}

static void take_naming(struct watch *w, const struct scry_naming *naming, size_t size)
{
	if (size < sizeof(*naming))
		return;
	name_call(w, &naming->function, &naming->caller);
	judge_code(w, naming->function.code);
}

/* Names of an event's frames that their callers have for them. */
static void name_frames(struct watch *w, const struct event *event)
{
	const struct scry_frame *caller = NULL;

	for (uint32_t i = event->frame_count; i-- > 0;) {
		const struct scry_frame *frame = &event->frames[i];

		if (caller && codebook_needs_caller(w->book, frame->code))
			name_call(w, frame, caller);
		if (!codebook_is_note(w->book, frame->code))
			caller = frame;
	}
}

static bool take_event(struct watch *w, const struct scry_record *record, size_t size, struct event *ret)
{
	if (event_decode(record, size, ret))
		return false;
	name_frames(w, ret);
	if (!watch_wants(w, ret->frame_count ? codebook_find(w->book, ret->frames[0].code) : 0))
		return false;
	return !w->filter.text || glob_match(w->filter.text, ret->text[0]);
}

bool watch_take(struct watch *w, const struct scry_record *record, size_t size, struct event *ret)
{
	switch (record->kind) {
	case SCRY_RECORD_CODE:
		take_code(w, (const struct scry_code *)record, size);
		return false;
	case SCRY_RECORD_NAMING:
		take_naming(w, (const struct scry_naming *)record, size);
		return false;
	case SCRY_RECORD_EXEC:
	case SCRY_RECORD_EXIT:
		thread_names_end(w->names, record->pid);
		return false;
	case SCRY_RECORD_EVENT:
		return take_event(w, record, size, ret);
	default:
		return false;
	}
}

struct watch_place watch_place(const struct watch *w, const struct event *event, uint32_t frame)
{
	const struct scry_frame *at = frame < event->frame_count ? &event->frames[frame] : NULL;
	uint32_t index = at ? codebook_find(w->book, at->code) : 0;
	const struct codebook_function *function = codebook_function(w->book, index);
	struct watch_place place = { index, function->name, function->file, function->line };

	if (!frame && event->kind == SCRY_EVENT_LINE)
		place.line = (int)event->number;
	else if (index && (frame || event->kind != SCRY_EVENT_CALL))
		place.line = codebook_line(w->book, at);
	return place;
}

bool watch_next_caller(const struct watch *watch, const struct event *event, uint32_t *frame, struct watch_place *ret)
{
	while (++*frame < event->frame_count) {
		*ret = watch_place(watch, event, *frame);
		if (!codebook_function(watch->book, ret->function)->hidden)
			return true;
	}
	return false;
}

const char *watch_thread(struct watch *w, const struct event *event)
{
	return thread_names_find(w->names, w->session, event);
}

void watch_print_losses(const struct session *session, FILE *to)
{
	static const struct {
		enum scry_count count;
		const char *text;
	} losses[] = {
		{ SCRY_COUNT_UNPAIRED, "ended without a known beginning" },
		{ SCRY_COUNT_UNTRACKED, "not timed: too many at a time" },
		{ SCRY_COUNT_BUSY, "missed: too many at once on a CPU" },
		{ SCRY_COUNT_UNREADABLE, "unreadable" },
	};

	fprintf(to, "; %s lost", units_grouped(session_count(session, SCRY_COUNT_LOST_EVENTS), 0).text);
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++) {
		uint64_t n = session_count(session, losses[i].count);

		if (n)
			fprintf(to, ", %s %s", units_grouped(n, 0).text, losses[i].text);
	}
}
