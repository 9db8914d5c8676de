/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process that runs Python, made of nothing but an image of its memory: pages that exist or do not, and in them
 * interpreters, thread states, frames and code objects laid out as one row of the layout table says.
 */
#ifndef TEST_FAKE_PYTHON_H
#define TEST_FAKE_PYTHON_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "runtimes/python/python.h"
#include "runtimes/python/spans.h"

/* Link-time addresses in the fake binary. */
#define FAKE_BIAS	  0x555500000000ull
#define FAKE_INTERPRETERS 0x1000ull
#define FAKE_CURRENT	  0x1008ull
#define FAKE_TSS_KEY	  0x1010ull
#define FAKE_TLS_MODULE	  0x1018ull
#define FAKE_CODE_TYPE	  0x2000ull
#define FAKE_HEAP	  0x7f0000000000ull
#define FAKE_THREAD	  0x7fff00000000ull /* thread pointer of the first thread; others follow at FAKE_STRIDE */
#define FAKE_STRIDE	  0x10000ull
#define FAKE_BODY	  64 /* bytes of a frame, state or object beyond what the layout names */

struct fake {
	struct image image;
	struct runtime_binary binary;
	const struct python_layout *layout;
	struct walk_memory memory;
	__u64 interp;  /* the last made */
	__u64 unnamed; /* a code object for frames that only count */
};

static inline __u64 fake_thread(unsigned int n)
{
	return FAKE_THREAD + n * FAKE_STRIDE;
}

/* How large a structure must be to hold its fields. */
static inline size_t fake_size(const struct fake *f, const char *prefix)
{
	size_t size = 0;

	for (size_t i = 0; i < python_field_count; i++) {
		__u16 field = python_field_get(f->layout, i);

		if (field && !strncmp(python_fields[i].name, prefix, strlen(prefix)) && field > size)
			size = field;
	}
	return size + FAKE_BODY;
}

static inline __u64 fake_interp(struct fake *f)
{
	__u64 interp = image_take(&f->image, fake_size(f, "interp_"), false);

	image_u64(&f->image, interp + OFF(f->layout->interp_next), f->interp);
	image_u64(&f->image, FAKE_BIAS + FAKE_INTERPRETERS, interp);
	f->interp = interp;
	return interp;
}

/* A thread state of the last interpreter, first in its list, of the thread with this thread pointer, with no frame. */
static inline __u64 fake_state(struct fake *f, __u64 thread)
{
	__u64 state = image_take(&f->image, fake_size(f, "tstate_"), false), next = 0;
	__u64 head = f->interp + OFF(f->layout->interp_threads_head);

	image_read(&f->image, &next, sizeof(next), head);
	image_u64(&f->image, state + OFF(f->layout->tstate_next), next);
	image_u64(&f->image, state + OFF(f->layout->tstate_thread_id), thread);
	image_u64(&f->image, head, state);
	if (f->layout->tstate_cframe) {
		__u64 outer = image_take(&f->image, 64, false), cframe = image_take(&f->image, 64, false);

		image_u64(&f->image, cframe + OFF(f->layout->cframe_previous), outer);
		image_u64(&f->image, state + OFF(f->layout->tstate_cframe), cframe);
	}
	return state;
}

/* C entered the interpreter while `outer` was current, and now `frame` is (3.11, 3.12). */
static inline void fake_enter_from(struct fake *f, __u64 state, __u64 outer, __u64 frame)
{
	__u64 cframe = 0, previous = 0;

	image_read(&f->image, &cframe, sizeof(cframe), state + OFF(f->layout->tstate_cframe));
	image_read(&f->image, &previous, sizeof(previous), cframe + OFF(f->layout->cframe_previous));
	image_u64(&f->image, cframe + OFF(f->layout->cframe_current_frame), frame);
	image_u64(&f->image, previous + OFF(f->layout->cframe_current_frame), outer);
}

/* The frame is current; 3.11 and 3.12: as on the way back to C, when nothing is in doubt. */
static inline void fake_enter(struct fake *f, __u64 state, __u64 frame)
{
	if (f->layout->tstate_cframe)
		fake_enter_from(f, state, frame, frame);
	else
		image_u64(&f->image, state + OFF(f->layout->tstate_frame), frame);
}

/* One by which C entered (3.11, 3.12): marked as such, or with a frame of the interpreter's own below it. */
static inline void fake_mark_entry(struct fake *f, __u64 frame, __u64 own)
{
	if (f->layout->frame_is_entry)
		image_put(&f->image, frame + OFF(f->layout->frame_is_entry), "\1", 1);
	else
		image_put(&f->image, own + OFF(f->layout->frame_owner), "\3", 1);
}

/* Store `at`, a byte offset, as this version does. */
static inline void fake_move(struct fake *f, __u64 frame, __u64 code, int at)
{
	const struct python_layout *l = f->layout;

	if (l->instr == PYTHON_INSTR_POINTER)
		image_u64(&f->image, frame + OFF(l->frame_instr), code + OFF(l->code_bytecode) + at);
	else
		image_u32(&f->image, frame + OFF(l->frame_instr), l->instr == PYTHON_INSTR_UNITS ? at / 2 : at);
}

