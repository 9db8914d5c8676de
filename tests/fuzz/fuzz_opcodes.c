// SPDX-License-Identifier: GPL-2.0-only
/*
 * The search for the dispatch table and for places in the code it points to. The first byte chooses: an ELF file made of the
 * rest; or the rest as machine code, whose first 512 bytes also say where handlers are and a function begins and ends (a
 * fuzzer would seldom build a file with a table).
 */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "profiler/elf.h"
#include "runtimes/python/layout.h"
#include "runtimes/python/opcodes.h"
#include "runtimes/python/python.h"
#include "runtimes/python/sites.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void ignore(void *ctx, const struct runtime_probe *probe)
{
}

static void search_file(const uint8_t *bytes, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct runtime_binary binary = { 0 };
	struct elf *elf = NULL;
	enum runtime_method used;
	char why[160];

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || elf_open(fd, &elf))
		return;
	binary.wire.python.version = PY_VERSION(3, 6 + bytes[size - 1] % 10);
	binary.wire.python.layout.frame_instr = AT(56);
	for (int event = 0; event < RUNTIME_EVENT_COUNT; event++)
		for (int method = 0; method < RUNTIME_METHOD_COUNT; method++)
			python_probes(&binary, elf, event, method, ignore, NULL, &used, why, sizeof(why));
	elf_close(elf);
}

static void search_code(const uint8_t *bytes, size_t size)
{
	static unsigned char which[PYTHON_OPCODES];
	static struct python_opcodes opcodes;
	static struct python_site sites[PYTHON_OPCODES];
	struct python_code code = { (unsigned char *)bytes, 0x400000, size };
	__u64 returns[16];
	__u16 word;

	for (int i = 0; i < PYTHON_OPCODES; i++) {
		memcpy(&word, bytes + 2 * i, sizeof(word));
		opcodes.handlers[i] = code.address + word % size;
		which[i] = i;
	}
	python_sites_find(&code, &opcodes, 56, which, PYTHON_OPCODES, sites);
	for (int i = 0; i < PYTHON_OPCODES; i++) {
		__u64 start = opcodes.handlers[i], end = sites[i].address;

		if (end < start || end - start > 16 * 15 || end - code.address >= size)
			__builtin_trap();
	}
	python_function_entry(&code, opcodes.handlers[0]);
	python_function_returns(&code, opcodes.handlers[0], opcodes.handlers[1] - code.address, returns, 16);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size < 2 + 2 * PYTHON_OPCODES)
		return 0;
	if (bytes[0] & 1)
		search_file(bytes + 1, size - 1);
	else
		search_code(bytes + 1, size - 1);
	return 0;
}
