// SPDX-License-Identifier: GPL-2.0-only
/* A function from the record of its first sight: its own name, its source, its lines, and what its calls are named by. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../profiler/base/buffer.h"
#include "../../profiler/base/cleanup.h"
#include "../../profiler/remote.h"
#include "lua.h"
#include "proto.h"

#define MAX_INSTRUCTIONS (1u << 20) /* of a function; what is beyond has no line */
#define MAX_NAMES	 65536	    /* constants, upvalues, locals of a function */
#define MAX_JIT_NAMES	 (1u << 20) /* bytes */
#define ID_SIZE		 60	    /* LUA_IDSIZE, luaconf.h: bytes of a source as Lua itself shows it */

/* ---- the record's parts ---- */

struct record {
	const struct scry_code *code;
	const struct scry_lua *lua;
	struct lua_seen seen;
	const unsigned char *file;
	const unsigned char *part[LUA_PART_COUNT];
};

/* The parts follow one another, each beginning at a multiple of 8. -EINVAL: more than the record holds. */
static int record_open(struct record *r, const struct scry_code *code, size_t size, const struct scry_lua *lua)
{
	size_t room = size - sizeof(*code), at = sizeof(r->seen);

	*r = (struct record){ .code = code, .lua = lua };
	if (size < sizeof(*code) || room < sizeof(r->seen) || code->file.bytes > SCRY_FILE_BYTES)
		return -EINVAL;
	memcpy(&r->seen, code->bytes, sizeof(r->seen));
	if (code->file.bytes > room - at)
		return -EINVAL;
	r->file = code->bytes + at;
	at = (at + code->file.bytes + 7) & ~(size_t)7;
	for (int i = 0; i < LUA_PART_COUNT && r->seen.kind == LUA_KIND_PROTO; i++) {
		r->part[i] = code->bytes + at;
		at = (at + r->seen.part[i].bytes + 7) & ~(size_t)7;
		if (r->seen.part[i].bytes > sizeof(struct scry_code) + room || at > room + 7)
			return -EINVAL;
		if (r->part[i] + r->seen.part[i].bytes > code->bytes + room)
			return -EINVAL;
	}
	return r->seen.kind < LUA_KIND_COUNT ? 0 : -EINVAL;
}

/* `count` elements of a part: from the record, the rest from the process as long as it has them. *count: how many there are. */
static unsigned char *fetch(const struct record *r, enum lua_part part, size_t element, size_t most, size_t *count)
{
	const struct lua_part_seen *seen = &r->seen.part[part];
	size_t wanted = r->part[part] ? seen->count < most ? seen->count : most : 0, have = seen->bytes / element;
	unsigned char *bytes = calloc(wanted + 1, element);

	if (have > wanted)
		have = wanted;
	if (bytes && have)
		memcpy(bytes, r->part[part], have * element);
	if (bytes && have < wanted && seen->address &&
	    !remote_read(r->code->head.pid, seen->address + have * element, bytes + have * element, (wanted - have) * element))
		have = wanted;
	*count = have;
	return bytes;
}

/* ---- names in the process, where the record has no room ---- */

static bool remote_string(const struct record *r, __u64 object, struct buffer *texts)
{
	const struct lua_layout *l = &r->lua->layout;
	__u64 head[4], address = object + l->string_text, length;
	char text[256];

	if (!object || remote_read(r->code->head.pid, object, head, sizeof(head)))
		return false;
	length = l->short_length && (head[1] & 255) == 4 ? head[1] >> 24 & 255 : head[2];
	if (l->string_heap && (head[1] & 255) != 4)
		address = head[3];
	if (length >= sizeof(text) || remote_read(r->code->head.pid, address, text, length + 1))
		return false;
	text[length] = 0;
	buffer_put(texts, text, strlen(text) + 1);
	return true;
}

struct names {
	const struct record *r;
	enum lua_part part;
	size_t stride; /* of an element in the target */
	struct buffer *texts;
	uint32_t base; /* offset of texts in the block */
};

