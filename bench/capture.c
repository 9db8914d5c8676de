// SPDX-License-Identifier: GPL-2.0-only
/*
 * The capture file's cost: bytes a sample, and the time to write, load and report.
 * Usage: capture [SAMPLES [STACKS [DEPTH [FILE]]]]
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bench/synthetic.h"
#include "profiler/base/cleanup.h"
#include "profiler/output.h"
#include "profiler/profile_rows.h"

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double timed_rows(const struct profile *profile)
{
	const struct output_options options = { 0 };
	struct profile_tree *tree;
	struct profile_row *rows;
	double start = now(), took;
	size_t count;

	if (profile_tree_create(profile, &options, &tree) ||
	    profile_rows(tree, &options, &rows, &count))
		exit(1);
	took = now() - start;
	free(rows);
	profile_tree_destroy(tree);
	return took;
}

static int run(struct synthetic s, const char *path)
{
	_cleanup_fd_ int fd = path ? open(path, O_RDWR | O_CREAT | O_TRUNC, 0666)
				   : memfd_create("bench", MFD_CLOEXEC);
	struct profile *profile;
	struct rusage usage;
	double start = now(), wrote, loaded, rows;
	uint64_t size = fd < 0 ? 0 : synthetic_write(&s, fd);

	wrote = now() - start;
	start = now();
	if (!size || profile_load(fd, "synthetic", &profile))
		return 1;
	loaded = now() - start;
	rows = timed_rows(profile);
	getrusage(RUSAGE_SELF, &usage);
	printf("%9llu %6u Hz %7u %6u ", (unsigned long long)s.samples, s.frequency, s.stacks, s.depth);
	printf("%9.2f %8.0f ns ", (double)size / (double)s.samples, wrote * 1e9 / (double)s.samples);
	printf("%7.3f s %7.3f s %6.0f MB\n", loaded, rows, (double)usage.ru_maxrss / 1024);
	profile_destroy(profile);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct synthetic usual[] = {
		{ 10000, 99, 5, 200, 20, 1 },
		{ 100000, 99, 5, 2000, 20, 1 },
		{ 1000000, 999, 5, 2000, 20, 1 },
		{ 1000000, 9999, 4, 20000, 40, 1 },
	};
	struct synthetic asked = { 1000000, 999, 5, 2000, 20, 1 };
	int failed = 0;

	puts("  samples      rate  stacks  depth  B/sample  write each  load all     table      peak");
	if (argc > 1) {
		asked.samples = strtoull(argv[1], NULL, 10);
		asked.stacks = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : asked.stacks;
		asked.depth = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : asked.depth;
		return run(asked, argc > 4 ? argv[4] : NULL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(usual) && !failed; i++)
		failed = run(usual[i], NULL);
	return failed;
}
