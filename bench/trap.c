// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program that does nothing at the places where scry sees calls: trap PID METHOD. What it costs the target is what the kernel
 * takes for the breakpoints alone, which nobody can go below. Until it is interrupted.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/err.h"
#include "profiler/elf.h"
#include "profiler/probes.h"
#include "profiler/uprobe_multi.h"
#include "runtimes/runtime.h"

#define MAX_PLACES 256

struct places {
	__u64 offsets[MAX_PLACES], semaphores[MAX_PLACES], cookies[MAX_PLACES];
	__u32 count;
};

static void add(void *ctx, const struct runtime_probe *probe)
{
	struct places *places = ctx;

	if (probe->for_values || places->count == MAX_PLACES)
		return;
	places->offsets[places->count] = probe->offset;
	places->semaphores[places->count] = probe->semaphore;
	places->cookies[places->count++] = probe->cookie;
}

static int load(void)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = UPROBE_MULTI_TYPE);
	const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_KPROBE, "nothing", "GPL", nothing, ARRAY_SIZE(nothing), &options);
}

static int method_of(const char *name)
{
	for (int i = 0; runtime_method_names[i]; i++)
		if (!strcmp(runtime_method_names[i], name))
			return i;
	return -1;
}

static int attach(pid_t pid, int method)
{
	const struct runtime_binary *binary;
	enum runtime_method used;
	struct places found = { .count = 0 };
	struct elf *elf;
	char why[256] = "", path[64];
	int fd, err;

	err = runtime_examine(pid, &binary, &(__u64){ 0 }, &(struct scry_exe_key){ 0 }, NULL, why, sizeof(why));
	if (err)
		return fail(err, "process %d: %s", pid, *why ? why : "no interpreter");
	fd = runtime_binary_open(binary, pid);
	err = fd < 0 ? fd : elf_open(dup(fd), &elf);
	if (err)
		return fail(err, "open %s:", binary->path);
	err = binary->ops->probes(binary, elf, RUNTIME_EVENT_CALL, (enum runtime_method)method, add, &found, &used, why,
				  sizeof(why));
	elf_close(elf);
	if (err)
		return fail(err, "%s", why);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err = uprobe_multi_attach(load(), path, pid,
				  &(struct uprobe_places){ found.offsets, found.semaphores, found.cookies, found.count });
	return err < 0 ? fail(err, "attach:") : 0;
}

static void stop(int number)
{
}

int main(int argc, char **argv)
{
	int method = argc == 3 ? method_of(argv[2]) : -1;

	if (method < 0) {
		fail(-EINVAL, "usage: trap PID METHOD");
		return 2;
	}
	signal(SIGINT, stop);
	if (attach(atoi(argv[1]), method))
		return 1;
	pause();
	return 0;
}
