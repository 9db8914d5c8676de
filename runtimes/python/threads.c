// SPDX-License-Identifier: GPL-2.0-only
/*
 * The threads that the interpreter knows, by its list of thread states, and the names that the
 * program gave them: threading._active, a dict from thread id to Thread object.
 */
#include <errno.h>
#include <stdlib.h>

#include "../../profiler/base/cleanup.h"
#include "../../profiler/remote.h"
#include "objects.h"
#include "python.h"

#define MAX_INTERPRETERS 1024
#define MAX_THREADS 65536
#define MAX_READS (1u << 20) /* about a second */

struct found_thread {
	struct runtime_thread_name thread;
	int interpreter; /* which of the list, the main one being last */
};

struct threads {
	struct objects objects;
	bool old; /* 2.7: private attributes have other names */
	struct found_thread *list;
	size_t count, room;
	size_t first; /* of the interpreter being read */
	int interpreter;
};

static int threads_add(struct threads *t, const struct runtime_thread_name *thread)
{
	if (t->count == MAX_THREADS)
		return -E2BIG;
	if (t->count == t->room) {
		size_t room = t->room ? 2 * t->room : 64;
		void *grown = realloc(t->list, room * sizeof(*t->list));

		if (!grown)
			return -ENOMEM;
		t->list = grown;
		t->room = room;
	}
	t->list[t->count++] = (struct found_thread){ *thread, t->interpreter };
	return 0;
}

/* The list changes while it is read: it ends at what cannot be read, or is there already. */
static int read_states(struct threads *t, __u64 interpreter)
{
	const struct python_layout *l = t->objects.layout;
	__u64 state, native, first = 0;
	int err = 0;

	if (!objects_word(&t->objects, interpreter + OFF(l->interp_threads_head), &state))
		return 0;
	for (; state && state != first && !err; first = first ? first : state) {
		struct runtime_thread_name thread = { 0 };
		__u64 next;

		if (!objects_word(&t->objects, state + OFF(l->tstate_thread_id),
				  &thread.thread_id) ||
		    !objects_word(&t->objects, state + OFF(l->tstate_next), &next))
			break;
		if (l->tstate_native_thread_id &&
		    objects_word(&t->objects, state + OFF(l->tstate_native_thread_id), &native))
			thread.native_id = native;
		if (thread.thread_id) /* 0: made, and not yet started */
			err = threads_add(t, &thread);
		if (!first)
			first = state;
		state = next;
	}
	return err == -E2BIG ? 0 : err;
}

/* One entry of threading._active. */
static bool name_thread(void *ctx, __u64 key, __u64 value)
{
	struct runtime_thread_name *thread = NULL;
	struct threads *t = ctx;
	struct object_dict attributes;
	__u64 id, text, native;

	if (!object_int(&t->objects, key, &id))
		return true;
	for (size_t i = t->first; i < t->count && !thread; i++)
		if (t->list[i].thread.thread_id == id)
			thread = &t->list[i].thread;
	if (!thread || !object_attributes(&t->objects, value, &attributes))
		return true;
	if (object_dict_find(&t->objects, &attributes, t->old ? "_Thread__name" : "_name", &text))
		object_text(&t->objects, text, thread->name, sizeof(thread->name));
	/* 3.8 to 3.10 keep it here only */
	if (!thread->native_id &&
	    object_dict_find(&t->objects, &attributes, "_native_id", &native) &&
	    object_int(&t->objects, native, &id) && id <= 1u << 22)
		thread->native_id = id;
	return true;
}

static void name_threads(struct threads *t, __u64 interpreter)
{
	struct objects *o = &t->objects;
	struct object_dict modules, threading, active;
	__u64 address;

	if (objects_word(o, interpreter + OFF(o->layout->interp_modules), &address) &&
	    object_dict(o, address, &modules) &&
	    object_dict_find(o, &modules, "threading", &address) &&
	    object_module(o, address, &threading) &&
	    object_dict_find(o, &threading, "_active", &address) &&
	    object_dict(o, address, &active))
		object_dict_each(o, &active, name_thread, t);
}

/*
 * By thread; of one thread's states first those with a name, and of these the main interpreter's.
 */
static int compare_threads(const void *a, const void *b)
{
	const struct found_thread *x = a, *y = b;

	if (x->thread.thread_id != y->thread.thread_id)
		return x->thread.thread_id < y->thread.thread_id ? -1 : 1;
	if (!x->thread.name[0] != !y->thread.name[0])
		return !x->thread.name[0] - !y->thread.name[0];
	return y->interpreter - x->interpreter;
}

/*
 * A thread that runs several interpreters has a state in each, and maybe a name in each: it is told
 * once.
 */
static void tell_threads(struct threads *t,
			 void (*add)(void *ctx, const struct runtime_thread_name *thread),
			 void *ctx)
{
	if (t->count)
		qsort(t->list, t->count, sizeof(*t->list), compare_threads);
	for (size_t i = 0, next; i < t->count; i = next) {
		struct runtime_thread_name *thread = &t->list[i].thread;

		for (next = i + 1;
		     next < t->count && t->list[next].thread.thread_id == thread->thread_id; next++)
			if (!thread->native_id)
				thread->native_id = t->list[next].thread.native_id;
		add(ctx, thread);
	}
}

int python_threads(const struct runtime_binary *binary, pid_t pid, __u64 bias,
		   void (*add)(void *ctx, const struct runtime_thread_name *thread), void *ctx)
{
	const struct scry_python *python = &binary->wire.python;
	struct threads t = { .objects = { pid, &python->layout, MAX_READS },
			     .old = python->version < PY_VERSION(3, 0) };
	__u64 interpreter;
	int err = remote_read(pid, python->interpreters + bias, &interpreter, sizeof(interpreter));

	for (; t.interpreter < MAX_INTERPRETERS && !err && interpreter; t.interpreter++) {
		t.first = t.count;
		err = read_states(&t, interpreter);
		name_threads(&t, interpreter);
		if (!objects_word(&t.objects, interpreter + OFF(python->layout.interp_next),
				  &interpreter))
			break;
	}
	if (!err)
		tell_threads(&t, add, ctx);
	free(t.list);
	return err;
}
