// SPDX-License-Identifier: GPL-2.0-only
#include "follow.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../bpf/wire.h"
#include "../runtimes/runtime.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "expect.h"
#include "loop.h"
#include "proc.h"
#include "probes.h"
#include "../bpf/config.h"
#include "scry.skel.h"

#define MAX_WAITING  32
#define WAIT_NS	     1000000000ull /* for the dynamic linker to have loaded what a program needs */
#define MAX_TRIES    3 /* to look at a process that runs another program each time */

struct follow {
	struct scry_bpf *skel;
	bool everywhere; /* probes are in all processes that run a binary */
	bool stopped, detaching;
	bool held; /* what is executed waits for its probes */
	pthread_t detacher;
	bool uploaded[MAX_BINARIES];
	struct probes probes;
	const struct session_options *options;
	char last_unknown[256];
	struct session_unseen unseen;
	struct {
		pid_t pid; /* 0: free */
		uint64_t since, until; /* ns */
	} waiting[MAX_WAITING];
};

int follow_create(struct scry_bpf *skel, const struct session_options *options, struct follow **ret)
{
	struct follow *f = calloc(1, sizeof(*f));

	if (!f)
		return fail(-ENOMEM, "out of memory");
	f->skel = skel;
	f->options = options;
	f->everywhere = options->all || options->cgroup || options->children || !probes_are_selective();
	probes_init(&f->probes, skel);
	f->probes.values = options->ret;
	f->probes.arguments = options->args;
	f->probes.entries = options->count_only;
	*ret = f;
	return 0;
}

static void *detach(void *probes)
{
	probes_deinit(probes);
	return NULL;
}

void follow_stop(struct follow *f)
{
	if (!f || f->stopped)
		return;
	f->stopped = true; /* records that are still on their way change nothing */
	/* The kernel waits until no program at a probe runs any more: events are then complete. Without them nobody waits. */
	f->detaching = !f->options->events && !pthread_create(&f->detacher, NULL, detach, &f->probes);
	if (!f->detaching)
		probes_deinit(&f->probes);
}

void follow_destroy(struct follow *f)
{
	if (!f)
		return;
	follow_stop(f);
	if (f->detaching)
		pthread_join(f->detacher, NULL);
	free(f);
}

/* Probes of this binary, in process pid. */
static bool needs_probes(const struct follow *f, __u32 index, pid_t pid)
{
	return index < MAX_BINARIES && (!f->uploaded[index] || (!f->everywhere && !(probes_in(&f->probes, pid) >> index & 1)));
}

/* fd: the binary's file. */
static int upload_from(struct follow *f, const struct runtime_binary *binary, int fd, pid_t pid)
{
	__u32 index = runtime_binary_index(binary);
	int err;

	if (index >= MAX_BINARIES)
		return fail(-ENOSPC, "more than %d different interpreters", MAX_BINARIES);
	if (!needs_probes(f, index, pid))
		return 0;
	err = probes_add(&f->probes, binary, fd, f->everywhere ? -1 : pid, f->options->events, f->options->method);
	if (err)
		return err;
	if (!f->uploaded[index])
		err = bpf_map__update_elem(bpf_object__find_map_by_name(f->skel->obj, binary->ops->map), &index, sizeof(index),
					   &binary->wire, binary->ops->wire_size, BPF_ANY);
	if (err)
		return fail(err, "describe %s to the kernel:", binary->path);
	f->uploaded[index] = true;
	return 0;
}

static int upload(struct follow *f, const struct runtime_binary *binary, pid_t pid)
{
	_cleanup_fd_ int fd = runtime_binary_open(binary, pid);

	if (fd < 0)
		return fd == -ESRCH || fd == -ENOENT ? -ESRCH : fail(fd, "open %s of process %d:", binary->path, pid);
	return upload_from(f, binary, fd, pid);
}

static int unknown_version(struct follow *f, pid_t pid, const char *why)
{
	if (!strcmp(f->last_unknown, why))
		return -ENOTSUP;
	snprintf(f->last_unknown, sizeof(f->last_unknown), "%s", why);
	return fail(-ENOTSUP, "process %d: %s", pid, why);
}

/* Does it still run what it ran? */
static bool life_goes_on(pid_t pid, const struct proc_life *life)
{
	struct proc_life now;

	return proc_life(pid, &now) && now.started == life->started && now.start_code == life->start_code;
}

