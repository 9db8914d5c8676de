// SPDX-License-Identifier: GPL-2.0-only
#include "doctor.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <mntent.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/units.h"
#include "caps.h"
#include "proc.h"
#include "trial.h"
#include "uprobe_multi.h"

#define FIRST_PID_NS 0xeffffffc /* PROC_PID_INIT_INO of include/linux/proc_ns.h */
#define HIGHEST_RATE 20000	/* record -F */

__attribute__((format(printf, 3, 4)))
static void found(struct finding *f, enum verdict verdict, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	f->verdict = verdict;
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

__attribute__((format(printf, 2, 3)))
static void advise(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->todo, sizeof(f->todo), fmt, ap);
	va_end(ap);
}

/* A sysctl's number; fallback where it cannot be read, *err then tells why. */
static long read_number(const char *path, long fallback, int *err)
{
	char text[32];
	int len = file_read_text(path, text, sizeof(text));

	*err = len < 0 ? len : 0;
	return len < 0 ? fallback : strtol(text, NULL, 10);
}

static void check_kernel(const struct check *check, struct finding *f)
{
	unsigned major = 0, minor = 0;
	struct utsname uts;

	uname(&uts);
	sscanf(uts.release, "%u.%u", &major, &minor);
	found(f, VERDICT_OK, "kernel %s on %s", uts.release, uts.machine);
	if (major > 5 || (major == 5 && minor >= 15))
		return;
	f->verdict = VERDICT_FAIL;
	advise(f, "5.15 or newer is needed");
}

static bool is_mounted_sys(void)
{
	return !access("/sys/kernel", F_OK);
}

static void check_proc(const struct check *check, struct finding *f)
{
	if (proc_is_mounted())
		return found(f, VERDICT_OK, "/proc is mounted");
	found(f, VERDICT_FAIL, "/proc is not mounted");
	advise(f, "mount -t proc proc /proc");
}

static void check_btf(const struct check *check, struct finding *f)
{
	struct stat st;

	if (!stat("/sys/kernel/btf/vmlinux", &st))
		return found(f, VERDICT_OK, "BTF present (%s)", units_bytes(st.st_size, 0).text);
	found(f, VERDICT_FAIL, "no /sys/kernel/btf/vmlinux");
	if (!is_mounted_sys())
		advise(f, "mount -t sysfs sysfs /sys");
	else
		advise(f, "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y, as distributions' are");
}

static void check_needed_cap(const struct check *check, struct finding *f)
{
	if (caps_have(check->capability))
		return found(f, VERDICT_OK, "%s", check->name);
	found(f, VERDICT_FAIL, "%s is missing", check->name);
	advise(f, "run with sudo");
}

static void check_useful_cap(const struct check *check, struct finding *f)
{
	if (caps_have(check->capability))
		return found(f, VERDICT_OK, "%s", check->name);
	found(f, VERDICT_NOTE, "%s is missing: %s", check->name, check->use);
}

static void check_user_namespace(const struct check *check, struct finding *f)
{
	if (caps_count())
		return found(f, VERDICT_OK, "first user namespace");
	found(f, VERDICT_FAIL,
	      "in a user namespace of its own, where capabilities do not count for BPF");
	advise(f, "run on the host, or in a container without user namespace");
}

static void check_pid_namespace(const struct check *check, struct finding *f)
{
	struct stat ns;

	if (stat("/proc/self/ns/pid", &ns))
		return found(f, VERDICT_NOTE, "pid namespace not known: /proc is not mounted");
	if (ns.st_ino == FIRST_PID_NS)
		return found(f, VERDICT_OK, "first pid namespace, which shows every process");
	found(f, VERDICT_NOTE, "in a pid namespace of its own, which shows only the processes in it");
	advise(f, "run on the host, or with --pid=host, to see all");
}

static void check_unprivileged_bpf(const struct check *check, struct finding *f)
{
	int err;
	long n = read_number("/proc/sys/kernel/unprivileged_bpf_disabled", 0, &err);

	if (err)
		found(f, VERDICT_NOTE, "kernel.unprivileged_bpf_disabled cannot be read: %s",
		      strerror(-err));
	else
		found(f, VERDICT_OK, "kernel.unprivileged_bpf_disabled %ld (with CAP_BPF no limit)", n);
}

static void check_perf_paranoid(const struct check *check, struct finding *f)
{
	int err;
	long n = read_number("/proc/sys/kernel/perf_event_paranoid", 0, &err);

	/* Above 2 is an addition of Debian and Ubuntu; some of their kernels then ask for more. */
	if (err)
		found(f, VERDICT_NOTE, "kernel.perf_event_paranoid cannot be read: %s",
		      strerror(-err));
	else if (n > 2 && !caps_have(CAP_SYS_ADMIN))
		found(f, VERDICT_NOTE, "kernel.perf_event_paranoid %ld: may want CAP_SYS_ADMIN", n);
	else
		found(f, VERDICT_OK, "kernel.perf_event_paranoid %ld (with CAP_PERFMON no limit)",
		      n);
}

