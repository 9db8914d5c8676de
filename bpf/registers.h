/* SPDX-License-Identifier: GPL-2.0-only */
/* What the registers hold at a probe. */
#ifndef SCRY_BPF_REGISTERS_H
#define SCRY_BPF_REGISTERS_H

#include "maps.h"

#include "../runtimes/marker.h"
#include "../runtimes/sites.h"

/* A register by its number in the encoding of x86-64, plus 1. The context may only be read at constant offsets. */
static __always_inline __u64 register_of(struct pt_regs *ctx, __u32 number)
{
#if defined(__TARGET_ARCH_x86)
	switch (number) {
#define REGISTER(n, name) case n: { __u64 v = ctx->name; barrier_var(v); return v; }
	REGISTER(1, rax) REGISTER(2, rcx) REGISTER(3, rdx) REGISTER(4, rbx)
	REGISTER(5, rsp) REGISTER(6, rbp) REGISTER(7, rsi) REGISTER(8, rdi)
	REGISTER(9, r8) REGISTER(10, r9) REGISTER(11, r10) REGISTER(12, r11)
	REGISTER(13, r12) REGISTER(14, r13) REGISTER(15, r14) REGISTER(16, r15)
#undef REGISTER
	}
#endif
	return 0;
}

/* Argument n of the marker whose probe has this cookie. */
static __always_inline __s64 marker_value(struct pt_regs *ctx, __u64 cookie, unsigned n)
{
	__u32 arg = MARKER_ARGUMENT(cookie, n), size = MARKER_SIZE(arg), spare = 64 - 8 * size;
	__u64 value = register_of(ctx, MARKER_REGISTER(arg));

	if (!MARKER_REGISTER(arg))
		return MARKER_NUMBER(arg);
	if (MARKER_IN_MEMORY(arg)) {
		__u64 bytes[2] = {};

		barrier_var(size);
		if (bpf_probe_read_user(bytes, size & 15, (const void *)(value + MARKER_NUMBER(arg)))) /* 15: for the verifier */
			return 0;
		value = bytes[0];
	}
	value <<= spare;
	return MARKER_SIGNED(arg) ? (__s64)value >> spare : (__s64)(value >> spare);
}

#endif
