// SPDX-License-Identifier: GPL-2.0-only
/* Recognition and thread names, on every interpreter that tests/interpreters lists. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "profiler/elf.h"
#include "profiler/remote.h"
#include "runtimes/runtime.h"
#include "interpreters.h"

static struct interpreter interpreters[MAX_INTERPRETERS];
static int interpreter_count;

/*
 * Names of every kind of str; attributes as the type shares them, in a dict, and too many to share.
 */
static const char script[] =
	"import sys, threading, time, binascii\n"
	"names = [u'plain-one', u'na\\xefve', u'\\u043c\\u0438\\u0440', u'snake \\U0001f40d', "
	"u'with;\\x01\\u2028', u'x' * 200]\n"
	"utf8 = lambda s: s if isinstance(s, bytes) else s.encode('utf-8')\n"
	"if str is bytes: names = [utf8(s) for s in names]\n"
	"threads = []\n"
	"for i, name in enumerate(names):\n"
	"    t = threading.Thread(target=time.sleep, args=(600,), name=name)\n"
	"    t.daemon = True\n"
	"    if i == 1: vars(t)['extra'] = 1\n"
	"    if i == 2:\n"
	"        for k in range(100): setattr(t, 'attribute%d' % k, k)\n"
	"    t.start()\n"
	"    threads.append(t)\n"
	/* a thread that has just been started is not named yet */
	"while threading._limbo: time.sleep(0.01)\n"
	"for t in threading.enumerate():\n"
	"    print('%d %d %s' % (t.ident, getattr(t, 'native_id', 0), "
	"binascii.hexlify(utf8(t.name)).decode('ascii')))\n"
	"print('%s %s' % (sys.version.split()[0], sys.executable))\n"
	"sys.stdout.flush()\n"
	"while True: pass\n";
#define THREADS 7

struct expected {
	unsigned long long id;
	int native;
	char name[512];
	int seen;
};

struct check {
	struct expected threads[THREADS];
	int unexpected;
	const struct interpreter *interpreter;
};

static void unhex(char *s)
{
	char *to = s;
	unsigned byte;

	for (; sscanf(s, "%2x", &byte) == 1; s += 2)
		*to++ = byte;
	*to = 0;
}

