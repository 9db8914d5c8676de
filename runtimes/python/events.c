// SPDX-License-Identifier: GPL-2.0-only
/* Which events a binary offers, and by which method: what `scry list` prints. */
#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "../../profiler/base/cleanup.h"
#include "python.h"

/* Markers that CPython's configure --with-dtrace puts in (Include/pydtrace.d), and how many places each has. */
enum marker { FUNCTION_ENTRY, FUNCTION_RETURN, LINE, GC_START, GC_DONE, IMPORT_START, IMPORT_DONE, AUDIT, MARKERS };

static const char *const marker_names[MARKERS] = {
	"function__entry", "function__return", "line", "gc__start", "gc__done",
	"import__find__load__start", "import__find__load__done", "audit",
};

struct offer {
	const struct runtime_binary *binary;
	const struct elf *elf;
	unsigned version;
	unsigned places[MARKERS];
	void (*add)(void *ctx, const char *event, const char *method, const char *place);
	void *ctx;
};

static int count_marker(void *ctx, const struct elf_marker *marker)
{
	struct offer *offer = ctx;

	for (int i = 0; i < MARKERS; i++)
		if (!strcmp(marker->provider, "python") && !strcmp(marker->name, marker_names[i]))
			offer->places[i]++;
	return 0;
}

/* "gc__start, gc__done", with " at N places" where a marker has several. */
static void print_markers(const struct offer *offer, const enum marker *which, size_t count, char *dst, size_t size)
{
	size_t at = 0;

	for (size_t i = 0; i < count && at < size; i++) {
		at += snprintf(dst + at, size - at, "%s%s", i ? ", " : "", marker_names[which[i]]);
		if (offer->places[which[i]] > 1 && at < size)
			at += snprintf(dst + at, size - at, " at %u places", offer->places[which[i]]);
	}
}

/* All of these markers are there: say so. */
static bool add_markers(const struct offer *offer, const char *event, const enum marker *which, size_t count)
{
	char place[160];

	for (size_t i = 0; i < count; i++)
		if (!offer->places[which[i]])
			return false;
	print_markers(offer, which, count, place, sizeof(place));
	offer->add(offer->ctx, event, "usdt", place);
	return true;
}

/* Compilers clone a static function for some of its callers: a probe on the plain one would miss those. */
static bool has_clones(const struct elf *elf, const char *name)
{
	static const char *const suffixes[] = { "constprop.0", "isra.0", "part.0" };
	struct elf_symbol symbol;
	char clone[64];

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		snprintf(clone, sizeof(clone), "%s.%s", name, suffixes[i]);
		if (!elf_symbol(elf, clone, &symbol))
			return true;
	}
	return false;
}

/* The first of these functions that the file has, whole. */
static bool add_function(const struct offer *offer, const char *event, const char *method, const char *const *names)
{
	struct elf_symbol symbol;
	__u64 offset;

	for (; *names; names++) {
		if (elf_symbol(offer->elf, *names, &symbol) || elf_offset(offer->elf, symbol.address, PF_X, &offset) ||
		    has_clones(offer->elf, *names))
			continue;
		offer->add(offer->ctx, event, method, *names);
		return true;
	}
	return false;
}

/*
 * Calls. To 3.10 every one enters the eval function. From 3.11 calls between Python functions do not: there the
 * handlers of the RESUME instructions are the entries. Markers: exact in 3.8 to 3.10 and, with traps, in 3.15; in
 * 3.11 function__entry fires only while line is traced too, and 3.12 to 3.14 have none.
 */
static void add_call(const struct offer *offer)
{
	static const enum marker calls[] = { FUNCTION_ENTRY, FUNCTION_RETURN };
	static const char *const eval[] = { "_PyEval_EvalFrameDefault", "PyEval_EvalFrameEx", NULL };
	static const char *const pop[] = { "_PyEval_FrameClearAndPop", NULL };

	if (offer->version < PY_VERSION(3, 11) && add_markers(offer, "call", calls, ARRAY_SIZE(calls)))
		return;
	if (offer->version < PY_VERSION(3, 11))
		add_function(offer, "call", "eval", offer->version < PY_VERSION(3, 6) ? eval + 1 : eval);
	else if (offer->version < PY_VERSION(3, 13))
		offer->add(offer->ctx, "call", "handlers", "RESUME and RETURN families");
	else
		add_function(offer, "call", "handlers", pop);
}

void python_events(const struct runtime_binary *binary, const struct elf *elf,
		   void (*add)(void *ctx, const char *event, const char *method, const char *place), void *ctx)
{
	static const enum marker gc[] = { GC_START, GC_DONE }, import[] = { IMPORT_START, IMPORT_DONE };
	static const enum marker audit[] = { AUDIT }, line[] = { LINE };
	static const char *const collect[] = { "gc_collect_main", "collect", NULL };
	static const char *const importers[] = { "PyImport_ImportModuleLevelObject", "PyImport_ImportModuleLevel",
						 NULL };
	static const char *const raises[] = { "PyTraceBack_Here", NULL };
	struct offer offer = { .binary = binary, .elf = elf, .version = binary->wire.python.version, .add = add,
			       .ctx = ctx };

	elf_markers(elf, count_marker, &offer);
	add(ctx, "cpu", "sampling", "perf cpu-clock");
	add_call(&offer);
	if (!add_markers(&offer, "gc", gc, ARRAY_SIZE(gc)))
		add_function(&offer, "gc", "symbol", collect);
	if (!add_markers(&offer, "import", import, ARRAY_SIZE(import)))
		add_function(&offer, "import", "symbol", importers);
	add_function(&offer, "exception", "symbol", raises);
	add_markers(&offer, "audit", audit, ARRAY_SIZE(audit));
	add_markers(&offer, "line", line, ARRAY_SIZE(line));
}
