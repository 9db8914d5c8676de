// SPDX-License-Identifier: GPL-2.0-only
#include "thread_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../runtimes/runtime.h"
#include "base/array.h"
#include "base/err.h"
#include "base/table.h"
#include "loop.h"

/* A thread's name is known to its program a moment after its first event; most are found at the first or second question. */
#define ASK_FIRST_NS 5000000ull
#define ASK_LAST_NS  2000000000ull

struct named {
	uint64_t pointer;   /* the thread's, as the interpreter knows it */
	uint64_t ask, wait; /* ns: when to ask again */
	uint32_t pid;
	char comm[17];
	char name[64]; /* "": the program gave it none */
};

struct thread_names {
	struct table lives; /* (pid, 0) -> index in life_of */
	uint32_t *life_of;
	size_t life_room;
	struct table by_tid; /* (life << 32 | pid, tid) -> index in list */
	struct named *list;
	size_t list_room;
	uint32_t last; /* index of the latest: events come in runs */
	uint32_t last_pid, last_tid;
};

int thread_names_create(struct thread_names **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : fail(-ENOMEM, "out of memory");
}

void thread_names_destroy(struct thread_names *n)
{
	if (!n)
		return;
	table_deinit(&n->lives);
	table_deinit(&n->by_tid);
	free(n->life_of);
	free(n->list);
	free(n);
}

static uint64_t process_key(const struct thread_names *n, uint32_t pid)
{
	uint32_t index = table_find(&n->lives, pid, 0);

	return (uint64_t)(index ? n->life_of[index] : 0) << 32 | pid;
}

void thread_names_end(struct thread_names *n, uint32_t pid)
{
	uint32_t known = n->lives.count, index = table_put(&n->lives, pid, 0);

	n->last = 0;
	if (index && array_reserve(&n->life_of, &n->life_room, index + 1, sizeof(*n->life_of)))
		n->life_of[index] = index > known ? 1 : n->life_of[index] + 1;
}

/* NULL: no memory */
static struct named *find(struct thread_names *n, const struct event *event)
{
	uint32_t known = n->by_tid.count, index;

	if (n->last && n->last_pid == event->pid && n->last_tid == event->tid)
		return &n->list[n->last];
	index = table_put(&n->by_tid, process_key(n, event->pid), event->tid);
	if (!index || !array_reserve(&n->list, &n->list_room, index + 1, sizeof(*n->list)))
		return NULL;
	n->last = index;
	n->last_pid = event->pid;
	n->last_tid = event->tid;
	if (index > known) {
		n->list[index].pid = event->pid;
		n->list[index].pointer = event->sample->thread;
		n->list[index].wait = ASK_FIRST_NS;
	}
	return &n->list[index];
}

struct asking {
	struct named *thread;
};

static void take_name(void *ctx, const struct runtime_thread_name *thread)
{
	const struct asking *asking = ctx;

	if (thread->thread_id == asking->thread->pointer)
		memcpy(asking->thread->name, thread->name, sizeof(thread->name));
}

static void ask(struct named *thread, const struct session *session)
{
	struct asking asking = { thread };
	const struct runtime_binary *binary;
	uint64_t now = loop_now();
	struct scry_proc place;

	if (now < thread->ask)
		return;
	thread->ask = now + thread->wait;
	thread->wait = thread->wait < ASK_LAST_NS ? thread->wait * 2 : ASK_LAST_NS;
	if (!session_place(session, (pid_t)thread->pid, &place))
		return;
	binary = runtime_binary_at(place.binary);
	if (binary && binary->ops->threads)
		binary->ops->threads(binary, (pid_t)thread->pid, place.bias, take_name, &asking);
}

const char *thread_names_find(struct thread_names *n, const struct session *session, const struct event *event)
{
	struct named *thread = find(n, event);

	if (!thread)
		return "?";
	if (!*thread->name && session)
		ask(thread, session);
	if (*thread->name)
		return thread->name;
	memcpy(thread->comm, event->sample->comm, sizeof(event->sample->comm));
	return thread->comm;
}
