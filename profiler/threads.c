// SPDX-License-Identifier: GPL-2.0-only
#include "threads.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

void threads_init(struct threads *t, struct capture_writer *capture)
{
	memset(t, 0, sizeof(*t));
	t->capture = capture;
}

void threads_deinit(struct threads *t)
{
	table_deinit(&t->lives);
	table_deinit(&t->by_tid);
	table_deinit(&t->by_process);
	table_deinit(&t->by_pointer);
	free(t->life_of);
	free(t->list);
	free(t->processes);
	free(t->pointed);
}

static struct process_life life(const struct threads *t, uint32_t pid)
{
	uint32_t index = table_find(&t->lives, pid, 0);

	return index ? t->life_of[index] : (struct process_life){ 0 };
}

static bool thread_is_known(const struct threads *t, uint32_t life, const struct scry_sample *sample)
{
	return table_find(&t->by_tid, (uint64_t)life << 32 | sample->head.pid, sample->tid);
}

/*
 * The last of a thread's time may be told after the end of its process: that belongs to the life before. Where that one went on as another
 * program, the thread that has the number of the process went on with it.
 */
static uint32_t life_of(const struct threads *t, const struct scry_sample *sample)
{
	struct process_life now = life(t, sample->head.pid);

	if (now.number && sample->exiting && (now.exited || sample->tid != sample->head.pid) &&
	    !thread_is_known(t, now.number, sample) && thread_is_known(t, now.number - 1, sample))
		return now.number - 1;
	return now.number;
}

static uint32_t process_see(struct threads *t, uint32_t pid, uint32_t life)
{
	uint32_t known = t->by_process.count, index = table_put(&t->by_process, life, pid);

	if (!index || !array_reserve(&t->processes, &t->processes_room, index + 1, sizeof(*t->processes)))
		return 0;
	if (index > known) {
		t->processes[index].pid = pid;
		t->processes[index].life = life;
	}
	return index;
}

static void thread_rename(struct threads *t, struct thread *thread, const struct scry_sample *sample)
{
	char name[sizeof(sample->comm) + 1] = "";

	memcpy(thread->comm, sample->comm, sizeof(thread->comm));
	memcpy(name, sample->comm, sizeof(sample->comm));
	if (!thread->named)
		capture_name_thread(t->capture, thread->index, name);
	if (sample->tid == sample->head.pid)
		capture_name_process(t->capture, t->processes[thread->process].life, sample->head.pid, name);
}

/* The thread has this thread pointer now. Its first samples may come before the C library gives it one, which is 0. */
static void thread_point(struct threads *t, uint32_t index, uint64_t pointer)
{
	struct thread *thread = &t->list[index];
	uint32_t pointed = table_put(&t->by_pointer, thread->process, pointer);

	thread->pointer = pointer;
	t->processes[thread->process].fresh = true;
	if (pointed && array_reserve(&t->pointed, &t->pointed_room, pointed + 1, sizeof(*t->pointed)))
		t->pointed[pointed] = index;
}

static struct thread *thread_add(struct threads *t, uint32_t index, const struct scry_sample *sample, uint32_t life)
{
	struct thread *thread = &t->list[index];

	thread->process = process_see(t, sample->head.pid, life);
	thread->index = capture_thread(t->capture, life, sample->head.pid, sample->tid);
	if (!thread->process)
		return NULL;
	thread_point(t, index, sample->thread);
	return thread;
}

uint32_t threads_see(struct threads *t, const struct scry_sample *sample)
{
	uint32_t now = life_of(t, sample), known = t->by_tid.count;
	uint32_t index = table_put(&t->by_tid, (uint64_t)now << 32 | sample->head.pid, sample->tid);
	struct thread *thread;

	if (!index || !array_reserve(&t->list, &t->list_room, index + 1, sizeof(*t->list)))
		return 0;
	thread = &t->list[index];
	if (index > known)
		thread = thread_add(t, index, sample, now);
	if (!thread || !thread->process)
		return 0;
	if (thread->pointer != sample->thread)
		thread_point(t, index, sample->thread);
	if (memcmp(thread->comm, sample->comm, sizeof(thread->comm)))
		thread_rename(t, thread, sample);
	return thread->index;
}

void threads_end(struct threads *t, uint32_t pid, bool exited)
{
	uint32_t known = t->lives.count, process = table_find(&t->by_process, life(t, pid).number, pid), index;

	if (process)
		t->processes[process].gone = true;
	index = table_put(&t->lives, pid, 0);
	if (!index || !array_reserve(&t->life_of, &t->life_room, index + 1, sizeof(*t->life_of)))
		return;
	t->life_of[index].number = index > known ? 1 : t->life_of[index].number + 1;
	t->life_of[index].exited = exited;
}

void threads_name(struct threads *t, uint32_t process, uint64_t pointer, const char *name)
{
	uint32_t pointed = table_find(&t->by_pointer, process, pointer);
	struct thread *thread = pointed ? &t->list[t->pointed[pointed]] : NULL;

	if (!thread || !*name)
		return;
	thread->named = true;
	capture_name_thread(t->capture, thread->index, name);
}
