/* SPDX-License-Identifier: GPL-2.0-only */
/* DWARF expressions as unwind rules use them, and the reading of DWARF's numbers from bytes that may be hostile. */
#ifndef SCRY_NATIVE_EXPRESSION_H
#define SCRY_NATIVE_EXPRESSION_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

/* What cannot be had sets bad, gives 0 and moves to the end. */
struct reader {
	const unsigned char *at, *end;
	bool bad;
};

__u64 reader_fixed(struct reader *reader, unsigned bytes); /* little-endian */
__u64 reader_unsigned(struct reader *reader);		   /* LEB128 */
__s64 reader_signed(struct reader *reader);
struct reader reader_part(struct reader *reader, __u64 size); /* the next bytes, taken out */

struct expression {
	enum {
		EXPRESSION_OTHER,
		EXPRESSION_SUM,	   /* register + offset */
		EXPRESSION_MEMORY, /* 8 bytes at register + offset, + extra */
		EXPRESSION_PLT,	   /* rsp + offset, + 8 where the low 4 bits of rip are `extra` or more */
	} kind;
	unsigned reg;
	__s32 offset, extra;
};

struct expression expression_decode(struct reader program);

#endif
