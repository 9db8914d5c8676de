/* SPDX-License-Identifier: GPL-2.0-only */
/* What a function says on stderr: caught_begin(); f(); text = caught_end(); */
#ifndef TEST_CAUGHT_H
#define TEST_CAUGHT_H

#include <stdio.h>
#include <unistd.h>

static char caught_text[2048]; /* less than a pipe holds */
static int caught_pipe, caught_stderr;

static inline void caught_begin(void)
{
	int ends[2];

	fflush(stderr);
	caught_stderr = dup(STDERR_FILENO);
	if (caught_stderr < 0 || pipe(ends) || dup2(ends[1], STDERR_FILENO) < 0)
		_exit(99);
	close(ends[1]);
	caught_pipe = ends[0];
}

static inline const char *caught_end(void)
{
	ssize_t n;

	fflush(stderr);
	dup2(caught_stderr, STDERR_FILENO);
	close(caught_stderr);
	n = read(caught_pipe, caught_text, sizeof(caught_text) - 1);
	caught_text[n > 0 ? n : 0] = '\0';
	close(caught_pipe);
	return caught_text;
}

#endif
