// SPDX-License-Identifier: GPL-2.0-only
/*
 * Places to probe, proved on running interpreters: a program counts its own calls, resumptions and unwound frames, and the
 * kernel's uprobe counters (perf, no BPF) at the places must say the same. Then the same places are attached to and left
 * while the program runs: 10 times, with SCRY_FULL=1 200 times. As root; skipped otherwise.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "profiler/elf.h"
#include "runtimes/python/cookie.h"
#include "runtimes/python/python.h"
#include "interpreters.h"

#define MAX_COUNTERS 64

static struct interpreter interpreters[MAX_INTERPRETERS];
static int interpreter_count;

/*
 * N: bodies entered or resumed. U: of these, left by an exception. K: exceptions caught. S: classes called that have an __init__,
 * which from 3.13 adds a frame of the interpreter's own. G: generator expressions made.
 */
static const char script[] =
	"import gc, os, select, sys\n"
	"gc.disable()\n"
	"N = U = K = S = G = 0\n"
	"def inner(n):\n"
	"    global N; N += 1\n"
	"    return n + 1\n"
	"def outer():\n"
	"    global N; N += 1\n"
	"    return inner(1)\n"
	"def nothing():\n"
	"    global N; N += 1\n"
	"def gen3():\n"
	"    global N; N += 1\n"
	"    for i in range(3):\n"
	"        yield i\n"
	"        N += 1\n"
	"def e3():\n"
	"    global N, U; N += 1; U += 1\n"
	"    raise ValueError('x')\n"
	"def e2():\n"
	"    global N, U; N += 1; U += 1\n"
	"    e3()\n"
	"def catch():\n"
	"    global N, K; N += 1\n"
	"    try: e2()\n"
	"    except ValueError: K += 1\n"
	"def final():\n"
	"    global N, U; N += 1; U += 1\n"
	"    try: e3()\n"
	"    finally: nothing()\n"
	"def genexc():\n"
	"    global N, U; N += 1\n"
	"    yield 1\n"
	"    N += 1; U += 1\n"
	"    raise KeyError('g')\n"
	"def key(v):\n"
	"    global N; N += 1\n"
	"    return v\n"
	"def recurse(n):\n"
	"    global N; N += 1\n"
	"    return recurse(n - 1) if n else 0\n"
	"def decorate(f):\n"
	"    global N; N += 1\n"
	"    def wrapper(*args, **kw):\n"
	"        global N; N += 1\n"
	"        return f(*args, **kw)\n"
	"    return wrapper\n"
	"class C(object):\n"
	"    def __init__(self):\n"
	"        global N, S; N += 1; S += 1\n"
	"    @property\n"
	"    def p(self):\n"
	"        global N; N += 1\n"
	"        return 3\n"
	"    def __getitem__(self, i):\n"
	"        global N; N += 1\n"
	"        return i\n"
	"    def __del__(self):\n"
	"        global N; N += 1\n"
	"OBJECT = object()\n"
	"def value():\n"
	"    global N; N += 1\n"
	"    return OBJECT\n"
	"def p_calls():\n"
	"    for i in range(1000): outer(); nothing()\n"
	"def p_values():\n"
	"    for i in range(100): value()\n"
	"def p_generators():\n"
	"    for i in range(300): list(gen3())\n"
	"def p_genexpr():\n"
	"    global N, G\n"
	"    for i in range(300):\n"
	"        N += 4; G += 1\n"
	"        sum(x for x in (1, 2, 3))\n"
	"def p_exceptions():\n"
	"    global K\n"
	"    for i in range(300):\n"
	"        catch()\n"
	"        try: final()\n"
	"        except ValueError: K += 1\n"
	"        try: list(genexc())\n"
	"        except KeyError: K += 1\n"
	"def p_callbacks():\n"
	"    list(map(key, range(300))); sorted(range(300), key=key)\n"
	"def p_recursion():\n"
	"    for i in range(3): recurse(500)\n"
	"def p_decorated():\n"
	"    f = decorate(inner)\n"
	"    for i in range(300): f(i)\n"
	"def p_methods():\n"
	"    for i in range(300):\n"
	"        c = C(); c.p; c[1]\n"
	"def p_profiled():\n"
	"    sys.setprofile(len and (lambda *a: T.append(1)))\n"
	"    for i in range(300): outer()\n"
	"    sys.setprofile(None)\n"
	"T = []\n"
	"def p_collections():\n"
	"    for i in range(10): gc.collect()\n"
	"if sys.version_info[0] > 2: exec('''\n"
	"def delegate():\n"
	"    global N; N += 1\n"
	"    for i in (yield from gen3()) or (): pass\n"
	"class Awaitable:\n"
	"    def __await__(self):\n"
	"        global N; N += 1\n"
	"        yield 1\n"
	"        N += 1\n"
	"async def waits():\n"
	"    global N; N += 1\n"
	"    await Awaitable()\n"
	"async def quick():\n"
	"    global N; N += 1\n"
	"    return 1\n"
	"async def both():\n"
	"    global N; N += 1\n"
	"    await quick()\n"
	"def drive(c):\n"
	"    global N, K; N += 1\n"
	"    try:\n"
	"        while True: c.send(None)\n"
	"    except StopIteration: K += 1\n"
	"def p_delegates():\n"
	"    global N\n"
	"    for i in range(300):\n"
	"        for x in delegate(): N += 1\n"	     /* each yield resumes delegate too */
	"def p_coroutines():\n"
	"    global N\n"
	"    for i in range(300): N += 1; drive(waits()); drive(both())\n" /* waits is resumed once */
	"''')\n"
	"def say(text):\n"
	"    os.write(1, text.encode('ascii'))\n"
	"    os.read(0, 1)\n"
	"phases = sorted(k for k in globals() if k.startswith('p_') and k != 'p_profiled') + ['p_profiled']\n"
	"encode = str.encode\n"
	"for k in phases[:-1]: globals()[k]()\n"
	"for k in phases:\n"
	"    N = 1; U = K = S = G = 0; T = []\n"
	"    f = globals()[k]\n"
	"    os.write(1, encode('go %s %d\\n' % (k, id(OBJECT)), 'ascii'))\n"
	"    os.read(0, 1)\n"
	"    f()\n"
	"    N += len(T)\n"
	"    os.write(1, encode('done %d %d %d %d %d\\n' % (N, U, K, S, G), 'ascii'))\n"
	"    os.read(0, 1)\n"
	"os.write(1, b'go spin 0\\n')\n"
	"while not select.select([0], [], [], 0)[0]:\n"
	"    p_generators(); p_exceptions(); p_calls()\n"
	"os.write(1, encode('done %d 0 0 0 0\\n' % recurse(100), 'ascii'))\n"
	"os.read(0, 1)\n";

