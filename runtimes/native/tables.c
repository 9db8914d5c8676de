// SPDX-License-Identifier: GPL-2.0-only
#include "tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"

struct native_tables {
	const struct native_tables_ops *ops;
	void *ctx;
	struct native_rules rules;
	__u32 sent_rules;	  /* number of the first that was not handed over */
	__u32 pages;
	__u32 rows;		  /* in all blocks */
	struct native_block last; /* that rows are added to */
};

int native_tables_create(const struct native_tables_ops *ops, void *ctx, struct native_tables **ret)
{
	struct native_tables *t = calloc(1, sizeof(*t));

	if (!t || native_rules_init(&t->rules)) {
		free(t);
		return -ENOMEM;
	}
	t->ops = ops;
	t->ctx = ctx;
	*ret = t;
	return 0;
}

void native_tables_destroy(struct native_tables *t)
{
	if (!t)
		return;
	native_rules_deinit(&t->rules);
	free(t);
}

static int send_rules(struct native_tables *t)
{
	for (; t->sent_rules < native_rules_count(&t->rules); t->sent_rules++) {
		struct native_rule rule;
		int err;

		native_rules_get(&t->rules, t->sent_rules, &rule);
		err = t->ops->rule(t->ctx, t->sent_rules, &rule);
		if (err)
			return err;
	}
	return 0;
}

/* Behind what is there; a block that is not full yet is handed over again, with what it had. */
static int send_rows(struct native_tables *t, const struct native_rows *rows)
{
	for (__u32 done = 0; done < rows->count;) {
		__u32 in = t->rows % NATIVE_BLOCK_ROWS, room = NATIVE_BLOCK_ROWS - in;
		__u32 count = rows->count - done < room ? rows->count - done : room;
		int err;

		memcpy(&t->last.row[in], &rows->row[done], count * sizeof(*rows->row));
		err = t->ops->block(t->ctx, t->rows / NATIVE_BLOCK_ROWS, &t->last);
		if (err)
			return err;
		t->rows += count;
		done += count;
	}
	return 0;
}

static int send_pages(struct native_tables *t, const struct native_rows *rows, __u32 first_row)
{
	for (__u32 i = 0; i < rows->pages; i++) {
		struct native_page page = { .row = first_row + rows->page[i].row, .rows = rows->page[i].rows };
		int err = t->ops->page(t->ctx, t->pages + i, &page);

		if (err)
			return err;
	}
	return 0;
}

static int send(struct native_tables *t, const struct native_rows *rows, struct native_mapping *ret)
{
	__u32 first_row = t->rows;
	int err;

	if (t->pages + rows->pages > NATIVE_PAGES || t->rows + rows->count > NATIVE_BLOCKS * NATIVE_BLOCK_ROWS) {
		ret->at = NATIVE_WITHOUT_ROOM;
		return 0;
	}
	err = send_rules(t) ?: send_rows(t, rows) ?: send_pages(t, rows, first_row);
	if (err) {
		ret->at = NATIVE_WITHOUT_ROOM;
		return err;
	}
	ret->first = rows->first;
	ret->pages = rows->pages;
	ret->at = t->pages;
	t->pages += rows->pages;
	return 0;
}

int native_tables_add(struct native_tables *t, const void *bytes, size_t size, __u64 address, __u64 entry,
		      struct native_mapping *ret)
{
	struct native_rows rows;
	int err;

	ret->first = ret->pages = 0;
	ret->at = NATIVE_WITHOUT_ROOM;
	err = native_rows_build(bytes, size, address, entry, &t->rules, &rows);
	if (err)
		return err;
	if (rows.pages)
		err = send(t, &rows, ret);
	else
		ret->at = NATIVE_WITHOUT_POINTERS;
	native_rows_deinit(&rows);
	return err;
}

struct native_tables_size native_tables_size(const struct native_tables *t)
{
	return (struct native_tables_size){
		.rows = t->rows,
		.pages = t->pages,
		.rules = t->sent_rules,
		.blocks = (t->rows + NATIVE_BLOCK_ROWS - 1) / NATIVE_BLOCK_ROWS,
	};
}
