// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which places tell of an event, by version of CPython and by method. Which marker fires when, and which function is really
 * called (link-time optimisation calls past exported ones), was counted on builds of each version, with and without it.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "../../profiler/base/cleanup.h"
#include "collector.h"
#include "cookie.h"
#include "exits.h"
#include "finder.h"
#include "opcodes.h"
#include "python.h"
#include "sites.h"

#define MAX_RETURNS 16

static int find_traceback(struct finder *f);

/* ---- markers ---- */

#define MARKER(f, site, ...) finder_marker(f, (struct marker){ RUNTIME_SITE_##site, __VA_ARGS__ })

static int find_call_markers(struct finder *f)
{
	int err = MARKER(f, function_entry, "function__entry");

	return err ?: MARKER(f, function_return, "function__return");
}

/* Where the code tells more than the markers do, the programs need read less of the target. Nothing depends on it. */
static void add_registers(struct finder *f, bool watched)
{
	for (size_t i = 0; i < f->count; i++) {
		struct runtime_probe *probe = &f->probes[i];

		if (!probe->marker)
			continue;
		if (f->code.bytes)
			probe->cookie |= python_marker_registers(&f->code, f->elf, probe->offset - f->code.offset + f->code.address,
								 &f->python->layout);
		if (watched && probe->site == RUNTIME_SITE_function_return)
			probe->cookie |= PYTHON_COOKIE_WATCHED;
	}
}

/* 3.8 to 3.10: entries and returns are all there. What an exception leaves passes PyTraceBack_Here() before. */
static int find_call_markers_exact(struct finder *f)
{
	int err = find_call_markers(f);

	if (!err)
		add_registers(f, !find_traceback(f));
	return err;
}

/* In 3.11 function__entry is on the path that line switches on: alone it fires for throw() and close() only. */
static int find_call_markers_3_11(struct finder *f)
{
	int err = find_call_markers(f);

	return err ?: MARKER(f, line_path, "line");
}

/*
 * 3.15's markers tell what did not happen: an entry at the creation of a generator, which nothing ends, and a return of a
 * function __init__ at line -1 where a class is called.
 */
static int find_call_markers_3_15(struct finder *f)
{
	int err = find_call_markers(f);

	return err ?: finder_refuse(f, "the markers of 3.15 tell of calls that do not happen: creating a generator is an entry");
}

static int find_line_marker(struct finder *f)
{
	return MARKER(f, line, "line", 2, 1);
}

static int find_gc_markers(struct finder *f)
{
	int err = MARKER(f, gc_start, "gc__start", 0, 1);

	return err ?: MARKER(f, gc_done, "gc__done", 0, 1);
}

static int find_import_markers(struct finder *f)
{
	int err = MARKER(f, import_start, "import__find__load__start");

	return err ?: MARKER(f, import_done, "import__find__load__done", 0, 2);
}

static int find_audit_marker(struct finder *f)
{
	return MARKER(f, audit, "audit", 0, 1);
}

/* ---- functions ---- */

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

static int find_function(struct finder *f, const char *name, struct elf_symbol *ret)
{
	int err = finder_code(f);

	if (err)
		return err;
	if (has_clones(f->elf, name))
		return finder_refuse(f, "the compiler made several functions of %s", name);
	if (elf_symbol(f->elf, name, ret) || !ret->address || ret->type != STT_FUNC)
		return finder_refuse(f, "no function %s in the file%s", name, elf_is_stripped(f->elf) ? ", which is stripped" : "");
	return 0;
}

static int find_entry(struct finder *f, enum runtime_site site, const char *name, __u64 cookie)
{
	struct elf_symbol function;
	int err = find_function(f, name, &function);

	return err ?: finder_add(f, site, python_function_entry(&f->code, function.address), cookie, false);
}

static int add_returns(struct finder *f, enum runtime_site site, const char *name, const struct elf_symbol *function,
		       __u64 cookie)
{
	__u64 returns[MAX_RETURNS];
	int count = python_function_returns(&f->code, function->address, function->size, returns, MAX_RETURNS), err = 0;

	if (count <= 0)
		return finder_refuse(f, "where %s returns cannot be told for certain", name);
	for (int i = 0; i < count && !err; i++)
		err = finder_add(f, site, returns[i], cookie, false);
	return err;
}

/* All its rets. */
static int find_returns(struct finder *f, enum runtime_site site, const char *name, __u64 cookie)
{
	struct elf_symbol function;
	int err = find_function(f, name, &function);

	return err ?: add_returns(f, site, name, &function, cookie);
}

