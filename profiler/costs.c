// SPDX-License-Identifier: GPL-2.0-only
#include "costs.h"

#include <sys/resource.h>

void costs_print(FILE *to, uint64_t elapsed_ns)
{
	struct rusage used;
	double user, system;

	if (getrusage(RUSAGE_SELF, &used))
		return;
	user = used.ru_utime.tv_sec + used.ru_utime.tv_usec / 1e6;
	system = used.ru_stime.tv_sec + used.ru_stime.tv_usec / 1e6;
	fprintf(to, "scry: own CPU %.3f s user, %.3f s system (%.2f%% of one CPU), %.1f MB resident\n", user, system,
		elapsed_ns ? (user + system) * 1e11 / elapsed_ns : 0.0, used.ru_maxrss / 1e3);
}
