// SPDX-License-Identifier: GPL-2.0-only
/*
 * Line tables of every format, and the texts beside them: a record of a code object's first sight
 * is decoded.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtimes/python/python.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(const uint8_t *data, size_t size)
{
	static const struct runtime_binary binary = { .ops = &python_runtime };
	struct scry_code *code = malloc(size);
	struct code_name name;

	if (!code)
		return;
	memcpy(code, data, size);
	/* Nothing is fetched: there is no such process. */
	if (size >= sizeof(*code))
		code->head.pid = 0x7fffffff;
	if (!python_decode(&binary, code, size, &name))
		code_name_deinit(&name);
	free(code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct {
		uint8_t what, at[4], first[4];
	} head;
	int at, first;

	if (size < sizeof(head))
		return 0;
	memcpy(&head, data, sizeof(head));
	memcpy(&at, head.at, sizeof(at));
	memcpy(&first, head.first, sizeof(first));
	data += sizeof(head);
	size -= sizeof(head);
	if (head.what & 4)
		decode(data, size);
	else
		python_table_line(head.what & 3, data, size, first, at);
	return 0;
}
