// SPDX-License-Identifier: GPL-2.0-only
#include "demangle.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#undef ARRAY_SIZE /* libiberty has its own */
#include "../../profiler/base/cleanup.h"

#define ELLIPSIS "\xe2\x80\xa6"
#define PLT	 "@plt"

struct text {
	char *at;
	size_t size, room;
	jmp_buf full;
};

static void put(const char *part, size_t size, void *ctx)
{
	struct text *text = ctx;
	size_t fits = size < text->room - text->size ? size : text->room - text->size;

	if (fits)
		memcpy(text->at + text->size, part, fits);
	text->size += fits;
	/* A short symbol may stand for gigabytes of text (back references double it): nothing but a jump ends the printing.
	 * libiberty keeps what it works with on the stack. */
	if (fits < size)
		longjmp(text->full, 1);
}

static int demangle_cxx(const char *symbol, struct text *text)
{
	return cplus_demangle_v3_callback(symbol, DMGL_NO_OPTS, put, text);
}

static int demangle_rust(const char *symbol, struct text *text)
{
	return rust_demangle_callback(symbol, DMGL_NO_OPTS, put, text);
}

/* Rust's older names are C++'s with a hash, so they are looked for first. */
static const struct {
	const char *prefix;
	int (*demangle)(const char *symbol, struct text *text);
} manglings[] = {
	{ "_ZN", demangle_rust },
	{ "_R", demangle_rust },
	{ "_Z", demangle_cxx },
};

/* What is kept of a text that did not fit: up to a whole character, and the ellipsis. */
static void cut(struct text *text)
{
	size_t end = text->room - strlen(ELLIPSIS);

	while (end && ((unsigned char)text->at[end] & 0xc0) == 0x80)
		end--;
	memcpy(text->at + end, ELLIPSIS, sizeof(ELLIPSIS));
}

static bool demangle_by(int (*by)(const char *symbol, struct text *text), const char *symbol, struct text *text)
{
	text->size = 0;
	if (setjmp(text->full))
		cut(text);
	else if (by(symbol, text) && text->size)
		text->at[text->size] = 0;
	else
		return false;
	return true;
}

static bool demangle_into(const char *symbol, struct text *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(manglings); i++)
		if (!strncmp(symbol, manglings[i].prefix, strlen(manglings[i].prefix)) &&
		    demangle_by(manglings[i].demangle, symbol, text))
			return true;
	return false;
}

static void demangle_name(const char *symbol, char *text, size_t size)
{
	struct text to = { .at = text, .room = size - 1 };
	size_t length = strlen(symbol);

	if (demangle_into(symbol, &to))
		return;
	memcpy(text, symbol, length < size ? length + 1 : size);
	if (length >= size)
		cut(&to);
}

void demangle(const char *symbol, char *text, size_t size)
{
	size_t length = strlen(symbol), plt = strlen(PLT);
	char name[1024];

	if (length <= plt || length - plt >= sizeof(name) || strcmp(symbol + length - plt, PLT)) {
		demangle_name(symbol, text, size);
		return;
	}
	memcpy(name, symbol, length - plt);
	name[length - plt] = 0;
	demangle_name(name, text, size - plt);
	strcat(text, PLT);
}
