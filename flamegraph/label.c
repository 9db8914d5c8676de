// SPDX-License-Identifier: GPL-2.0-only
#include "label.h"

#include "names.h"

#include <string.h>

static bool starts(struct text_part text, const char *with)
{
	size_t length = strlen(with);

	return text.length >= length && !memcmp(text.bytes, with, length);
}

static bool ends(struct text_part text, const char *with)
{
	size_t length = strlen(with);

	return text.length >= length && !memcmp(text.bytes + text.length - length, with, length);
}

static bool contains(struct text_part text, const char *what)
{
	return text.length && memmem(text.bytes, text.length, what, strlen(what));
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "file:12" -> "file" and "12". */
static void split_line(struct text_part place, struct text_part *file, struct text_part *line)
{
	size_t at = place.length;

	while (at && is_digit(place.bytes[at - 1]))
		at--;
	*file = place;
	if (at == place.length || at < 2 || place.bytes[at - 1] != ':')
		return;
	*line = (struct text_part){ place.bytes + at, place.length - at };
	file->length = at - 1;
}

/* Parameters of a C++ function stand in such brackets too; a place has a line, a path or an extension. */
static bool is_place(struct text_part text)
{
	if (!text.length)
		return false;
	return text.bytes[0] == '<' || text.bytes[0] == '[' || contains(text, ".") ||
	       contains(text, "/") || contains(text, ":");
}

/* "function (file:line)"; guess: what stands in brackets may also be something else. */
static void split_place(struct label *label, bool guess)
{
	struct text_part name = label->function, place;
	size_t at = name.length, depth = 0;

	if (!ends(name, ")"))
		return;
	while (at--) {
		depth += name.bytes[at] == ')';
		depth -= name.bytes[at] == '(';
		if (!depth)
			break;
	}
	if (depth || at < 2 || name.bytes[at - 1] != ' ')
		return;
	place = (struct text_part){ name.bytes + at + 1, name.length - at - 2 };
	if (guess && !is_place(place))
		return;
	split_line(place, &label->file, &label->line);
	label->function.length = at - 1;
}

/* Austin: "file:function:line". */
static void split_austin(struct label *label)
{
	struct text_part rest, line = { NULL, 0 };
	const char *colon;

	split_line(label->function, &rest, &line);
	colon = line.length ? memrchr(rest.bytes, ':', rest.length) : NULL;
	if (!colon || colon == rest.bytes || colon + 1 == rest.bytes + rest.length)
		return;
	label->file = (struct text_part){ rest.bytes, colon - rest.bytes };
	label->function = (struct text_part){ colon + 1, rest.bytes + rest.length - colon - 1 };
	label->line = line;
}

static bool has_native_extension(struct text_part file)
{
	static const char *const native[] = {
		".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp", ".rs", ".go", ".S", ".s", ".inc", ".so",
	};

	for (size_t i = 0; i < sizeof(native) / sizeof(native[0]); i++)
		if (ends(file, native[i]))
			return true;
	return contains(file, ".so.");
}

static bool has_interpreted_extension(struct text_part file)
{
	static const char *const interpreted[] = {
		".py", ".pyx", ".pyc", ".lua", ".rb", ".js", ".php", ".pl",
	};

	for (size_t i = 0; i < sizeof(interpreted) / sizeof(interpreted[0]); i++)
		if (ends(file, interpreted[i]))
			return true;
	return false;
}

static enum flame_kind kind_by_file(const struct label *label)
{
	struct text_part file = label->file;

	if (starts(file, "[kernel") || starts(file, "[guest.kernel") || ends(file, "vmlinux") ||
	    ends(file, ".ko"))
		return FLAME_KERNEL;
	if (has_native_extension(file) || file.bytes[0] == '[')
		return FLAME_NATIVE;
	if (file.bytes[0] == '<' || has_interpreted_extension(file))
		return FLAME_INTERPRETED;
	return label->line.length ? FLAME_INTERPRETED : FLAME_NATIVE;	/* a script needs no extension */
}

/* "[libc.so.6]" and "[kernel.kallsyms]" stand for unnamed code there; other brackets are a tool's remark. */
static enum flame_kind kind_of_bracketed(struct text_part name)
{
	if (contains(name, "kernel") || contains(name, "vmlinux"))
		return FLAME_KERNEL;
	if (contains(name, ".so") || contains(name, "/") || starts(name, "[vdso]") ||
	    starts(name, "[vsyscall]"))
		return FLAME_NATIVE;
	return FLAME_MARK;
}

/*
 * Root frames that name a process or a thread, as py-spy ("process 12:", "thread (0x..)") and
 * austin write them.
 */
static bool is_owner(struct text_part name, uint32_t source)
{
	if (source == NAME_AUSTIN)
		return name.length > 1 && (name.bytes[0] == 'P' || name.bytes[0] == 'T') &&
		       memchr("0123456789abcdef", name.bytes[1], 16) && !contains(name, "/");
	if (starts(name, "process "))
		return name.length > 8 && is_digit(name.bytes[8]);
	return starts(name, "thread (");
}

/* The annotations of perf's stackcollapse: kernel, compiled at run time, inlined. */
static bool strip_suffix(struct label *label)
{
	static const struct { const char *suffix; enum flame_kind kind; } suffixes[] = {
		{ "_[k]", FLAME_KERNEL }, { "_[j]", FLAME_INTERPRETED }, { "_[i]", FLAME_NATIVE },
	};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (!ends(label->function, suffixes[i].suffix) || label->function.length == 4)
			continue;
		label->function.length -= 4;
		label->kind = suffixes[i].kind;
		return true;
	}
	return false;
}

