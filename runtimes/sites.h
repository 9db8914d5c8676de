/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a probe point means. The places of one list are the work of one BPF program, on_LIST, which learns from the cookie what
 * the registers hold where it is called: so a kernel verifies one program and attaches all its places by one link.
 */
#ifndef SCRY_SITES_H
#define SCRY_SITES_H

#define RUNTIME_CALL_SITES(X)                                                                                    \
	X(eval_entry)	   /* eval function (to 3.10): every call and resumption */                              \
	X(eval_return)	   /* the ways to its only ret, or that; to 3.10 */                                      \
	X(eval_throw)	   /* eval function (3.11+): matters with throwflag: throw() or close() into a generator */ \
	/* Handlers of the RESUME family (3.11+). Twice for one entry where the instruction is done again (3.12+: after      \
	 * setprofile() and its like, once a code object): the frame is then the one that entered last. */               \
	X(resume)                                                                                                \
	X(return_value)	   /* handlers of RETURN_VALUE and RETURN_CONST (3.11, 3.12; 3.13+ only for values) */   \
	X(yield_value)	   /* handlers of YIELD_VALUE (3.11+) */                                                 \
	X(frame_pop)	   /* _PyEval_FrameClearAndPop(tstate, frame) (3.13+): every return and unwinding */     \
	X(traceback)	   /* PyTraceBack_Here(frame object): an exception passes the frame */                   \
	X(function_entry)  /* markers, here and where nothing else is said */                                    \
	X(function_return)                                                                                       \
	X(line_path)	   /* marker line, for the path in the interpreter that its semaphore switches on */
#define RUNTIME_LUA_CALL_SITES(X)                                                                                \
	X(lua_execute)	   /* luaV_execute(L): C calls a Lua function, or goes on with a coroutine */             \
	X(lua_called)	   /* behind luaD_precall(): a Lua function's frame is made, or a C function has returned */ \
	X(lua_tail_called) /* the same of a tail call, behind luaD_precall() or luaD_pretailcall() */            \
	X(lua_return)	   /* a Lua function has returned; its CallInfo is at hand (5.1: it returns, L is) */     \
	X(lua_throw)	   /* luaD_throw(L, status): an error, or a coroutine that yields */
/* Of these, all that counting calls needs. */
#define RUNTIME_ENTRY_SITES(X) X(eval_entry) X(resume) X(function_entry) X(line_path)
#define RUNTIME_GC_SITES(X)                                                                                      \
	X(gc_start)                                                                                              \
	X(gc_done)                                                                                               \
	X(collect_entry)   /* the collector's own function, where a symbol tells it */                           \
	X(collect_world)   /* _PyEval_StopTheWorld, which it calls in free-threaded builds */                    \
	X(collect_return)                                                                                        \
	X(lua_step_entry)  /* luaC_step(L), which every allocation may call */                                   \
	X(lua_gc_entry)	   /* lua_gc(L, what, ...): what the program asks for */                                 \
	X(lua_gc_return)   /* every ret by which one of them can end, also in functions they jump to */
#define RUNTIME_IMPORT_SITES(X)                                                                                  \
	X(import_start)                                                                                          \
	X(import_done)                                                                                           \
	X(import_entry)	   /* PyImport_ImportModuleLevelObject, also for cached modules */                       \
	X(import_return)
#define RUNTIME_MARKER_SITES(X)                                                                                  \
	X(line)                                                                                                  \
	X(audit)

#define RUNTIME_GIL_SITES(X)                                                                                     \
	X(gil_signal)	   /* calls of pthread_cond_signal: who takes the lock, or gives it back, does that */   \
	X(gil_wait)	   /* calls of pthread_cond_timedwait: who finds it taken does that */

#define RUNTIME_SITES(X)                                                                                         \
	RUNTIME_CALL_SITES(X) RUNTIME_LUA_CALL_SITES(X) RUNTIME_GC_SITES(X) RUNTIME_IMPORT_SITES(X)              \
	RUNTIME_MARKER_SITES(X) RUNTIME_GIL_SITES(X)

enum runtime_site {
#define X(name) RUNTIME_SITE_##name,
	RUNTIME_SITES(X)
#undef X
	RUNTIME_SITE_COUNT
};

/* The site is in the highest byte of the cookie that a program gets; what is below belongs to the runtime. */
#define RUNTIME_COOKIE(site, below) ((__u64)(site) << 56 | (below))
#define RUNTIME_COOKIE_SITE(cookie) ((__u32)((cookie) >> 56))

#endif
