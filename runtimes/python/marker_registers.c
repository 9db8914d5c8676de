// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the registers hold at the markers of function entry and return. The last thing the interpreter does before either is to ask for
 * the line: PyCode_Addr2Line(f->f_code, f->f_lasti) in 3.6 to 3.9, PyFrame_GetLineNumber(f) in 3.10 (dtrace_function_entry,
 * Python/ceval.c). A register that the call leaves alone, and from which the arguments come, still has its value at the marker.
 */
#include <string.h>

#include "../../profiler/elf.h"
#include "../x86.h"
#include "cookie.h"
#include "python.h"
#include "sites.h"

#define CALL_LENGTH 5
#define MAX_SETUP   24 /* bytes in which the arguments are got ready */

enum { RSI = 6, RDI = 7 };

/* What the callee gives back as it was: the System V ABI of x86-64. */
static bool is_kept(unsigned char reg)
{
	return reg == 3 || reg == X86_RBP || (reg >= 12 && reg <= 15);
}

/* What the bytes before the call say. */
struct setup {
	unsigned char frame, code; /* registers; X86_NO_REGISTER: not told */
};

/* mov of one register to another. */
static bool is_move(const struct x86_insn *insn, unsigned char *to, unsigned char *from)
{
	bool load = insn->opcode == 0x8b;

	*to = load ? insn->reg : insn->rm;
	*from = load ? insn->rm : insn->reg;
	return (load || insn->opcode == 0x89) && insn->wide && !insn->in_memory && !insn->prefixed;
}

/* The frame, where this instruction gets an argument from it: mov lasti(frame),%esi; or, as the only argument, mov frame,%rdi. */
static unsigned char frame_of(const struct x86_insn *insn, bool whole, unsigned lasti)
{
	unsigned char to, from;

	if (whole)
		return is_move(insn, &to, &from) && to == RDI && is_kept(from) ? from : X86_NO_REGISTER;
	if (insn->opcode == 0x8b && insn->in_memory && !insn->wide && !insn->prefixed && !insn->indexed && insn->reg == RSI &&
	    insn->displacement == (__s32)lasti && is_kept(insn->base))
		return insn->base;
	return X86_NO_REGISTER;
}

/* mov code(frame),%rdi */
static bool is_code_argument(const struct x86_insn *insn, unsigned char frame, const struct python_layout *l)
{
	return insn->opcode == 0x8b && insn->in_memory && insn->wide && !insn->prefixed && !insn->indexed && insn->reg == RDI &&
	       insn->base == frame && insn->displacement == (__s32)OFF(l->frame_code);
}

/* From there to the call there are but moves, the first of which tells the frame, and none of which replaces it. */
static bool setup_read(const unsigned char *bytes, size_t size, __u64 address, bool whole, const struct python_layout *l, struct setup *ret)
{
	struct x86_insn insn;
	unsigned char to, from;

	*ret = (struct setup){ X86_NO_REGISTER, X86_NO_REGISTER };
	for (size_t at = 0; at < size; at += insn.length) {
		if (!x86_decode(bytes + at, size - at, address + at, &insn))
			return false;
		if (!at) {
			ret->frame = frame_of(&insn, whole, OFF(l->frame_instr));
			if (ret->frame == X86_NO_REGISTER)
				return false;
			continue;
		}
		if (is_code_argument(&insn, ret->frame, l) && !whole)
			continue;
		if (!is_move(&insn, &to, &from) || to == ret->frame || to == RSI || (whole && to == RDI))
			return false;
		if (to == RDI && is_kept(from))
			ret->code = from;
		else if (to == ret->code)
			ret->code = X86_NO_REGISTER;
	}
	return true;
}

static bool is_rex(unsigned char byte)
{
	return (byte & 0xf0) == 0x40;
}

/* Before the call, which ends at `end`. */
static bool setup_find(const struct python_code *code, __u64 end, bool whole, const struct python_layout *l, struct setup *ret)
{
	const unsigned char *call = code->bytes + (end - CALL_LENGTH - code->address);
	struct setup setup;
	unsigned found = 0;

	for (size_t size = 1; size <= MAX_SETUP; size++)
		if (!is_rex(call[-(long)size - 1]) && setup_read(call - size, size, end - CALL_LENGTH - size, whole, l, &setup)) {
			*ret = setup;
			found++;
		}
	return found == 1;
}

/* Is what lies before `end` a call of this function? */
static bool calls(const struct python_code *code, __u64 end, const struct elf *elf, const char *name)
{
	const unsigned char *call = code->bytes + (end - CALL_LENGTH - code->address);
	struct elf_symbol symbol;
	__s32 by;

	memcpy(&by, call + 1, sizeof(by));
	return call[0] == 0xe8 && !elf_symbol(elf, name, &symbol) && symbol.address && end + (__u64)(__s64)by == symbol.address;
}

__u64 python_marker_registers(const struct python_code *code, const struct elf *elf, __u64 marker, const struct python_layout *l)
{
	__u64 before = marker - code->address, cookie;
	bool whole;
	struct setup setup;

	if (before > code->size || before < CALL_LENGTH + MAX_SETUP + 1)
		return 0;
	whole = calls(code, marker, elf, "PyFrame_GetLineNumber");
	if (!whole && !calls(code, marker, elf, "PyCode_Addr2Line"))
		return 0;
	if (!setup_find(code, marker, whole, l, &setup))
		return 0;
	cookie = PYTHON_COOKIE_FRAME_IN(setup.frame);
	return setup.code == X86_NO_REGISTER ? cookie : cookie | PYTHON_COOKIE_CODE_IN(setup.code);
}