static void check_thread(void *ctx, const struct runtime_thread_name *thread)
{
	struct check *check = ctx;
	size_t n = strlen(thread->name);

	for (int i = 0; i < THREADS; i++) {
		struct expected *e = &check->threads[i];

		if (e->id != thread->thread_id)
			continue;
		/* The longest is cut to fit. */
		if (n == sizeof(thread->name) - 1 ? strncmp(thread->name, e->name, n)
						  : strcmp(thread->name, e->name))
			print_error("%s: %s is named %s\n", check->interpreter->label, e->name,
				    thread->name);
		else if (thread->native_id && e->native && thread->native_id != e->native)
			print_error("%s: %s has tid %d, not %d\n", check->interpreter->label,
				    e->name, thread->native_id, e->native);
		else
			e->seen++;
		return;
	}
	check->unexpected++;
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void read_expected(struct target *target, struct check *check, char *version)
{
	for (int i = 0; i < THREADS; i++) {
		struct expected *e = &check->threads[i];

		assert_int_equal(fscanf(target->out, "%llu %d %511s", &e->id, &e->native, e->name),
				 3);
		unhex(e->name);
	}
	assert_int_equal(fscanf(target->out, "%31s %*s", version), 1);
}

static bool has_flag(const struct interpreter *interpreter, const char *flag)
{
	return strstr(interpreter->flags, flag);
}

static void check_binary(const struct interpreter *interpreter, const struct runtime_binary *binary,
			 const char *version)
{
	/* "3.15.0a1+" is 3.15.0a1 in the hex version. */
	if (strncmp(binary->version, version, strlen(binary->version)))
		fail_msg("%s: version %s is taken for %s", interpreter->label, version,
			 binary->version);
	assert_int_equal(binary->free_threaded, has_flag(interpreter, "freethreaded"));
	assert_int_equal(binary->debug_build, has_flag(interpreter, "debug"));
	assert_true(binary->wire.python.code_type);
	assert_true(binary->wire.python.interpreters);
	assert_true(binary->code_dealloc);
	if (binary->wire.python.version <= PY_VERSION(3, 11))
		assert_true(binary->wire.python.current);
	if (binary->wire.python.version >= PY_VERSION(3, 6) &&
	    binary->wire.python.version <= PY_VERSION(3, 14))
		assert_true(binary->wire.python.tss_key);
}

/* ---- where a thread's state is: each short way must lead where the list does ---- */

static __u64 word(pid_t pid, __u64 address)
{
	__u64 value = 0;

	remote_read(pid, address, &value, sizeof(value));
	return value;
}

/*
 * As python_tls() in walk.h: thread pointer + offset, or the module's block in the vector of the
 * thread.
 */
static __u64 thread_local(pid_t pid, const struct scry_python *py, __u64 bias, __u64 thread,
			  __s64 offset)
{
	__u64 block;

	if (!py->tls_module)
		return word(pid, thread + offset);
	block = word(pid, word(pid, thread + 8) + 16 * word(pid, bias + py->tls_module));
	return block && block + 1 ? word(pid, block + offset) : 0;
}

/* The state of the thread whose pthread_self() this is, from the list of the first interpreter. */
static __u64 state_of(pid_t pid, const struct scry_python *py, __u64 bias, __u64 thread)
{
	const struct python_layout *l = &py->layout;
	__u64 state = word(pid, word(pid, bias + py->interpreters) + OFF(l->interp_threads_head));

	while (state && word(pid, state + OFF(l->tstate_thread_id)) != thread)
		state = word(pid, state + OFF(l->tstate_next));
	return state;
}

static void check_state(const struct interpreter *interpreter, pid_t pid,
			const struct scry_python *py, __u64 bias, __u64 busy, __u64 sleeping)
{
	__u64 state = state_of(pid, py, bias, busy), idle = state_of(pid, py, bias, sleeping);
	int seen_tls = 0, seen_current = 0;

	assert_true(state && idle && state != idle);
	if (py->tss_key) { /* glibc: struct pthread.specific_1stblock */
		__u32 key = word(pid, bias + py->tss_key);

		assert_true(key < 32);
		assert_true(word(pid, busy + 0x310 + 16 * key + 8) == state);
		assert_true(word(pid, sleeping + 0x310 + 16 * key + 8) == idle);
	}
	if (py->has_tls_gilstate) {
		assert_true(thread_local(pid, py, bias, busy, py->tls_gilstate) == state);
		assert_true(thread_local(pid, py, bias, sleeping, py->tls_gilstate) == idle);
	}
	/* These two hold it while the thread runs, which the busy one does nearly always. */
	for (int i = 0; i < 1000 && (seen_tls < 3 || seen_current < 3); i++, usleep(100)) {
		seen_tls += !py->has_tls_tstate ||
			    thread_local(pid, py, bias, busy, py->tls_tstate) == state;
		seen_current += !py->current || word(pid, bias + py->current) == state;
	}
	if (seen_tls < 3 || seen_current < 3)
		fail_msg("%s: the running thread's state was not seen", interpreter->label);
}

/*
 * Every build that has thread-local state, and whose accessor is a function of its own, is expected
 * to tell.
 */
static void check_ways(const struct interpreter *interpreter, const struct scry_python *py)
{
	if (py->version >= PY_VERSION(3, 12) && !has_flag(interpreter, "debug"))
		assert_true(py->has_tls_tstate);
	if (py->version >= PY_VERSION(3, 15))
		assert_true(py->has_tls_gilstate);
}

/* ---- events ---- */

struct events {
	char text[2048];
	const struct interpreter *interpreter;
};

static void add_event(void *ctx, const char *event, const char *method, const char *place)
{
	struct events *e = ctx;
	size_t at = strlen(e->text);

	snprintf(e->text + at, sizeof(e->text) - at, "%s/%s: %s\n", event, method, place);
}

static void expect_event(const struct events *e, const char *event)
{
	if (!strstr(e->text, event))
		fail_msg("%s does not offer %s but\n%s", e->interpreter->label, event, e->text);
}

/* Debian and Ubuntu build with markers; those of 3.12 to 3.14 have none of functions. */
static void check_events(const struct interpreter *interpreter, const struct runtime_binary *binary,
			 const struct elf *elf)
{
	struct events e = { .interpreter = interpreter };
	unsigned version = binary->wire.python.version;
	bool built = has_flag(interpreter, "pyenv") || !strncmp(interpreter->label, "built-", 6);
	bool debian = !built && version >= PY_VERSION(3, 7);

	binary->ops->events(binary, elf, add_event, &e);
	expect_event(&e, "cpu/sampling: perf cpu-clock\n");
	expect_event(&e, "exception/symbol: PyTraceBack_Here\n");
	if (debian)
		expect_event(&e, "gc/usdt: gc__start, gc__done\n");
	expect_event(&e, version >= PY_VERSION(3, 11) ? "call/handlers"
			 : debian		      ? "call/usdt"
						      : "call/eval");
	expect_event(&e, debian ? "import/usdt: import__find__load__start" :
				  "import/symbol: PyImport_ImportModuleLevel, its ret");
	assert_int_equal(strstr(e.text, "audit/usdt") != NULL,
			 debian && version >= PY_VERSION(3, 8));
}

static void examine(const struct interpreter *interpreter)
{
	struct check check = { .interpreter = interpreter };
	const struct runtime_binary *binary;
	char version[32], why[160] = "";
	struct scry_exe_key key;
	struct target target = { 0 };
	struct scry_exe exe;
	struct elf *elf;
	double start;
	__u64 bias;
	int err;

	assert_int_equal(target_start(interpreter, script, &target), 0);
	read_expected(&target, &check, version);
	start = now_ms();
	err = runtime_examine(target.pid, &binary, &bias, &key, &exe, why, sizeof(why));
	if (err)
		fail_msg("%s: %s (%s)", interpreter->label, strerror(-err), why);
	printf("# %-20s %-9s %s%s%s%s, tls %s, tss %s, dealloc %#llx, first look %.1f ms\n",
	       interpreter->label, binary->version, binary->layout_from,
	       binary->stripped ? ", stripped" : "", binary->shared ? ", shared" : "",
	       exe.fixed ? ", fixed" : "", binary->wire.python.has_tls_tstate ? "yes" : "no",
	       binary->wire.python.tss_key ? "yes" : "no", binary->code_dealloc, now_ms() - start);
	check_binary(interpreter, binary, version);
	assert_int_equal(elf_open(runtime_binary_open(binary, target.pid), &elf), 0);
	check_events(interpreter, binary, elf);
	elf_close(elf);
	assert_int_equal(exe.place, binary->shared ? SCRY_PLACE_LINKED : SCRY_PLACE_EXE);
	assert_int_equal(binary->ops->threads(binary, target.pid, bias, check_thread, &check), 0);
	for (int i = 0; i < THREADS; i++)
		if (check.threads[i].seen != 1)
			fail_msg("%s: thread %s seen %d times", interpreter->label,
				 check.threads[i].name, check.threads[i].seen);
	assert_int_equal(check.unexpected, 0);
	/* enumerate() names the main thread, which is the busy one, first. */
	check_ways(interpreter, &binary->wire.python);
	check_state(interpreter, target.pid, &binary->wire.python, bias, check.threads[0].id,
		    check.threads[1].id);
	target_stop(&target);
}

static void recognises_each_and_names_its_threads(void **state)
{
	interpreter_count = interpreters_list(interpreters);
	if (!interpreter_count)
		skip();
	for (int i = 0; i < interpreter_count; i++)
		examine(&interpreters[i]);
}

/* ---- several interpreters in one process ---- */

static const char several[] =
	"import sys, threading, time\n"
	"try: import _interpreters as subs\n"
	"except ImportError:\n"
	"    try: import _xxsubinterpreters as subs\n"
	"    except ImportError: print('none'); sys.exit()\n"
	"code = ['import threading, time',\n"
	"    'threading.Thread(target=time.sleep, args=(600,), name=\"inside\").start()',\n"
	"    'open(1, \"w\", closefd=False).write(\"ready\\\\n\")', 'time.sleep(600)']\n"
	"run = getattr(subs, 'run_string', None) or subs.exec\n"
	"def target():\n"
	"    try: run(subs.create(), '\\n'.join(code))\n"
	"    except Exception: print('none'); sys.stdout.flush()\n"
	"threading.Thread(target=target, name='runner').start()\n"
	"time.sleep(600)\n";

struct seen {
	int inside, runner, twice;
	unsigned long long last;
};

static void see_thread(void *ctx, const struct runtime_thread_name *thread)
{
	struct seen *seen = ctx;

	seen->inside += !strcmp(thread->name, "inside");
	seen->runner += !strcmp(thread->name, "runner");
	seen->twice += thread->thread_id == seen->last;
	seen->last = thread->thread_id;
}

/* Not every version lets an interpreter be made, or start threads, from Python. */
static int examine_several(const struct interpreter *interpreter)
{
	const struct runtime_binary *binary;
	struct target target = { 0 };
	struct seen seen = { 0 };
	char why[160], line[16];
	__u64 bias;
	int able;

	assert_int_equal(target_start(interpreter, several, &target), 0);
	able = fgets(line, sizeof(line), target.out) && !strcmp(line, "ready\n");
	if (able) {
		assert_int_equal(
			runtime_examine(target.pid, &binary, &bias, NULL, NULL, why, sizeof(why)),
			0);
		assert_int_equal(binary->ops->threads(binary, target.pid, bias, see_thread, &seen),
				 0);
		if (seen.inside != 1 || seen.runner != 1 || seen.twice)
			fail_msg("%s: inside seen %d times, runner %d, %d twice",
				 interpreter->label, seen.inside, seen.runner, seen.twice);
	}
	target_stop(&target);
	return able;
}

static void threads_of_every_interpreter_in_a_process_are_told_once(void **state)
{
	int able = 0;

	for (int i = 0; i < interpreter_count; i++)
		if (strncmp(interpreters[i].version, "2.", 2))
			able += examine_several(&interpreters[i]);
	printf("# %d builds can hold several interpreters\n", able);
	if (!able)
		skip();
}

static void a_program_without_interpreter_has_none(void **state)
{
	const struct runtime_binary *binary;
	struct scry_exe_key key;
	struct scry_exe exe;
	char why[160] = "";
	__u64 bias;

	assert_int_equal(runtime_examine(getpid(), &binary, &bias, &key, &exe, why, sizeof(why)),
			 -ENOENT);
	assert_int_equal(exe.place, SCRY_PLACE_ASK);
	assert_true(key.inode && key.device);
	assert_string_equal(why, "");
}

static void a_process_that_is_gone_is_said_to_be(void **state)
{
	const struct runtime_binary *binary;
	char why[160];
	__u64 bias;
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	assert_int_equal(runtime_examine(pid, &binary, &bias, NULL, NULL, why, sizeof(why)),
			 -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recognises_each_and_names_its_threads),
		cmocka_unit_test(threads_of_every_interpreter_in_a_process_are_told_once),
		cmocka_unit_test(a_program_without_interpreter_has_none),
		cmocka_unit_test(a_process_that_is_gone_is_said_to_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
