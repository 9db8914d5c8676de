/* SPDX-License-Identifier: GPL-2.0-only */
/* Rows of statistics: what was counted for each function, line, generation, module or name. A zeroed set is an empty one. */
#ifndef SCRY_STAT_ROWS_H
#define SCRY_STAT_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/intern.h"
#include "base/table.h"
#include "histogram.h"

/* What a row is about: those that a kind of event does not use are 0. */
struct stat_key {
	uint32_t function; /* of the codebook */
	uint32_t line;	   /* being executed */
	uint32_t text;	   /* of stat_rows.texts: module, exception, audit event, collector */
	uint32_t number;   /* generation + 1; 0: not told */
};

struct stat_row {
	struct stat_key key;
	uint64_t calls, resumes, errors, running, collected;
	uint64_t total_ns, own_ns, max_ns;
	struct histogram *hist; /* NULL: nothing with a duration yet */
	uint64_t waits, wait_ns, wait_max_ns; /* gil: the others are of holding it */
	struct histogram *wait_hist;
	uint32_t name; /* of a row that is a thread: of stat_rows.texts */
};

#define STAT_MAX_ROWS 250000 /* what comes after is counted in row 0 */

struct stat_rows {
	struct stat_row *row; /* row[1] to row[table.count]; row[0]: all that found no room */
	size_t room;
	struct table table;
	struct intern texts;
};

void stat_rows_deinit(struct stat_rows *rows);
void stat_rows_clear(struct stat_rows *rows); /* all rows; texts stay */

/* The row of a key. NULL: no memory. Valid until the next call. */
struct stat_row *stat_rows_find(struct stat_rows *rows, const struct stat_key *key);

/* The text of a row's key; "" where it has none. */
const char *stat_rows_text(const struct stat_rows *rows, const struct stat_row *row);

/* Add one that took so long. */
void stat_row_add(struct stat_row *row, uint64_t total_ns, uint64_t own_ns);
void stat_row_add_wait(struct stat_row *row, uint64_t ns);
struct histogram *stat_row_histogram(struct stat_row *row); /* NULL: no memory */

uint64_t stat_row_mean(const struct stat_row *row); /* ns, of those that have ended; 0: none */
uint64_t stat_row_quantile(const struct stat_row *row, double share);
uint64_t stat_row_wait_quantile(const struct stat_row *row, double share);

enum stat_sort { STAT_SORT_DEFAULT, STAT_SORT_CALLS, STAT_SORT_ERRORS, STAT_SORT_TOTAL, STAT_SORT_OWN, STAT_SORT_MEAN,
		 STAT_SORT_P50, STAT_SORT_P99, STAT_SORT_MAX };
extern const char *const stat_sort_names[]; /* NULL-ended */

/* Pointers to all rows, largest first; those alike in order of their first sight. The caller frees them. NULL: no memory, or no
 * rows. */
const struct stat_row **stat_rows_sort(const struct stat_rows *rows, enum stat_sort by, size_t *count);

#endif
