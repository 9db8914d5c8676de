// SPDX-License-Identifier: GPL-2.0-only
/* Finding a process's interpreter from its executable alone. */
#include "ask.h"
#include "place.h"
#include "walk.h"

#define ASK_FIRST_NS  2000000ULL /* 2 ms */
#define ASK_LAST_NS   8000000000ULL
#define E2BIG 7 /* <asm/errno.h> would bring the C library's */
#define MAX_LIBRARIES 64 /* looked at in the dynamic linker's list; one that is opened late is found by user space */

__u32 next_instance = 0;

/* The walk along struct link_map (glibc's and musl's <link.h>: l_addr, l_name, l_ld, l_next). */
struct place_search {
	__u64 map;	/* next struct link_map */
	__u64 dynamic;	/* link-time address of the wanted library's dynamic section */
	__u64 bias;	/* found: l_addr */
};

static __always_inline bool place_step(struct place_search *p)
{
	__u64 map[4] = {};

	if (!p->map || walk_read(map, sizeof(map), p->map))
		return true;
	if (map[2] - map[0] == p->dynamic) {
		p->bias = map[0];
		return true;
	}
	p->map = map[3];
	return false;
}

/* Load bias of the library among those the dynamic linker has loaded; 0: not (yet) there. */
static __always_inline __u64 place_library(const struct scry_exe *exe, __u64 exe_bias)
{
	struct place_search p = { .dynamic = exe->library_dynamic };
	__u64 debug = 0;

	/* DT_DEBUG points to struct r_debug: r_version, then r_map */
	if (walk_read(&debug, sizeof(debug), exe_bias + exe->debug_slot) || !debug ||
	    walk_read(&p.map, sizeof(p.map), debug + 8))
		return 0;
	for (int i = 0; i < MAX_LIBRARIES; i++)
		if (place_step(&p))
			break;
	return p.bias;
}

/* Is it really the binary we know at this bias? A file may have been replaced under the same inode. */
static __always_inline bool place_is_build(const struct scry_exe *exe, __u64 bias)
{
	__u8 id[20] = {};

	if (exe->build_id_size != sizeof(id))
		return !exe->build_id_size;
	if (walk_read(id, sizeof(id), bias + exe->build_id_at))
		return false;
	for (int i = 0; i < (int)sizeof(id); i++)
		if (id[i] != exe->build_id[i])
			return false;
	return true;
}

/* Names are exact, and events whole, only where the binary's probes are in this process too. */
static __always_inline bool place_is_probed(const struct scry_exe *exe, __u32 pid)
{
	__u64 *probed = config.all ? 0 : bpf_map_lookup_elem(&targets, &pid);

	return config.all || (probed && *probed >> (exe->binary & (MAX_BINARIES - 1)) & 1);
}

static __always_inline bool place_known(const struct scry_exe *exe, struct mm_struct *mm, struct scry_proc *proc)
{
	__u64 bias = exe->fixed ? 0 : mm->start_code - exe->start_code;

	if (exe->place == SCRY_PLACE_LINKED) {
		bias = place_library(exe, bias);
		if (!bias)
			return false;
	} else if (exe->place != SCRY_PLACE_EXE) {
		return false;
	}
	proc->bias = bias;
	proc->runtime = exe->runtime;
	proc->binary = exe->binary;
	return place_is_build(exe, bias);
}

__noinline int place_process(__u32 pid)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mm_struct *mm = task->mm;
	struct scry_proc proc = {};
	struct scry_exe_key key = {};
	struct scry_exe *exe;
	struct file *file;

	if (!mm)
		return SCRY_WALK_EXITING;
	file = mm->exe_file;
	if (!file)
		return SCRY_WALK_EXITING;
	key.inode = file->f_inode->i_ino;
	key.device = file->f_inode->i_sb->s_dev;
	exe = bpf_map_lookup_elem(&exes, &key);
	if (exe && place_is_probed(exe, pid) && place_known(exe, mm, &proc)) {
		proc.instance = __sync_fetch_and_add(&next_instance, 1) + 1;
		if (bpf_map_update_elem(&procs, &pid, &proc, BPF_NOEXIST) == -E2BIG)
			return SCRY_WALK_PROCS_FULL;
		return SCRY_WALK_OK;
	}
	ask_seldom(&asked, SCRY_RECORD_ASK, pid, ASK_FIRST_NS, ASK_LAST_NS);
	return exe && exe->place == SCRY_PLACE_ASK ? SCRY_WALK_NO_INTERPRETER : SCRY_WALK_PENDING;
}
