// SPDX-License-Identifier: GPL-2.0-only
#include "repr.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../bpf/wire.h"
#include "../../profiler/base/buffer.h"
#include "../../profiler/base/escape.h"

struct reader {
	const unsigned char *at;
	size_t left;
	struct buffer text;
};

static void put(struct reader *r, const char *text)
{
	buffer_put(&r->text, text, strlen(text));
}

static void put_format(struct reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put_format(struct reader *r, const char *format, ...)
{
	char text[64];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	put(r, text);
}

/* The next head, and where its bytes are. False: the stream ends here. */
static bool next_head(struct reader *r, struct scry_value *head, const unsigned char **bytes)
{
	size_t size;

	if (r->left < sizeof(*head))
		return false;
	memcpy(head, r->at, sizeof(*head));
	size = ((size_t)head->bytes + 7) & ~(size_t)7;
	if (head->what >= SCRY_VALUE_COUNT || size > r->left - sizeof(*head))
		return false;
	*bytes = r->at + sizeof(*head);
	r->at += sizeof(*head) + size;
	r->left -= sizeof(*head) + size;
	return true;
}

/* ---- numbers ---- */

static void put_int(struct reader *r, const struct scry_value *head, const unsigned char *bytes)
{
	put_format(r, "%s%" PRIu64 "%s", head->flags & SCRY_VALUE_NEGATIVE ? "-" : "", (uint64_t)head->number,
		   head->flags & SCRY_VALUE_OLD ? "L" : "");
}

static void put_big(struct reader *r, const struct scry_value *head, const unsigned char *bytes)
{
	uint32_t highest = 0;

	if (head->bytes == sizeof(highest))
		memcpy(&highest, bytes, sizeof(highest));
	put_format(r, "<int of %" PRIu64 " bits>",
		   (uint64_t)(head->number - 1) * 30 + (highest ? 32 - __builtin_clz(highest) : 0));
}

/*
 * As repr() since 2.7: the shortest digits that give the same number again, with an exponent where that is below -4 or from
 * 16 on (Objects/floatobject.c, format_float_short with 'r').
 */
static void put_float(struct reader *r, const struct scry_value *head, const unsigned char *bytes)
{
	int precision, power, decimals;
	char digits[32];
	double number;

	memcpy(&number, &head->number, sizeof(number));
	if (isnan(number)) {
		put(r, "nan");
		return;
	}
	if (isinf(number)) {
		put(r, number < 0 ? "-inf" : "inf");
		return;
	}
	for (precision = 0; precision < 17; precision++) {
		snprintf(digits, sizeof(digits), "%.*e", precision, number);
		if (strtod(digits, NULL) == number)
			break;
	}
	power = atoi(strchr(digits, 'e') + 1);
	if (power < -4 || power >= 16) {
		put(r, digits);
		return;
	}
	decimals = precision - power;
	put_format(r, "%.*f", decimals < 1 ? 1 : decimals, number);
}

/* ---- texts ---- */

static uint32_t character_at(const unsigned char *bytes, size_t i, unsigned kind)
{
	uint32_t character = 0;

	memcpy(&character, bytes + i * kind, kind);
	return character;
}

static void put_escaped(struct reader *r, uint32_t character)
{
	put_format(r, character < 0x100 ? "\\x%02x" : character < 0x10000 ? "\\u%04x" : "\\U%08x", character);
}

static void put_character(struct reader *r, uint32_t character, char quote, bool ascii)
{
	static const char special[] = "\tt\nn\rr";
	const char *name = character && character < ' ' ? strchr(special, character) : NULL;
	char utf8[4];

	if (character == '\\' || (quote && character == (unsigned char)quote))
		put_format(r, "\\%c", (int)character);
	else if (name)
		put_format(r, "\\%c", name[1]);
	else if (ascii ? character < ' ' || character >= 0x7f : !python_is_printable(character))
		put_escaped(r, character);
	else
		buffer_put(&r->text, utf8, utf8_put(utf8, character));
}

/* In double quotes only where that saves escapes. */
static void put_quoted(struct reader *r, const struct scry_value *head, const unsigned char *bytes, unsigned kind,
		       const char *prefix, bool ascii)
{
	size_t count = head->bytes / kind;
	bool one = false, two = false;
	char quote;

	for (size_t i = 0; i < count; i++) {
		uint32_t character = character_at(bytes, i, kind);

		one |= character == '\'';
		two |= character == '"';
	}
	quote = one && !two ? '"' : '\'';
	put_format(r, "%s%c", prefix, quote);
	for (size_t i = 0; i < count; i++)
		put_character(r, character_at(bytes, i, kind), quote, ascii);
	put_format(r, "%c%s", quote, count < head->number ? "..." : "");
}

/* 2.7's unicode is all ASCII in its repr. */
static void put_str(struct reader *r, const struct scry_value *head, const unsigned char *bytes)
{
	bool old = head->flags & SCRY_VALUE_OLD;

	put_quoted(r, head, bytes, head->kind == 2 || head->kind == 4 ? head->kind : 1, old ? "u" : "", old);
}

static void put_bytes(struct reader *r, const struct scry_value *head, const unsigned char *bytes)
{
	put_quoted(r, head, bytes, 1, head->flags & SCRY_VALUE_OLD ? "" : "b", true);
}

/* UTF-8, of which what cannot be shown is escaped. */
static void put_name(struct reader *r, const char *name)
{
	for (uint32_t character; (character = utf8_next(&name));)
		put_character(r, character, '\0', false);
}

/* Without the module, which only types made in C have in their name. */
static void put_other(struct reader *r, const struct scry_value *head, const unsigned char *bytes)
{
	char name[256] = "", *dot;

	memcpy(name, bytes, head->bytes < sizeof(name) ? head->bytes : sizeof(name) - 1);
	dot = strrchr(name, '.');
	put(r, "<");
	put_name(r, dot ? dot + 1 : name);
	put(r, ">");
}

static void put_unreadable(struct reader *r, const struct scry_value *head, const unsigned char *bytes)
{
	put(r, "<unreadable>");
}

static void put_none(struct reader *r, const struct scry_value *head, const unsigned char *bytes)
{
	put(r, "None");
}

static void put_bool(struct reader *r, const struct scry_value *head, const unsigned char *bytes)
{
	put(r, head->number ? "True" : "False");
}

/* ---- containers ---- */

static void (*const plain[SCRY_VALUE_COUNT])(struct reader *r, const struct scry_value *head, const unsigned char *bytes) = {
	[SCRY_VALUE_UNREADABLE] = put_unreadable, [SCRY_VALUE_NONE] = put_none,	  [SCRY_VALUE_BOOL] = put_bool,
	[SCRY_VALUE_INT] = put_int,		  [SCRY_VALUE_BIG] = put_big,	  [SCRY_VALUE_FLOAT] = put_float,
	[SCRY_VALUE_STR] = put_str,		  [SCRY_VALUE_BYTES] = put_bytes, [SCRY_VALUE_OTHER] = put_other,
};

struct brackets {
	const char *open, *close, *empty;
};
static const struct brackets brackets[SCRY_VALUE_COUNT] = {
	[SCRY_VALUE_LIST] = { "[", "]", "[]" },
	[SCRY_VALUE_TUPLE] = { "(", ")", "()" },
	[SCRY_VALUE_SET] = { "{", "}", "set()" },
	[SCRY_VALUE_FROZENSET] = { "frozenset({", "})", "frozenset()" },
	[SCRY_VALUE_DICT] = { "{", "}", "{}" },
};
static const struct brackets old_brackets[SCRY_VALUE_COUNT] = {
	[SCRY_VALUE_SET] = { "set([", "])", "set([])" },
	[SCRY_VALUE_FROZENSET] = { "frozenset([", "])", "frozenset([])" },
};

#define MAX_NESTED 8 /* what is made for us has less */

static bool put_value(struct reader *r, const struct scry_value *head, const unsigned char *bytes, int depth);

/* A value that may not be there, as the stream may end. False: no more will follow. */
static bool put_next(struct reader *r, int depth)
{
	const unsigned char *bytes;
	struct scry_value head;

	if (!next_head(r, &head, &bytes)) {
		put(r, "...");
		return false;
	}
	return put_value(r, &head, bytes, depth);
}

/* False: the stream ended inside. */
static bool put_container(struct reader *r, const struct scry_value *head, int depth)
{
	const struct brackets *b = (head->flags & SCRY_VALUE_OLD ? old_brackets : brackets) + head->what;
	const unsigned char *bytes;
	struct scry_value item;
	uint64_t shown = 0;
	bool more;

	if (!b->open)
		b = &brackets[head->what];
	if (head->number)
		put(r, b->open);
	for (more = true; more && (more = next_head(r, &item, &bytes)) && item.what != SCRY_VALUE_END; shown++) {
		put(r, shown ? ", " : "");
		more = put_value(r, &item, bytes, depth);
		if (more && head->what == SCRY_VALUE_DICT) {
			put(r, ": ");
			more = put_next(r, depth);
		}
	}
	if (shown < head->number)
		put_format(r, "%s... %" PRIu64 " items", shown ? ", " : "", (uint64_t)head->number);
	else if (shown == 1 && head->what == SCRY_VALUE_TUPLE)
		put(r, ",");
	put(r, head->number ? b->close : b->empty);
	return more;
}

static bool put_value(struct reader *r, const struct scry_value *head, const unsigned char *bytes, int depth)
{
	if (plain[head->what]) {
		plain[head->what](r, head, bytes);
		return true;
	}
	if (!brackets[head->what].open || depth >= MAX_NESTED) {
		put(r, "...");
		return false;
	}
	return put_container(r, head, depth + 1);
}

/* ---- all ---- */

/* The name of an argument: a str, to 2.7 a bytes. */
static void put_argument_name(struct reader *r, const struct scry_value *head, const unsigned char *bytes)
{
	unsigned kind = head->what == SCRY_VALUE_STR && (head->kind == 2 || head->kind == 4) ? head->kind : 1;

	if (head->what != SCRY_VALUE_STR && head->what != SCRY_VALUE_BYTES)
		put(r, "?");
	else
		for (size_t i = 0; i < head->bytes / kind; i++)
			put_character(r, character_at(bytes, i, kind), '\0', false);
}

static void finish_text(struct reader *r)
{
	buffer_put(&r->text, "", 1);
}

static int each_argument(struct reader *r, uint64_t count, void (*each)(void *ctx, const char *name, const char *text),
			 void *ctx)
{
	const unsigned char *bytes;
	struct scry_value head;
	bool more = true;
	uint64_t told = 0;

	while (more && next_head(r, &head, &bytes) && head.what != SCRY_VALUE_END) {
		size_t value;

		buffer_clear(&r->text);
		put_argument_name(r, &head, bytes);
		finish_text(r);
		value = r->text.size;
		more = put_next(r, 0);
		finish_text(r);
		if (r->text.failed)
			return -ENOMEM;
		each(ctx, (const char *)r->text.bytes, (const char *)r->text.bytes + value);
		told++;
	}
	if (told < count) {
		each(ctx, "...", "...");
		told++;
	}
	return told > INT32_MAX ? INT32_MAX : (int)told;
}

int python_repr(const void *stream, size_t size, void (*each)(void *ctx, const char *name, const char *text), void *ctx)
{
	struct reader r = { .at = stream, .left = size };
	const unsigned char *bytes;
	struct scry_value head;
	int count = 0;

	if (!next_head(&r, &head, &bytes))
		return 0;
	if (head.what == SCRY_VALUE_ARGS) {
		count = each_argument(&r, head.number, each, ctx);
	} else {
		put_value(&r, &head, bytes, 0);
		finish_text(&r);
		count = r.text.failed ? -ENOMEM : 1;
		if (count == 1)
			each(ctx, NULL, (const char *)r.text.bytes);
	}
	buffer_deinit(&r.text);
	return count;
}
