/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Match text against a shell pattern with * and ?: the one matcher for user space and BPF, where a short text
 * (a comm, 16 bytes) is filtered before any other work.
 */
#ifndef SCRY_COMM_GLOB_H
#define SCRY_COMM_GLOB_H

#include <stdbool.h>

#define GLOB_SIZE 32 /* longest pattern for a comm, with its NUL: a power of two */
#define GLOB_TEXT 16 /* sizeof(task_struct.comm) */

/*
 * Both texts end in NUL within their arrays. One star is remembered at a time: on a mismatch the match is retried one
 * character later from there, which is enough because an earlier star can only match less. Each round consumes a
 * pattern or a text character or moves the star's start, so GLOB_TEXT * GLOB_TEXT rounds bound the loop.
 */
static inline __attribute__((always_inline)) bool
glob_match_comm(const char pattern[GLOB_SIZE], const char text[GLOB_TEXT])
{
	unsigned int p = 0, t = 0, star = GLOB_SIZE, retry = 0;

	for (int i = 0; i < GLOB_TEXT * GLOB_TEXT / 2; i++) {
		char want = pattern[p & (GLOB_SIZE - 1)], have = t < GLOB_TEXT ? text[t & (GLOB_TEXT - 1)] : 0;

		if (want == '*') {
			star = p++;
			retry = t;
		} else if (have && (want == '?' || want == have)) {
			p++;
			t++;
		} else if (!have && !want) {
			return true;
		} else if (star < GLOB_SIZE && have) {
			p = star + 1;
			t = ++retry;
		} else {
			return false;
		}
	}
	return false;
}

#endif
