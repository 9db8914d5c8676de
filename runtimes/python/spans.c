// SPDX-License-Identifier: GPL-2.0-only
#include "spans.h"

#include "../walk.h"

static __u32 reach(__u32 bytes, __u16 field, __u32 size)
{
	__u32 end = field ? OFF(field) + size : 0;

	return end > bytes ? end : bytes;
}

static __u32 whole_words(__u32 bytes)
{
	return (bytes + 7) & ~7u;
}

bool python_spans(struct scry_python *py)
{
	const struct python_layout *l = &py->layout;
	__u32 state = 0, frame = 0, code = 0;

	state = reach(state, l->tstate_thread_id, 8);
	state = reach(state, l->tstate_frame, 8);
	state = reach(state, l->tstate_cframe, 8);
	state = reach(state, l->tstate_interp, 8);
	state = reach(state, l->tstate_exception, 24); /* to 3.11 type, value and traceback */
	frame = reach(frame, l->frame_code, 8);
	frame = reach(frame, l->frame_previous, 8);
	frame = reach(frame, l->frame_instr, l->instr == PYTHON_INSTR_POINTER ? 8 : 4);
	frame = reach(frame, l->frame_owner, 1);
	frame = reach(frame, l->frame_is_entry, 1);
	frame = reach(frame, l->frame_saved_top, 4);
	frame = reach(frame, l->frame_tlbc_index, 4);
	code = reach(code, l->code_filename, 8);
	code = reach(code, l->code_name, 8);
	code = reach(code, l->code_qualname, 8);
	code = reach(code, l->code_firstlineno, 4);
	code = reach(code, l->code_linetable, 8);
	code = reach(code, l->code_traceable, 4);
	code = reach(code, l->code_flags, 4);
	py->state_bytes = whole_words(state);
	py->frame_bytes = whole_words(frame);
	/* From 3.11 on frames lie one after the other, callers first, in the chunks of a thread's data stack. */
	py->frame_window = l->instr == PYTHON_INSTR_POINTER ? WINDOW_BYTES : py->frame_bytes;
	py->code_bytes = whole_words(code);
	/* The walk takes both fields of a cframe in one read. */
	if (l->tstate_cframe && l->cframe_previous != l->cframe_current_frame + sizeof(__u64))
		return false;
	return py->code_bytes <= RAW_BYTES && py->state_bytes <= RAW_BYTES && py->frame_bytes <= RAW_BYTES;
}
