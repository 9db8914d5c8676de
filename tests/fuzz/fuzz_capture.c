// SPDX-License-Identifier: GPL-2.0-only
/*
 * Captures made of anything. The first byte chooses: a whole file, or the inside of one chunk
 * (which a fuzzer would seldom reach through zstd's checksum). What loads must also be shown in
 * every format.
 */
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "profiler/base/err.h"
#include "profiler/profile_chunk.h"
#include "profiler/sink.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const struct sink *const sinks[] = {
#define SINK(name) &sink_##name,
	SINKS(SINK)
#undef SINK
};

static void show(const struct profile *profile, uint8_t choice)
{
	const struct output_options options = {
		.by = choice % 5, .sort = choice / 5 % 2, .func = choice & 0x10 ? "*a*b" : NULL,
		.lines = choice & 0x20,
		.root_process = choice & 0x40, .root_thread = choice & 0x80, .to = choice & 1 ? 1 : 0,
	};
	FILE *null = fopen("/dev/null", "w");

	for (size_t i = 0; i < sizeof(sinks) / sizeof(sinks[0]); i++)
		sinks[i]->write(profile, null, &options);
	output_summary(profile, null);
	fclose(null);
}

/* The chunk twice: the second finds the definitions of the first. */
static struct profile *load_chunk(const uint8_t *bytes, size_t size)
{
	struct profile *profile = profile_create("fuzz");
	bool ended;

	if (profile && !profile_chunk_add(profile, cursor_over(bytes, size), &ended))
		profile_chunk_add(profile, cursor_over(bytes, size), &ended);
	return profile;
}

static struct profile *load_file(const uint8_t *bytes, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct profile *profile = NULL;

	if (fd >= 0 && write(fd, bytes, size) == (ssize_t)size && profile_load(fd, "fuzz", &profile))
		profile = NULL;
	close(fd);
	return profile;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct profile *profile;

	if (size < 2)
		return 0;
	err_quiet(1);
	profile = bytes[0] & 1 ? load_file(bytes + 2, size - 2) : load_chunk(bytes + 2, size - 2);
	if (profile)
		show(profile, bytes[1]);
	profile_destroy(profile);
	return 0;
}
