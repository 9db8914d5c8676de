/* SPDX-License-Identifier: GPL-2.0-only */
/* The rows of one binary, compact as in layout.h, and the rules that all binaries share. */
#ifndef SCRY_NATIVE_ROWS_H
#define SCRY_NATIVE_ROWS_H

#include <stddef.h>

#include "../../profiler/base/table.h"
#include "layout.h"

/* Rules by their number. Zeroed, then native_rules_init. */
struct native_rules {
	struct table table;
	__u32 unknown; /* number of the rule that stands for all that do not fit */
};

int native_rules_init(struct native_rules *rules); /* 0 or -ENOMEM */
void native_rules_deinit(struct native_rules *rules);
__u32 native_rules_count(const struct native_rules *rules); /* the largest number + 1 */
void native_rules_get(const struct native_rules *rules, __u32 number, struct native_rule *ret);

struct native_rows {
	__u32 first, pages;	  /* pages of code, from link-time address first << NATIVE_PAGE_SHIFT on */
	struct native_page *page; /* owned; row: index in row[] */
	__u32 *row;		  /* owned */
	__u32 count;
};

/*
 * From the bytes of an .eh_frame linked at `address`. entry: where a process begins to run, 0: not in this file; code there that
 * has no rule is the outermost function. 0 (without rows where there are none), -ENOMEM.
 */
int native_rows_build(const void *bytes, size_t size, __u64 address, __u64 entry, struct native_rules *rules,
		      struct native_rows *ret);
void native_rows_deinit(struct native_rows *rows);

/* Number of the rule at a link-time address; 0: none. */
__u32 native_rows_find(const struct native_rows *rows, __u64 address);

#endif