/* Name `i`: its offset in the block, 0: none. *element is what stands in a local before its name. */
static uint32_t name_at(const struct names *n, size_t i, uint32_t element[2])
{
	const struct lua_part_seen *seen = &n->r->seen.part[n->part];
	size_t skip = n->part == LUA_PART_locals ? 8 : 0;
	const char *slot = (const char *)n->r->part[n->part] + i * LUA_NAME;
	uint32_t at = n->base + n->texts->size;
	__u64 value[2] = { 0 };

	if ((i + 1) * LUA_NAME <= seen->bytes) {
		if (skip)
			memcpy(element, slot, 8);
		if (memchr(slot + skip, 0, LUA_NAME - skip)) {
			buffer_put(n->texts, slot + skip, strlen(slot + skip) + 1);
			return slot[skip] ? at : 0;
		}
	}
	if (n->r->lua->layout.jit || !seen->address ||
	    remote_read(n->r->code->head.pid, seen->address + i * n->stride, value, n->stride))
		return 0;
	if (skip)
		memcpy(element, &value[1], 8);
	if (n->part == LUA_PART_constants && (value[1] & 15) != 4)
		return 0;
	return remote_string(n->r, value[0], n->texts) ? at : 0;
}

static size_t name_count(const struct record *r, enum lua_part part)
{
	return r->seen.part[part].count < MAX_NAMES ? r->seen.part[part].count : MAX_NAMES;
}

/* ---- lines ---- */

/* 0: there is no such line. */
static int32_t line_number(int64_t line)
{
	return line > 0 && line < INT32_MAX ? line : 0;
}

/* 5.4+: differences, from the last line that is given as it is (getbaseline and luaG_getfuncline, ldebug.c). */
static void add_differences(const struct record *r, const signed char *info, size_t count, int32_t *lines)
{
	size_t marks, m = 0;
	int32_t *mark = (int32_t *)fetch(r, LUA_PART_abslineinfo, 8, MAX_INSTRUCTIONS, &marks);
	int64_t line = r->seen.first_line;

	for (size_t pc = 0; pc < count; pc++) {
		if (mark && m < marks && mark[2 * m] == (int32_t)pc)
			line = mark[2 * m++ + 1];
		else if (info[pc] != -128)
			line += info[pc];
		lines[pc] = line_number(line);
	}
	free(mark);
}

static void add_lines(const struct record *r, size_t count, int32_t *lines)
{
	size_t element = r->lua->layout.line_deltas ? 1 : 4, known;
	_cleanup_free_ unsigned char *info = fetch(r, LUA_PART_lineinfo, element, count, &known);

	if (info && element == 4)
		memcpy(lines, info, known * 4);
	else if (info)
		add_differences(r, (const signed char *)info, known, lines);
}

/* LuaJIT: differences from the first line, as wide as the number of lines needs, for each instruction but the first (lj_debug_line). */
static void jit_add_lines(const struct record *r, size_t count, int32_t *lines)
{
	uint32_t span = r->seen.last_line, width = span < 256 ? 1 : span < 65536 ? 2 : 4;
	size_t known;
	_cleanup_free_ unsigned char *info = fetch(r, LUA_PART_lineinfo, 1, 4 * count, &known);

	for (size_t i = 0; i < count; i++) {
		uint32_t more = 0;

		if (i && info && i * width <= known)
			memcpy(&more, info + (i - 1) * width, width);
		lines[i] = line_number((int64_t)r->seen.first_line + more);
	}
}

/* ---- names of LuaJIT's upvalues and locals: one stream of bytes (lj_debug.h, lj_parse.c) ---- */

struct stream {
	const unsigned char *at, *end;
};

static uint32_t stream_number(struct stream *s)
{
	uint32_t n = 0, shift = 0;

	for (; s->at < s->end && shift < 32; shift += 7) {
		n |= (uint32_t)(*s->at & 127) << shift;
		if (!(*s->at++ & 128))
			break;
	}
	return n;
}

/* A text up to its NUL; NULL: the stream ends before. */
static const char *stream_text(struct stream *s)
{
	const unsigned char *start = s->at, *end = memchr(start, 0, s->end - start);

	s->at = end ? end + 1 : s->end;
	return end ? (const char *)start : NULL;
}