/* By its executable the programs find an interpreter at once. */
static void remember_exe(struct follow *f, const struct scry_exe_key *key, const struct scry_exe *exe)
{
	if (key->inode && exe->place != SCRY_PLACE_ASK)
		bpf_map__update_elem(f->skel->maps.exes, key, sizeof(*key), exe, sizeof(*exe), BPF_ANY);
	else if (key->inode) /* what was found to have none has one now */
		bpf_map__delete_elem(f->skel->maps.exes, key, sizeof(*key), 0);
}

/* The programs are told which binaries' probes are in a process. flags: as of bpf_map_update_elem. */
static int tell_probes(struct follow *f, pid_t pid, __u64 flags)
{
	__u64 probed = f->everywhere ? SCRY_PROBED_ANYWHERE : probes_in(&f->probes, pid);
	__u32 number = pid;

	return bpf_map__update_elem(f->skel->maps.targets, &number, sizeof(number), &probed, sizeof(probed), flags);
}

/* since: when it began to run a program whose probes are there only now, ns; 0: nothing was to be seen before. */
static void note_unseen(struct follow *f, pid_t pid, uint64_t since)
{
	uint64_t now = loop_now();

	if (!since || now < since || !f->options->events)
		return;
	f->unseen.pid = f->unseen.programs && f->unseen.pid != pid ? 0 : pid;
	f->unseen.programs++;
	if (now - since > f->unseen.longest_ns)
		f->unseen.longest_ns = now - since;
}

/*
 * The process is entered in the maps. It may be there: by what they know of the executable the programs can be quicker. But not if
 * its probes are new: then what they have seen so far was not seen whole.
 */
static int enter(struct follow *f, const struct runtime_binary *binary, __u64 bias, pid_t pid, bool new_probes)
{
	struct scry_proc proc = { .bias = bias, .runtime = binary->ops->id, .binary = runtime_binary_index(binary) };
	__u32 number = pid;
	int err;

	proc.instance = __sync_fetch_and_add(&f->skel->bss->next_instance, 1) + 1;
	err = bpf_map__update_elem(f->skel->maps.procs, &number, sizeof(number), &proc, sizeof(proc),
				   new_probes && !f->everywhere ? BPF_ANY : BPF_NOEXIST);
	__atomic_fetch_add(&f->skel->data->lives, 1, __ATOMIC_SEQ_CST);
	if (err && err != -EEXIST)
		return fail(err, "follow process %d:", pid);
	if (new_probes && !f->everywhere)
		tell_probes(f, pid, BPF_EXIST); /* if it is no target yet, it is told when it becomes one */
	return 0;
}

/* -EAGAIN: it ran another program meanwhile, or ended, and nothing was entered. */
static int follow_once(struct follow *f, pid_t pid, bool asked, uint64_t since)
{
	const struct runtime_binary *binary;
	struct scry_exe_key key = {};
	struct scry_exe exe = {};
	struct proc_life life;
	char why[256] = "";
	bool new_probes;
	__u64 bias;
	int err;

	if (!proc_life(pid, &life))
		return -ESRCH;
	err = runtime_examine(pid, &binary, &bias, &key, &exe, why, sizeof(why));
	if (err == -ENOTSUP)
		return unknown_version(f, pid, why);
	if (err == -ENOENT && !life_goes_on(pid, &life)) /* an executable may have been looked for in the maps of another */
		return -EAGAIN;
	if (err == -ENOENT && key.inode && asked)
		bpf_map__update_elem(f->skel->maps.exes, &key, sizeof(key), &exe, sizeof(exe), BPF_NOEXIST);
	if (err)
		return err;
	new_probes = needs_probes(f, runtime_binary_index(binary), pid);
	err = upload(f, binary, pid);
	if (err)
		return err;
	exe.runtime = binary->ops->id;
	exe.binary = runtime_binary_index(binary);
	remember_exe(f, &key, &exe);
	err = enter(f, binary, bias, pid, new_probes);
	if (err)
		return err;
	if (life_goes_on(pid, &life)) {
		if (new_probes)
			note_unseen(f, pid, since);
		return 0;
	}
	follow_forget(f, pid);
	return -EAGAIN;
}

static int follow_now(struct follow *f, pid_t pid, bool asked, uint64_t since)
{
	struct scry_proc proc;
	__u32 number = pid;
	int err = -EAGAIN;

	/* Asked while the answer was on its way. */
	if (asked && !bpf_map__lookup_elem(f->skel->maps.procs, &number, sizeof(number), &proc, sizeof(proc), 0))
		return 0;
	for (int i = 0; err == -EAGAIN && i < MAX_TRIES; i++)
		err = follow_once(f, pid, asked, since);
	return err == -EAGAIN ? -ENOENT : err;
}

