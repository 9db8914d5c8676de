/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The executable memory of followed processes, and how to unwind through it, in the maps of the programs that walk C frames. What
 * a process maps later is noticed by perf's records of it, or asked for where code in unknown memory is met.
 */
#ifndef SCRY_SPACES_H
#define SCRY_SPACES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "../bpf/wire.h"
#include "../runtimes/native/binaries.h"

struct scry_bpf;
struct spaces;

/* Before loading: which maps are made (deep: stacks have frames of C or of the kernel), for few or many processes. */
void spaces_size_maps(struct scry_bpf *skel, bool deep, bool many);

/* epoll: made readable where memory is mapped. inlined: source lines and inlined functions are wanted. 0 or -errno, reported. */
int spaces_create(struct scry_bpf *skel, int cpus, int epoll, bool inlined, struct spaces **ret);
void spaces_destroy(struct spaces *spaces); /* NULL is allowed */

/* A program is about to be started from this file: have its tables and those of its libraries ready. */
void spaces_expect(struct spaces *spaces, const char *program);

/* Look at a process's memory (again). Silent: of what could not be had the samples tell. */
void spaces_follow(struct spaces *spaces, pid_t pid);
/* A record that concerns memory: a question, the lives of processes, samples. */
void spaces_take(struct spaces *spaces, const struct scry_record *record, size_t size);

/* Look again at those that have mapped memory since. */
void spaces_poll(struct spaces *spaces);

struct native_binaries *spaces_binaries(const struct spaces *spaces);

void spaces_print_stats(const struct spaces *spaces, FILE *to);

#endif