/* The name of a variable; "" at the end. Those that the compiler made have a number (VARNAMEDEF). */
static const char *variable_name(struct stream *s)
{
	static const char *const made[] = { "", "(for index)", "(for limit)", "(for step)", "(for generator)", "(for state)",
					    "(for control)" };

	if (s->at >= s->end)
		return "";
	if (*s->at < ARRAY_SIZE(made))
		return made[*s->at++];
	return stream_text(s) ?: "";
}

/* Upvalues' names, then locals, each with where it begins, from that of the one before on, and for how long. */
static void jit_put_names(const struct record *r, struct lua_proto *p, struct buffer *texts)
{
	uint32_t *upvalues = (uint32_t *)((char *)p + p->upvalue_names), first = 0, n = 0;
	struct lua_local *locals = (struct lua_local *)((char *)p + p->local_names);
	size_t known;
	_cleanup_free_ unsigned char *bytes = fetch(r, LUA_PART_abslineinfo, 1, MAX_JIT_NAMES, &known);
	struct stream s = { bytes, bytes + known };

	for (uint32_t i = 0; i < p->upvalues && bytes; i++) {
		const char *name = stream_text(&s);

		upvalues[i] = name ? p->texts + texts->size : 0;
		if (name)
			buffer_put(texts, name, strlen(name) + 1);
	}
	while (bytes && n < p->locals) {
		const char *name = variable_name(&s);
		uint32_t begin;

		if (!*name)
			break;
		begin = stream_number(&s);
		first += begin;
		locals[n++] = (struct lua_local){ first, first + stream_number(&s), p->texts + texts->size };
		buffer_put(texts, name, strlen(name) + 1);
	}
	p->locals = n;
}

/* ---- the block ---- */

static void put_names(const struct record *r, enum lua_part part, size_t stride, size_t count, uint32_t *to,
		      struct buffer *texts, uint32_t base)
{
	struct names names = { .r = r, .part = part, .stride = stride, .texts = texts, .base = base };

	for (size_t i = 0; i < count; i++) {
		uint32_t element[2] = { 0 }, name = name_at(&names, i, element);

		if (part == LUA_PART_locals) {
			((struct lua_local *)to)[i] = (struct lua_local){ element[0], element[1], name };
			continue;
		}
		to[i] = name;
	}
}

static struct lua_proto *block_fill(const struct record *r, struct lua_proto *p, const unsigned char *code)
{
	struct buffer texts = { 0 };
	struct lua_proto *grown;
	char *b = (char *)p;

	if (code)
		memcpy(b + p->code, code, 4 * (size_t)p->instructions);
	if (r->lua->layout.jit)
		jit_add_lines(r, p->instructions, (int32_t *)(b + p->lines));
	else
		add_lines(r, p->instructions, (int32_t *)(b + p->lines));
	buffer_put(&texts, "", 1); /* so that no text is at offset 0 of the block */
	put_names(r, LUA_PART_constants, 16, p->constants, (uint32_t *)(b + p->constant_names), &texts, p->texts);
	if (r->lua->layout.jit)
		jit_put_names(r, p, &texts);
	else
		put_names(r, LUA_PART_upvalues, r->lua->layout.upvalue_stride, p->upvalues, (uint32_t *)(b + p->upvalue_names), &texts,
		  p->texts);
	if (!r->lua->layout.jit)
		put_names(r, LUA_PART_locals, 16, p->locals, (uint32_t *)(b + p->local_names), &texts, p->texts);
	buffer_put(&texts, "", 1);
	grown = texts.failed ? NULL : realloc(p, p->texts + texts.size);
	if (grown) {
		memcpy((char *)grown + grown->texts, texts.bytes, texts.size);
		grown->size = grown->texts + texts.size;
	} else {
		free(p);
	}
	buffer_deinit(&texts);
	return grown;
}

static struct lua_proto *block_make(const struct record *r)
{
	struct lua_proto head = { .kind = r->seen.kind, .version = r->lua->version };
	_cleanup_free_ unsigned char *code = NULL;
	size_t instructions = 0, at = sizeof(head);
	struct lua_proto *p;