static void check_sample_rate(const struct check *check, struct finding *f)
{
	int err;
	long n = read_number("/proc/sys/kernel/perf_event_max_sample_rate", 0, &err);

	if (err)
		return found(f, VERDICT_NOTE,
			     "kernel.perf_event_max_sample_rate cannot be read: %s", strerror(-err));
	found(f, n < HIGHEST_RATE ? VERDICT_NOTE : VERDICT_OK,
	      "kernel.perf_event_max_sample_rate %ld", n);
	if (n < HIGHEST_RATE)
		advise(f, "the kernel cuts higher rates; sysctl kernel.perf_event_max_sample_rate=%d",
		       HIGHEST_RATE);
}

static void check_jit(const struct check *check, struct finding *f)
{
	int err;
	long n = read_number("/proc/sys/net/core/bpf_jit_enable", 0, &err);

	if (err)
		return found(f, VERDICT_NOTE, "net.core.bpf_jit_enable cannot be read: %s",
			     strerror(-err));
	found(f, n ? VERDICT_OK : VERDICT_NOTE, "net.core.bpf_jit_enable %ld", n);
	if (!n)
		advise(f, "samples cost several times more; sysctl net.core.bpf_jit_enable=1");
}

/* The file names all modes with the current one in brackets: "none [integrity] confidentiality". */
static void check_lockdown(const struct check *check, struct finding *f)
{
	char text[128];

	if (file_read_text("/sys/kernel/security/lockdown", text, sizeof(text)) < 0)
		return found(f, VERDICT_OK, "no lockdown shown in /sys/kernel/security");
	if (strstr(text, "[confidentiality]")) {
		found(f, VERDICT_FAIL, "lockdown is 'confidentiality': BPF may not read memory");
		return advise(f, "boot with lockdown=integrity");
	}
	found(f, VERDICT_OK, "lockdown is '%s'", strstr(text, "[integrity]") ? "integrity" : "none");
}

/* Is a seccomp filter on this process? */
static bool filtered(void)
{
	return prctl(PR_GET_SECCOMP) == SECCOMP_MODE_FILTER;
}

/*
 * Why the kernel refused, as far as it can be told from here: capabilities and lockdown have lines
 * of their own.
 */
static void refused(struct finding *f, const char *what, int err)
{
	found(f, VERDICT_FAIL, "%s: %s", what, strerror(-err));
	if (err == -ENOSYS)
		return advise(f, "this kernel is built without it");
	if (!caps_have(CAP_BPF) || !caps_have(CAP_PERFMON))
		return advise(f, "run with sudo");
	if (!caps_count())
		return advise(f, "leave the user namespace, as above");
	if (filtered())
		advise(f, "the seccomp filter of this container forbids it; docker: --privileged, or "
		       "--security-opt seccomp=unconfined with --cap-add BPF,PERFMON,SYS_PTRACE");
	else
		advise(f, "a security module (SELinux, AppArmor) or the kernel's build forbids it");
}

static void check_maps(const struct check *check, struct finding *f)
{
	int err = trial_map() ?: trial_ring_buffer();

	if (err)
		return refused(f, "creating BPF maps", err);
	found(f, VERDICT_OK, "BPF maps and ring buffers can be created");
}

static void check_perf(const struct check *check, struct finding *f)
{
	int err = trial_perf_thread() ?: trial_perf_cpu();

	if (err)
		return refused(f, "opening perf's cpu-clock", err);
	found(f, VERDICT_OK, "perf cpu-clock can be opened for threads and CPUs");
}

static void check_program(const struct check *check, struct finding *f)
{
	int runs = trial_program();

	if (runs < 0)
		return refused(f, "loading a BPF program and running it on cpu-clock", runs);
	found(f, runs ? VERDICT_OK : VERDICT_FAIL,
	      "a BPF program ran on cpu-clock %d times in 20 ms at 1000 Hz", runs);
	if (!runs)
		advise(f, "the clock of this machine does not tick; look for 'perf' in dmesg");
}

static void check_uprobe(const struct check *check, struct finding *f)
{
	int hits = trial_uprobe();

	if (hits == -ENOSYS) {
		found(f, VERDICT_FAIL, "no uprobes");
		return advise(f, is_mounted_sys() ? "boot a kernel built with CONFIG_UPROBE_EVENTS=y" :
						    "mount -t sysfs sysfs /sys");
	}
	if (caps_uprobes_need_admin()) {
		found(f, VERDICT_FAIL, "setting a uprobe: this kernel wants CAP_SYS_ADMIN");
		return advise(f, "run with sudo");
	}
	if (hits == -EACCES && uprobe_multi_is_there()) {
		return found(f, VERDICT_OK, "uprobes by multi-uprobe links (those by perf would want CAP_SYS_ADMIN)");
	}
	if (hits < 0)
		return refused(f, "setting a uprobe", hits);
	found(f, hits == 3 ? VERDICT_OK : VERDICT_FAIL, "a uprobe saw %d of 3 calls", hits);
	if (hits != 3)
		advise(f, "look for 'uprobe' in dmesg");
}

