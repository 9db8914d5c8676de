// SPDX-License-Identifier: GPL-2.0-only
#include "caps.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "trial.h"
#include "uprobe_multi.h"

/*
 * PROC_USER_INIT_INO of include/linux/proc_ns.h; part of the user-space interface since 6.18
 * (linux/nsfs.h).
 */
#define FIRST_USER_NS 0xeffffffd

static bool in_effect(int capability)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &head, data))
		return false;
	return data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

bool caps_have(int capability)
{
	bool by_admin = capability == CAP_BPF || capability == CAP_PERFMON;

	return in_effect(capability) || (by_admin && in_effect(CAP_SYS_ADMIN));
}

bool caps_count(void)
{
	struct stat ns;

	return stat("/proc/self/ns/user", &ns) || ns.st_ino == FIRST_USER_NS;
}

bool caps_uprobes_need_admin(void)
{
	return !uprobe_multi_is_there() && caps_count() && !caps_have(CAP_SYS_ADMIN) && caps_have(CAP_PERFMON) &&
	       trial_uprobe() == -EACCES;
}

int caps_check_record(void)
{
	bool bpf = caps_have(CAP_BPF), perfmon = caps_have(CAP_PERFMON);

	if (!bpf || !perfmon)
		return fail(-EPERM, "needs %s%s%s: run with sudo; 'scry doctor' shows the rest",
			    bpf ? "" : "CAP_BPF",
			    bpf || perfmon ? "" : " and ", perfmon ? "" : "CAP_PERFMON");
	if (caps_uprobes_need_admin())
		return fail(-EPERM, "this kernel wants CAP_SYS_ADMIN for uprobes: run with sudo; "
			    "'scry doctor' shows the rest");
	if (!caps_count())
		return fail(-EPERM, "a container with users of its own may not use BPF: "
			    "run on the host, or without a user namespace");
	return 0;
}
