// SPDX-License-Identifier: GPL-2.0-only
/* The walk of C frames in the current task. Its maps and functions are only there where a program that uses them is loaded. */
#include "ask.h"
#include "native.h"
#include "probed.h"
#include "task.h"

#define ASK_FIRST_NS 1000000ULL /* 1 ms */
#define ASK_LAST_NS  1000000000ULL
#define STEPS	     4

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_PROCS);
	__type(key, __u32);
	__type(value, struct native_proc);
} native_procs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set at load */
	__type(key, __u32);
	__type(value, struct native_space);
} native_spaces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set at load */
	__type(key, __u32);
	__type(value, struct native_part);
} native_parts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NATIVE_PAGES);
	__type(key, __u32);
	__type(value, struct native_page);
} native_pages SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NATIVE_RULES);
	__type(key, __u32);
	__type(value, struct native_rule);
} native_rules SEC(".maps");

/* Rows, in maps that user space makes as they are needed. */
struct native_segment {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NATIVE_SEGMENT);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct native_block));
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, NATIVE_SEGMENTS);
	__type(key, __u32);
	__array(values, struct native_segment);
} native_rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_PROCS);
	__type(key, __u32);
	__type(value, struct scry_asked);
} native_asked SEC(".maps");

static __always_inline const struct native_space *walk_space(__u32 index)
{
	return bpf_map_lookup_elem(&native_spaces, &index);
}

static __always_inline const struct native_part *walk_part(__u32 index)
{
	return bpf_map_lookup_elem(&native_parts, &index);
}

static __always_inline const struct native_page *walk_page(__u32 index)
{
	return bpf_map_lookup_elem(&native_pages, &index);
}

static __always_inline const struct native_rule *walk_rule(__u32 number)
{
	return bpf_map_lookup_elem(&native_rules, &number);
}

static __always_inline const struct native_block *walk_block(__u32 index)
{
	__u32 segment = index / NATIVE_SEGMENT, in = index & (NATIVE_SEGMENT - 1);
	void *blocks = bpf_map_lookup_elem(&native_rows, &segment);

	return blocks ? bpf_map_lookup_elem(blocks, &in) : 0;
}

#include "../runtimes/native/walk.h"

#if defined(__TARGET_ARCH_x86)
/* In user mode, or where the task entered the kernel: struct pt_regs (arch/x86/include/asm/ptrace.h). */
static __always_inline bool native_begin(struct native_walk *n)
{
	const void *at = (const void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	struct pt_regs regs;

	if (bpf_probe_read_kernel(&regs, sizeof(regs), at))
		return false;
	n->pc = regs.rip;
	n->sp = regs.rsp;
	n->bp = regs.rbp;
	n->reg[0] = regs.rax;
	n->reg[1] = regs.rdx;
	n->reg[2] = regs.rcx;
	n->bx = regs.rbx;
	n->reg[4] = regs.rsi;
	n->reg[5] = regs.rdi;
	n->reg[8] = regs.r8;
	n->reg[9] = regs.r9;
	n->reg[10] = regs.r10;
	n->reg[11] = regs.r11;
	n->reg[12] = regs.r12;
	n->reg[13] = regs.r13;
	n->reg[14] = regs.r14;
	n->reg[15] = regs.r15;
	n->called = 0;
	n->kept = 0;
	n->inner = 1;
	return true;
}
#else
static __always_inline bool native_begin(struct native_walk *n)
{
	return false;
}
#endif

/* Each a global function, which the verifier looks at once. */

/* The function that was left has a probe at its return. 0: where it returns to is not known. */
__noinline int native_returned(__u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);

	if (!s)
		return 0;
	s->native.pc = probed_return(s->native.sp - 8);
	return s->native.pc != 0;
}

__noinline int native_at(__u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);

	if (!s)
		return 0;
	if (s->native.returns && s->native.called && s->native.pc == s->native.returns && !native_returned(slot)) {
		s->native.error = SCRY_WALK_NATIVE_PROBED;
		return 0;
	}
	return native_enter(s);
}

__noinline int native_blocks(__u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);

	if (s)
		native_find_block(&s->native);
	return 0;
}

