// SPDX-License-Identifier: GPL-2.0-only
/* From what the kernel tells of waits to a capture: reasons, stacks by key, wakers, and what reports make of them. */
#include "records.h"

#include <sys/syscall.h>

#include "profiler/reasons.h"
#include "profiler/recorder.h"

#define US 1000ULL

static const char *reason(enum scry_wait_state state, int syscall, uint64_t first, uint64_t second)
{
	const struct scry_wait wait = { .state = state, .syscall = syscall, .argument = { first, second } };

	return reason_of_wait(&wait);
}

static void tells_reasons(void **state)
{
	assert_string_equal(reason(SCRY_WAIT_SLEEPING, SYS_futex, 1, 0), "lock");
	assert_string_equal(reason(SCRY_WAIT_GIL, SYS_futex, 1, 0), "gil");
	assert_string_equal(reason(SCRY_WAIT_RUNQUEUE, SYS_futex, 1, 0), "runqueue");
	assert_string_equal(reason(SCRY_WAIT_SLEEPING, SYS_clock_nanosleep, 0, 0), "sleep");
	assert_string_equal(reason(SCRY_WAIT_SLEEPING, SYS_pselect6, 0, 0), "sleep");
	assert_string_equal(reason(SCRY_WAIT_SLEEPING, SYS_pselect6, 5, 0), "poll");
	assert_string_equal(reason(SCRY_WAIT_SLEEPING, SYS_ppoll, 4096, 1), "poll");
	assert_string_equal(reason(SCRY_WAIT_SLEEPING, SYS_ppoll, 4096, 0), "sleep");
	assert_string_equal(reason(SCRY_WAIT_SLEEPING, SYS_recvfrom, 3, 0), "socket");
	assert_string_equal(reason(SCRY_WAIT_SLEEPING, SYS_read, 3, 0), "io");
	assert_string_equal(reason(SCRY_WAIT_SLEEPING, SYS_wait4, 3, 0), "child");
	assert_string_equal(reason(SCRY_WAIT_SLEEPING, -1, 0, 0), "other");
	assert_string_equal(reason(SCRY_WAIT_DISK, SYS_read, 3, 0), "disk");
	assert_string_equal(reason(SCRY_WAIT_BLOCKED, SYS_fsync, 3, 0), "disk");
	assert_string_equal(reason(SCRY_WAIT_BLOCKED, SYS_munmap, 3, 0), "kernel");
	assert_string_equal(reason(SCRY_WAIT_STOPPED, SYS_read, 3, 0), "stopped");
	assert_string_equal(reason(SCRY_WAIT_STOLEN, -1, 0, 0), "stolen");
}

struct waits_test {
	struct test_file file;
	struct recorder *recorder;
};

static void begin(struct waits_test *t, const char *event)
{
	struct capture_header header = test_header;

	header.event = event;
	header.period_ns = 0;
	t->file.fd = memfd_create("capture", MFD_CLOEXEC);
	assert_int_equal(capture_create_at(t->file.fd, "test.scry", &header, &t->file.w), 0);
	assert_int_equal(recorder_create(t->file.w, 0, &t->recorder), 0);
}

static struct profile *end(struct waits_test *t)
{
	recorder_destroy(t->recorder);
	return test_close(&t->file, 1000);
}

/* An empty stack: what is missing of it stands for it. */
static void send_stack(struct waits_test *t, uint64_t key, enum scry_walk_error error)
{
	struct scry_sample stack = { .head = { .kind = SCRY_RECORD_STACK, .pid = 7 }, .error = error, .key = { key, 1 } };

	recorder_take(t->recorder, &stack.head, sizeof(stack));
}

static struct scry_wait wait_record(enum scry_record_kind kind, uint32_t tid, uint64_t key, uint64_t ns)
{
	return (struct scry_wait){
		.who = { .head = { .kind = kind, .pid = 7, .time = START_NS + 5 * MS }, .tid = tid, .thread = tid, .comm = "worker" },
		.duration_ns = ns, .stack = { key, 1 }, .state = SCRY_WAIT_SLEEPING, .syscall = SYS_futex,
	};
}

static void send(struct waits_test *t, const struct scry_wait *wait)
{
	recorder_take(t->recorder, &wait->who.head, sizeof(*wait));
}

static const char *leaf_name(const struct profile *p, size_t sample)
{
	const struct profile_frame *frame = &p->frames.item[p->stacks.item[p->samples.item[sample].stack].frame];

	return profile_text(p, p->functions.item[frame->function].name);
}

