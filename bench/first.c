// SPDX-License-Identifier: GPL-2.0-only
/* Print when a capture's first sample was taken: CLOCK_MONOTONIC, ns. */
#include <fcntl.h>
#include <stdio.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/err.h"
#include "profiler/output.h"
#include "profiler/profile.h"

int main(int argc, char **argv)
{
	_cleanup_fd_ int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	struct profile *profile = NULL;

	if (fd < 0)
		return fail(EXIT_USAGE, "usage: first CAPTURE");
	if (profile_load(fd, argv[1], &profile))
		return EXIT_FAILED;
	if (profile->samples.count)
		printf("%llu\n", (unsigned long long)(profile->header.start_ns + profile->samples.item[0].time));
	profile_destroy(profile);
	return EXIT_DONE;
}
