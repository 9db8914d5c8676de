// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is found depends on the machine; that it is said in one line, and matches what was tried,
 * does not.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "profiler/caps.h"
#include "profiler/doctor.h"
#include "profiler/trial.h"
#include "profiler/uprobe_multi.h"

static void every_check_says_one_line(void **state)
{
	for (size_t i = 0; i < doctor_check_count; i++) {
		struct finding f = { .verdict = 42 };

		doctor_checks[i].run(&doctor_checks[i], &f);
		assert_in_range(f.verdict, VERDICT_OK, VERDICT_FAIL);
		assert_true(*f.text && !strchr(f.text, '\n') && !strchr(f.todo, '\n'));
		assert_true(f.verdict != VERDICT_FAIL || *f.todo);
	}
}

static void check_names_are_unique(void **state)
{
	for (size_t i = 0; i < doctor_check_count; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(doctor_checks[i].name, doctor_checks[j].name);
}

/* Run fn in a child without capabilities; its exit status. */
static int without_capabilities(int (*fn)(void))
{
	int status;
	pid_t child = fork();

	if (!child) {
		if (!freopen("/dev/null", "w", stderr) || setgid(65534) || setuid(65534))
			_exit(99);
		_exit(fn());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int count_failed_caps(void)
{
	int failed = 0;

	for (size_t i = 0; i < doctor_check_count; i++) {
		struct finding f = { 0 };

		if (!doctor_checks[i].capability)
			continue;
		doctor_checks[i].run(&doctor_checks[i], &f);
		failed += f.verdict == VERDICT_FAIL;
	}
	return failed;
}

static int record_is_refused(void)
{
	return caps_check_record() < 0;
}

static int trials_are_refused(void)
{
	return (trial_ring_buffer() < 0) + (trial_perf_cpu() < 0) + (trial_program() < 0) +
	       (trial_uprobe() < 0);
}

static void missing_capabilities_are_found(void **state)
{
	if (getuid())
		skip();
	assert_int_equal(without_capabilities(count_failed_caps), 2);
	assert_int_equal(without_capabilities(record_is_refused), 1);
	assert_int_equal(without_capabilities(trials_are_refused), 4);
}

/* Since CVE-2025-38466 the two capabilities do not suffice for uprobes by perf, but for those without it (6.6) they do. */
static int the_two_capabilities_suffice_or_not(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };
	bool refused;

	data[CAP_TO_INDEX(CAP_BPF)].effective |= CAP_TO_MASK(CAP_BPF);
	data[CAP_TO_INDEX(CAP_PERFMON)].effective |= CAP_TO_MASK(CAP_PERFMON);
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].permitted = data[i].effective;
	if (syscall(SYS_capset, &head, data))
		return 97;
	refused = trial_uprobe() == -EACCES && !uprobe_multi_is_there();
	return caps_check_record() == (refused ? -EPERM : 0) && caps_uprobes_need_admin() == refused;
}

static int in_child(int (*fn)(void))
{
	int status;
	pid_t child = fork();

	if (!child)
		_exit(fn());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void uprobes_that_want_more_are_found(void **state)
{
	if (getuid() || !caps_have(CAP_BPF) || !caps_have(CAP_PERFMON) || !caps_count())
		skip();
	assert_int_equal(in_child(the_two_capabilities_suffice_or_not), 1);
}

static void trials_agree_with_the_capabilities(void **state)
{
	if (!caps_have(CAP_BPF) || !caps_have(CAP_PERFMON) || !caps_count() || trial_map())
		skip();
	assert_int_equal(trial_perf_thread(), 0);
	assert_in_range(trial_program(), 5, 60); /* 20 on a machine with nothing else to do */
	assert_int_equal(trial_uprobe(), 3);
}

/* As containers do: bpf() fails with EPERM whatever the capabilities say. */
static int bpf_is_filtered(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof(code) / sizeof(*code), code };
	int named = 0;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		return 98;
	for (size_t i = 0; i < doctor_check_count; i++) {
		struct finding f = { 0 };

		doctor_checks[i].run(&doctor_checks[i], &f);
		named += f.verdict == VERDICT_FAIL && strstr(f.todo, "seccomp filter");
	}
	return named;
}

static void a_seccomp_filter_is_found_and_named(void **state)
{
	if (!caps_have(CAP_BPF) || !caps_have(CAP_PERFMON) || !caps_count() || trial_map())
		skip();
	assert_int_equal(in_child(bpf_is_filtered), 2); /* maps and the program; perf is let through */
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_check_says_one_line),
		cmocka_unit_test(check_names_are_unique),
		cmocka_unit_test(missing_capabilities_are_found),
		cmocka_unit_test(uprobes_that_want_more_are_found),
		cmocka_unit_test(trials_agree_with_the_capabilities),
		cmocka_unit_test(a_seccomp_filter_is_found_and_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
