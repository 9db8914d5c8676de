// SPDX-License-Identifier: GPL-2.0-only
/* The texts of a code object, from the record of its first sight. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../profiler/base/cleanup.h"
#include "../../profiler/remote.h"
#include "python.h"

#define MAX_CHARS 65536	     /* of a name or a path: what is longer is cut */
#define MAX_LINES (64u << 20) /* bytes of a line table */

/* Text that grows; never more than 10 bytes ("\U0010ffff") for a character of the source. */
struct out {
	char *text;
	size_t size;
};

static void put(struct out *out, unsigned char byte)
{
	out->text[out->size++] = byte;
}

static void put_escape(struct out *out, char letter, int digits, unsigned value)
{
	out->size += sprintf(out->text + out->size, "\\%c%0*x", letter, digits, value);
}

static void put_character(struct out *out, unsigned c)
{
	if (!c)
		put_escape(out, 'x', 2, c);
	else if (c < 0x80)
		put(out, c);
	else if (c < 0x800) {
		put(out, 0xc0 | c >> 6);
		put(out, 0x80 | (c & 63));
	} else if (c >= 0xd800 && c < 0xe000)
		/* A surrogate: Python keeps undecodable bytes of file names as these. */
		put_escape(out, 'u', 4, c);
	else if (c < 0x10000) {
		put(out, 0xe0 | c >> 12);
		put(out, 0x80 | (c >> 6 & 63));
		put(out, 0x80 | (c & 63));
	} else if (c < 0x110000) {
		put(out, 0xf0 | c >> 18);
		put(out, 0x80 | (c >> 12 & 63));
		put(out, 0x80 | (c >> 6 & 63));
		put(out, 0x80 | (c & 63));
	} else
		put_escape(out, 'U', 8, c);
}

/* Length of the valid UTF-8 sequence at s, of at most `left` bytes, and its character. 0: none. */
static unsigned utf8_sequence(const unsigned char *s, size_t left, unsigned *ret)
{
	static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned size = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	unsigned c = size == 1 ? s[0] : s[0] & (0x7f >> size);

	if (!size || size > left || s[0] > 0xf7)
		return 0;
	for (unsigned i = 1; i < size; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 63);
	}
	*ret = c;
	return c < least[size] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : size;
}

static void put_utf8(struct out *out, const unsigned char *s, size_t size)
{
	while (size) {
		unsigned c, n = utf8_sequence(s, size, &c);

		if (n)
			put_character(out, c);
		else
			put_escape(out, 'x', 2, *s);
		s += n ? n : 1;
		size -= n ? n : 1;
	}
}

static unsigned character_at(const unsigned char *bytes, size_t i, unsigned kind)
{
	__u16 two;
	__u32 four;

	switch (kind) {
	case 1:
		return bytes[i];
	case 2:
		memcpy(&two, bytes + 2 * i, 2);
		return two;
	default:
		memcpy(&four, bytes + 4 * i, 4);
		return four;
	}
}

char *python_text(const unsigned char *bytes, size_t chars, unsigned kind,
		  enum scry_encoding encoding)
{
	struct out out = { .text = malloc(chars * 10 + 1) };
	char *fitted;

	if (!out.text)
		return NULL;
	if (encoding == SCRY_ENCODING_UTF8)
		put_utf8(&out, bytes, chars);
	else
		for (size_t i = 0; i < chars; i++)
			put_character(&out, character_at(bytes, i, kind));
	put(&out, 0);
	fitted = realloc(out.text, out.size);
	return fitted ? fitted : out.text;
}

/*
 * The bytes of a text: those in the record, and the rest from the process if it still has them.
 * *got: how many. NULL: no memory. What changed since the record was made cannot be told; such text
 * is cut where the record ends.
 */
static unsigned char *fetch(const struct scry_code *code, const struct scry_text *text,
			    const unsigned char *bytes, size_t wanted, size_t *got)
{
	unsigned char *all = malloc(wanted + 1);
	size_t have = text->bytes < wanted ? text->bytes : wanted;

	if (!all)
		return NULL;
	memcpy(all, bytes, have);
	if (have < wanted && text->address &&
	    !remote_read(code->head.pid, text->address + have, all + have, wanted - have))
		have = wanted;
	*got = have;
	return all;
}

static int decode_text(const struct scry_code *code, const struct scry_text *text,
		       const unsigned char *bytes, char **ret)
{
	_cleanup_free_ unsigned char *all = NULL;
	size_t chars = text->chars < MAX_CHARS ? text->chars : MAX_CHARS, got;

	if (text->kind != 1 && text->kind != 2 && text->kind != 4)
		return -EINVAL;
	all = fetch(code, text, bytes, chars * text->kind, &got);
	*ret = all ? python_text(all, got / text->kind, text->kind, text->encoding) : NULL;
	return *ret ? 0 : -ENOMEM;
}

int python_decode(const struct runtime_binary *binary, const struct scry_code *code, size_t size,
		  struct code_name *ret)
{
	size_t left = size >= sizeof(*code) ? size - sizeof(*code) : 0;
	const unsigned char *bytes = code->bytes;
	struct code_name name = { 0 };
	int err;

	if (size < sizeof(*code) || code->name.bytes > left ||
	    code->file.bytes > left - code->name.bytes ||
	    code->lines.bytes > left - code->name.bytes - code->file.bytes)
		return -EINVAL;
	name.first_line = code->first_line;
	err = decode_text(code, &code->name, bytes, &name.name);
	bytes += code->name.bytes;
	if (!err)
		err = decode_text(code, &code->file, bytes, &name.file);
	bytes += code->file.bytes;
	if (!err && code->lines.chars <= MAX_LINES) {
		name.lines = fetch(code, &code->lines, bytes, code->lines.chars, &name.lines_size);
		err = name.lines ? 0 : -ENOMEM;
	}
	if (err) {
		code_name_deinit(&name);
		return err;
	}
	/* The frame below an inlined class call (3.13+): _Py_InitCleanup, Python/specialize.c. */
	name.hidden = !strcmp(name.name, "__init__") && !strcmp(name.file, "__init__");
	*ret = name;
	return 0;
}
