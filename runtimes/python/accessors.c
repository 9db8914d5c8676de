// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a stripped binary keeps its static variables is told by the machine code of exported
 * functions of a few instructions. Each decoder knows the exact bytes that gcc and clang make of
 * one function; anything else is "not found", and the walker then does without.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "../../profiler/base/cleanup.h"
#include "python.h"

#define CODE_SIZE 64

/*
 * Machine code being matched. `ok` falls to false at the first byte that does not fit, and stays
 * there.
 */
struct code {
	const struct elf *elf;
	__u64 address;
	unsigned char bytes[CODE_SIZE];
	unsigned at;
	bool ok;
};

static const unsigned char endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };

/* Skip these bytes if they come next. */
static bool skip(struct code *code, const void *bytes, unsigned size)
{
	if (!code->ok || code->at + size > CODE_SIZE || memcmp(code->bytes + code->at, bytes, size))
		return false;
	code->at += size;
	return true;
}
#define SKIP(code, ...)                                                                            \
	skip(code, (const unsigned char[]){ __VA_ARGS__ },                                         \
	     sizeof((const unsigned char[]){ __VA_ARGS__ }))
#define EXPECT(code, ...) ((code)->ok = SKIP(code, __VA_ARGS__))

static __s32 take_word(struct code *code)
{
	__s32 value = 0;

	code->ok = code->ok && code->at + sizeof(value) <= CODE_SIZE;
	if (code->ok)
		memcpy(&value, code->bytes + code->at, sizeof(value));
	code->at += sizeof(value);
	return value;
}

/* A displacement from the end of its instruction, `rest` bytes behind it. */
static __u64 take_address(struct code *code, unsigned rest)
{
	__s32 value = take_word(code);

	return code->address + code->at + rest + value;
}

static bool function_read(struct code *code, const struct elf *elf, const char *name)
{
	struct elf_symbol symbol;
	__u64 offset;

	*code = (struct code){ .elf = elf };
	if (elf_machine(elf) != EM_X86_64 || elf_export(elf, name, &symbol) ||
	    elf_offset(elf, symbol.address, PF_X, &offset))
		return false;
	/* The last function of a segment may be shorter: zeros behind it match nothing. */
	for (unsigned size = CODE_SIZE; size >= 8 && !code->ok; size /= 2)
		code->ok = !elf_read(elf, symbol.address, code->bytes, size);
	code->address = symbol.address;
	skip(code, endbr64, sizeof(endbr64));
	return code->ok;
}

int python_accessor_interp_head(const struct elf *elf, __u64 *ret)
{
	struct code code;
	__u64 address;

	if (!function_read(&code, elf, "PyInterpreterState_Head"))
		return -ENOENT;
	EXPECT(&code, 0x48, 0x8b, 0x05); /* mov interp_head(%rip),%rax */
	address = take_address(&code, 0);
	EXPECT(&code, 0xc3); /* ret */
	if (!code.ok)
		return -ENOENT;
	*ret = address;
	return 0;
}

int python_accessor_interpreter_lock(const struct elf *elf, __u64 *ret)
{
	struct code code;
	__u64 address;

	if (!function_read(&code, elf, "PyEval_ThreadsInitialized"))
		return -ENOENT;
	EXPECT(&code, 0x31, 0xc0);	 /* xor %eax,%eax */
	EXPECT(&code, 0x48, 0x83, 0x3d); /* cmpq $0,interpreter_lock(%rip) */
	address = take_address(&code, 1);
	EXPECT(&code, 0x00);
	EXPECT(&code, 0x0f, 0x95, 0xc0); /* setne %al */
	EXPECT(&code, 0xc3);
	if (!code.ok)
		return -ENOENT;
	*ret = address;
	return 0;
}

int python_accessor_tls_key(const struct elf *elf, __u64 *ret)
{
	struct code code;
	__u64 address;

	if (!function_read(&code, elf, "PyGILState_GetThisThreadState"))
		return -ENOENT;
	EXPECT(&code, 0x48, 0x83, 0x3d); /* cmpq $0,autoInterpreterState(%rip) */
	take_word(&code);
	EXPECT(&code, 0x00);
	EXPECT(&code, 0x74); /* je */
	code.at++;
	EXPECT(&code, 0x8b, 0x3d); /* mov autoTLSkey(%rip),%edi */
	address = take_address(&code, 0);
	EXPECT(&code, 0xe9); /* jmp PyThread_get_key_value */
	if (!code.ok)
		return -ENOENT;
	*ret = address;
	return 0;
}