/* Before the ret, where that is certain: on the ret itself a probe costs ten times as much. */
static int find_eval_exits(struct finder *f, const char *name)
{
	struct python_site sites[PYTHON_EXITS];
	struct elf_symbol function;
	__u64 returns;
	int count, err = find_function(f, name, &function);

	if (err)
		return err;
	if (python_function_returns(&f->code, function.address, function.size, &returns, 1) != 1)
		return finder_refuse(f, "where %s returns cannot be told for certain", name);
	count = python_function_exits(&f->code, f->elf, f->version, function.address, function.size, returns, sites);
	if (count < 0)
		return finder_add(f, RUNTIME_SITE_eval_return, returns, 0, false);
	for (int i = 0; i < count && !err; i++)
		err = finder_add(f, RUNTIME_SITE_eval_return, sites[i].address, sites[i].cookie, false);
	return err;
}

/* To 3.10 each call of a Python function, and each resumption of a generator, is one call of the eval function. */
static int find_eval(struct finder *f)
{
	const char *name = f->version < PY_VERSION(3, 6) ? "PyEval_EvalFrameEx" : "_PyEval_EvalFrameDefault";
	__u64 cookie = f->version < PY_VERSION(3, 9) ? 0 : PYTHON_COOKIE_THREAD_FIRST;
	int err = find_entry(f, RUNTIME_SITE_eval_entry, name, cookie);

	return err ?: find_eval_exits(f, name);
}

/* Where the others are stopped, a collection has begun: before, it may come to nothing. */
static int find_collectors_that_stop(struct finder *f)
{
	struct elf_symbol functions[PYTHON_COLLECTORS], world;
	const char *name = "gc_collect_main";
	int err = finder_code(f), count;

	if (err)
		return err;
	count = python_collectors_find(f->elf, &f->code, functions, &world, f->why, f->size);
	if (count < 0)
		return count;
	for (int i = 0; i < count && !err; i++) {
		err = finder_add(f, RUNTIME_SITE_collect_entry, python_function_entry(&f->code, functions[i].address),
				PYTHON_COOKIE_STATS | PYTHON_COOKIE_WORLD, false);
		err = err ?: add_returns(f, RUNTIME_SITE_collect_return, name, &functions[i], 0);
	}
	return err ?: find_entry(f, RUNTIME_SITE_collect_world, "_PyEval_StopTheWorld", 0);
}

/* gc_collect_main() since 3.10, collect() before. Static, so known only where the file has its .symtab. */
static int find_collector(struct finder *f)
{
	if (f->python->layout.free_threaded && f->python->layout.interp_gc_stats)
		return find_collectors_that_stop(f);
	const char *name = f->version < PY_VERSION(3, 10) ? "collect" : "gc_collect_main";
	/* Py_ssize_t collect([state,] int generation[, Py_ssize_t *collected, Py_ssize_t *uncollectable, int nofail]) */
	__u64 cookie = (f->version < PY_VERSION(3, 8) ? 0 : PYTHON_COOKIE_SECOND) |
		       (f->version >= PY_VERSION(3, 0) && f->version <= PY_VERSION(3, 12) ? PYTHON_COOKIE_COUNTS : 0) |
		       (f->python->layout.interp_gc_stats ? PYTHON_COOKIE_STATS : 0);
	int err = find_entry(f, RUNTIME_SITE_collect_entry, name, cookie);

	return err ?: find_returns(f, RUNTIME_SITE_collect_return, name, 0);
}

static int find_importer(struct finder *f)
{
	bool old = f->version < PY_VERSION(3, 0);
	const char *name = old ? "PyImport_ImportModuleLevel" : "PyImport_ImportModuleLevelObject";
	__u64 cookie = old ? PYTHON_COOKIE_C_NAME : 0;
	int err = find_entry(f, RUNTIME_SITE_import_entry, name, cookie);

	return err ?: find_returns(f, RUNTIME_SITE_import_return, name, cookie);
}

/* Called once for each frame an exception passes, the catching one too. */
static int find_traceback(struct finder *f)
{
	return find_entry(f, RUNTIME_SITE_traceback, "PyTraceBack_Here", 0);
}

/*
 * Taking the GIL and giving it back are inlined in many builds, but both signal a condition variable of it, and who has to wait
 * does so with a time limit (Python/ceval_gil.c: drop_gil, take_gil with FORCE_SWITCHING; the same in 3.6 to 3.15). All calls of
 * these functions of the C library go through the linkage table; the program tells those about the GIL by the address.
 */
