/* SPDX-License-Identifier: GPL-2.0-only */
/* What trace and stat have in common: from the records of a session to the events asked for, with their names. */
#ifndef SCRY_WATCH_H
#define SCRY_WATCH_H

#include <stdbool.h>

#include "codebook.h"
#include "events.h"
#include "session.h"
#include "thread_names.h"

/* Globs, NULL: all. A file is meant by its path, or by its base name where the glob has no slash. */
struct watch_filter {
	const char *func, *file; /* of the function an event happens in */
	const char *text;	 /* of the event's first text: module, type, name of an audit event */
};

struct watch {
	struct watch_filter filter;
	struct session *session; /* NULL until the session is open */
	struct codebook *book;
	struct thread_names *names;
	unsigned char *verdicts; /* enum scry_verdict by function */
	size_t verdicts_room;
};

/* 0 or -ENOMEM, reported. */
int watch_init(struct watch *watch, const struct watch_filter *filter);
void watch_deinit(struct watch *watch);

/* Take a record; true: it is an event that is wanted, now in *ret. */
bool watch_take(struct watch *watch, const struct scry_record *record, size_t size, struct event *ret);

/* Is a function wanted? Its index is one of the codebook's. */
bool watch_wants(struct watch *watch, uint32_t function);

/* Where an event happened, or a caller: frame by index in the event. */
struct watch_place {
	uint32_t function; /* in the codebook; 0: not known */
	const char *name, *file;
	int line; /* of a call, the function's first one; else the one being executed; 0: not known */
};
struct watch_place watch_place(const struct watch *watch, const struct event *event, uint32_t frame);
/* Of the callers, innermost first, the next to be shown; *frame: 0 at first. false: there are no more. */
bool watch_next_caller(const struct watch *watch, const struct event *event, uint32_t *frame, struct watch_place *ret);

/* Raw text, valid until the next call. */
const char *watch_thread(struct watch *watch, const struct event *event);

/* Parts of a summary on what could not be shown, each only if there is any: ", 3 unpaired, ...". */
void watch_print_losses(const struct session *session, FILE *to);

#endif