/* Local-exec: the offset from the thread pointer is in the code. */
static bool tls_static(struct code code, struct python_tls *ret)
{
	EXPECT(&code, 0x64, 0x48, 0x8b, 0x04, 0x25); /* mov %fs:offset,%rax */
	ret->module = 0;
	ret->offset = take_word(&code);
	/* mov %fs:0,%rax: what a linker makes of a call to __tls_get_addr */
	if (code.ok && !ret->offset) {
		if (SKIP(&code, 0x48, 0x8d, 0x80)) { /* lea offset(%rax),%rax */
			ret->offset = take_word(&code);
			EXPECT(&code, 0x48, 0x8b, 0x00); /* mov (%rax),%rax */
		} else {
			EXPECT(&code, 0x48, 0x8b, 0x80); /* mov offset(%rax),%rax */
			ret->offset = take_word(&code);
		}
		SKIP(&code, 0x48, 0x83, 0xc4, 0x08);
	}
	EXPECT(&code, 0xc3);
	return code.ok && ret->offset < 0;
}

/*
 * The pair of words that __tls_get_addr takes: module id, offset. In the file, or as relocations.
 */
static bool tls_pair(const struct elf *elf, __u64 pair, struct python_tls *ret)
{
	struct elf_relocation r;
	__u64 offset;

	if (elf_relocation(elf, pair, &r) || r.type != R_X86_64_DTPMOD64)
		return false;
	if (!elf_relocation(elf, pair + 8, &r)) {
		if (r.type != R_X86_64_DTPOFF64)
			return false;
		offset = r.symbol + r.addend;
	} else if (elf_read(elf, pair + 8, &offset, sizeof(offset)))
		return false;
	ret->module = pair;
	ret->offset += offset;
	return ret->offset >= 0 && (__u64)ret->offset < elf_tls_size(elf);
}

/* General or local dynamic: a call of __tls_get_addr, by its PLT entry or through the GOT. */
static bool tls_dynamic(struct code code, struct python_tls *ret)
{
	bool general;
	__u64 pair;

	/* Align the stack, in one of several ways. */
	if (!SKIP(&code, 0x48, 0x83, 0xec, 0x08) && !SKIP(&code, 0x55, 0x48, 0x89, 0xe5) &&
	    !SKIP(&code, 0x55))
		EXPECT(&code, 0x50);
	general = SKIP(&code, 0x66, 0x48, 0x8d, 0x3d); /* data16 lea pair(%rip),%rdi */
	if (!general)
		EXPECT(&code, 0x48, 0x8d, 0x3d);
	pair = take_address(&code, 0);
	if (!SKIP(&code, 0x66, 0x66, 0x48, 0xe8) && !SKIP(&code, 0x66, 0x48, 0xff, 0x15) &&
	    !SKIP(&code, 0xff, 0x15))
		EXPECT(&code, 0xe8);
	take_word(&code);
	ret->offset = 0;
	if (!SKIP(&code, 0x48, 0x8b, 0x00)) { /* mov (%rax),%rax */
		if (SKIP(&code, 0x48, 0x8b, 0x40)) { /* mov byte(%rax),%rax */
			ret->offset = (signed char)code.bytes[code.at++ % CODE_SIZE];
		} else {
			EXPECT(&code, 0x48, 0x8b, 0x80); /* mov word(%rax),%rax */
			ret->offset = take_word(&code);
		}
	}
	if (!SKIP(&code, 0x48, 0x83, 0xc4, 0x08) && !SKIP(&code, 0x5d)) /* undo the alignment */
		code.ok = code.ok && code.bytes[code.at % CODE_SIZE] >= 0x58 &&
			  code.bytes[code.at++ % CODE_SIZE] <= 0x5f;
	EXPECT(&code, 0xc3);
	return code.ok && tls_pair(code.elf, pair, ret);
}

int python_accessor_tls(const struct elf *elf, const char *function, struct python_tls *ret)
{
	struct python_tls tls;
	struct code code;

	if (!function_read(&code, elf, function))
		return -ENOENT;
	if (!tls_static(code, &tls) && !tls_dynamic(code, &tls))
		return -ENOENT;
	*ret = tls;
	return 0;
}

/*
 * A push is emulated by the kernel where a probe stands on it; endbr64 has to be stepped, at
 * several times the cost.
 */
static bool is_push(const unsigned char *code)
{
	return (code[0] & 0xf8) == 0x50 || (code[0] == 0x41 && (code[1] & 0xf8) == 0x50);
}

__u64 python_code_dealloc(const struct elf *elf, const struct python_layout *layout)
{
	/* PyTypeObject: tp_name, tp_basicsize, tp_itemsize, tp_dealloc, in every version. */
	const unsigned at = OFF(layout->type_name) + 3 * sizeof(__u64);
	unsigned char code[8];
	struct elf_symbol type;
	__u64 function, offset;

	if (elf_export(elf, "PyCode_Type", &type) ||
	    elf_pointer(elf, type.address + at, &function) ||
	    elf_offset(elf, function, PF_X, &offset) || elf_pread(elf, offset, code, sizeof(code)))
		return 0;
	if (elf_machine(elf) == EM_X86_64 && !memcmp(code, endbr64, sizeof(endbr64)) &&
	    is_push(code + sizeof(endbr64)))
		return offset + sizeof(endbr64);
	return offset;
}
