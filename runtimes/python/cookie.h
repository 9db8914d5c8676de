/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the cookie of a Python probe says of its place (struct runtime_probe, bpf_get_attach_cookie()). Registers are given
 * by their number in the encoding of x86-64 (rax rcx rdx rbx rsp rbp rsi rdi r8-r15) plus 1; 0: not known. The highest byte
 * is the site (runtimes/sites.h).
 *
 * Sites resume, return_value and yield_value:
 *   OPCODE           the instruction whose handler this is, in the numbers of the binary's version
 *   VALUE            register for the value returned or yielded:
 *   VALUE_DIRECT       it is in the register itself; otherwise the register is the stack pointer, and it is at -8 from there
 *   INSTR_STORED     the frame's instruction pointer (prev_instr, instr_ptr) already points at this instruction
 *   INSTR            register that does; both may be so
 *   CONST            it returns a constant: the one its argument says
 *   FRAME            register of the frame
 *   LOCAL            the stack pointer is not in the register VALUE, but in memory so many bytes from there (unoptimised builds)
 * Other sites:
 *   THREAD_FIRST     eval_entry: the first argument is the thread state, the second the frame (3.9+); otherwise the frame is first
 *   SECOND           collect_entry: the generation is the second argument (3.8+); otherwise the first
 *   STATS            collect_entry: the interpreter's own statistics tell the generation and the numbers, not the arguments (3.13, 3.14)
 *   WORLD            collect_entry: it may come to nothing, and collects only when it stops the other threads (collect_world)
 *   COUNTS           collect_entry: the argument behind it points to where the number of collected objects goes (3.6 to 3.12)
 *   VALUE            eval_return: register of the value returned; none: it is where the caller expects it
 *   FAILS            eval_return: NULL is returned
 *   FRAME, CODE      function_entry, function_return: registers of the frame and of its code object
 *   WATCHED          function_return: PyTraceBack_Here is watched too, so that what an exception has passed is known
 *   other markers: where their arguments are, as runtimes/marker.h says
 *   C_NAME           import_entry, import_return: the name is a char * (2.7), not a str object
 */
#ifndef SCRY_PYTHON_COOKIE_H
#define SCRY_PYTHON_COOKIE_H

#define PYTHON_COOKIE_OPCODE(cookie) ((cookie) & 0xff)
#define PYTHON_COOKIE_VALUE(cookie) ((cookie) >> 8 & 0x1f)
#define PYTHON_COOKIE_VALUE_DIRECT (1u << 13)
#define PYTHON_COOKIE_INSTR_STORED (1u << 14)
#define PYTHON_COOKIE_INSTR(cookie) ((cookie) >> 15 & 0x1f)

#define PYTHON_COOKIE_CONST (1u << 20)
#define PYTHON_COOKIE_FRAME(cookie) ((cookie) >> 21 & 0x1f)
#define PYTHON_COOKIE_FRAME_IN(number) (((number) + 1ull) << 21)
#define PYTHON_COOKIE_LOCAL(cookie) ((__s16)((cookie) >> 26))
#define PYTHON_COOKIE_CODE(cookie) ((cookie) >> 42 & 0x1f)
#define PYTHON_COOKIE_CODE_IN(number) (((number) + 1ull) << 42)
#define PYTHON_COOKIE_WATCHED (1ull << 47)
#define PYTHON_COOKIE_FAILS (1ull << 48)

#define PYTHON_COOKIE_THREAD_FIRST 1u
#define PYTHON_COOKIE_SECOND 1u
#define PYTHON_COOKIE_COUNTS 2u
#define PYTHON_COOKIE_STATS 4u
#define PYTHON_COOKIE_WORLD 8u
#define PYTHON_COOKIE_C_NAME 1u

#endif
