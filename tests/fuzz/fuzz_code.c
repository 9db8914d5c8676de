// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records of code objects made of anything, decoded as codebook_add() does, and a line asked of what comes out. The process
 * is none, so that what a record leaves out cannot be read.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtimes/python/python.h"

#define MOST (1u << 20) /* of what a record may claim, so that memory is not what is tested */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void bound(struct scry_text *text)
{
	text->chars %= MOST;
}

static void check(const struct code_name *name)
{
	if (!name->name || !name->file || strlen(name->name) > 10u * 65536 || strlen(name->file) > 10u * 65536)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const int places[] = { SCRY_AT_NONE, 0, 2, 100, 1 << 20, INT32_MAX };
	struct runtime_binary binary = { .ops = &python_runtime };
	struct code_name name = { 0 };
	struct scry_code *record;

	if (!size)
		return -1;
	binary.wire.python.layout.lines = bytes[0] & 3;
	size--;
	record = malloc(size ? size : 1);
	memcpy(record, bytes + 1, size);
	if (size >= sizeof(*record)) {
		record->head.pid = 0;
		bound(&record->name);
		bound(&record->file);
		bound(&record->lines);
	}
	if (!python_decode(&binary, record, size, &name)) {
		check(&name);
		for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
			python_line(&binary, &name, places[i]);
	}
	code_name_deinit(&name);
	free(record);
	return 0;
}