static int find_gil(struct finder *f)
{
	__u64 signal, wait;
	int err = finder_code(f);

	if (err)
		return err;
	if (f->python->gil_how == PYTHON_GIL_NONE)
		return finder_refuse(f, "a free-threaded build has no such lock");
	if (f->python->gil_how == PYTHON_GIL_UNKNOWN)
		return finder_refuse(f, "where this build keeps the lock cannot be told");
	if (python_linkage(f->elf, "pthread_cond_signal", &signal) || python_linkage(f->elf, "pthread_cond_timedwait", &wait))
		return finder_refuse(f, "this build does not call pthread_cond_signal by way of a linkage table");
	err = finder_add(f, RUNTIME_SITE_gil_signal, signal, 0, false);
	return err ?: finder_add(f, RUNTIME_SITE_gil_wait, wait, 0, false);
}

/* ---- opcode handlers ---- */

/* Numbers: Lib/opcode.py and pycore_opcode.h (3.11, 3.12), opcode_ids.h (3.13+). */
struct handler {
	unsigned version;
	enum runtime_site site;
	unsigned char opcodes[4]; /* ends at 0 */
};

static const struct handler handlers[] = {
	/* RESUME, RESUME_QUICK */
	{ PY_VERSION(3, 11), RUNTIME_SITE_resume, { 151, 150 } },
	{ PY_VERSION(3, 11), RUNTIME_SITE_return_value, { 83 } },
	{ PY_VERSION(3, 11), RUNTIME_SITE_yield_value, { 86 } },
	/* RESUME, INSTRUMENTED_RESUME; RETURN_VALUE, RETURN_CONST and both INSTRUMENTED_ */
	{ PY_VERSION(3, 12), RUNTIME_SITE_resume, { 151, 240 } },
	{ PY_VERSION(3, 12), RUNTIME_SITE_return_value, { 83, 121, 242, 247 } },
	{ PY_VERSION(3, 12), RUNTIME_SITE_yield_value, { 150, 243 } },
	/* RESUME, RESUME_CHECK, INSTRUMENTED_RESUME */
	{ PY_VERSION(3, 13), RUNTIME_SITE_resume, { 149, 207, 236 } },
	{ PY_VERSION(3, 13), RUNTIME_SITE_return_value, { 36, 103, 239, 240 } },
	{ PY_VERSION(3, 13), RUNTIME_SITE_yield_value, { 118, 241 } },
	/* from here RETURN_CONST is no more */
	{ PY_VERSION(3, 14), RUNTIME_SITE_resume, { 128, 196, 245 } },
	{ PY_VERSION(3, 14), RUNTIME_SITE_return_value, { 35, 246 } },
	{ PY_VERSION(3, 14), RUNTIME_SITE_yield_value, { 120, 247 } },
	/* RESUME, RESUME_CHECK, RESUME_CHECK_JIT, INSTRUMENTED_RESUME */
	{ PY_VERSION(3, 15), RUNTIME_SITE_resume, { 128, 200, 201, 244 } },
	{ PY_VERSION(3, 15), RUNTIME_SITE_return_value, { 33, 245 } },
	{ PY_VERSION(3, 15), RUNTIME_SITE_yield_value, { 119, 246 } },
};

/* RETURN_CONST and INSTRUMENTED_RETURN_CONST. */
static bool returns_constant(unsigned version, unsigned char opcode)
{
	return (version == PY_VERSION(3, 12) && (opcode == 121 || opcode == 247)) ||
	       (version == PY_VERSION(3, 13) && (opcode == 103 || opcode == 240));
}

static int find_handlers(struct finder *f)
{
	struct python_site sites[FINDER_PROBES];
	enum runtime_site kinds[FINDER_PROBES];
	unsigned char opcodes[FINDER_PROBES];
	struct python_opcodes table;
	size_t count = 0;
	int err = finder_code(f);

	err = err ?: python_opcodes_find(f->elf, f->version, &table, f->why, f->size);
	for (size_t i = 0; i < ARRAY_SIZE(handlers); i++)
		for (int k = 0; k < 4 && handlers[i].version == f->version && handlers[i].opcodes[k]; k++) {
			kinds[count] = handlers[i].site;
			opcodes[count++] = handlers[i].opcodes[k];
		}
	if (!err)
		python_sites_find(&f->code, &table, OFF(f->python->layout.frame_instr), opcodes, count, sites);
	for (size_t i = 0; i < count && !err; i++) {
		bool value = kinds[i] == RUNTIME_SITE_return_value && f->version >= PY_VERSION(3, 13);

		err = finder_add(f, kinds[i], sites[i].address,
				sites[i].cookie | (returns_constant(f->version, opcodes[i]) ? PYTHON_COOKIE_CONST : 0), value);
	}
	return err;
}

