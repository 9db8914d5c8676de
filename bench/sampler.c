// SPDX-License-Identifier: GPL-2.0-only
/*
 * scry's own sampler, measured as the floor program is: sampler PID HZ SECONDS CPU. The session is
 * the one of `scry record`; of its clocks only the given CPU's is left on, so that the run
 * statistics are about samples and not about looking away from other processes. What the session
 * sends is counted and dropped.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/err.h"
#include "profiler/session.h"

#define POLL_US 50000
#define MAX_FDS 1024

struct seen {
	unsigned long long samples, frames, errors;
};

static void take(void *ctx, const struct scry_record *record, size_t size)
{
	const struct scry_sample *sample = (const void *)record;
	struct seen *seen = ctx;

	if (record->kind != SCRY_RECORD_SAMPLE)
		return;
	seen->samples++;
	seen->frames += sample->count;
	seen->errors += sample->error != SCRY_WALK_OK;
}

static bool is_clock(int fd)
{
	char path[32], to[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, to, sizeof(to) - 1) > 0 && strstr(to, "perf_event");
}

/* The session opens one clock for each CPU, in order, each with the lowest number that is free. */
static int start_on(struct session *session, int cpu)
{
	bool before[MAX_FDS];
	int err, n = 0;

	for (int fd = 0; fd < MAX_FDS; fd++)
		before[fd] = is_clock(fd);
	err = session_start(session);
	for (int fd = 0; !err && fd < MAX_FDS; fd++)
		if (!before[fd] && is_clock(fd) && n++ != cpu && ioctl(fd, PERF_EVENT_IOC_DISABLE, 0))
			err = fail(-errno, "stop the clock of another CPU:");
	return err;
}

/* Runs and ns of the sampler, from the text that --stats prints. */
static int print(struct session *session, const struct seen *seen)
{
	_cleanup_free_ char *text = NULL;
	unsigned long long runs;
	size_t size;
	double ms;
	char *line;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return fail(-ENOMEM, "out of memory");
	session_print_stats(session, f);
	fclose(f);
	line = strstr(text, "bpf sample_");
	if (!line || sscanf(line, "bpf sample_%*s %llu runs %*u ns each %lf ms", &runs, &ms) != 2)
		return fail(-EPROTO, "no run statistics of the sampler");
	printf("samples %llu frames %llu lost %llu runs %llu ns %.0f errors %llu\n", seen->samples, seen->frames,
	       (unsigned long long)session_count(session, SCRY_COUNT_LOST), runs, ms * 1e6, seen->errors);
	return 0;
}

static int measure(pid_t pid, unsigned long frequency, double seconds, int cpu)
{
	struct session_options options = { .frequency = frequency, .max_stack = SCRY_DEFAULT_STACK, .stats = true };
	struct session *session = NULL;
	struct seen seen = {};
	int err = session_open(&options, take, &seen, &session);

	if (!err)
		err = session_follow(session, pid, true);
	if (!err)
		err = start_on(session, cpu);
	for (double t = 0; !err && t < seconds; t += POLL_US / 1e6) {
		usleep(POLL_US);
		session_poll(session);
	}
	if (!err) {
		session_stop(session);
		session_poll(session);
		err = print(session, &seen);
	}
	session_close(session);
	return err;
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return fail(EXIT_USAGE, "usage: sampler PID HZ SECONDS CPU");
	if (measure(atoi(argv[1]), strtoul(argv[2], NULL, 10), atof(argv[3]), atoi(argv[4])))
		return EXIT_FAILED;
	return EXIT_DONE;
}