static void parse_folded(struct label *label, uint32_t source)
{
	bool known = strip_suffix(label);
	struct text_part name = label->function;

	if (source == NAME_AUSTIN)
		split_austin(label);
	else
		split_place(label, true);
	if (known)
		return;
	if (label->file.length)
		label->kind = kind_by_file(label);
	else if (name.length && name.bytes[0] == '[' && name.bytes[name.length - 1] == ']')
		label->kind = kind_of_bracketed(name);
	else if (is_owner(name, source) || (name.length && source == NAME_AUSTIN && name.bytes[0] == ':'))
		label->kind = FLAME_MARK;
	else
		label->kind = source == NAME_AUSTIN ? FLAME_INTERPRETED : FLAME_NATIVE;
}

/* A program that is an interpreter, its version behind: "python3.11", "luajit-2.1". */
static bool is_interpreter(struct text_part file)
{
	static const char *const programs[] = { "python", "luajit", "lua" };
	size_t used = 0;

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]) && !used; i++)
		used = starts(file, programs[i]) ? strlen(programs[i]) : 0;
	/* d, t, m, u: what builds of CPython add to their names. */
	for (size_t i = used; i < file.length; i++)
		if (!is_digit(file.bytes[i]) && !memchr(".-dtmu", file.bytes[i], 6))
			return false;
	return used;
}

/* "[libfoo.so+0x1234]", code without a name: the part before the plus. */
static struct text_part unnamed_file(struct text_part name)
{
	const char *plus = starts(name, "[") ? memmem(name.bytes, name.length, "+0x", 3) : NULL;

	return (struct text_part){ name.bytes + 1, plus ? (size_t)(plus - name.bytes - 1) : 0 };
}

/* By the prefixes that CPython, Lua and LuaJIT give their own functions. */
static bool is_internal(const struct label *label)
{
	static const char *const files[] = { "libpython", "liblua", "/bin/python", "/bin/lua" };
	static const char *const prefixes[] = { "_Py", "lua_", "luaV_", "luaD_", "luaL_", "luaH_", "lj_" };
	struct text_part name = label->function, file = label->file.length ? label->file : unnamed_file(name);

	if (is_interpreter(file))
		return true;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (contains(file, files[i]))
			return true;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (starts(name, prefixes[i]))
			return true;
	return starts(name, "Py") && name.length > 2 && name.bytes[2] >= 'A' && name.bytes[2] <= 'Z';
}

struct label label_parse(struct text_part name, uint32_t source)
{
	struct label label = { .function = name, .file = { name.bytes, 0 }, .line = { name.bytes, 0 } };

	if (source == NAME_FOLDED || source == NAME_AUSTIN) {
		parse_folded(&label, source);
	} else {
		label.kind = source;
		if (label.kind != FLAME_MARK)
			split_place(&label, false);
	}
	label.internal = label.kind == FLAME_NATIVE && is_internal(&label);
	return label;
}
