// SPDX-License-Identifier: GPL-2.0-only
/* Stacks of threads that wait, read from running interpreters, against what each says of itself. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "interpreters.h"
#include "runtimes/python/host.h"

#define MAX_FRAMES 400

/* Threads that sleep, wait for a lock, wait in a generator, 300 deep and in a class body; then each one's frames as
 * sys._current_frames() has them: THREAD FUNCTION FILE FIRST LINE, leaf first. */
static const char script[] =
	"import os, sys, threading, time, binascii\n"
	"lock = threading.Lock()\n"
	"lock.acquire()\n"
	"class Sleeper(object):\n"
	"    def work(self):\n"
	"        x = [n for n in range(3)]; (lambda:\n"
	"            time.sleep(600))()\n"
	"def locked():\n"
	"    lock.acquire()\n"
	"def generator():\n"
	"    yield 1\n"
	"    time.sleep(600)\n"
	"def consume():\n"
	"    for x in generator():\n"
	"        pass\n"
	"def deep(n):\n"
	"    if n:\n"
	"        return deep(\n"
	"            n - 1)\n"
	"    time.sleep(600)\n"
	"def body():\n"
	"    class Inner(object):\n"
	"        time.sleep(600)\n"
	"for f in (Sleeper().work, locked, consume, lambda: deep(300), body):\n"
	"    t = threading.Thread(target=f)\n"
	"    t.daemon = True\n"
	"    t.start()\n"
	"def look():\n"
	"    found = {}\n"
	"    for ident, frame in sys._current_frames().items():\n"
	"        if ident == threading.current_thread().ident: continue\n"
	"        stack = found[ident] = []\n"
	"        while frame:\n"
	"            code = frame.f_code\n"
	"            stack.append((getattr(code, 'co_qualname', code.co_name), code.co_filename, code.co_firstlineno,\n"
	"                          frame.f_lineno))\n"
	"            frame = frame.f_back\n"
	"    return found\n"
	"def asleep():\n" /* so they are where they will stay; in a chroot there is no telling */
	"    tids = os.listdir('/proc/self/task') if os.path.isdir('/proc/self/task') else []\n"
	"    return all(open('/proc/self/task/%s/stat' % tid).read().rpartition(')')[2].split()[0] == 'S'\n"
	"               for tid in tids if tid != str(os.getpid()))\n"
	"before = None\n"
	"while True:\n"
	"    time.sleep(0.1)\n"
	"    found = look()\n"
	"    if before == found and len(found) == 5 and asleep(): break\n"
	"    before = found\n"
	"for ident in found:\n"
	"    for name, file, first, line in found[ident]:\n"
	"        print('%d %s %s %d %d' % (ident, name.replace(' ', '~'), file.replace(' ', '~'), first, line))\n"
	"print('0 end - 0 0')\n"
	"sys.stdout.flush()\n"
	"sys.stdin.read()\n";
#define THREADS 5

struct truth {
	unsigned long long thread;
	char function[128], file[256];
	int first, line;
};

static void compare(const struct interpreter *interpreter, const struct truth *truth, size_t count,
		    const struct python_stack *stack)
{
	if (stack->error || !stack->steady || stack->count != count)
		fail_msg("%s: thread %llx: error %d, %zu frames of %zu%s", interpreter->label, truth->thread, stack->error,
			 stack->count, count, stack->steady ? "" : ", not steady");
	for (size_t i = 0; i < count; i++) {
		const struct python_host_frame *frame = &stack->frames[i];

		if (strcmp(frame->code->name, truth[i].function) || strcmp(frame->code->file, truth[i].file) ||
		    frame->code->first_line != truth[i].first || frame->line != truth[i].line)
			fail_msg("%s: %s (%s:%d) at %d, not %s (%s:%d) at %d", interpreter->label, frame->code->name,
				 frame->code->file, frame->code->first_line, frame->line, truth[i].function,
				 truth[i].file, truth[i].first, truth[i].line);
	}
}

static bool read_truth(FILE *from, struct truth *ret)
{
	int n = fscanf(from, "%llu %127s %255s %d %d", &ret->thread, ret->function, ret->file, &ret->first, &ret->line);

	assert_int_equal(n, 5);
	for (char *p = ret->file; *p; p++)
		*p = *p == '~' ? ' ' : *p;
	return ret->thread;
}

static void check_thread(const struct interpreter *interpreter, const struct target *target, const struct truth *truth,
			 size_t count)
{
	const struct runtime_binary *binary;
	struct python_stack stack;
	char why[160] = "";
	__u64 bias;

	if (runtime_examine(target->pid, &binary, &bias, NULL, NULL, why, sizeof(why)))
		fail_msg("%s: %s", interpreter->label, why);
	assert_int_equal(python_host_walk(binary, target->pid, bias, truth->thread, SCRY_MAX_STACK, &stack), 0);
	compare(interpreter, truth, count, &stack);
	python_stack_deinit(&stack);
}

static void check_interpreter(const struct interpreter *interpreter)
{
	static struct truth truth[MAX_FRAMES];
	size_t count = 0, threads = 0;
	struct target target = { 0 };
	struct truth next;
	bool more;

	assert_int_equal(target_start(interpreter, script, &target), 0);
	do {
		more = read_truth(target.out, &next);
		if (count && next.thread != truth[0].thread) {
			check_thread(interpreter, &target, truth, count);
			threads++;
			count = 0;
		}
		assert_true(count < MAX_FRAMES);
		truth[count++] = next;
	} while (more);
	assert_int_equal(threads, THREADS);
	target_stop(&target);
	printf("# %-20s %s\n", interpreter->label, "walked");
}

static void walks_waiting_threads_as_they_see_themselves(void **state)
{
	static struct interpreter interpreters[MAX_INTERPRETERS];
	int count = interpreters_list(interpreters);

	if (!count)
		skip();
	for (int i = 0; i < count; i++)
		check_interpreter(&interpreters[i]);
}

static void says_that_the_process_is_gone(void **state)
{
	const struct runtime_binary binary = { .wire.python.interpreters = 4096 };
	struct python_stack stack;
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	assert_int_equal(python_host_walk(&binary, pid, 0, 4096, 100, &stack), -ESRCH);
	assert_int_equal(stack.count, 0);
	python_stack_deinit(&stack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_waiting_threads_as_they_see_themselves),
		cmocka_unit_test(says_that_the_process_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
