/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The arguments of a statically defined tracing marker, as its note describes them ("8@%rax -4@56(%rsp)"), packed into 28 bits
 * each, so that the program at the marker is told by the cookie where they are: two of them, from bit 0 and from bit 28.
 */
#ifndef SCRY_MARKER_H
#define SCRY_MARKER_H

#include <linux/types.h>

#define MARKER_ARGUMENTS 2
#define MARKER_ARGUMENT(cookie, n) ((__u32)((cookie) >> (n) * 28) & ((1u << 28) - 1))

/* Bits of an argument: a register (by its number in the encoding of x86-64, plus 1; 0: it is a constant), whether that only
 * points to it, log2 of its size in bytes, whether it is signed, and the constant or the displacement. */
#define MARKER_REGISTER(arg)	((arg) & 0x1f)
#define MARKER_IN_MEMORY(arg)	((arg) >> 5 & 1)
#define MARKER_SIZE(arg)	(1u << ((arg) >> 6 & 3))
#define MARKER_SIGNED(arg)	((arg) >> 8 & 1)
#define MARKER_NUMBER(arg)	((__s32)((arg) << 4) >> 13)
#define MARKER_NUMBER_LIMIT	(1 << 18)

#ifndef __bpf__
/* Argument n of a note's text for x86-64. -ENOENT: it has fewer. -ENOTSUP: of a form that compilers seldom use, or too large. */
int marker_argument(const char *args, unsigned n, __u32 *ret);
#endif

#endif
