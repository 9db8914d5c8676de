// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "caught.h"
#include "profiler/base/cleanup.h"
#include "profiler/proc.h"
#include "profiler/target.h"

static const char *check(pid_t pid, int expected)
{
	caught_begin();
	int err = target_check_pid(pid);
	const char *said = caught_end();

	assert_int_equal(err, expected);
	return said;
}

static void reads_pids(void **state)
{
	static const char *const bad[] = { "", "0", "-1", "+1", " 1", "1 ", "1x", "x", "2147483648",
					   "99999999999999999999" };
	pid_t pid = 42;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(target_parse_pid(bad[i], &pid), -EINVAL);
	assert_int_equal(pid, 42);
	assert_int_equal(target_parse_pid("2147483647", &pid), 0);
	assert_int_equal(pid, 2147483647);
}

static pid_t start_child(void)
{
	pid_t child = fork();

	if (!child) {
		/* Escape sequences in a name must not reach the terminal. */
		prctl(PR_SET_NAME, "a;\x1b[1mb");
		pause();
		_exit(0);
	}
	return child;
}

static void stop_child(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void a_running_process_may_be_examined(void **state)
{
	assert_string_equal(check(getpid(), 0), "");
}

static void a_process_that_is_gone_is_named(void **state)
{
	pid_t child = start_child();
	char expected[64];

	stop_child(child);
	snprintf(expected, sizeof(expected), "scry: there is no process %d\n", child);
	assert_string_equal(check(child, -ESRCH), expected);
}

static void a_process_that_nobody_waited_for_has_ended(void **state)
{
	pid_t child = start_child();
	siginfo_t info;

	kill(child, SIGKILL);
	waitid(P_PID, child, &info, WEXITED | WNOWAIT);
	assert_non_null(strstr(check(child, -ESRCH), "has ended"));
	waitpid(child, NULL, 0);
}

static void *wait_at(void *arg)
{
	pid_t *tid = ((void **)arg)[0];

	*tid = gettid();
	pthread_barrier_wait(((void **)arg)[1]);
	pthread_barrier_wait(((void **)arg)[1]);
	return NULL;
}

static void a_thread_says_whose_it_is(void **state)
{
	pthread_barrier_t barrier;
	pthread_t thread;
	char expected[80];
	pid_t tid = 0;

	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&thread, NULL, wait_at, (void *[]){ &tid, &barrier });
	pthread_barrier_wait(&barrier);
	snprintf(expected, sizeof(expected), "scry: %d is a thread of process %d\n", tid, getpid());
	assert_string_equal(check(tid, -ESRCH), expected);
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
}

static int find_kernel_thread(void *ctx, pid_t pid)
{
	struct proc_status status;

	return !proc_status(pid, &status) && status.kernel && status.state != 'Z' ? pid : 0;
}

static void a_kernel_thread_is_told_apart(void **state)
{
	pid_t pid = proc_each(find_kernel_thread, NULL);

	if (pid <= 0)
		skip(); /* in a pid namespace there are none */
	assert_non_null(strstr(check(pid, -ENOENT), "is a kernel thread\n"));
}

static void a_process_of_another_user_needs_rights(void **state)
{
	char *said = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t child;

	if (getuid())
		skip();
	child = fork();
	if (!child) {
		if (setgid(65534) || setuid(65534))
			_exit(99);
		caught_begin();
		status = target_check_pid(getppid());
		snprintf(said, 4096, "%s", caught_end());
		_exit(-status);
	}
	waitpid(child, &status, 0);
	assert_int_equal(WEXITSTATUS(status), EACCES);
	assert_non_null(strstr(said, "belongs to another user: needs CAP_SYS_PTRACE"));
	munmap(said, 4096);
}

static void a_process_without_interpreter_is_named_safely(void **state)
{
	pid_t child = start_child();
	struct target target;
	const char *said;
	char comm[PROC_COMM_SIZE];

	while (proc_comm(child, comm), comm[0] != 'a')
		usleep(1000);
	caught_begin();
	int err = target_examine(child, &target);

	said = caught_end();
	assert_int_equal(err, -ENOENT);
	assert_non_null(strstr(said, "runs no interpreter that scry knows (python"));
	assert_null(strchr(said, '\x1b'));
	stop_child(child);
}

static void status_tells_what_the_process_is(void **state)
{
	struct proc_status status;

	assert_int_equal(proc_status(getpid(), &status), 0);
	assert_int_equal(status.process, getpid());
	assert_int_equal(status.inner, getpid());
	assert_int_equal(status.user, getuid());
	assert_false(status.kernel);
	assert_int_equal(proc_status(0x7fffffff, &status), -ESRCH);
}

static void a_command_line_is_words(void **state)
{
	char text[4096], cut[4];

	proc_command(getpid(), text, sizeof(text));
	assert_non_null(strstr(text, "test_target"));
	proc_command(getpid(), cut, sizeof(cut));
	assert_int_equal(strlen(cut), 3);
	proc_command(0x7fffffff, text, sizeof(text));
	assert_string_equal(text, "");
}

struct seen {
	int count;
	pid_t last;
	bool self, rising;
};

static int see(void *ctx, pid_t pid)
{
	struct seen *seen = ctx;

	seen->count++;
	seen->self |= pid == getpid();
	seen->rising &= pid > seen->last;
	seen->last = pid;
	return 0;
}

static int stop_at_once(void *ctx, pid_t pid)
{
	return 7;
}

static void every_process_is_seen_in_order(void **state)
{
	struct seen all = { .rising = true }, threads = { .rising = true };

	assert_int_equal(proc_each(see, &all), 0);
	assert_true(all.self && all.rising && all.count > 1);
	assert_int_equal(proc_each_thread(getpid(), see, &threads), 0);
	assert_int_equal(threads.count, 1);
	assert_int_equal(proc_each(stop_at_once, NULL), 7);
	assert_int_equal(proc_each_thread(0x7fffffff, see, &all), -ESRCH);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_pids),
		cmocka_unit_test(a_running_process_may_be_examined),
		cmocka_unit_test(a_process_that_is_gone_is_named),
		cmocka_unit_test(a_process_that_nobody_waited_for_has_ended),
		cmocka_unit_test(a_thread_says_whose_it_is),
		cmocka_unit_test(a_kernel_thread_is_told_apart),
		cmocka_unit_test(a_process_of_another_user_needs_rights),
		cmocka_unit_test(a_process_without_interpreter_is_named_safely),
		cmocka_unit_test(status_tells_what_the_process_is),
		cmocka_unit_test(a_command_line_is_words),
		cmocka_unit_test(every_process_is_seen_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
