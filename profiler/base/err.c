// SPDX-License-Identifier: GPL-2.0-only
#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int quiet;

static void print_line(int err, const char *fmt, va_list ap)
{
	size_t len = strlen(fmt);

	flockfile(stderr);
	fputs("scry: ", stderr);
	vfprintf(stderr, fmt, ap);
	if (err < 0 && len && fmt[len - 1] == ':')
		fprintf(stderr, " %s", strerror(-err));
	fputc('\n', stderr);
	funlockfile(stderr);
}

int fail(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_line(err, fmt, ap);
	va_end(ap);
	return err;
}

void remark(const char *fmt, ...)
{
	va_list ap;

	if (quiet)
		return;
	va_start(ap, fmt);
	print_line(0, fmt, ap);
	va_end(ap);
}

void err_quiet(int on)
{
	quiet = on;
}
