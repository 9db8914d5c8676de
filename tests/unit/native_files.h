/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests of native code: small ELF files, compiled into a folder of the test's own. */
#ifndef TESTS_NATIVE_FILES_H
#define TESTS_NATIVE_FILES_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka needs the above */
#include <cmocka.h>

#include "profiler/elf.h"
#include "runtimes/native/symbols.h"

static char native_folder[] = "/tmp/scry-test-XXXXXX";

/* A shell command in the folder must succeed. */
static inline __attribute__((format(printf, 1, 2))) void sh(const char *format, ...)
{
	char command[4096], whole[4200];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	snprintf(whole, sizeof(whole), "cd %s && { %s; }", native_folder, command);
	if (system(whole))
		fail_msg("failed: %s", command);
}

static inline int native_folder_open(void **state)
{
	return mkdtemp(native_folder) ? 0 : -1;
}

static inline int native_folder_remove(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", native_folder);
	return system(command);
}

static inline const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", native_folder, name);
	return path;
}

static inline void write_file(const char *name, const char *text)
{
	FILE *f = fopen(path_of(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static inline struct elf *open_elf(const char *name)
{
	struct elf *elf;

	assert_int_equal(elf_open(open(path_of(name), O_RDONLY | O_CLOEXEC), &elf), 0);
	return elf;
}

static inline struct elf_symbol symbol_in(const char *name, const char *symbol)
{
	struct elf *elf = open_elf(name);
	struct elf_symbol found;

	if (elf_symbol(elf, symbol, &found))
		fail_msg("%s has no %s", name, symbol);
	elf_close(elf);
	return found;
}

static inline struct native_symbols *open_symbols(const char *name, bool inlined)
{
	struct native_symbols *symbols;
	const char *path = path_of(name);

	assert_int_equal(native_symbols_open(open(path, O_RDONLY | O_CLOEXEC), path, 0, inlined, &symbols), 0);
	return symbols;
}

/* What is found at an address: "name|file's last part:line@at", several parted by spaces. */
struct found {
	char text[8192], name[4200];
	unsigned count;
};

static inline void take_function(void *ctx, const struct native_function *function)
{
	struct found *found = ctx;
	const char *slash = strrchr(function->file, '/');
	size_t used = strlen(found->text);

	if (!found->count++)
		snprintf(found->name, sizeof(found->name), "%s", function->name);
	snprintf(found->text + used, sizeof(found->text) - used, "%s%s|%s:%d@%d", used ? " " : "", function->name,
		 slash ? slash + 1 : function->file, function->line, function->at);
}

static inline const struct found *find(struct native_symbols *symbols, uint64_t address)
{
	static struct found found;

	found = (struct found){ .count = 0 };
	native_symbols_find(symbols, address, take_function, &found);
	assert_true(found.count > 0);
	return &found;
}

#endif