static void finds_stacks_by_key(void **state)
{
	struct waits_test t;
	struct scry_wait wait;
	struct profile *p;

	begin(&t, "offcpu");
	send_stack(&t, 10, SCRY_WALK_NOT_STARTED);
	wait = wait_record(SCRY_RECORD_WAIT, 8, 10, 70 * US);
	send(&t, &wait);
	wait.stack.a = 11; /* never told of */
	send(&t, &wait);
	wait.who.error = SCRY_WALK_STARTING; /* and one without */
	wait.state = SCRY_WAIT_RUNQUEUE;
	send(&t, &wait);
	wait.who.error = SCRY_WALK_STOLEN;
	wait.state = SCRY_WAIT_STOLEN;
	send(&t, &wait);
	wait.state = SCRY_WAIT_STATE_COUNT; /* nonsense */
	send(&t, &wait);
	recorder_take(t.recorder, &wait.who.head, sizeof(wait) - 1);
	p = end(&t);
	assert_int_equal(p->samples.count, 4);
	assert_int_equal(p->samples.item[0].value, 70 * US);
	assert_string_equal(profile_text(p, p->samples.item[0].reason), "lock");
	assert_string_equal(leaf_name(p, 0), "[interpreter starting or ending]");
	assert_string_equal(leaf_name(p, 1), "[ring buffer full: a stack is not known yet]");
	assert_string_equal(leaf_name(p, 2), "[thread has not run yet]");
	assert_string_equal(profile_text(p, p->samples.item[2].reason), "runqueue");
	assert_string_equal(leaf_name(p, 3), "[CPU taken by the hypervisor or by interrupts]");
	assert_string_equal(profile_text(p, p->samples.item[3].reason), "stolen");
	profile_destroy(p);
}

static void puts_wakers_below(void **state)
{
	struct waits_test t;
	struct scry_wait wait;
	struct profile *p;

	begin(&t, "offcpu");
	send_stack(&t, 10, SCRY_WALK_NOT_STARTED);
	send_stack(&t, 12, SCRY_WALK_NO_THREAD_STATE);
	wait = wait_record(SCRY_RECORD_WAIT, 8, 10, 70 * US);
	wait.waker_is = SCRY_WAKER_INTERRUPT;
	send(&t, &wait);
	wait.waker_is = SCRY_WAKER_THREAD;
	wait.waker_pid = 7;
	wait.waker_tid = 9;
	strcpy(wait.waker_comm, "giver");
	send(&t, &wait);
	wait.waker = (struct scry_stack_key){ 12, 1 };
	send(&t, &wait);
	send(&t, &wait);
	p = end(&t);
	assert_string_equal(leaf_name(p, 0), "[woken by an interrupt]");
	assert_string_equal(leaf_name(p, 1), "[woken by giver (pid 7, tid 9)]");
	assert_string_equal(leaf_name(p, 2), "[thread outside the interpreter]");
	assert_int_equal(p->samples.item[2].stack, p->samples.item[3].stack);
	profile_destroy(p);
}

static void sums_up_time_on_cpu_and_off(void **state)
{
	union record_sample sample;
	struct waits_test t;
	struct scry_wait wait;
	struct profile *p;
	struct profile_tree *tree;
	const struct output_options by_reason = { .root_reason = true };
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	const uint32_t none[] = { 0 };

	begin(&t, "wall");
	size = record_sample(&sample, 7, 8, "worker", none);
	sample.sample.ran = 30 * US;
	sample.sample.thread = 8;
	sample.sample.error = SCRY_WALK_NOT_STARTED;
	recorder_take(t.recorder, &sample.sample.head, size);
	wait = wait_record(SCRY_RECORD_WAIT, 8, 10, 70 * US);
	send_stack(&t, 10, SCRY_WALK_NOT_STARTED);
	send(&t, &wait);
	wait = wait_record(SCRY_RECORD_RAN, 8, 0, 0);
	wait.who.ran = 5 * US; /* belongs to the sample */
	send(&t, &wait);
	wait.who.tid = wait.who.thread = 9; /* a thread that had none */
	send(&t, &wait);
	p = end(&t);
	assert_int_equal(profile_tree_create(p, &by_reason, &tree), 0);
	assert_int_equal(tree->all.value, 110 * US);
	assert_int_equal(tree->threads[1].value, 105 * US);
	profile_tree_destroy(tree);
	assert_int_equal(sink_json.write(p, to, &(struct output_options){ 0 }), 0);
	fflush(to);
	assert_non_null(strstr(text, "\"samples\": 3, \"off\": {\"lock\": 70000}, \"cpu_ns\": 35000, \"off_ns\": 70000, \"wall_ns\": 105000}"));
	assert_non_null(strstr(text, "{\"reason\": \"lock\", \"samples\": 1, \"ns\": 70000}"));
	assert_non_null(strstr(text, "{\"reason\": \"running\", \"samples\": 3, \"ns\": 40000}"));
	assert_string_equal(leaf_name(p, 3), "[on CPU between samples]");
	assert_int_equal(sink_table.write(p, to, &(struct output_options){ .by = OUTPUT_BY_REASON }), 0);
	fflush(to);
	assert_non_null(strstr(text, " share     time   samples  threads   reason\n"
				     " 63.6%  70.0 µs         1        1   lock\n"
				     " 36.4%  40.0 µs         3        2   running\n"));
	fseek(to, 0, SEEK_SET);
	assert_int_equal(sink_folded.write(p, to, &by_reason), 0);
	fclose(to);
	assert_non_null(strstr(text, "[lock];[interpreter starting or ending] 70000\n"));
	assert_non_null(strstr(text, "[running];[interpreter starting or ending] 35000\n"));
	free(text);
	profile_destroy(p);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_reasons),
		cmocka_unit_test(finds_stacks_by_key),
		cmocka_unit_test(puts_wakers_below),
		cmocka_unit_test(sums_up_time_on_cpu_and_off),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
