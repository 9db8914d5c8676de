// SPDX-License-Identifier: GPL-2.0-only
#include "rows.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../../profiler/base/array.h"
#include "eh_frame.h"

#define MAX_ROWS  (16u << 20) /* of a binary */
#define MAX_PAGES 16384	      /* of a binary: 1 GiB of code */
#define MAX_ENTRY 256	      /* bytes of the code at a file's entry, where no function follows */
#define PAGE_MASK ((1u << NATIVE_PAGE_SHIFT) - 1)

_Static_assert(sizeof(struct native_rule) == sizeof(struct table_key), "a rule is a key");
_Static_assert(NATIVE_RULES <= 1 << 16, "a row has 16 bits for its rule");

int native_rules_init(struct native_rules *rules)
{
	const struct native_rule unknown = { .kind = NATIVE_RULE_UNKNOWN };
	struct table_key key;

	memcpy(&key, &unknown, sizeof(key));
	rules->unknown = table_put(&rules->table, key.a, key.b);
	return rules->unknown ? 0 : -ENOMEM;
}

void native_rules_deinit(struct native_rules *rules)
{
	table_deinit(&rules->table);
}

__u32 native_rules_count(const struct native_rules *rules)
{
	return rules->table.count + 1;
}

void native_rules_get(const struct native_rules *rules, __u32 number, struct native_rule *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (number && number <= rules->table.count)
		memcpy(ret, &rules->table.keys[number], sizeof(*ret));
}

static __u32 rule_number(struct native_rules *rules, const struct native_rule *rule)
{
	struct table_key key;
	__u32 number;

	memcpy(&key, rule, sizeof(key));
	number = rules->table.count + 1 < NATIVE_RULES ? table_put(&rules->table, key.a, key.b) :
							 table_find(&rules->table, key.a, key.b);
	return number ?: rules->unknown;
}

/* As the section has them: functions in any order. */
struct function {
	__u64 start, end;
	__u32 first, rows; /* in raw */
};
struct raw {
	__u32 address, rule;
};
struct gathered {
	struct native_rules *rules;
	struct function *functions;
	struct raw *raw;
	size_t functions_room, functions_count, raw_room, raw_count;
	bool full;
};

static void gather_function(void *ctx, __u64 start, __u64 end)
{
	struct gathered *g = ctx;
	struct function *last = g->functions_count ? &g->functions[g->functions_count - 1] : NULL;

	if (last && last->start == start && last->end == end) { /* told of anew */
		g->raw_count = last->first;
		last->rows = 0;
		return;
	}
	if (g->full || !array_reserve(&g->functions, &g->functions_room, g->functions_count + 1, sizeof(*g->functions))) {
		g->full = true;
		return;
	}
	g->functions[g->functions_count++] =
		(struct function){ .start = start, .end = end, .first = (__u32)g->raw_count };
}

static void gather_row(void *ctx, __u64 address, const struct native_rule *rule)
{
	struct gathered *g = ctx;

	if (address > 0xffffffff) /* frames have 32 bits for it */
		return;
	if (g->full || g->raw_count >= MAX_ROWS || !array_reserve(&g->raw, &g->raw_room, g->raw_count + 1, sizeof(*g->raw))) {
		g->full = true;
		return;
	}
	g->raw[g->raw_count++] = (struct raw){ (__u32)address, rule_number(g->rules, rule) };
	g->functions[g->functions_count - 1].rows++;
}

static int by_start(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start ? 1 : x->first < y->first ? -1 : x->first > y->first;
}

struct builder {
	struct native_rows *rows;
	size_t pages_room, rows_room;
	__u32 rule; /* that holds at the end of what is there */
	bool failed;
};

static void append(struct builder *b, __u32 low, __u32 rule)
{
	struct native_rows *r = b->rows;

	if (b->failed || !array_reserve(&r->row, &b->rows_room, r->count + 1, sizeof(*r->row))) {
		b->failed = true;
		return;
	}
	r->row[r->count++] = low | rule << 16;
	r->page[r->pages - 1].rows++;
}

