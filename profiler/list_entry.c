// SPDX-License-Identifier: GPL-2.0-only
/* Gather what is said of a process. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "elf.h"
#include "list.h"

#define COMMAND_MAX 4096
#define NAMES_MAX   65536 /* threads or events that a process can make us remember */

/* One more element, zeroed; NULL: no memory, or too many. */
static void *grow(void *array, size_t *count, size_t size)
{
	char **at = array;
	char *more = *count < NAMES_MAX ? reallocarray(*at, *count + 1, size) : NULL;

	if (!more)
		return NULL;
	*at = more;
	return memset(more + size * (*count)++, 0, size);
}

static int add_thread(struct list_entry *entry, pid_t id, const char *name)
{
	struct list_thread *thread = grow(&entry->threads, &entry->thread_count, sizeof(*thread));

	if (!thread)
		return -ENOMEM;
	thread->id = id;
	thread->name = strdup(name);
	return thread->name ? 0 : -ENOMEM;
}

static void add_event(void *ctx, const char *event, const char *method, const char *place)
{
	struct list_entry *entry = ctx;
	struct list_event *e = grow(&entry->events, &entry->event_count, sizeof(*e));

	if (!e)
		return;
	e->event = strdup(event);
	e->method = strdup(method);
	e->place = strdup(place);
}

struct named {
	struct runtime_thread_name *names;
	size_t count;
	bool unplaced;	/* some have no native id: which thread of the kernel they are cannot be told */
};

static void add_name(void *ctx, const struct runtime_thread_name *thread)
{
	struct named *named = ctx;
	struct runtime_thread_name *name = grow(&named->names, &named->count, sizeof(*name));

	if (!name)
		return;
	*name = *thread;
	named->unplaced |= !name->native_id;
}

struct threads {
	struct list_entry *entry;
	const struct named *named;
};

/*
 * The name the program gave a thread, else its short name. inner: its id as its own process sees
 * it.
 */
static int name_thread(void *ctx, pid_t tid)
{
	struct threads *threads = ctx;
	const struct runtime_thread_name *names = threads->named->names;
	struct proc_status status;
	char comm[PROC_COMM_SIZE];

	threads->entry->running++;
	if (proc_status(tid, &status))
		return 0;
	for (size_t i = 0; i < threads->named->count; i++)
		if (names[i].native_id == status.inner && *names[i].name)
			return add_thread(threads->entry, tid, names[i].name);
	if (threads->named->unplaced)
		return 0;
	proc_comm(tid, comm);
	return add_thread(threads->entry, tid, comm);
}

static int gather_threads(struct list_entry *entry)
{
	const struct target *t = &entry->target;
	struct named named = { 0 };
	struct threads threads = { entry, &named };
	int err;

	/* Without its names the threads are listed all the same. */
	if (t->binary->ops->threads)
		t->binary->ops->threads(t->binary, t->pid, t->bias, add_name, &named);
	err = proc_each_thread(t->pid, name_thread, &threads);
	for (size_t i = 0; !err && i < named.count; i++)
		if (!named.names[i].native_id && *named.names[i].name)
			err = add_thread(entry, 0, named.names[i].name);
	free(named.names);
	return err;
}

static void gather_events(struct list_entry *entry)
{
	const struct runtime_binary *binary = entry->target.binary;
	struct elf *elf = NULL;
	int fd = runtime_binary_open(binary, entry->target.pid);

	/* elf_open takes fd over, also when it fails. */
	if (fd < 0 || elf_open(fd, &elf))
		return;
	binary->ops->events(binary, elf, add_event, entry);
	elf_close(elf);
}

static int count_thread(void *ctx, pid_t tid)
{
	((struct list_entry *)ctx)->running++;
	return 0;
}

int list_entry_init(struct list_entry *entry, const struct target *target, bool full)
{
	char command[COMMAND_MAX];
	int err;

	*entry = (struct list_entry){ .target = *target };
	proc_comm(target->pid, entry->comm);
	proc_command(target->pid, command, sizeof(command));
	entry->command = strdup(command);
	if (!entry->command)
		return -ENOMEM;
	err = full ? gather_threads(entry) : proc_each_thread(target->pid, count_thread, entry);
	if (!err && full && target->binary->ops->events)
		gather_events(entry);
	return err;
}

void list_entry_deinit(struct list_entry *entry)
{
	for (size_t i = 0; i < entry->thread_count; i++)
		free(entry->threads[i].name);
	for (size_t i = 0; i < entry->event_count; i++) {
		free(entry->events[i].event);
		free(entry->events[i].method);
		free(entry->events[i].place);
	}
	free(entry->threads);
	free(entry->events);
	free(entry->command);
}
