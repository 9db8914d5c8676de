/* SPDX-License-Identifier: GPL-2.0-only */
/* The rows of all binaries, as they are numbered in the programs' maps: added once for each binary, never taken away. */
#ifndef SCRY_NATIVE_TABLES_H
#define SCRY_NATIVE_TABLES_H

#include <stddef.h>

#include "layout.h"

/* Where they go. Each 0, or -errno, which ends the adding. */
struct native_tables_ops {
	int (*block)(void *ctx, __u32 index, const struct native_block *block);
	int (*page)(void *ctx, __u32 index, const struct native_page *page);
	int (*rule)(void *ctx, __u32 number, const struct native_rule *rule);
};

struct native_tables;

int native_tables_create(const struct native_tables_ops *ops, void *ctx, struct native_tables **ret); /* 0 or -ENOMEM */
void native_tables_destroy(struct native_tables *tables); /* NULL is allowed */

/*
 * Add a binary's .eh_frame, linked at `address`; entry as in native_rows_build(). Sets first, pages and at of the mapping: without rows, at is an enum
 * native_without. 0, or -errno of an op or -ENOMEM: then it has none.
 */
int native_tables_add(struct native_tables *tables, const void *bytes, size_t size, __u64 address, __u64 entry,
		      struct native_mapping *ret);

struct native_tables_size {
	size_t rows, pages, rules;
	size_t blocks; /* of rows, in use */
};
struct native_tables_size native_tables_size(const struct native_tables *tables);

#endif
