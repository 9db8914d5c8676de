/* SPDX-License-Identifier: GPL-2.0-only */
/* What `scry list` knows of one process. All text is raw: the printers escape it. */
#ifndef SCRY_LIST_H
#define SCRY_LIST_H

#include <stdio.h>

#include "proc.h"
#include "target.h"

struct list_thread {
	pid_t id;	/* 0: named by the interpreter, which does not say which one it is */
	char *name;
};

struct list_event {
	char *event, *method, *place;
};

struct list_entry {
	struct target target;
	char comm[PROC_COMM_SIZE];
	char *command;
	size_t running;			/* threads the kernel shows */
	struct list_thread *threads;	/* with the program's own names where it gave them */
	size_t thread_count;
	struct list_event *events;
	size_t event_count;
};

/* full: names of threads and events, too. 0 or -errno, silently; to be deinitialised either way. */
int list_entry_init(struct list_entry *entry, const struct target *target, bool full);
void list_entry_deinit(struct list_entry *entry);

/* columns: of the terminal, 0: cut nothing. */
void list_print_entry(const struct list_entry *entry, FILE *to, unsigned columns);
void list_print_table(const struct list_entry *entries, size_t count, FILE *to, unsigned columns);
void list_print_json(const struct list_entry *entries, size_t count, FILE *to);

#endif
