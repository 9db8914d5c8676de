// SPDX-License-Identifier: GPL-2.0-only
/* ELF files: everything that is read of one, and whether it is a Python. */
#include <elf.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtimes/python/python.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int take_marker(void *ctx, const struct elf_marker *marker)
{
	return marker->provider[0] == 1 && marker->name[0] == 2 && marker->args[0] == 3;
}

static void take_event(void *ctx, const char *event, const char *method, const char *place)
{
	*(volatile char *)ctx = place[0];
}

static void read_all(const struct elf *elf)
{
	struct elf_relocation relocation;
	struct elf_symbol symbol;
	struct elf_range range;
	unsigned char bytes[64];
	__u64 a, b;

	elf_symbol(elf, "_PyRuntime", &symbol);
	elf_symbol(elf, "absent", &symbol);
	elf_section(elf, ".rodata", &range);
	elf_markers(elf, take_marker, NULL);
	elf_build_id(elf, bytes, sizeof(bytes), &a);
	elf_dynamic_entry(elf, DT_DEBUG, &a, &b);
	elf_relocation(elf, symbol.address, &relocation);
	elf_pointer(elf, symbol.address, &a);
	if (!elf_code(elf, &range)) {
		elf_code_bias(&range, 0x400000, 0x1000, &a);
		elf_read(elf, range.address, bytes, sizeof(bytes));
		elf_offset(elf, range.address, PF_X, &a);
	}
	elf_tls_size(elf);
	elf_is_stripped(elf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct runtime_binary binary = { .ops = &python_runtime };
	int fd = memfd_create("elf", MFD_CLOEXEC);
	char why[160], sink;
	struct elf *elf;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	if (elf_open(fd, &elf))
		return 0;
	read_all(elf);
	if (!python_recognise(elf, "libpython", 0, 0, &binary, why, sizeof(why)))
		python_events(&binary, elf, take_event, &sink);
	elf_close(elf);
	return 0;
}
