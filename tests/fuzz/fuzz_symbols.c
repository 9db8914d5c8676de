// SPDX-License-Identifier: GPL-2.0-only
/* Names of native code: ELF files with any symbols, stubs, unwind headers, packed tables and DWARF; and any mangled name. */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtimes/native/demangle.h"
#include "runtimes/native/symbols.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(void *ctx, const struct native_function *function)
{
	*(volatile size_t *)ctx += strlen(function->name) + strlen(function->file) + function->line + function->at;
}

static void demangle_start(const uint8_t *data, size_t size)
{
	char symbol[512], text[512];
	size_t length = size < sizeof(symbol) - 3 ? size : sizeof(symbol) - 3;

	memcpy(symbol, "_Z", 2);
	memcpy(symbol + 2, data, length);
	symbol[2 + length] = 0;
	demangle(symbol, text, sizeof(text));
	symbol[1] = 'R';
	demangle(symbol, text, 32);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);
	struct native_symbols *symbols;
	__u64 address = 0x1000;
	size_t sink = 0;

	demangle_start(data, size);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
		close(fd);
		return 0;
	}
	if (native_symbols_open(fd, "/nowhere/libfuzz.so", 0, size & 1, &symbols))
		return 0;
	if (size >= 8)
		memcpy(&address, data + size - 8, 8);
	native_symbols_find(symbols, address, take, &sink);
	for (address = 0x1000; address < 0x1400; address += 13)
		native_symbols_find(symbols, address, take, &sink);
	native_symbols_close(symbols);
	return 0;
}