	if (head.kind == LUA_KIND_PROTO) {
		code = fetch(r, LUA_PART_code, 4, MAX_INSTRUCTIONS, &instructions);
		head.instructions = instructions;
		head.constants = name_count(r, LUA_PART_constants);
		head.upvalues = name_count(r, LUA_PART_upvalues);
		head.locals = name_count(r, LUA_PART_locals);
		if (r->lua->layout.jit) { /* each local takes 3 bytes at least */
			head.upvalues = r->seen.upvalues & 255;
			head.locals = r->seen.part[LUA_PART_abslineinfo].count / 3;
			head.locals = head.locals < MAX_NAMES ? head.locals : MAX_NAMES;
		}
	}
	head.code = at;
	head.lines = head.code + 4 * head.instructions;
	head.constant_names = head.lines + 4 * head.instructions;
	head.upvalue_names = head.constant_names + 4 * head.constants;
	head.local_names = head.upvalue_names + 4 * head.upvalues;
	head.texts = head.local_names + sizeof(struct lua_local) * head.locals;
	p = calloc(1, head.texts);
	if (!p)
		return NULL;
	*p = head;
	return block_fill(r, p, code);
}

const struct lua_proto *lua_proto_of(const unsigned char *block, size_t size)
{
	const struct lua_proto *p = (const struct lua_proto *)block;

	return block && size >= sizeof(*p) && p->size == size ? p : NULL;
}

/* ---- texts ---- */

/* The source's name as Lua shows it (luaO_chunkid, lobject.c), but whole where it is a file or a name. */
static char *source_name(const struct record *r, const char *source)
{
	bool old = r->lua->version == LUA_VERSION(5, 1);
	/* " [string \"...\"] " with its NUL, and [string "..."] with its NUL */
	size_t room = old ? ID_SIZE - 17 : ID_SIZE - 15, length = strcspn(source, old ? "\n\r" : "\n");
	bool cut = source[length] || (old ? length > room : length >= room);
	char *name = NULL;

	if (*source == '@' || *source == '=')
		return strdup(source + 1);
	if (length > room)
		length = room;
	if (asprintf(&name, "[string \"%.*s%s\"]", (int)length, source, cut ? "..." : "") < 0)
		return NULL;
	return name;
}

static char *source_of(const struct record *r)
{
	const struct scry_text *text = &r->code->file;
	size_t wanted = text->chars < SCRY_FILE_BYTES ? text->chars : SCRY_FILE_BYTES;
	_cleanup_free_ char *source = calloc(1, wanted + 1);

	if (!source)
		return NULL;
	if (text->bytes >= wanted)
		memcpy(source, r->file, wanted);
	else if (remote_read(r->code->head.pid, text->address, source, wanted))
		*source = 0;
	return *source ? source_name(r, source) : strdup("?");
}

/* What a function is called that no caller has a name for. */
static char *own_name(const struct record *r, const char *file)
{
	static const char *const marks[] = { [LUA_KIND_COROUTINE] = "[coroutine]", [LUA_KIND_TAIL] = "[tail calls]",
					     [LUA_KIND_FINALIZER] = "[finalizer]", [LUA_KIND_HOOK] = "[hook]",
					     [LUA_KIND_GC] = "[gc]", [LUA_KIND_EXIT] = "[trace exit]",
					     [LUA_KIND_RECORD] = "[recording]", [LUA_KIND_OPT] = "[optimizing]",
					     [LUA_KIND_ASM] = "[assembling]" };
	char *name = NULL;

	switch (r->seen.kind) {
	case LUA_KIND_PROTO:
		if (!r->seen.first_line)
			return strdup("main chunk");
		return asprintf(&name, "function <%s:%d>", file, r->seen.first_line) < 0 ? NULL : name;
	case LUA_KIND_C:
		return lua_c_name(r->code->head.pid, r->code->address);
	case LUA_KIND_FAST:
		return asprintf(&name, "builtin <%llu>", r->code->address) < 0 ? NULL : name;
	case LUA_KIND_TRACE:
		if (!r->seen.first_line)
			return asprintf(&name, "[compiled from main chunk, %s:%d]", file, r->seen.last_line) < 0 ? NULL : name;
		return asprintf(&name, "[compiled from function <%s:%d>, line %d]", file, r->seen.first_line, r->seen.last_line) < 0 ?
			       NULL : name;
	default:
		return strdup(marks[r->seen.kind]);
	}
}

