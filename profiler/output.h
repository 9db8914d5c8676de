/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a capture to what a person or a program reads. record and report share all of it: what
 * record shows is read back from the capture it has just written.
 */
#ifndef SCRY_OUTPUT_H
#define SCRY_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

enum output_by {
	OUTPUT_BY_FUNCTION,
	OUTPUT_BY_FILE,
	OUTPUT_BY_LINE,
	OUTPUT_BY_THREAD,
	OUTPUT_BY_PROCESS,
	OUTPUT_BY_REASON,
	OUTPUT_BY_VMSTATE,
};
enum output_sort { OUTPUT_SORT_SELF, OUTPUT_SORT_TOTAL };

struct output_options {
	enum output_by by;
	enum output_sort sort;
	unsigned long limit;		/* rows of the table, 0: all */
	const char *func, *file;	/* globs: keep samples with a matching frame; NULL: all */
	double from, to;		/* seconds since the start; to 0: the end */
	bool lines;			/* frames show the line executed, not the one that defines */
	bool root_process, root_thread, root_reason;	/* add them as root frames */
	bool color;			/* escape sequences: stdout is a terminal */
};

/* The format a path asks for by its extension; false: unknown (report with output_formats()).
 * "-" is folded. */
bool output_known(const char *path);
const char *output_formats(void);	/* ".scry .folded .svg .txt .json" */

/* Set the roots that a list such as "process,thread" asks for; false: it asks for something
 * else. */
bool output_roots(const char *list, struct output_options *options);

/* A loaded capture. Names the file in messages by `name`. fd is read from its start, and not
 * closed. 0 or -errno, reported. */
struct profile;
int profile_load(int fd, const char *name, struct profile **ret);
void profile_destroy(struct profile *profile);

/* Could the file be written? What can be known before: a long recording should not end in a slip of the finger. 0 or -errno,
 * reported. */
int output_check(const char *path);

/* Write one output, in the format of path's extension. 0 or -errno, reported. */
int output_write(const struct profile *profile, const char *path, const struct output_options *options);

/* The table to a stream: heaviest row first. */
void output_table(const struct profile *profile, FILE *to, const struct output_options *options);

/* "scry: 987 samples in 10.0 s, 5 threads ...; 0 lost; 3 unreadable (2 page not present, ...)" */
void output_summary(const struct profile *profile, FILE *to);

#endif