/* Have pages up to that of an address, each beginning with the rule that holds. */
static void reach_page(struct builder *b, __u32 address)
{
	struct native_rows *r = b->rows;
	__u32 page = address >> NATIVE_PAGE_SHIFT;

	if (!r->pages)
		r->first = page;
	while (!b->failed && r->first + r->pages <= page) {
		if (r->pages >= MAX_PAGES || !array_reserve(&r->page, &b->pages_room, r->pages + 1, sizeof(*r->page))) {
			b->failed = true;
			return;
		}
		r->page[r->pages++] = (struct native_page){ .row = r->count };
		append(b, 0, b->rule);
	}
}

/* From `address` on, which does not fall, `rule` holds. */
static void put(struct builder *b, __u32 address, __u32 rule)
{
	struct native_rows *r = b->rows;
	__u32 low = address & PAGE_MASK;

	reach_page(b, address);
	if (b->failed || rule == b->rule)
		return;
	b->rule = rule;
	if ((r->row[r->count - 1] & PAGE_MASK) == low)
		r->row[r->count - 1] = low | rule << 16;
	else
		append(b, low, rule);
}

/* Where functions overlap, which no compiler does, the one that begins first has the code up to its end. */
static void build(struct builder *b, const struct gathered *g)
{
	__u64 done = 0;

	for (size_t i = 0; i < g->functions_count && !b->failed; i++) {
		const struct function *f = &g->functions[i];

		if (f->end <= done || f->start > 0xffffffff || !f->rows)
			continue;
		if (done && f->start > done)
			put(b, (__u32)done, NATIVE_RULE_NONE);
		for (__u32 n = 0; n < f->rows && !b->failed; n++) {
			const struct raw *raw = &g->raw[f->first + n];

			put(b, raw->address < done ? (__u32)done : raw->address, raw->rule);
		}
		done = f->end <= 0xffffffff ? f->end : 0xffffffff;
	}
	if (done)
		put(b, (__u32)done, NATIVE_RULE_NONE);
}

/* From the entry to the next function, unless a function has it. */
static void gather_entry(struct gathered *g, __u64 entry)
{
	static const struct native_rule end = { .kind = NATIVE_RULE_END, .ra = NATIVE_AT_STACK };
	__u64 next = entry + MAX_ENTRY;

	for (size_t i = 0; i < g->functions_count; i++) {
		if (entry - g->functions[i].start < g->functions[i].end - g->functions[i].start)
			return;
		if (g->functions[i].start > entry && g->functions[i].start < next)
			next = g->functions[i].start;
	}
	gather_function(g, entry, next);
	gather_row(g, entry, &end);
}

int native_rows_build(const void *bytes, size_t size, __u64 address, __u64 entry, struct native_rules *rules,
		      struct native_rows *ret)
{
	static const struct eh_frame_ops ops = { gather_function, gather_row };
	struct gathered g = { .rules = rules };
	struct builder b = { .rows = ret };

	memset(ret, 0, sizeof(*ret));
	eh_frame_decode(bytes, size, address, &ops, &g);
	if (entry && g.functions_count)
		gather_entry(&g, entry);
	if (g.functions_count)
		qsort(g.functions, g.functions_count, sizeof(*g.functions), by_start);
	build(&b, &g);
	free(g.functions);
	free(g.raw);
	if (!b.failed)
		return 0;
	native_rows_deinit(ret);
	return -ENOMEM;
}

void native_rows_deinit(struct native_rows *rows)
{
	free(rows->page);
	free(rows->row);
	memset(rows, 0, sizeof(*rows));
}

__u32 native_rows_find(const struct native_rows *rows, __u64 address)
{
	__u64 page = (address >> NATIVE_PAGE_SHIFT) - rows->first;
	__u32 low = address & PAGE_MASK, from, to;

	if (page >= rows->pages)
		return NATIVE_RULE_NONE;
	from = rows->page[page].row;
	to = from + rows->page[page].rows;
	while (to - from > 1) {
		__u32 middle = from + (to - from) / 2;

		if ((rows->row[middle] & PAGE_MASK) <= low)
			from = middle;
		else
			to = middle;
	}
	return rows->row[from] >> 16;
}
