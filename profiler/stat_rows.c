// SPDX-License-Identifier: GPL-2.0-only
#include "stat_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

const char *const stat_sort_names[] = { "auto", "calls", "errors", "total", "own", "mean", "p50", "p99", "max", NULL };

void stat_rows_clear(struct stat_rows *rows)
{
	for (size_t i = 0; i < rows->room; i++) {
		free(rows->row[i].hist);
		free(rows->row[i].wait_hist);
	}
	if (rows->room)
		memset(rows->row, 0, rows->room * sizeof(*rows->row));
	table_clear(&rows->table);
}

void stat_rows_deinit(struct stat_rows *rows)
{
	stat_rows_clear(rows);
	free(rows->row);
	table_deinit(&rows->table);
	intern_deinit(&rows->texts);
	*rows = (struct stat_rows){ 0 };
}

struct stat_row *stat_rows_find(struct stat_rows *rows, const struct stat_key *key)
{
	uint64_t a = (uint64_t)key->function << 32 | key->line, b = (uint64_t)key->text << 32 | key->number;
	uint32_t index = table_find(&rows->table, a, b);

	if (!index && rows->table.count < STAT_MAX_ROWS)
		index = table_put(&rows->table, a, b);
	if (!array_reserve(&rows->row, &rows->room, index + 1, sizeof(*rows->row)))
		return NULL;
	if (index)
		rows->row[index].key = *key;
	return &rows->row[index];
}

const char *stat_rows_text(const struct stat_rows *rows, const struct stat_row *row)
{
	return row->key.text ? intern_text(&rows->texts, row->key.text) : "";
}

struct histogram *stat_row_histogram(struct stat_row *row)
{
	if (!row->hist)
		row->hist = calloc(1, sizeof(*row->hist));
	return row->hist;
}

void stat_row_add(struct stat_row *row, uint64_t total_ns, uint64_t own_ns)
{
	struct histogram *hist = stat_row_histogram(row);

	row->calls++;
	row->total_ns += total_ns;
	row->own_ns += own_ns;
	if (total_ns > row->max_ns)
		row->max_ns = total_ns;
	if (hist)
		histogram_add(hist, total_ns);
}

void stat_row_add_wait(struct stat_row *row, uint64_t ns)
{
	row->waits++;
	row->wait_ns += ns;
	if (ns > row->wait_max_ns)
		row->wait_max_ns = ns;
	if (!row->wait_hist)
		row->wait_hist = calloc(1, sizeof(*row->wait_hist));
	if (row->wait_hist)
		histogram_add(row->wait_hist, ns);
}

uint64_t stat_row_mean(const struct stat_row *row)
{
	return row->hist && row->hist->all ? row->total_ns / row->hist->all : 0;
}

uint64_t stat_row_quantile(const struct stat_row *row, double share)
{
	return row->hist ? histogram_quantile(row->hist, share, row->max_ns) : 0;
}

uint64_t stat_row_wait_quantile(const struct stat_row *row, double share)
{
	return row->wait_hist ? histogram_quantile(row->wait_hist, share, row->wait_max_ns) : 0;
}

static uint64_t weight(const struct stat_row *row, enum stat_sort by)
{
	switch (by) {
	case STAT_SORT_DEFAULT:
	case STAT_SORT_TOTAL:
		return row->total_ns;
	case STAT_SORT_CALLS:
		return row->calls;
	case STAT_SORT_ERRORS:
		return row->errors;
	case STAT_SORT_OWN:
		return row->own_ns;
	case STAT_SORT_MEAN:
		return stat_row_mean(row);
	case STAT_SORT_P50:
		return stat_row_quantile(row, 0.5);
	case STAT_SORT_P99:
		return stat_row_quantile(row, 0.99);
	case STAT_SORT_MAX:
		return row->max_ns;
	}
	return 0;
}

struct weighed {
	uint64_t weight, calls;
	const struct stat_row *row;
};

static int compare(const void *left, const void *right)
{
	const struct weighed *a = left, *b = right;

	if (a->weight != b->weight)
		return a->weight < b->weight ? 1 : -1;
	if (a->calls != b->calls)
		return a->calls < b->calls ? 1 : -1;
	return a->row < b->row ? -1 : 1;
}

const struct stat_row **stat_rows_sort(const struct stat_rows *rows, enum stat_sort by, size_t *count)
{
	struct weighed *list = calloc(rows->table.count + 1u, sizeof(*list));
	const struct stat_row **ret = NULL;

	*count = 0;
	for (uint32_t i = 0; list && rows->room && i <= rows->table.count; i++) {
		const struct stat_row *row = &rows->row[i];

		if (row->calls || row->resumes || row->errors || row->waits)
			list[(*count)++] = (struct weighed){ weight(row, by), row->calls, row };
	}
	if (*count) {
		qsort(list, *count, sizeof(*list), compare);
		ret = calloc(*count, sizeof(*ret));
	}
	for (size_t i = 0; ret && i < *count; i++)
		ret[i] = list[i].row;
	if (!ret)
		*count = 0;
	free(list);
	return ret;
}
