/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages for people. A message is printed once, by the function that knows the cause; its callers
 * only pass the number up. All of it goes to stderr, one line each, headed "scry: ".
 */
#ifndef SCRY_ERR_H
#define SCRY_ERR_H

/* Exit statuses of every command. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* Print "scry: MESSAGE" (with ": strerror" where err is a plain -errno and the format ends in ':') and return err. */
int fail(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Print "scry: MESSAGE"; for remarks that end nothing. Silent after err_quiet(true). */
void remark(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void err_quiet(int quiet);

#endif
