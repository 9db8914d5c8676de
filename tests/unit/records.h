/* SPDX-License-Identifier: GPL-2.0-only */
/* Records as the BPF programs send them, made by hand. */
#ifndef TEST_RECORDS_H
#define TEST_RECORDS_H

#include "capture_text.h"
#include "interpreters.h"
#include "bpf/wire.h"
#include "runtimes/runtime.h"

/* The records' code objects are of the first interpreter that is found, since only a real file is recognised. */
static inline bool records_have_binary(void)
{
	static struct interpreter interpreters[MAX_INTERPRETERS];
	const struct runtime_binary *binary;
	struct target target = { 0 };
	char why[160];
	__u64 bias;

	if (runtime_binary_at(0))
		return true;
	if (!interpreters_list(interpreters) ||
	    target_start(&interpreters[0], "import sys; print(1); sys.stdout.flush(); sys.stdin.read()", &target))
		return false;
	assert_int_equal(fgetc(target.out), '1');
	assert_int_equal(runtime_examine(target.pid, &binary, &bias, NULL, NULL, why, sizeof(why)), 0);
	target_stop(&target);
	return runtime_binary_at(0);
}

union record_code {
	struct scry_code code;
	char room[sizeof(struct scry_code) + 512];
};

/* A code object of a process that is no more; its size. */
static inline size_t record_code(union record_code *ret, uint32_t id, const char *name, const char *file, int line)
{
	size_t n = strlen(name), f = strlen(file);

	memset(ret, 0, sizeof(*ret));
	ret->code.head.kind = SCRY_RECORD_CODE;
	ret->code.id = id;
	ret->code.first_line = line;
	ret->code.name = (struct scry_text){ .chars = n, .bytes = n, .kind = 1 };
	ret->code.file = (struct scry_text){ .chars = f, .bytes = f, .kind = 1 };
	ret->code.lines = (struct scry_text){ .kind = 1 };
	memcpy(ret->room + sizeof(struct scry_code), name, n);
	memcpy(ret->room + sizeof(struct scry_code) + n, file, f);
	return sizeof(struct scry_code) + n + f;
}

union record_sample {
	struct scry_sample sample;
	char room[sizeof(struct scry_sample) + 16 * sizeof(struct scry_frame)];
};

/* A sample of a thread whose stack is these ids, leaf first, up to a 0; its size. */
static inline size_t record_sample(union record_sample *ret, uint32_t pid, uint32_t tid, const char *comm,
				   const uint32_t *ids)
{
	memset(ret, 0, sizeof(*ret));
	ret->sample.head = (struct scry_record){ SCRY_RECORD_SAMPLE, pid, START_NS + MS };
	ret->sample.tid = tid;
	ret->sample.thread = 0x7f0000000000 + tid * 4096ull;
	ret->sample.runtime = SCRY_RUNTIME_PYTHON;
	snprintf(ret->sample.comm, sizeof(ret->sample.comm), "%s", comm);
	for (; ids && ids[ret->sample.count]; ret->sample.count++)
		ret->sample.frames[ret->sample.count] = (struct scry_frame){ ids[ret->sample.count], 0 };
	return sizeof(struct scry_sample) + ret->sample.count * sizeof(struct scry_frame);
}

/* A process's end or exec. */
static inline struct scry_process record_process(uint32_t kind, uint32_t pid)
{
	return (struct scry_process){ .head = { kind, pid, START_NS + MS } };
}

#endif
