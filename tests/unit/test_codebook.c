// SPDX-License-Identifier: GPL-2.0-only
/* What ids of code objects mean, whatever a record says of them. */
#include <sys/resource.h>

#include "profiler/codebook.h"
#include "records.h"

static struct codebook *book;

static int setup(void **state)
{
	return codebook_create(&book);
}

static void finish(void)
{
	codebook_destroy(book);
}

static void add(uint32_t id, const char *name, int line)
{
	union record_code record;
	size_t size = record_code(&record, id, name, "app.py", line);

	codebook_add(book, &record.code, size);
}

static uint32_t find(uint32_t id)
{
	return codebook_find(book, id);
}

static long resident_kb(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return used.ru_maxrss;
}

static void tells_code_objects_apart_and_knows_them_again(void **state)
{
	if (!records_have_binary())
		skip();
	add(1, "main", 1);
	add(2, "work", 5);
	add(3, "main", 1); /* the same function, made again */
	assert_true(find(1) && find(2));
	assert_int_not_equal(find(1), find(2));
	assert_int_equal(find(1), find(3));
	assert_int_equal(find(1), find(1));
	assert_string_equal(codebook_function(book, find(2))->name, "work");
	assert_string_equal(codebook_function(book, find(2))->file, "app.py");
	assert_int_equal(codebook_function(book, find(2))->line, 5);
	assert_int_equal(codebook_line(book, &(struct scry_frame){ 2, SCRY_AT_NONE }), 5);
	assert_int_equal(find(4), 0); /* not told of */
	assert_int_equal(codebook_line(book, &(struct scry_frame){ 4, 0 }), 0);
	assert_string_equal(codebook_function(book, 0)->name, "[name not known]");
	finish();
}

static void marks_the_interpreters_helpers(void **state)
{
	union record_code record;
	size_t size = record_code(&record, 1, "__init__", "__init__", 0);

	if (!records_have_binary())
		skip();
	codebook_add(book, &record.code, size);
	assert_true(codebook_function(book, find(1))->hidden);
	finish();
}

static void an_id_far_off_costs_little(void **state)
{
	long before = resident_kb();

	if (!records_have_binary())
		skip();
	add(1u << 24, "far", 1);
	add(SCRY_CODE_IDS - 1, "farthest", 2);
	add(SCRY_CODE_IDS, "beyond", 3);
	add(0xffffffff, "beyond", 3);
	add(0, "none", 4);
	assert_int_not_equal(find(1u << 24), find(SCRY_CODE_IDS - 1));
	assert_int_equal(find(SCRY_CODE_IDS), 0);
	assert_int_equal(find(0xffffffff), 0);
	assert_int_equal(find(0), 0);
	assert_true(resident_kb() - before < 32 * 1024);
	finish();
}

/* Ids all over: what is kept has a bound, and what is known stays known. */
static void scattered_ids_fill_no_memory(void **state)
{
	uint32_t known;

	if (!records_have_binary())
		skip();
	add(1, "first", 1);
	known = find(1);
	for (uint32_t i = 1; i < 9000; i++)
		add(i * 4096, "f", i % 10);
	assert_int_equal(find(1), known);
	assert_int_not_equal(find(4096), find(8999 * 4096));
	assert_int_equal(find(8999 * 4096), 0);
	finish();
}

static void ignores_records_that_are_not_well_formed(void **state)
{
	union record_code record, good;
	size_t size = record_code(&good, 1, "name", "file.py", 1);
	static const uint32_t lies[] = { 0xffffffff, 0x80000000, 0x10000, 12 };

	if (!records_have_binary())
		skip();
	for (size_t cut = 0; cut < size; cut++) {
		record = good;
		codebook_add(book, &record.code, cut);
		assert_int_equal(find(1), 0);
	}
	for (size_t i = 0; i < 4; i++)
		for (int text = 0; text < 3; text++) {
			record = good;
			(&record.code.name)[text].bytes = lies[i];
			codebook_add(book, &record.code, size);
			assert_int_equal(find(1), 0);
		}
	record = good;
	record.code.name.kind = 3;
	codebook_add(book, &record.code, size);
	record = good;
	record.code.binary = 0xffffffff;
	codebook_add(book, &record.code, size);
	assert_int_equal(find(1), 0);
	codebook_add(book, &good.code, size);
	assert_int_not_equal(find(1), 0);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(tells_code_objects_apart_and_knows_them_again, setup),
		cmocka_unit_test_setup(marks_the_interpreters_helpers, setup),
		cmocka_unit_test_setup(an_id_far_off_costs_little, setup),
		cmocka_unit_test_setup(scattered_ids_fill_no_memory, setup),
		cmocka_unit_test_setup(ignores_records_that_are_not_well_formed, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
