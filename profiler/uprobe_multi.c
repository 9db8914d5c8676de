// SPDX-License-Identifier: GPL-2.0-only
#include "uprobe_multi.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

/* union bpf_attr, link_create with uprobe_multi: include/uapi/linux/bpf.h of 6.6, which older headers do not have. */
struct link_create {
	__u32 program, target, type, flags;
	__u64 path, offsets, counters, cookies;
	__u32 count, multi_flags, pid, pad;
};

int uprobe_multi_attach(int program, const char *path, __u64 offset)
{
	struct link_create create = {
		.program = program,
		.type = UPROBE_MULTI_TYPE,
		.path = (__u64)(unsigned long)path,
		.offsets = (__u64)(unsigned long)&offset,
		.count = 1,
	};
	int fd = syscall(SYS_bpf, BPF_LINK_CREATE, &create, sizeof(create));

	return fd < 0 ? -errno : fd;
}

/* A kernel that has it looks for the file; one that has not refuses the type. */
static bool ask(void)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = UPROBE_MULTI_TYPE);
	struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int program = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "scry_ask", "GPL", nothing, 2, &options), err;

	if (program < 0)
		return false;
	err = uprobe_multi_attach(program, "/proc/self/no-such-file", 0);
	if (err >= 0)
		close(err);
	close(program);
	return err == -ENOENT;
}

bool uprobe_multi_is_there(void)
{
	static int known = -1;

	if (known < 0)
		known = ask();
	return known;
}
