// SPDX-License-Identifier: GPL-2.0-only
/* Who the threads of a recording are: through ended processes, used-again pids and changes of name. */
#include "profiler/threads.h"
#include "records.h"

static struct test_file file;
static struct threads threads;

static int setup(void **state)
{
	test_open(&file);
	threads_init(&threads, file.w);
	return 0;
}

/* The profile of what was seen; each thread is given a sample, so that it is kept. */
static struct profile *finish(void)
{
	threads_deinit(&threads);
	return test_close(&file, 1000);
}

/* What is told of a thread that is about to end. */
static uint32_t see_last(uint32_t pid, uint32_t tid)
{
	union record_sample record;

	record_sample(&record, pid, tid, "a", NULL);
	record.sample.thread = 0x1000 * (tid + 1);
	record.sample.exiting = 1;
	return threads_see(&threads, &record.sample);
}

static uint32_t see_at(uint32_t pid, uint32_t tid, const char *comm, uint64_t pointer)
{
	union record_sample record;
	uint32_t thread;

	record_sample(&record, pid, tid, comm, NULL);
	record.sample.thread = pointer;
	thread = threads_see(&threads, &record.sample);
	capture_sample(file.w, START_NS + MS, thread, CAPTURE_NO_STACK, MS, NULL);
	return thread;
}

static uint32_t see(uint32_t pid, uint32_t tid, const char *comm)
{
	return see_at(pid, tid, comm, 0x1000 * (tid + 1));
}

static const char *name_of(const struct profile *p, size_t sample)
{
	return profile_text(p, p->threads.item[p->samples.item[sample].thread].name);
}

static const struct profile_process *process_of(const struct profile *p, size_t sample)
{
	return &p->processes.item[p->threads.item[p->samples.item[sample].thread].process];
}

static void a_thread_keeps_its_index(void **state)
{
	uint32_t main_thread = see(10, 10, "a"), other = see(10, 11, "a"), elsewhere = see(20, 21, "a");

	assert_true(main_thread && other && elsewhere);
	assert_true(main_thread != other && other != elsewhere && main_thread != elsewhere);
	assert_int_equal(see(10, 10, "a"), main_thread);
	assert_int_equal(see(10, 11, "a"), other);
	profile_destroy(finish());
}

static void a_pid_used_again_is_another_process(void **state)
{
	uint32_t first = see(10, 10, "first"), second;
	struct profile *p;

	threads_end(&threads, 10, true);
	second = see(10, 10, "second");
	assert_true(first != second);
	threads_end(&threads, 10, true);
	assert_true(see(10, 10, "third") != second);
	assert_int_equal(see(10, 10, "third"), see(10, 10, "third"));
	p = finish();
	assert_true(process_of(p, 0) != process_of(p, 1));
	assert_int_equal(process_of(p, 0)->pid, 10);
	assert_int_equal(process_of(p, 1)->pid, 10);
	assert_string_equal(profile_text(p, process_of(p, 0)->name), "first");
	assert_string_equal(profile_text(p, process_of(p, 1)->name), "second");
	profile_destroy(p);
}

static void a_thread_that_ends_after_its_process_is_of_it(void **state)
{
	uint32_t leader = see(10, 10, "a"), other = see(10, 11, "a"), next;

	threads_end(&threads, 10, true);
	assert_int_equal(see_last(10, 11), other);
	assert_int_equal(see_last(10, 10), leader);
	next = see(10, 10, "a"); /* the number was given to another */
	assert_true(next != leader);
	assert_int_equal(see_last(10, 10), next);
	assert_int_equal(see_last(10, 11), other);
	assert_true(see_last(10, 12) != other); /* never seen before */
	profile_destroy(finish());
}

static void what_a_process_executes_is_not_what_it_was(void **state)
{
	uint32_t leader = see(10, 10, "a"), other = see(10, 11, "a");

	threads_end(&threads, 10, false);
	assert_int_equal(see_last(10, 11), other);
	assert_true(see_last(10, 10) != leader);
	profile_destroy(finish());
}

static void the_end_of_a_process_never_seen_is_nothing(void **state)
{
	threads_end(&threads, 99, true);
	threads_end(&threads, 99, true);
	assert_true(see(99, 99, "late"));
	profile_destroy(finish());
}

static void the_last_comm_stands(void **state)
{
	struct profile *p;

	see(10, 10, "python3");
	see(10, 10, "worker");
	p = finish();
	assert_string_equal(name_of(p, 0), "worker");
	assert_string_equal(profile_text(p, process_of(p, 0)->name), "worker");
	profile_destroy(p);
}

static void a_comm_of_16_bytes_without_an_end_is_a_name(void **state)
{
	union record_sample record;
	struct profile *p;

	record_sample(&record, 10, 10, "", NULL);
	memset(record.sample.comm, 'x', sizeof(record.sample.comm));
	capture_sample(file.w, START_NS + MS, threads_see(&threads, &record.sample), CAPTURE_NO_STACK, MS, NULL);
	p = finish();
	assert_string_equal(name_of(p, 0), "xxxxxxxxxxxxxxxx");
	profile_destroy(p);
}

static void the_programs_name_wins_over_comm(void **state)
{
	struct profile *p;

	see_at(10, 11, "python3", 0x5000);
	see_at(10, 12, "python3", 0x6000);
	threads_name(&threads, 1, 0x5000, "Downloader");
	threads_name(&threads, 1, 0x7000, "nobody's");
	threads_name(&threads, 1, 0x6000, "");
	threads_name(&threads, 2, 0x6000, "of another process");
	see_at(10, 11, "changed", 0x5000);
	see_at(10, 12, "changed", 0x6000);
	p = finish();
	assert_string_equal(name_of(p, 0), "Downloader");
	assert_string_equal(name_of(p, 1), "changed");
	profile_destroy(p);
}

/* Before the C library has set it up the pointer is 0. */
static void a_thread_is_named_by_the_pointer_it_gets_later(void **state)
{
	struct profile *p;

	see_at(10, 10, "python3", 0);
	threads.processes[1].fresh = false;
	see_at(10, 10, "python3", 0x5000);
	assert_true(threads.processes[1].fresh);
	threads_name(&threads, 1, 0x5000, "MainThread");
	p = finish();
	assert_string_equal(name_of(p, 0), "MainThread");
	profile_destroy(p);
}

static void a_pointer_used_again_names_the_thread_that_has_it(void **state)
{
	struct profile *p;

	see_at(10, 11, "one", 0x5000);
	see_at(10, 12, "two", 0x5000);
	threads_name(&threads, 1, 0x5000, "second");
	p = finish();
	assert_string_equal(name_of(p, 0), "one");
	assert_string_equal(name_of(p, 1), "second");
	profile_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_thread_keeps_its_index, setup),
		cmocka_unit_test_setup(a_pid_used_again_is_another_process, setup),
		cmocka_unit_test_setup(a_thread_that_ends_after_its_process_is_of_it, setup),
		cmocka_unit_test_setup(what_a_process_executes_is_not_what_it_was, setup),
		cmocka_unit_test_setup(the_end_of_a_process_never_seen_is_nothing, setup),
		cmocka_unit_test_setup(the_last_comm_stands, setup),
		cmocka_unit_test_setup(a_comm_of_16_bytes_without_an_end_is_a_name, setup),
		cmocka_unit_test_setup(the_programs_name_wins_over_comm, setup),
		cmocka_unit_test_setup(a_thread_is_named_by_the_pointer_it_gets_later, setup),
		cmocka_unit_test_setup(a_pointer_used_again_names_the_thread_that_has_it, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
