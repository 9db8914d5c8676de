/* SPDX-License-Identifier: GPL-2.0-only */
/* How threads are called while a session runs: by their program where it names them, else by the kernel. */
#ifndef SCRY_THREAD_NAMES_H
#define SCRY_THREAD_NAMES_H

#include "events.h"
#include "session.h"

struct thread_names;

/* 0 or -ENOMEM, reported. */
int thread_names_create(struct thread_names **ret);
void thread_names_destroy(struct thread_names *names); /* NULL is allowed */

/* Name of the thread an event happened in: raw text, valid until the next call. session NULL: only what is known. */
const char *thread_names_find(struct thread_names *names, const struct session *session, const struct event *event);

/* The process has ended: its pid may stand for another one from now on. */
void thread_names_end(struct thread_names *names, uint32_t pid);

#endif
