// SPDX-License-Identifier: GPL-2.0-only
/* Which events a binary offers, by which method and at which places: what `scry list` prints of python_probes(). */
#include <stdio.h>
#include <string.h>

#include "../../profiler/base/cleanup.h"
#include "python.h"

static const char *const event_names[RUNTIME_EVENT_COUNT] = {
	[RUNTIME_EVENT_CALL] = "call",	     [RUNTIME_EVENT_LINE] = "line",	      [RUNTIME_EVENT_GC] = "gc",
	[RUNTIME_EVENT_IMPORT] = "import",   [RUNTIME_EVENT_EXCEPTION] = "exception", [RUNTIME_EVENT_AUDIT] = "audit",
	[RUNTIME_EVENT_GIL] = "gil",
};

static const char *const method_names[RUNTIME_METHOD_COUNT] = {
	[RUNTIME_METHOD_USDT] = "usdt",
	[RUNTIME_METHOD_HANDLERS] = "handlers",
	[RUNTIME_METHOD_EVAL] = "eval",
	[RUNTIME_METHOD_SYMBOL] = "symbol",
};

/* Places that are no marker. eval_return and the like stand for several functions, whose entry is named before them. */
static const char *const site_names[RUNTIME_SITE_COUNT] = {
	[RUNTIME_SITE_eval_entry] = "the eval function",
	[RUNTIME_SITE_eval_return] = "its ret",
	[RUNTIME_SITE_eval_throw] = "_PyEval_EvalFrameDefault",
	[RUNTIME_SITE_resume] = "RESUME",
	[RUNTIME_SITE_return_value] = "RETURN_VALUE",
	[RUNTIME_SITE_yield_value] = "YIELD_VALUE",
	[RUNTIME_SITE_frame_pop] = "_PyEval_FrameClearAndPop",
	[RUNTIME_SITE_traceback] = "PyTraceBack_Here",
	[RUNTIME_SITE_collect_entry] = "the collector",
	[RUNTIME_SITE_collect_world] = "_PyEval_StopTheWorld",
	[RUNTIME_SITE_collect_return] = "its ret",
	[RUNTIME_SITE_import_entry] = "PyImport_ImportModuleLevel",
	[RUNTIME_SITE_import_return] = "its ret",
	[RUNTIME_SITE_gil_signal] = "pthread_cond_signal",
	[RUNTIME_SITE_gil_wait] = "pthread_cond_timedwait",
};

/* The sites of one event in the order they came, each once. */
struct places {
	struct {
		enum runtime_site site;
		const char *name;
		unsigned count;
	} sites[RUNTIME_SITE_COUNT];
	size_t count;
};

static void add_place(void *ctx, const struct runtime_probe *probe)
{
	struct places *places = ctx;
	size_t i;

	if (probe->for_values) /* not needed for the event itself */
		return;
	for (i = 0; i < places->count && places->sites[i].site != probe->site; i++)
		;
	if (i == places->count)
		places->count++;
	places->sites[i].site = probe->site;
	places->sites[i].name = probe->marker ?: site_names[probe->site];
	places->sites[i].count++;
}

/* "gc__start, gc__done", with " at N places" where there are several. */
static void print_places(const struct places *places, char *dst, size_t size)
{
	size_t at = 0;

	for (size_t i = 0; i < places->count && at < size; i++) {
		at += snprintf(dst + at, size - at, "%s%s", i ? ", " : "", places->sites[i].name);
		if (places->sites[i].count > 1 && at < size)
			at += snprintf(dst + at, size - at, " at %u places", places->sites[i].count);
	}
}

void python_events(const struct runtime_binary *binary, const struct elf *elf,
		   void (*add)(void *ctx, const char *event, const char *method, const char *place), void *ctx)
{
	add(ctx, "cpu", "sampling", "perf cpu-clock");
	for (int event = 0; event < RUNTIME_EVENT_COUNT; event++) {
		struct places places = { 0 };
		enum runtime_method method;
		char why[160], text[400] = "";

		if (python_probes(binary, elf, event, RUNTIME_METHOD_AUTO, add_place, &places, &method, why, sizeof(why)))
			continue;
		print_places(&places, text, sizeof(text));
		add(ctx, event_names[event], method_names[method], text);
	}
}
