// SPDX-License-Identifier: GPL-2.0-only
#include "term.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

unsigned term_columns(int fd)
{
	struct winsize size;

	if (!isatty(fd))
		return 0;
	/* A terminal that does not know its size (a serial line) says 0. */
	return !ioctl(fd, TIOCGWINSZ, &size) && size.ws_col ? size.ws_col : 80;
}

bool term_colors(int fd)
{
	const char *no = getenv("NO_COLOR");

	return isatty(fd) && !(no && *no);
}
