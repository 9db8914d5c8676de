// SPDX-License-Identifier: GPL-2.0-only
#include "follow.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../bpf/wire.h"
#include "../runtimes/runtime.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "../bpf/config.h"
#include "scry.skel.h"

/* As in bpf/maps.h. */
#define MAX_BINARIES 64

struct follow {
	struct scry_bpf *skel;
	bool everywhere;
	bool uploaded[MAX_BINARIES];
	struct bpf_link **links;
	size_t link_count;
	char last_unknown[256];
};

int follow_create(struct scry_bpf *skel, bool everywhere, struct follow **ret)
{
	struct follow *f = calloc(1, sizeof(*f));

	if (!f)
		return fail(-ENOMEM, "out of memory");
	f->skel = skel;
	f->everywhere = everywhere;
	*ret = f;
	return 0;
}

void follow_destroy(struct follow *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->link_count; i++)
		bpf_link__destroy(f->links[i]);
	free(f->links);
	free(f);
}

/* Watch the binary's code objects die: in this process, or wherever the binary is mapped. */
static int watch_code(struct follow *f, const struct runtime_binary *binary, pid_t pid)
{
	_cleanup_fd_ int fd = -1;
	struct bpf_link **links, *link;
	char path[64];

	if (!binary->code_dealloc)
		return fail(-ENOTSUP, "%s: cannot find where code objects are freed, so names could not be exact",
			    binary->path);
	links = realloc(f->links, (f->link_count + 1) * sizeof(*links));
	if (!links)
		return fail(-ENOMEM, "out of memory");
	f->links = links;
	fd = runtime_binary_open(binary, pid);
	if (fd < 0)
		return fd == -ESRCH || fd == -ENOENT ? -ESRCH : fail(fd, "open %s of process %d:", binary->path, pid);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	link = bpf_program__attach_uprobe(f->skel->progs.code_dealloc, false, f->everywhere ? -1 : pid, path,
					  binary->code_dealloc);
	if (!link)
		return errno == ESRCH ? -ESRCH : fail(-errno, "probe %s:", binary->path);
	f->links[f->link_count++] = link;
	return 0;
}

static int upload(struct follow *f, const struct runtime_binary *binary, pid_t pid)
{
	__u32 index = runtime_binary_index(binary);
	int err;

	if (index >= MAX_BINARIES)
		return fail(-ENOSPC, "more than %d different interpreters", MAX_BINARIES);
	if (f->uploaded[index] && f->everywhere)
		return 0;
	err = watch_code(f, binary, pid);
	if (err)
		return err;
	if (!f->uploaded[index])
		err = bpf_map__update_elem(f->skel->maps.pythons, &index, sizeof(index), &binary->wire.python,
					   sizeof(binary->wire.python), BPF_ANY);
	if (err)
		return fail(err, "describe %s to the kernel:", binary->path);
	f->uploaded[index] = true;
	return 0;
}

static int unknown_version(struct follow *f, pid_t pid, const char *why)
{
	if (!strcmp(f->last_unknown, why))
		return -ENOTSUP;
	snprintf(f->last_unknown, sizeof(f->last_unknown), "%s", why);
	return fail(-ENOTSUP, "process %d: %s", pid, why);
}

int follow_process(struct follow *f, pid_t pid, bool asked)
{
	const struct runtime_binary *binary;
	struct scry_exe_key key = {};
	struct scry_exe exe = {};
	struct scry_proc proc = {};
	__u32 number = pid;
	char why[256] = "";
	int err;

	err = runtime_examine(pid, &binary, &proc.bias, &key, &exe, why, sizeof(why));
	if (err == -ENOTSUP)
		return unknown_version(f, pid, why);
	if (err == -ENOENT && key.inode && asked)
		bpf_map__update_elem(f->skel->maps.exes, &key, sizeof(key), &exe, sizeof(exe), BPF_NOEXIST);
	if (err)
		return err;
	err = upload(f, binary, pid);
	if (err)
		return err;
	proc.runtime = exe.runtime = binary->ops->id;
	proc.binary = exe.binary = runtime_binary_index(binary);
	proc.instance = __sync_fetch_and_add(&f->skel->bss->next_instance, 1) + 1;
	if (key.inode && exe.place != SCRY_PLACE_ASK)
		bpf_map__update_elem(f->skel->maps.exes, &key, sizeof(key), &exe, sizeof(exe), BPF_ANY);
	/* The programs may have been quicker, by what they know of the executable. */
	err = bpf_map__update_elem(f->skel->maps.procs, &number, sizeof(number), &proc, sizeof(proc), BPF_NOEXIST);
	return err && err != -EEXIST ? fail(err, "follow process %d:", pid) : 0;
}

void follow_forget(struct follow *f, pid_t pid)
{
	__u32 number = pid;

	bpf_map__delete_elem(f->skel->maps.procs, &number, sizeof(number), 0);
}
