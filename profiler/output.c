// SPDX-License-Identifier: GPL-2.0-only
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "sink.h"

static const struct sink *const sinks[] = {
#define SINK(name) &sink_##name,
	SINKS(SINK)
#undef SINK
};

static const struct sink *find_sink(const char *path)
{
	const char *base = strrchr(path, '/');
	const char *extension = strrchr(base ? base + 1 : path, '.');

	if (!strcmp(path, "-"))
		return &sink_folded;
	for (size_t i = 0; extension && i < ARRAY_SIZE(sinks); i++)
		if (!strcmp(extension, sinks[i]->extension))
			return sinks[i];
	return NULL;
}

bool output_known(const char *path)
{
	return find_sink(path);
}

const char *output_formats(void)
{
	static char text[128];
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sinks) && at < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i ? " " : "",
				       sinks[i]->extension);
	return text;
}

bool output_roots(const char *list, struct output_options *options)
{
	while (*list) {
		size_t size = strcspn(list, ",");

		if (size == strlen("process") && !strncmp(list, "process", size))
			options->root_process = true;
		else if (size == strlen("thread") && !strncmp(list, "thread", size))
			options->root_thread = true;
		else if (size == strlen("reason") && !strncmp(list, "reason", size))
			options->root_reason = true;
		else
			return false;
		list += size + (list[size] == ',');
	}
	return options->root_process || options->root_thread || options->root_reason;
}

/* Write and close; the first failure counts. */
static int write_stream(const struct sink *sink, const struct profile *profile, FILE *to,
			const char *path, const struct output_options *options)
{
	bool is_stdout = to == stdout;
	int err = sink->write(profile, to, options), failed;

	errno = 0;
	failed = fflush(to) || ferror(to) ? -(errno ?: EIO) : 0;
	if (!is_stdout && fclose(to) && !failed)
		failed = -errno;
	if (failed && is_stdout)
		file_give_up(stdout);
	if (failed == -EPIPE && is_stdout)
		return failed;	/* a reader that left early (| head) needs no message */
	if (err == -ENODATA)
		return fail(err, "%s: no samples to draw", path);
	return err || failed ? fail(err ?: failed, "write %s:", path) : 0;
}

int output_check(const char *path)
{
	_cleanup_free_ char *folder = NULL;
	const char *slash = strrchr(path, '/');
	struct stat st;

	if (!strcmp(path, "-"))
		return 0;
	if (!stat(path, &st))
		return S_ISDIR(st.st_mode) ? fail(-EISDIR, "create %s:", path) :
		       faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) ? fail(-errno, "create %s:", path) : 0;
	folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	if (!folder)
		return fail(-ENOMEM, "out of memory");
	return stat(folder, &st) || faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) ? fail(-errno, "create %s:", path) : 0;
}

int output_write(const struct profile *profile, const char *path, const struct output_options *options)
{
	const struct sink *sink = find_sink(path);
	FILE *to;
	int err;

	if (!sink)
		return fail(-EINVAL, "%s: its format is not known by its extension (%s)", path,
			    output_formats());
	if (!strcmp(path, "-"))
		return write_stream(sink, profile, stdout, "standard output", options);
	to = fopen(path, "we");
	if (!to)
		return fail(-errno, "create %s:", path);
	err = write_stream(sink, profile, to, path, options);
	if (err)
		file_remove_partial(path);
	return err;
}

void output_table(const struct profile *profile, FILE *to, const struct output_options *options)
{
	int err = sink_table.write(profile, to, options);

	if (err)
		fail(err, "table:");
}
