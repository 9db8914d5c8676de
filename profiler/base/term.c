// SPDX-License-Identifier: GPL-2.0-only
#include "term.h"

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