/*
 * From 3.11 a call from Python to Python stays in the eval function: its entry is the RESUME that every function begins
 * with. From 3.13 each exit passes _PyEval_FrameClearAndPop(); before, those by exception show only in PyTraceBack_Here().
 * throw() and close() enter a generator through the eval function, without RESUME.
 */
static int find_calls_by_handlers(struct finder *f)
{
	int err = find_handlers(f);

	if (!err && f->version >= PY_VERSION(3, 13))
		err = find_entry(f, RUNTIME_SITE_frame_pop, "_PyEval_FrameClearAndPop", 0);
	err = err ?: find_traceback(f);
	return err ?: find_entry(f, RUNTIME_SITE_eval_throw, "_PyEval_EvalFrameDefault", 0);
}

/* ---- the table ---- */

/* The ways to each event, best first. */
static const struct way {
	enum runtime_event event;
	enum runtime_method method;
	unsigned first, last; /* versions */
	bool automatic;	      /* taken without being asked for */
	int (*find)(struct finder *f);
} ways[] = {
#define EVENT(event, method) RUNTIME_EVENT_##event, RUNTIME_METHOD_##method
	/* A marker's nop is emulated and its entry and return are exact in 3.8 to 3.10; of 3.6 and 3.7 no build was seen. */
	{ EVENT(CALL, USDT), PY_VERSION(3, 8), PY_VERSION(3, 10), true, find_call_markers_exact },
	{ EVENT(CALL, HANDLERS), PY_VERSION(3, 11), PY_VERSION(3, 15), true, find_calls_by_handlers },
	{ EVENT(CALL, EVAL), PY_VERSION(2, 7), PY_VERSION(3, 10), true, find_eval },
	{ EVENT(CALL, USDT), PY_VERSION(3, 6), PY_VERSION(3, 7), false, find_call_markers },
	{ EVENT(CALL, USDT), PY_VERSION(3, 11), PY_VERSION(3, 11), false, find_call_markers_3_11 },
	{ EVENT(CALL, USDT), PY_VERSION(3, 12), PY_VERSION(3, 15), false, find_call_markers_3_15 },
	{ EVENT(LINE, USDT), PY_VERSION(3, 6), PY_VERSION(3, 15), true, find_line_marker },
	{ EVENT(GC, USDT), PY_VERSION(3, 6), PY_VERSION(3, 15), true, find_gc_markers },
	{ EVENT(GC, SYMBOL), PY_VERSION(2, 7), PY_VERSION(3, 15), true, find_collector },
	{ EVENT(IMPORT, USDT), PY_VERSION(3, 7), PY_VERSION(3, 15), true, find_import_markers },
	{ EVENT(IMPORT, SYMBOL), PY_VERSION(2, 7), PY_VERSION(3, 15), true, find_importer },
	{ EVENT(EXCEPTION, SYMBOL), PY_VERSION(2, 7), PY_VERSION(3, 15), true, find_traceback },
	{ EVENT(AUDIT, USDT), PY_VERSION(3, 8), PY_VERSION(3, 15), true, find_audit_marker },
	{ EVENT(GIL, SYMBOL), PY_VERSION(3, 6), PY_VERSION(3, 15), true, find_gil },
#undef EVENT
};

static bool way_fits(const struct way *way, const struct finder *f, enum runtime_event event, enum runtime_method method)
{
	return way->event == event && f->version >= way->first && f->version <= way->last &&
	       (method == RUNTIME_METHOD_AUTO ? way->automatic : way->method == method);
}

int python_probes(const struct runtime_binary *binary, const struct elf *elf, enum runtime_event event,
		  enum runtime_method method, void (*add)(void *ctx, const struct runtime_probe *probe), void *ctx,
		  enum runtime_method *used, char *why, size_t size)
{
	struct finder f = { .elf = elf, .python = &binary->wire.python, .version = binary->wire.python.version,
			    .why = why, .size = size };
	int err = finder_refuse(&f, "not %s in %u.%u", method == RUNTIME_METHOD_AUTO ? "to be seen" : "by this method", f.version >> 8,
			 f.version & 0xff);

	for (size_t i = 0; i < ARRAY_SIZE(ways) && err; i++) {
		if (!way_fits(&ways[i], &f, event, method))
			continue;
		f.count = 0;
		err = ways[i].find(&f);
		if (err && err != -ENOTSUP)
			break;
		*used = ways[i].method;
	}
	for (size_t i = 0; i < f.count && !err; i++)
		add(ctx, &f.probes[i]);
	python_code_deinit(&f.code);
	return err;
}