__noinline int native_number(__u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);

	if (!s || !native_rows_of(&s->native))
		return NATIVE_RULE_NONE;
	if ((s->native.rows_end - 1) / NATIVE_BLOCK_ROWS != s->native.block)
		native_blocks(slot);
	return native_rule_number(&s->native);
}

__noinline int native_step(__u32 slot, __u32 number)
{
	struct scry_scratch *s = scratch_at(slot);

	return !s || native_leave(s, number);
}

__noinline int native_steps(__u32 slot)
{
	for (int i = 0; i < STEPS; i++)
		if (!native_at(slot) || native_step(slot, native_number(slot)))
			return 1;
	return 0;
}

__noinline int native_far(__u32 slot)
{
	for (int i = 0; i < 64; i++)
		if (native_steps(slot))
			return 1;
	return 0;
}

/* Number of the rule so many bytes before the innermost frame's pc. */
__noinline int native_rule_before(__u32 slot, __u32 bytes)
{
	struct scry_scratch *s = scratch_at(slot);

	if (!s || !native_locate(&s->native, s->native.pc - bytes))
		return NATIVE_RULE_NONE;
	s->native.link = s->native.pc - bytes - s->native.map.bias;
	return native_number(slot);
}

/*
 * The instruction that may have been executed is a function's first, by that rule, and saves a register: then what is on the stack now
 * is that, and the return address behind it; else the return address itself. false: neither, or both.
 */
__noinline int native_entered(__u32 slot, __u32 number)
{
	const struct native_rule *rule = walk_rule(number);
	struct scry_scratch *s = scratch_at(slot);
	__u64 top[2];
	bool entered, saved;

	if (!s || !rule || rule->kind != NATIVE_RULE_REGISTER || rule->reg != NATIVE_RSP || rule->cfa != 8 ||
	    walk_read(top, sizeof(top), s->native.sp))
		return 0;
	entered = native_follows_call(top[0]);
	saved = native_follows_call(top[1]);
	if (entered)
		s->native.pc--;
	return entered != saved;
}

/* Take probes out of the innermost frame. false: it cannot be known. */
__noinline int native_unprobe(__u32 slot, bool in_user)
{
	struct scry_scratch *s = scratch_at(slot);
	int rule;

	if (!s)
		return 0;
	switch (probed_begin(&s->native, in_user)) {
	case PROBED_AT:
		return 1;
	case PROBED_BEHIND: /* unless the instruction saves a register, that makes no difference */
		rule = native_rule_before(slot, 1);
		if (rule == NATIVE_RULE_NONE)
			return 0;
		if (rule != native_rule_before(slot, 0))
			return native_entered(slot, rule);
		s->native.pc--;
		return 1;
	default:
		return 0;
	}
}

__noinline int native_walk(__u32 pid, __u32 slot, bool in_user)
{
	struct native_proc *proc = bpf_map_lookup_elem(&native_procs, &pid);
	struct scry_scratch *s = scratch_at(slot);
	struct mm_struct *mm = bpf_get_current_task_btf()->mm;
	struct native_walk *n;
	__u32 limit = config.max_stack * 4; /* between two interpreted frames there are often three of the interpreter */

	if (!s)
		return 0;
	n = &s->native;
	n->error = SCRY_WALK_NATIVE_PENDING;
	n->count = 0;
	n->first = s->sample.count;
	n->limit = limit < SCRY_MAX_NATIVE ? limit : SCRY_MAX_NATIVE;
	n->map.start = n->map.end = 0;
	if (proc && mm && proc->stack == mm->start_stack && native_begin(n)) {
		n->space = proc->space;
		n->error = native_unprobe(slot, in_user) ? SCRY_WALK_OK : SCRY_WALK_NATIVE_PROBED;
		for (int i = 0; !n->error && i <= SCRY_MAX_NATIVE / STEPS / 64; i++)
			if (native_far(slot))
				break;
	}
	if (n->error == SCRY_WALK_NATIVE_PENDING || n->error == SCRY_WALK_NATIVE_UNMAPPED)
		ask_seldom(&native_asked, SCRY_RECORD_ASK_MAP, pid, ASK_FIRST_NS, ASK_LAST_NS);
	s->sample.native = n->count;
	s->sample.native_error = n->error;
	return 0;
}
