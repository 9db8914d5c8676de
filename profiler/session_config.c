// SPDX-License-Identifier: GPL-2.0-only
#include "session_config.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "probes.h"
#include "spaces.h"
#include "../bpf/config.h"
#include "scry.skel.h"
#include "tally.h"
#include "waits.h"

#define RING_BYTES	(16u << 20)
#define DEEP_RING_BYTES (64u << 20) /* a stack of 8,192 frames takes 64 kB */

/* A cgroup's id is its directory's inode number; its level the number of directories below the mount's root. */
static int set_cgroup(struct scry_config *config, const char *path)
{
	_cleanup_free_ char *real = realpath(path, NULL);
	struct stat st, up;
	struct statfs fs;

	if (!real || stat(real, &st) || statfs(real, &fs))
		return fail(-errno, "cgroup %s:", path);
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		return fail(-EINVAL, "%s is not in a cgroup v2 hierarchy", path);
	config->cgroup_id = st.st_ino;
	for (;;) {
		char *slash = strrchr(real, '/');

		if (!slash || slash == real)
			break;
		*slash = 0;
		if (stat(real, &up) || up.st_dev != st.st_dev)
			break;
		config->cgroup_level++;
	}
	if (!config->cgroup_level)
		return fail(-EINVAL, "%s is not below the root of a cgroup v2 hierarchy", path);
	return 0;
}

/* Inode number of the pid namespace that scry runs in; 0 for the initial one. */
static __u32 own_pid_namespace(void)
{
	const ino_t initial = 0xEFFFFFFC; /* PROC_PID_INIT_INO, include/linux/proc_ns.h */
	struct stat st;

	return stat("/proc/self/ns/pid", &st) || st.st_ino == initial ? 0 : st.st_ino;
}

static __u32 ring_bytes(const struct session_options *o)
{
	return o->max_stack > 2 * SCRY_DEFAULT_STACK ? DEEP_RING_BYTES : RING_BYTES;
}

int session_configure(struct scry_bpf *skel, const struct session_options *o, int cpus)
{
	struct scry_config *config = (struct scry_config *)&skel->rodata->config;

	config->all = o->all || o->cgroup;
	config->children = o->children;
	config->runtimes = o->runtimes ? o->runtimes : 0xff;
	config->tids = o->tid_count > 0;
	config->max_stack = o->max_stack;
	config->native = o->native;
	config->kernel = o->kernel;
	config->cpus = cpus;
	for (int event = 0; event < RUNTIME_EVENT_COUNT; event++)
		config->events |= o->events & 1u << event ? 1u << (SCRY_EVENT_CALL + event) : 0;
	config->stream = o->stream;
	config->aggregate = o->aggregate;
	config->stack = o->stack;
	config->args = o->args;
	config->ret = o->ret;
	config->min_duration_ns = o->min_duration_ns;
	config->max_depth = o->max_depth;
	config->keep_dropped = o->keep_dropped;
	config->count_only = o->count_only;
	config->pid_namespace = own_pid_namespace();
	config->waits = o->waits;
	config->wall = o->wall;
	config->waker = o->waker;
	config->gil = o->gil;
	config->min_wait_ns = o->min_wait_ns;
	config->max_wait_ns = o->max_wait_ns;
	config->switch_slots = cpus * (1 + (o->events ? SLOTS_PER_CPU : 0));
	config->switch_tells_state = o->waits && waits_state_is_told();
	config->wake_bytes = ring_bytes(o) / 4;
	if (o->comm) {
		config->glob = 1;
		if (strlen(o->comm) >= sizeof(config->comm_glob))
			return fail(-EINVAL, "--comm %s: longer than %zu characters", o->comm,
				    sizeof(config->comm_glob) - 1);
		strcpy(config->comm_glob, o->comm);
	}
	return o->cgroup ? set_cgroup(config, o->cgroup) : 0;
}

bool session_is_deep(const struct session_options *o)
{
	return o->native || o->kernel;
}

struct bpf_program *session_sampler(struct scry_bpf *skel, const struct session_options *o)
{
	if (session_is_deep(o))
		return skel->progs.sample_cpu_deep;
	return o->runtimes == 1u << SCRY_RUNTIME_PYTHON ? skel->progs.sample_python : skel->progs.sample_cpu;
}

void session_size_maps(struct scry_bpf *skel, const struct session_options *o, int cpus)
{
	bool events = o->events != 0, calls = o->events & 1u << RUNTIME_EVENT_CALL;
	bool lines = o->events & 1u << RUNTIME_EVENT_LINE;
	int slots = cpus * (1 + (events ? SLOTS_PER_CPU : 0) + (o->waits ? 1 : 0));

	bpf_map__set_max_entries(skel->maps.events, ring_bytes(o));
	bpf_map__set_max_entries(skel->maps.scratch, slots);
	bpf_map__set_max_entries(skel->maps.code_cache, slots);
	bpf_map__set_max_entries(skel->maps.calls, calls ? CALL_SETS : 1);
	tally_size_maps(skel, calls && o->aggregate ? cpus : 0);
	bpf_map__set_max_entries(skel->maps.lines, lines && o->aggregate ? MAX_LINES : 1);
	bpf_map__set_max_entries(skel->maps.verdicts, events ? MAX_VERDICTS : 1);
	waits_configure(skel, o);
	bpf_program__set_autoload(skel->progs.sample_cpu, false);
	bpf_program__set_autoload(skel->progs.sample_python, false);
	bpf_program__set_autoload(skel->progs.sample_cpu_deep, false);
	bpf_program__set_autoload(session_sampler(skel, o), o->frequency);
	spaces_size_maps(skel, session_is_deep(o), o->all || o->cgroup || o->children);
	probes_choose_programs(skel, o->events, o->runtimes ? o->runtimes : 0xff);
}
