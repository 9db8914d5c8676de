// SPDX-License-Identifier: GPL-2.0-only
#include "proc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

bool proc_is_mounted(void)
{
	return !access("/proc/self/status", F_OK);
}

static void parse_inner(const char *value, struct proc_status *ret)
{
	/* From the outermost namespace in; the last one is its own. */
	for (char *end; *value; value = end) {
		long id = strtol(value, &end, 10);

		if (end == value)
			return;
		ret->inner = id;
	}
}

static void parse_status_line(const char *line, struct proc_status *ret)
{
	if (!strncmp(line, "Tgid:", 5))
		ret->process = atoi(line + 5);
	else if (!strncmp(line, "State:", 6))
		ret->state = line[6 + strspn(line + 6, " \t")];
	else if (!strncmp(line, "Uid:", 4))
		ret->user = strtoul(line + 4, NULL, 10);
	else if (!strncmp(line, "NSpid:", 6))
		parse_inner(line + 6, ret);
	else if (!strncmp(line, "VmSize:", 7))
		ret->kernel = false;
}

/*
 * The name stands in the first line, its newlines escaped by the kernel. The line of groups can be
 * very long.
 */
int proc_status(pid_t id, struct proc_status *ret)
{
	_cleanup_fclose_ FILE *file = NULL;
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", id);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? -ESRCH : -errno;
	*ret = (struct proc_status){ .inner = id, .kernel = true };
	while (getline(&line, &size, file) > 0)
		parse_status_line(line, ret);
	return ret->process ? 0 : -ESRCH;
}

void proc_comm(pid_t id, char comm[PROC_COMM_SIZE])
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", id);
	if (file_read_text(path, comm, PROC_COMM_SIZE) < 0)
		strcpy(comm, "?");
}

void proc_command(pid_t pid, char *text, size_t size)
{
	char path[64];
	int len;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	len = file_read_text(path, text, size);
	if (len < 0)
		len = 0;
	while (len && !text[len - 1])
		len--;
	text[len] = '\0';
	for (int i = 0; i < len; i++)
		if (!text[i])
			text[i] = ' ';
}

bool proc_life(pid_t pid, struct proc_life *ret)
{
	char path[64], text[1024];
	const char *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (file_read_text(path, text, sizeof(text)) <= 0)
		return false;
	p = strrchr(text, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p && sscanf(p, "%llu %*s %*s %*s %llu %*s %llu", &ret->started, &ret->start_code, &ret->start_stack) == 3;
}

static int compare_ids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return x < y ? -1 : x > y;
}

/*
 * The numbers among a folder's names. Read whole first: what each does may take long, and the
 * folder changes.
 */
static int read_ids(const char *path, pid_t **ids, size_t *count)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	size_t room = 0;

	if (!dir)
		return errno == ENOENT ? -ESRCH : -errno;
	for (struct dirent *d; (d = readdir(dir));) {
		char *end;
		long id = strtol(d->d_name, &end, 10);

		if (*end || id <= 0)
			continue;
		if (*count == room) {
			pid_t *more = reallocarray(*ids, room = room ? 2 * room : 64, sizeof(**ids));

			if (!more)
				return -ENOMEM;
			*ids = more;
		}
		(*ids)[(*count)++] = id;
	}
	if (*count)
		qsort(*ids, *count, sizeof(**ids), compare_ids);
	return 0;
}

static int each_id(const char *path, int (*each)(void *ctx, pid_t id), void *ctx)
{
	_cleanup_free_ pid_t *ids = NULL;
	size_t count = 0;
	int err = read_ids(path, &ids, &count);

	for (size_t i = 0; !err && i < count; i++)
		err = each(ctx, ids[i]);
	return err;
}

int proc_each(int (*each)(void *ctx, pid_t pid), void *ctx)
{
	return each_id("/proc", each, ctx);
}

int proc_each_thread(pid_t pid, int (*each)(void *ctx, pid_t tid), void *ctx)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	return each_id(path, each, ctx);
}