struct counter {
	int fd;
	struct runtime_probe probe;
	enum runtime_method method;
	__u64 offset, semaphore;
	unsigned long long before;
};

struct tally {
	unsigned long long entries, unwound, caught, shims, genexprs;
	unsigned long long hits[RUNTIME_METHOD_COUNT][RUNTIME_SITE_COUNT];
};

struct bench {
	const struct interpreter *interpreter;
	const struct runtime_binary *binary;
	struct elf *elf;
	struct target target;
	char path[64];
	struct counter counters[MAX_COUNTERS];
	int count, failures;
	enum runtime_method method; /* being gathered */
};

#define COMPLAIN(bench, fmt, ...)                                                       \
	do {                                                                            \
		print_error("%s: " fmt "\n", (bench)->interpreter->label, __VA_ARGS__); \
		(bench)->failures++;                                                    \
	} while (0)

/* ---- counters ---- */

static void add_counter(struct bench *b, const struct runtime_probe *probe, __u64 offset, __u64 semaphore)
{
	assert_true(b->count < MAX_COUNTERS);
	b->counters[b->count++] = (struct counter){ .fd = -1, .probe = *probe, .method = b->method, .offset = offset,
						    .semaphore = semaphore };
}

static void add_probe(void *ctx, const struct runtime_probe *probe)
{
	add_counter(ctx, probe, probe->offset, probe->semaphore);
}

static int uprobe_type(void)
{
	FILE *f = fopen("/sys/bus/event_source/devices/uprobe/type", "r");
	int type = -1;

	if (f && fscanf(f, "%d", &type) != 1)
		type = -1;
	if (f)
		fclose(f);
	return type;
}