static inline __u64 fake_frame(struct fake *f, __u64 previous, __u64 code, int at, bool apart)
{
	const struct python_layout *l = f->layout;
	__u64 frame = image_take(&f->image, fake_size(f, "frame_"), apart);

	image_u64(&f->image, frame + OFF(l->frame_previous), previous);
	image_u64(&f->image, frame + OFF(l->frame_code), l->tagged ? code | 1 : code);
	fake_move(f, frame, code, at);
	return frame;
}

/* A bytes object, which has the type str in 2.7. */
static inline __u64 fake_bytes(struct fake *f, const void *bytes, size_t size)
{
	__u64 object = image_take(&f->image, OFF(f->layout->bytes_data) + size + 1, false);

	image_u64(&f->image, object + OFF(f->layout->bytes_size), size);
	image_put(&f->image, object + OFF(f->layout->bytes_data), bytes, size);
	return object;
}

enum fake_str { FAKE_COMPACT, FAKE_LEGACY };

/* A str whose characters are `kind` bytes wide. */
static inline __u64 fake_str(struct fake *f, const void *text, size_t chars, unsigned int kind, enum fake_str made)
{
	const struct python_layout *l = f->layout;
	bool ascii = kind == 1;
	size_t size = chars * kind;
	__u64 object, data;

	for (size_t i = 0; ascii && i < size; i++)
		ascii = ((const uint8_t *)text)[i] < 0x80;
	object = image_take(&f->image, OFF(l->str_compact) + size + 8, false);
	data = object + (ascii ? OFF(l->str_ascii) : OFF(l->str_compact));
	if (made == FAKE_LEGACY) {
		data = image_take(&f->image, size + 8, true);
		image_u64(&f->image, object + OFF(l->str_compact), data);
	}
	image_u64(&f->image, object + OFF(l->str_length), chars);
	image_u32(&f->image, object + OFF(l->str_state),
		  (kind | (made == FAKE_COMPACT ? 8 : 0) | (ascii ? 16 : 0)) << l->str_kind_bit);
	image_put(&f->image, data, text, size);
	return object;
}

/* The version's own kind of name. */
static inline __u64 fake_name(struct fake *f, const char *text)
{
	return f->layout->str == PYTHON_STR_BYTES ? fake_bytes(f, text, strlen(text))
						  : fake_str(f, text, strlen(text), 1, FAKE_COMPACT);
}

static inline __u16 fake_name_field(const struct fake *f)
{
	return f->layout->code_qualname ? f->layout->code_qualname : f->layout->code_name;
}

static inline __u64 fake_code_of(struct fake *f, __u64 name, __u64 file, int first_line)
{
	const struct python_layout *l = f->layout;
	__u64 code = image_take(&f->image, fake_size(f, "code_") + 256, true);

	image_u64(&f->image, code + OFF(l->object_type), FAKE_BIAS + FAKE_CODE_TYPE);
	image_u64(&f->image, code + OFF(fake_name_field(f)), name);
	image_u64(&f->image, code + OFF(l->code_filename), file);
	image_u64(&f->image, code + OFF(l->code_linetable), fake_bytes(f, "", 0));
	image_u32(&f->image, code + OFF(l->code_firstlineno), first_line);
	return code;
}

static inline __u64 fake_code(struct fake *f, const char *name, const char *file, int first_line)
{
	return fake_code_of(f, fake_name(f, name), fake_name(f, file), first_line);
}

/* An interpreter, and nothing else; states are found by the list alone. */
static inline void fake_init(struct fake *f, const struct python_row *row)
{
	memset(f, 0, sizeof(*f));
	f->image.next = FAKE_HEAP;
	f->binary.ops = &python_runtime;
	f->binary.wire.python = (struct scry_python){
		.interpreters = FAKE_INTERPRETERS,
		.code_type = FAKE_CODE_TYPE,
		.version = row->version,
		.layout = row->layout,
	};
	f->layout = &f->binary.wire.python.layout;
	f->memory = (struct walk_memory){ .read = image_read, .ctx = &f->image };
	if (!python_spans(&f->binary.wire.python))
		abort();
	fake_interp(f);
	f->unnamed = fake_code(f, "f", "f.py", 1);
}

static inline void fake_deinit(struct fake *f)
{
	image_deinit(&f->image);
}

/* A list of `count` frames of the code object, the root first made; the leaf. */
static inline __u64 fake_deep(struct fake *f, size_t count, __u64 code)
{
	__u64 frame = 0;

	while (count--)
		frame = fake_frame(f, frame, code, 2, false);
	return frame;
}

/* Versions that have a row, with and without the GIL; NULL at the end. */
static inline const struct python_row *fake_row(size_t i)
{
	static const unsigned int versions[] = {
		PY_VERSION(2, 7),  PY_VERSION(3, 6),  PY_VERSION(3, 7),	 PY_VERSION(3, 8),  PY_VERSION(3, 9),  PY_VERSION(3, 10),
		PY_VERSION(3, 11), PY_VERSION(3, 12), PY_VERSION(3, 13), PY_VERSION(3, 14), PY_VERSION(3, 15),
	};
	const size_t with_gil = sizeof(versions) / sizeof(versions[0]), without = 3;

	if (i < with_gil)
		return python_row(versions[i], false);
	return i < with_gil + without ? python_row(versions[i - without], true) : NULL;
}

#endif
