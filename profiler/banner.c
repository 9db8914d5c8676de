// SPDX-License-Identifier: GPL-2.0-only
#include "banner.h"

#include <dirent.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/err.h"

static unsigned int count_threads(pid_t pid)
{
	_cleanup_closedir_ DIR *dir = NULL;
	unsigned int count = 0;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	return count;
}

static const struct runtime_binary *binary_of(const struct session *session, pid_t pid)
{
	struct scry_proc place;

	return session_place(session, pid, &place) ? runtime_binary_at(place.binary) : NULL;
}

/* The threads of all named processes that run this binary; 0 where an earlier one has told them already. */
static unsigned int threads_of(const struct targets *t, const struct session *session, size_t first,
			       const struct runtime_binary *binary)
{
	unsigned int threads = 0;

	for (size_t i = 0; i < first; i++)
		if (binary_of(session, t->pids[i]) == binary)
			return 0;
	for (size_t i = first; i < t->pid_count; i++)
		if (binary_of(session, t->pids[i]) == binary)
			threads += count_threads(t->pids[i]);
	return threads;
}

void banner_print(const struct targets *t, const struct session *session, const char *what, bool ends)
{
	const char *how = ends ? "Ctrl-C to finish early" : "Ctrl-C to finish";

	for (size_t i = 0; i < t->pid_count; i++) {
		const struct runtime_binary *binary = binary_of(session, t->pids[i]);
		unsigned int threads = binary ? threads_of(t, session, i, binary) : 0;

		if (threads)
			remark("%s %s (%s%s%s%s), %u thread%s; %s; %s", binary->ops->name, binary->version,
			       binary->stripped ? "stripped, " : "", binary->free_threaded ? "free-threaded, " : "",
			       binary->debug_build ? "debug build, " : "", binary->layout_from, threads,
			       threads == 1 ? "" : "s", what, how);
	}
	if (t->command)
		remark("recording %s; %s", t->command[0], what);
	else if (!t->pid_count)
		remark("recording every interpreter%s%s; %s; %s", t->cgroup ? " in " : "", t->cgroup ?: "",
		       what, how);
}