static int counter_open(const struct bench *b, struct counter *counter)
{
	struct perf_event_attr attr = { .size = sizeof(attr), .type = uprobe_type() };

	attr.config = counter->semaphore << 32; /* ref_ctr_offset */
	attr.config1 = (unsigned long)b->path;
	attr.config2 = counter->offset;
	counter->fd = syscall(SYS_perf_event_open, &attr, b->target.pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	return counter->fd < 0 ? -errno : 0;
}

static void counters_close(struct bench *b)
{
	for (int i = 0; i < b->count; i++) {
		close(b->counters[i].fd);
		b->counters[i].fd = -1;
	}
}

static void counters_open(struct bench *b)
{
	for (int i = 0; i < b->count; i++) {
		int err = counter_open(b, &b->counters[i]);

		if (err)
			COMPLAIN(b, "a probe at offset 0x%llx: %s", (unsigned long long)b->counters[i].offset,
				 strerror(-err));
	}
}

static unsigned long long counter_read(const struct counter *counter)
{
	unsigned long long value = 0;

	return counter->fd >= 0 && read(counter->fd, &value, sizeof(value)) == sizeof(value) ? value : 0;
}

/* ---- what the counts must be ---- */

static void expect(struct bench *b, const char *phase, const char *what, unsigned long long got, unsigned long long low,
		   unsigned long long high)
{
	if (got < low || got > high)
		COMPLAIN(b, "%s: %s %llu, not %llu%s", phase, what, got, low, low == high ? "" : " or a little more");
}

#define HITS(method, site) t->hits[RUNTIME_METHOD_##method][RUNTIME_SITE_##site]

static bool has_method(const struct bench *b, enum runtime_method method, enum runtime_site site)
{
	for (int i = 0; i < b->count; i++)
		if (b->counters[i].method == method && b->counters[i].probe.site == site)
			return true;
	return false;
}
#define HAS(method, site) has_method(b, RUNTIME_METHOD_##method, RUNTIME_SITE_##site)

static void check_phase(struct bench *b, const char *phase, const struct tally *t)
{
	unsigned version = b->binary->wire.python.version;
	/* 3.15 resumes a generator expression once more, as it is made. */
	unsigned long long made = version >= PY_VERSION(3, 15) ? t->genexprs : 0, n = t->entries;
	/* From 3.12 a change of what is traced instruments each code object at its next RESUME, which is then done again. */
	unsigned long long again = version >= PY_VERSION(3, 12) && !strcmp(phase, "p_profiled") ? 2 * 4 : 0;

	if (HAS(EVAL, eval_entry)) {
		expect(b, phase, "entries of the eval function", HITS(EVAL, eval_entry), n, n);
		expect(b, phase, "returns of the eval function", HITS(EVAL, eval_return), n, n);
	}
	if (HAS(USDT, function_entry)) {
		expect(b, phase, "function__entry", HITS(USDT, function_entry), n, n);
		expect(b, phase, "function__return", HITS(USDT, function_return), n, n);
	}
	if (HAS(HANDLERS, resume))
		expect(b, phase, "RESUME", HITS(HANDLERS, resume), n + made, n + made + again);
	if (HAS(HANDLERS, frame_pop))
		expect(b, phase, "frames popped and yields", HITS(HANDLERS, frame_pop) + HITS(HANDLERS, yield_value), n,
		       n + t->shims);
	else if (HAS(HANDLERS, resume))
		expect(b, phase, "returns and yields", HITS(HANDLERS, return_value) + HITS(HANDLERS, yield_value),
		       n - t->unwound, n - t->unwound);
	expect(b, phase, "PyTraceBack_Here", HITS(SYMBOL, traceback), t->unwound + t->caught, t->unwound + t->caught);
	if (strcmp(phase, "p_collections"))
		return;
	if (HAS(USDT, gc_start)) {
		expect(b, phase, "gc__start", HITS(USDT, gc_start), 10, 10);
		expect(b, phase, "gc__done", HITS(USDT, gc_done), 10, 10);
	}
	if (HAS(SYMBOL, collect_entry)) {
		expect(b, phase, "collections", HITS(SYMBOL, collect_entry), 10, 10);
		expect(b, phase, "collections' ends", HITS(SYMBOL, collect_return), 10, 10);
	}
}

/* One phase of the program: false at its last. */
static bool run_phase(struct bench *b)
{
	char line[128], phase[32];
	struct tally t = { 0 };

	if (!fgets(line, sizeof(line), b->target.out) || sscanf(line, "go %31s", phase) != 1)
		fail_msg("%s has ended", b->interpreter->label);
	if (!strcmp(phase, "spin"))
		return false;
	for (int i = 0; i < b->count; i++)
		b->counters[i].before = counter_read(&b->counters[i]);
	assert_int_equal(write(b->target.in, "x", 1), 1);
	if (!fgets(line, sizeof(line), b->target.out) ||
	    sscanf(line, "done %llu %llu %llu %llu %llu", &t.entries, &t.unwound, &t.caught, &t.shims, &t.genexprs) != 5)
		fail_msg("%s died in %s", b->interpreter->label, phase);
	for (int i = 0; i < b->count; i++)
		t.hits[b->counters[i].method][b->counters[i].probe.site] +=
			counter_read(&b->counters[i]) - b->counters[i].before;
	assert_int_equal(write(b->target.in, "x", 1), 1);
	check_phase(b, phase, &t);
	return true;
}

/* ---- attaching and leaving ---- */

static void check_text(struct bench *b, __u64 bias)
{
	char path[64];
	struct elf_range code;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", b->target.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(elf_code(b->elf, &code), 0);
	for (int i = 0; i < b->count; i++) {
		unsigned char file[64], memory[64];
		__u64 offset = b->counters[i].offset;

		assert_int_equal(elf_pread(b->elf, offset, file, sizeof(file)), 0);
		if (pread(fd, memory, sizeof(memory), offset - code.offset + code.address + bias) != sizeof(memory) ||
		    memcmp(file, memory, sizeof(file)))
			COMPLAIN(b, "the code at offset 0x%llx has changed", (unsigned long long)offset);
	}
	close(fd);
}

/* One place after another, since the kernel takes a tenth of a second to take a probe away. */
static void check_cycles(struct bench *b, __u64 bias, int cycles)
{
	char line[128];

	counters_close(b);
	for (int i = 0; i < cycles; i++) {
		struct counter *counter = &b->counters[i % b->count];

		if (counter_open(b, counter))
			COMPLAIN(b, "no probe at offset 0x%llx", (unsigned long long)counter->offset);
		close(counter->fd);
	}
	check_text(b, bias);
	assert_int_equal(write(b->target.in, "xx", 2), 2);
	if (!fgets(line, sizeof(line), b->target.out) || strcmp(line, "done 0 0 0 0 0\n"))
		COMPLAIN(b, "it did not survive %d probes", cycles);
}

static void check_interpreter(struct bench *b, int cycles)
{
	static const struct {
		enum runtime_event event;
		enum runtime_method method;
	} wanted[] = {
		{ RUNTIME_EVENT_CALL, RUNTIME_METHOD_HANDLERS },    { RUNTIME_EVENT_CALL, RUNTIME_METHOD_EVAL },
		{ RUNTIME_EVENT_CALL, RUNTIME_METHOD_USDT },	    { RUNTIME_EVENT_GC, RUNTIME_METHOD_USDT },
		{ RUNTIME_EVENT_GC, RUNTIME_METHOD_SYMBOL },	    { RUNTIME_EVENT_EXCEPTION, RUNTIME_METHOD_SYMBOL },
	};
	struct scry_exe_key key;
	struct scry_exe exe;
	char why[160] = "";
	__u64 bias;
	int fd;

	assert_int_equal(target_start(b->interpreter, script, &b->target), 0);
	/* Its first line says that it is past its start; it is put back for run_phase(). */
	ungetc(fgetc(b->target.out), b->target.out);
	if (runtime_examine(b->target.pid, &b->binary, &bias, &key, &exe, why, sizeof(why)))
		fail_msg("%s is not recognised: %s", b->interpreter->label, why);
	fd = runtime_binary_open(b->binary, b->target.pid);
	assert_true(fd >= 0);
	snprintf(b->path, sizeof(b->path), "/proc/self/fd/%d", fd);
	assert_int_equal(elf_open(fd, &b->elf), 0);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		enum runtime_method used;

		b->method = wanted[i].method;
		b->binary->ops->probes(b->binary, b->elf, wanted[i].event, wanted[i].method, add_probe, b, &used, why,
				       sizeof(why));
	}
	counters_open(b);
	while (run_phase(b))
		;
	check_cycles(b, bias, cycles);
	elf_close(b->elf);
	target_stop(&b->target);
}

static int check_one(const struct interpreter *interpreter)
{
	struct bench b = { .interpreter = interpreter };

	check_interpreter(&b, getenv("SCRY_FULL") ? 200 : 10);
	print_message("# %-16s %d places, %d differences\n", interpreter->label, b.count, b.failures);
	return b.failures;
}

static void places_are_hit_as_often_as_the_program_says(void **state)
{
	if (geteuid() || uprobe_type() < 0 || !interpreter_count) {
		print_message("# skipped: %s\n", geteuid() ? "not root" : interpreter_count ? "no uprobes" : "no interpreters");
		skip();
	}
	assert_int_equal(interpreters_check(interpreters, interpreter_count, check_one), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_are_hit_as_often_as_the_program_says),
	};

	interpreter_count = interpreters_list(interpreters);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
