// SPDX-License-Identifier: GPL-2.0-only
#include "codebook.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../runtimes/runtime.h"
#include "base/array.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/intern.h"
#include "base/table.h"

#define PAGE_IDS  4096u
#define MAX_PAGES 8192u /* 2^25 code objects known, 512 MB; what comes later has no name */
#define MAX_IDS	  SCRY_CODE_IDS
#define CALL_NAME_SIZE 256

/* Code objects that differ in nothing but their address share one. */
struct identity {
	const struct runtime_binary *binary;
	struct code_name name;
	struct identity *next; /* of the same function */
};

struct function {
	struct codebook_function shown;
	const char *called; /* NULL, or the name that a caller had for it, in place of its own; interned */
	struct identity *identities;
};

struct code {
	const struct identity *identity; /* NULL: not told of */
	uint32_t function;
};

struct codebook {
	struct table page_of; /* (id / PAGE_IDS, 0) -> index in pages: an id far off costs one page */
	struct code **pages;
	size_t pages_room;
	struct intern texts;	   /* names and files */
	struct table by_name;	   /* (name << 32 | file, line_key()) -> index in functions */
	struct function *functions;
	size_t functions_room;
};

static const struct codebook_function unknown = { .name = "[name not known]", .file = "" };

int codebook_create(struct codebook **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : fail(-ENOMEM, "out of memory");
}

static void identity_destroy(struct identity *identity)
{
	while (identity) {
		struct identity *next = identity->next;

		code_name_deinit(&identity->name);
		free(identity);
		identity = next;
	}
}

void codebook_destroy(struct codebook *book)
{
	if (!book)
		return;
	for (size_t i = 0; i < book->functions_room; i++)
		identity_destroy(book->functions[i].identities);
	free(book->functions);
	for (size_t i = 0; i < book->pages_room; i++)
		free(book->pages[i]);
	free(book->pages);
	table_deinit(&book->page_of);
	table_deinit(&book->by_name);
	intern_deinit(&book->texts);
	free(book);
}

/* Where functions have no names of their own, two in one line are told apart by what they consist of. */
static uint64_t line_key(const struct runtime_binary *binary, const struct code_name *name)
{
	uint64_t content = binary->ops->call_name ? hash_bytes(name->lines, name->lines_size) : 0;

	return content << 32 | (uint32_t)name->first_line;
}

/* 0: no memory */
static uint32_t function_put(struct codebook *book, const struct runtime_binary *binary, const struct code_name *name)
{
	uint32_t text = intern_put(&book->texts, name->name, strlen(name->name));
	uint32_t file = intern_put(&book->texts, name->file, strlen(name->file));
	uint32_t index = text && file ? table_put(&book->by_name, (uint64_t)text << 32 | file, line_key(binary, name)) : 0;

	if (!index || !array_reserve(&book->functions, &book->functions_room, index + 1, sizeof(*book->functions)))
		return 0;
	book->functions[index].shown = (struct codebook_function){
		.name = book->functions[index].called ?: intern_text(&book->texts, text),
		.file = intern_text(&book->texts, file),
		.line = name->first_line,
		.hidden = name->hidden,
		.kind = name->kind,
	};
	return index;
}

/* Takes the name over, or frees it. NULL: no memory. */
static struct identity *identity_share(struct function *function, const struct runtime_binary *binary,
				       struct code_name *name)
{
	struct identity *i;

	for (i = function->identities; i; i = i->next)
		if (i->binary == binary && i->name.lines_size == name->lines_size &&
		    !memcmp(i->name.lines, name->lines, name->lines_size)) {
			code_name_deinit(name);
			return i;
		}
	i = calloc(1, sizeof(*i));
	if (!i) {
		code_name_deinit(name);
		return NULL;
	}
	i->binary = binary;
	i->name = *name;
	i->next = function->identities;
	function->identities = i;
	return i;
}

/* Where what is known of an id is kept; NULL: no memory, or too many. */
static struct code *code_make(struct codebook *book, uint32_t id)
{
	uint32_t page = table_find(&book->page_of, id / PAGE_IDS, 0), next = book->page_of.count + 1;

	if (page)
		return &book->pages[page][id % PAGE_IDS];
	if (next > MAX_PAGES || !array_reserve(&book->pages, &book->pages_room, next + 1, sizeof(*book->pages)))
		return NULL;
	book->pages[next] = book->pages[next] ?: calloc(PAGE_IDS, sizeof(**book->pages));
	if (!book->pages[next] || table_put(&book->page_of, id / PAGE_IDS, 0) != next)
		return NULL;
	return &book->pages[next][id % PAGE_IDS];
}

void codebook_add(struct codebook *book, const struct scry_code *code, size_t size)
{
	const struct runtime_binary *binary;
	struct code_name name = {};
	uint32_t function;
	struct code *made;

	if (size < sizeof(*code) || !code->id || code->id >= MAX_IDS)
		return;
	binary = runtime_binary_at(code->binary);
	if (!binary || binary->ops->decode(binary, code, size, &name))
		return;
	made = code_make(book, code->id);
	function = made ? function_put(book, binary, &name) : 0;
	if (!function) {
		code_name_deinit(&name);
		return;
	}
	made->function = function;
	made->identity = identity_share(&book->functions[function], binary, &name);
}

static const struct code *code_at(const struct codebook *book, uint32_t id)
{
	uint32_t page = table_find(&book->page_of, id / PAGE_IDS, 0);
	const struct code *code = page ? &book->pages[page][id % PAGE_IDS] : NULL;

	return code && code->identity ? code : NULL;
}

uint32_t codebook_find(const struct codebook *book, uint32_t id)
{
	const struct code *code = code_at(book, id);

	return code ? code->function : 0;
}

const struct codebook_function *codebook_function(const struct codebook *book, uint32_t index)
{
	return index && index < book->functions_room ? &book->functions[index].shown : &unknown;
}

bool codebook_needs_caller(const struct codebook *book, uint32_t id)
{
	const struct code *code = code_at(book, id);

	return code && code->identity->binary->ops->call_name;
}

bool codebook_is_note(const struct codebook *book, uint32_t id)
{
	const struct code *code = code_at(book, id);

	return code && code->identity->name.kind == CODE_NOTE;
}

bool codebook_call_name(const struct codebook *book, const struct scry_frame *frame, const struct scry_frame *caller,
			char *name, size_t size)
{
	const struct code *code = code_at(book, frame->code), *from = caller ? code_at(book, caller->code) : NULL;
	const struct runtime_binary *binary = code ? code->identity->binary : NULL;

	if (!binary || !binary->ops->call_name || (from && from->identity->binary != binary))
		return false;
	return binary->ops->call_name(binary, &code->identity->name, from ? &from->identity->name : NULL,
				      caller ? caller->at : SCRY_AT_NONE, name, size);
}

bool codebook_name_call(struct codebook *book, const struct scry_frame *frame, const struct scry_frame *caller)
{
	uint32_t index = codebook_find(book, frame->code), text;
	struct function *function = index ? &book->functions[index] : NULL;
	char name[CALL_NAME_SIZE];

	if (!function || function->called || !codebook_call_name(book, frame, caller, name, sizeof(name)))
		return false;
	text = intern_put(&book->texts, name, strlen(name));
	if (!text)
		return false;
	function->called = function->shown.name = intern_text(&book->texts, text);
	return true;
}

int codebook_line(const struct codebook *book, const struct scry_frame *frame)
{
	const struct code *code = code_at(book, frame->code);

	return code ? code->identity->binary->ops->line(code->identity->binary, &code->identity->name, frame->at) : 0;
}