int lua_decode(const struct runtime_binary *binary, const struct scry_code *code, size_t size, struct code_name *ret)
{
	static const enum code_kind kinds[LUA_KIND_COUNT] = {
		[LUA_KIND_C] = CODE_NATIVE, [LUA_KIND_COROUTINE] = CODE_MARK, [LUA_KIND_TAIL] = CODE_MARK,
		[LUA_KIND_FINALIZER] = CODE_MARK, [LUA_KIND_HOOK] = CODE_MARK, [LUA_KIND_FAST] = CODE_NATIVE,
		[LUA_KIND_TRACE] = CODE_NOTE, [LUA_KIND_GC] = CODE_NATIVE, [LUA_KIND_EXIT] = CODE_NATIVE,
		[LUA_KIND_RECORD] = CODE_NATIVE, [LUA_KIND_OPT] = CODE_NATIVE, [LUA_KIND_ASM] = CODE_NATIVE };
	struct code_name name = { 0 };
	struct lua_proto *block;
	bool in_source, in_c;
	struct record r;
	int err = record_open(&r, code, size, &binary->wire.lua);

	if (err)
		return err;
	if (r.seen.kind == LUA_KIND_TRACE && r.seen.last_line < 0)
		r.seen.last_line = 0;
	in_source = r.seen.kind == LUA_KIND_PROTO || r.seen.kind == LUA_KIND_TRACE;
	in_c = r.seen.kind == LUA_KIND_C || r.seen.kind == LUA_KIND_FAST;
	block = block_make(&r);
	name.file = in_source ? source_of(&r) : strdup(in_c ? "[C]" : "");
	name.name = name.file ? own_name(&r, name.file) : NULL;
	name.first_line = r.seen.first_line > 0 ? r.seen.first_line : 0;
	if (r.seen.kind == LUA_KIND_TRACE)
		name.first_line = r.seen.last_line;
	name.kind = kinds[r.seen.kind];
	name.lines = (unsigned char *)block;
	name.lines_size = block ? block->size : 0;
	if (!block || !name.name) {
		code_name_deinit(&name);
		return -ENOMEM;
	}
	block->named = r.seen.kind == LUA_KIND_PROTO ? !r.seen.first_line : !in_c || !strchr(name.name, '<');
	*ret = name;
	return 0;
}

int lua_line(const struct runtime_binary *binary, const struct code_name *code, int at)
{
	const struct lua_proto *p = lua_proto_of(code->lines, code->lines_size);
	uint32_t pc = at > 0 ? at / 4 : 0;
	int line = 0;

	if (p && pc < p->instructions)
		line = ((const int32_t *)((const char *)p + p->lines))[pc];
	return line > 0 ? line : code->first_line;
}

bool lua_call_name(const struct runtime_binary *binary, const struct code_name *callee, const struct code_name *caller,
		   int at, char *name, size_t size)
{
	const struct lua_proto *p = lua_proto_of(callee->lines, callee->lines_size), *from;
	const char *found;

	if (!p || p->named)
		return false;
	from = caller ? lua_proto_of(caller->lines, caller->lines_size) : NULL;
	if (!from || (from->kind == LUA_KIND_PROTO && at < 0))
		return false;
	found = from->kind == LUA_KIND_PROTO && from->version == LUA_VERSION_JIT ? jit_callsite_name(from, at / 4) :
		from->kind == LUA_KIND_PROTO ? lua_callsite_name(from, at / 4) : from->kind == LUA_KIND_FINALIZER ? "__gc" : NULL;
	if (!found)
		return false;
	snprintf(name, size, "%s", found);
	return true;
}