/* Nobody asks about a process whose events have no probes yet: it is looked at again for a while. */
static void wait_for(struct follow *f, pid_t pid, uint64_t since)
{
	for (int i = 0; i < MAX_WAITING; i++)
		if (!f->waiting[i].pid) {
			f->waiting[i].pid = pid;
			f->waiting[i].since = since;
			f->waiting[i].until = loop_now() + WAIT_NS;
			return;
		}
}

int follow_process(struct follow *f, pid_t pid, bool asked)
{
	int err = f->stopped ? -ENOENT : follow_now(f, pid, asked, 0);

	if (err == -ENOENT && f->options->events && !f->stopped)
		wait_for(f, pid, 0);
	return err;
}

int follow_target(struct follow *f, pid_t pid)
{
	return tell_probes(f, pid, BPF_ANY);
}

struct session_unseen follow_unseen(const struct follow *f)
{
	return f->unseen;
}

void follow_waiting(struct follow *f)
{
	for (int i = 0; i < MAX_WAITING && !f->stopped; i++) {
		pid_t pid = f->waiting[i].pid;

		if (pid && (follow_now(f, pid, false, f->waiting[i].since) != -ENOENT || loop_now() >= f->waiting[i].until))
			f->waiting[i].pid = 0;
	}
}

static int follow_each(void *ctx, pid_t pid)
{
	follow_now(ctx, pid, false, 0);
	return 0;
}

void follow_all(struct follow *f)
{
	proc_each(follow_each, f);
}

/* pid: whose paths these are, 0: ours. Without a process, probes must be where any process runs the file. since: as above. */
static bool expect_in(struct follow *f, pid_t pid, const char *root, const char *program, uint64_t since)
{
	_cleanup_free_ char *library = expect_library(root, program, runtime_may_be);
	const struct runtime_binary *binary;
	struct scry_exe_key key = {};
	struct scry_exe exe = {};
	const char *path;
	bool new_probes;

	if ((!f->everywhere && !pid) || runtime_examine_files(pid, program, library, &binary, &path, &key, &exe))
		return false;
	_cleanup_fd_ int fd = runtime_open_in(pid, path);

	new_probes = needs_probes(f, runtime_binary_index(binary), pid);
	if (fd < 0 || upload_from(f, binary, fd, f->everywhere ? -1 : pid))
		return false;
	remember_exe(f, &key, &exe);
	if (!f->everywhere)
		tell_probes(f, pid, BPF_EXIST);
	if (new_probes)
		note_unseen(f, pid, since);
	return true;
}

bool follow_expect(struct follow *f, const char *program)
{
	return expect_in(f, 0, "", program, 0);
}

static bool expect_of(struct follow *f, pid_t pid, uint64_t since)
{
	_cleanup_free_ char *program = expect_running(pid);
	char root[32];

	snprintf(root, sizeof(root), "/proc/%d/root", pid);
	return program && expect_in(f, pid, root, program, since);
}

bool follow_prepare(struct follow *f, pid_t pid)
{
	struct scry_proc proc;
	__u32 number = pid;

	if (!bpf_map__lookup_elem(f->skel->maps.procs, &number, sizeof(number), &proc, sizeof(proc), 0))
		return true;
	return expect_of(f, pid, 0);
}

void follow_hold(struct follow *f, bool held)
{
	f->held = held;
}

/* Where the interpreter is a library, the dynamic linker may not have it yet: by the files its probes can be there before. */
void follow_exec(struct follow *f, const struct scry_process *exec)
{
	uint64_t time = f->held || exec->outside ? 0 : exec->head.time;
	pid_t pid = exec->head.pid;
	int err;

	if (f->stopped)
		return;
	if (exec->lost && !f->everywhere) {
		probes_lose(&f->probes, pid);
		tell_probes(f, pid, BPF_EXIST);
	}
	err = follow_now(f, pid, false, time);
	if (err == -ENOENT && f->options->events) {
		expect_of(f, pid, time);
		wait_for(f, pid, time);
	}
	probes_drop(&f->probes, pid, false);
}

void follow_forget(struct follow *f, pid_t pid)
{
	__u32 number = pid;

	bpf_map__delete_elem(f->skel->maps.procs, &number, sizeof(number), 0);
	__atomic_fetch_add(&f->skel->data->lives, 1, __ATOMIC_SEQ_CST);
	if (f->stopped)
		return;
	probes_drop(&f->probes, pid, true);
	if (!f->everywhere)
		tell_probes(f, pid, BPF_EXIST);
}