/* Is a file system of this type mounted? where: the first place, cut to size. */
static bool mounted(const char *type, char *where, size_t size)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent entry;
	char text[4096];
	bool yes = false;

	if (!mounts)
		return false;
	while (!yes && getmntent_r(mounts, &entry, text, sizeof(text))) {
		yes = !strcmp(entry.mnt_type, type);
		if (yes)
			snprintf(where, size, "%s", entry.mnt_dir);
	}
	endmntent(mounts);
	return yes;
}

static void check_cgroup(const struct check *check, struct finding *f)
{
	char where[100];

	if (mounted("cgroup2", where, sizeof(where)))
		return found(f, VERDICT_OK, "cgroup v2 at %s", where);
	found(f, VERDICT_NOTE, "no cgroup v2: --cgroup cannot be used");
	advise(f, "mount -t cgroup2 none DIR");
}

static void check_not_needed(const struct check *check, struct finding *f)
{
	char where[100];

	if (mounted(check->use, where, sizeof(where)))
		found(f, VERDICT_OK, "%s at %s (not needed)", check->name, where);
	else
		found(f, VERDICT_NOTE, "%s is not mounted, and not needed", check->name);
}

static void check_seccomp(const struct check *check, struct finding *f)
{
	if (filtered())
		found(f, VERDICT_NOTE,
		      "a seccomp filter is on; whether it lets BPF and perf through was tried above");
	else
		found(f, VERDICT_OK, "no seccomp filter");
}

/* process_vm_readv asks as ptrace does, and Yama answers; BPF reads without asking. */
static void check_yama(const struct check *check, struct finding *f)
{
	int err;
	long n = read_number("/proc/sys/kernel/yama/ptrace_scope", 0, &err);

	if (err)
		return found(f, VERDICT_OK, "no ptrace_scope");
	if (n < 3 && (n < 1 || caps_have(CAP_SYS_PTRACE)))
		return found(f, VERDICT_OK,
			     "kernel.yama.ptrace_scope %ld (with CAP_SYS_PTRACE no limit)", n);
	found(f, VERDICT_NOTE,
	      "kernel.yama.ptrace_scope %ld: thread names and very long names are not read", n);
	advise(f, n < 3 ? "run with sudo" : "it can be changed at boot only, and need not be");
}

static void check_container(const struct check *check, struct finding *f)
{
	static const struct {
		const char *path, *name;
	} hints[] = {
		{ "/.dockerenv", "docker" },
		{ "/run/.containerenv", "podman" },
		{ "/run/systemd/container", "a container of systemd" },
		{ "/var/run/secrets/kubernetes.io", "kubernetes" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(hints); i++)
		if (!access(hints[i].path, F_OK)) {
			found(f, VERDICT_NOTE, "inside %s (%s)", hints[i].name, hints[i].path);
			return advise(f, "processes in containers are best recorded from the host");
		}
	found(f, VERDICT_OK, "no sign of a container");
}

#define CAP(name, how, what) { #name, how, name, what }

const struct check doctor_checks[] = {
	{ "kernel", check_kernel },
	{ "proc", check_proc },
	{ "btf", check_btf },
	CAP(CAP_BPF, check_needed_cap, NULL),
	CAP(CAP_PERFMON, check_needed_cap, NULL),
	CAP(CAP_SYS_PTRACE, check_useful_cap, "only processes of this user can be examined"),
	CAP(CAP_DAC_READ_SEARCH, check_useful_cap, "interpreters in private folders are not found"),
	CAP(CAP_SYS_ADMIN, check_useful_cap, "uprobes need it where the kernel is older than 6.6 but has the fixes of July 2025"),
	CAP(CAP_SYS_RESOURCE, check_useful_cap, "not needed"),
	{ "user_namespace", check_user_namespace },
	{ "pid_namespace", check_pid_namespace },
	{ "lockdown", check_lockdown },
	{ "bpf_maps", check_maps },
	{ "perf_events", check_perf },
	{ "bpf_program", check_program },
	{ "uprobes", check_uprobe },
	{ "seccomp", check_seccomp },
	{ "unprivileged_bpf_disabled", check_unprivileged_bpf },
	{ "perf_event_paranoid", check_perf_paranoid },
	{ "perf_event_max_sample_rate", check_sample_rate },
	{ "bpf_jit_enable", check_jit },
	{ "ptrace_scope", check_yama },
	{ "cgroup2", check_cgroup },
	{ "container", check_container },
	{ "tracefs", check_not_needed, .use = "tracefs" },
	{ "bpffs", check_not_needed, .use = "bpf" },
};
const size_t doctor_check_count = ARRAY_SIZE(doctor_checks);
