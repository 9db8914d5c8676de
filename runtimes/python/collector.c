// SPDX-License-Identifier: GPL-2.0-only
#include "collector.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../profiler/base/cleanup.h"

#define NAME "gc_collect_main"

/* Python/gc_free_threading.c of 3.13.5 and 3.14.4. None is static, so none is missing, and none is copied. */
static const char *const callers[] = { "PyGC_Collect", "_PyGC_Collect", "_PyGC_CollectNoFail", "_Py_RunGC" };

struct found {
	struct elf_symbol *symbols;
	int count;
};

/* "gc_collect_main", or a copy such as "gc_collect_main.constprop.0"; a part that is seldom run (.cold) begins in the middle. */
static int add(void *ctx, const char *name, const struct elf_symbol *symbol)
{
	struct found *found = ctx;
	const char *rest = name + strlen(NAME);

	if (strncmp(name, NAME, strlen(NAME)) || (*rest && *rest != '.') || strstr(rest, ".cold") || symbol->type != STT_FUNC)
		return 0;
	if (found->count == PYTHON_COLLECTORS)
		return -ENOTSUP;
	found->symbols[found->count++] = *symbol;
	return 0;
}

static bool calls_one(const struct elf *elf, const struct python_code *code, const char *name, const struct found *found)
{
	struct elf_symbol caller;

	if (elf_symbol(elf, name, &caller))
		return false;
	for (int i = 0; i < found->count; i++)
		if (python_function_calls(code, caller.address, caller.size, found->symbols[i].address))
			return true;
	return false;
}

int python_collectors_find(const struct elf *elf, const struct python_code *code, struct elf_symbol *ret,
			   struct elf_symbol *world, char *why, size_t size)
{
	struct found found = { ret, 0 };

	if (elf_each_symbol(elf, true, add, &found) || !found.count) {
		snprintf(why, size, "no function %s in the file%s", NAME, elf_is_stripped(elf) ? ", which is stripped" : "");
		return -ENOTSUP;
	}
	for (size_t i = 0; i < ARRAY_SIZE(callers); i++)
		if (!calls_one(elf, code, callers[i], &found)) {
			snprintf(why, size, "the compiler put %s into its caller %s", NAME, callers[i]);
			return -ENOTSUP;
		}
	for (int i = 0; i < found.count; i++)
		if (elf_symbol(elf, "_PyEval_StopTheWorld", world) ||
		    !python_function_calls(code, ret[i].address, ret[i].size, world->address)) {
			snprintf(why, size, "%s does not call _PyEval_StopTheWorld", NAME);
			return -ENOTSUP;
		}
	return found.count;
}
