// SPDX-License-Identifier: GPL-2.0-only
/* What events ask of the interpreter: texts, exceptions, modules. */
#include "at.h"

#include "../runtimes/python/identity.h"

__noinline __u64 python_gc_stats(__u32 slot)
{
	const struct python_layout *l = python_layout_at(slot);
	struct scry_scratch *s = scratch_at(slot);
	__u64 interpreter;

	if (!l || !s || !l->interp_gc_stats)
		return 0;
	python_current(slot); /* its state is enough: it may run no function */
	interpreter = s->walk.state ? walk_pointer(s->walk.state + OFF(l->tstate_interp)) : 0;
	return interpreter ? interpreter + OFF(l->interp_gc_stats) : 0;
}

__noinline __u64 python_modules(__u32 slot)
{
	const struct python_layout *l = python_layout_at(slot);
	struct scry_scratch *s = scratch_at(slot);

	if (!l || !s || !l->interp_modules || !l->dict_used || python_current(slot))
		return 0;
	/* s->raw is the thread's state */
	return walk_pointer(walk_pointer(RAW_U64(s, l->tstate_interp) + OFF(l->interp_modules)) + OFF(l->dict_used));
}

__noinline int python_text(__u64 object, __u32 slot)
{
	const struct python_layout *l = python_layout_at(slot);
	struct scry_scratch *s = scratch_at(slot);
	struct scry_event *event;
	struct scry_text text;
	__u32 n, which, before = 0;
	__u64 bytes;

	if (!l || !s)
		return 0;
	n = s->sample.count;
	if (n > MAX_EVENT_FRAMES)
		return 0;
	event = (struct scry_event *)&s->frames[n];
	which = event->text_bytes[0] != 0;
	if (which)
		before = event->text_bytes[0];
	identity_text(s, l, object, &text);
	bytes = (__u64)text.chars * text.kind;
	if (bytes > SCRY_EVENT_TEXT)
		bytes = SCRY_EVENT_TEXT;
	if (before > SCRY_EVENT_TEXT || !bytes || walk_read((char *)(event + 1) + before, bytes, text.address))
		return 0;
	event->text_bytes[which & 1] = bytes;
	event->text_kind[which & 1] = text.encoding == SCRY_ENCODING_UTF8 ? 0 : text.kind;
	return 0;
}

#define TPFLAGS_STRING_SUBCLASS	 (1u << 27) /* Py_TPFLAGS_STRING_SUBCLASS (2.7), _BYTES_SUBCLASS: Include/object.h */
#define TPFLAGS_UNICODE_SUBCLASS (1u << 28)

static __always_inline bool is_text(const struct python_layout *l, __u64 object)
{
	__u64 type = object ? walk_pointer(object + OFF(l->object_type)) : 0;
	__u64 flags = type ? walk_pointer(type + OFF(l->type_flags)) : 0;

	return flags & (l->str == PYTHON_STR_BYTES ? TPFLAGS_STRING_SUBCLASS : TPFLAGS_UNICODE_SUBCLASS);
}

/* PyModuleObject (Include/internal/pycore_moduleobject.h, 3.3+): dict, def, state, weaklist (to 3.14), name. */
#define MODULE_NAME(py) ((py)->version < PY_VERSION(3, 15) ? 4 * 8 : 3 * 8)

__noinline __u64 python_module_name(__u64 module, __u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);
	const struct scry_python *py = s ? python_of(s) : 0;
	__u64 name;

	if (!py || py->layout.str == PYTHON_STR_BYTES)
		return 0;
	name = walk_pointer(module + OFF(py->layout.object_type) + 8 + MODULE_NAME(py));
	return is_text(&py->layout, name) ? name : 0;
}

/* The only argument of an exception, if it is text. */
static __always_inline __u64 message_of(const struct python_layout *l, __u64 exception)
{
	__u64 args = walk_pointer(exception + OFF(l->exception_args)), text;

	if (!args || walk_pointer(args + OFF(l->tuple_size)) != 1)
		return 0;
	text = walk_pointer(args + OFF(l->tuple_items));
	return is_text(l, text) ? text : 0;
}

__noinline __u64 python_code_of(__u64 frame, __u32 slot)
{
	const struct python_layout *l = python_layout_at(slot);
	__u64 code = l ? walk_pointer(frame + OFF(l->frame_code)) : 0;

	return l && l->tagged ? code & ~3ULL : code;
}

/* "<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>" */
#define IMPORTLIB "<frozen importlib._bootst"

__noinline int python_is_importlib(__u64 code, __u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);
	const struct scry_python *py = s ? python_of(s) : 0;
	char file[sizeof(IMPORTLIB) - 1] = {};
	const char wanted[] = IMPORTLIB;
	struct scry_text text;

	if (!py || !code || walk_pointer(code + OFF(py->layout.object_type)) != s->walk.bias + py->code_type)
		return 0;
	identity_text(s, &py->layout, walk_pointer(code + OFF(py->layout.code_filename)), &text);
	if (text.kind != 1 || text.chars < sizeof(file) || walk_read(file, sizeof(file), text.address))
		return 0;
	for (int i = 0; i < (int)sizeof(file); i++)
		if (file[i] != wanted[i])
			return 0;
	return 1;
}

__noinline __u64 python_fresh_exception(__u32 slot)
{
	const struct python_layout *l = python_layout_at(slot);
	struct scry_scratch *s = scratch_at(slot);
	__u64 type, value;

	if (!l || !s || !l->tstate_exception || python_current(slot))
		return 0;
	/* s->raw is the thread's state: to 3.11 it has type, value and traceback one after the other */
	s->event.message = 0;
	if (l->exception_traceback) {
		value = RAW_U64(s, l->tstate_exception);
		if (!value || walk_pointer(value + OFF(l->exception_traceback)))
			return 0;
		type = walk_pointer(value + OFF(l->object_type));
	} else {
		type = RAW_U64(s, l->tstate_exception);
		value = RAW_U64(s, l->tstate_exception + 8);
		if (!type || RAW_U64(s, l->tstate_exception + 16))
			return 0;
	}
	s->event.exception = value ? value : type;
	if (is_text(l, value)) /* not made an exception yet */
		s->event.message = value;
	else if (value && walk_pointer(value + OFF(l->object_type)) == type)
		s->event.message = message_of(l, value);
	return walk_pointer(type + OFF(l->type_name));
}
