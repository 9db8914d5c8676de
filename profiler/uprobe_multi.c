// SPDX-License-Identifier: GPL-2.0-only
#include "uprobe_multi.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

/* union bpf_attr, link_create with uprobe_multi: include/uapi/linux/bpf.h of 6.6, which older headers do not have. */
struct link_create {
	__u32 program, target, type, flags;
	__u64 path, offsets, counters, cookies;
	__u32 count, multi_flags, pid, pad;
};

int uprobe_multi_attach(int program, const char *path, pid_t pid, const struct uprobe_places *places)
{
	struct link_create create = {
		.program = program,
		.type = UPROBE_MULTI_TYPE,
		.path = (__u64)(unsigned long)path,
		.offsets = (__u64)(unsigned long)places->offsets,
		.counters = (__u64)(unsigned long)places->semaphores,
		.cookies = (__u64)(unsigned long)places->cookies,
		.count = places->count,
		.pid = pid,
	};
	int fd = syscall(SYS_bpf, BPF_LINK_CREATE, &create, sizeof(create));

	return fd < 0 ? -errno : fd;
}

/* A program that does nothing, loaded for it. */
static int load(void)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = UPROBE_MULTI_TYPE);
	const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_KPROBE, "scry_ask", "GPL", nothing, ARRAY_SIZE(nothing), &options);
}

/* Attach nowhere: the kernel looks for the file first, then for the process, then at the offset, which is refused. */
static int try_nowhere(const char *path, pid_t pid)
{
	_cleanup_fd_ int program = load();
	const __u64 offset = -1;
	const struct uprobe_places places = { .offsets = &offset, .count = 1 };
	int err = program < 0 ? program : uprobe_multi_attach(program, path, pid, &places);

	if (err >= 0)
		close(err);
	return err;
}

/* For tests, SCRY_UPROBES=perf is a kernel before 6.6, and =threads one before 6.10. */
static bool pretends(const char *kind)
{
	const char *wanted = getenv("SCRY_UPROBES");

	return wanted && !strcmp(wanted, kind);
}

/* A kernel that has not got it refuses the type before it looks for the file. */
bool uprobe_multi_is_there(void)
{
	static int known = -1;

	if (known < 0)
		known = !pretends("perf") && try_nowhere("/proc/self/no-such-file", 0) == -ENOENT;
	return known;
}

/* In a thread whose number is no process's. */
static void *try_thread(void *ret)
{
	*(int *)ret = try_nowhere("/proc/self/exe", syscall(SYS_gettid));
	return NULL;
}

bool uprobe_multi_knows_processes(void)
{
	static int known = -1;
	int err = -EINVAL;
	pthread_t thread;

	if (known >= 0)
		return known;
	if (!pthread_create(&thread, NULL, try_thread, &err))
		pthread_join(thread, NULL);
	known = err == -ESRCH && !pretends("threads");
	return known;
}
