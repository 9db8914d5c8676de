// SPDX-License-Identifier: GPL-2.0-only
#include "codebook.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../runtimes/runtime.h"
#include "base/array.h"
#include "base/err.h"
#include "base/table.h"

#define MAX_IDS	   (1u << 28)
#define MAX_FRAMES (1u << 22) /* kept at a time; then the table starts anew */

/* Code objects that differ in nothing but their address share one. */
struct identity {
	const struct runtime_binary *binary;
	struct code_name name;
	struct identity *next; /* of the same function */
};

struct code {
	struct identity *identity; /* NULL: not told of */
	uint32_t function;
};

struct codebook {
	struct capture_writer *capture;
	struct code *codes; /* by id */
	size_t codes_room;
	struct identity **identities; /* by index of the function in the capture */
	size_t identities_room;
	struct table places; /* (id, at) -> index in frames */
	uint32_t *frames;
	size_t frames_room;
	uint32_t unknown; /* frame for an id never told of */
};

int codebook_create(struct capture_writer *capture, struct codebook **ret)
{
	struct codebook *book = calloc(1, sizeof(*book));

	if (!book)
		return fail(-ENOMEM, "out of memory");
	book->capture = capture;
	*ret = book;
	return 0;
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
	for (size_t i = 0; i < book->identities_room; i++)
		identity_destroy(book->identities[i]);
	free(book->identities);
	free(book->codes);
	free(book->frames);
	table_deinit(&book->places);
	free(book);
}

static struct identity *identity_share(struct codebook *book, uint32_t function, const struct runtime_binary *binary,
				       struct code_name *name)
{
	struct identity *i;

	if (!array_reserve(&book->identities, &book->identities_room, function + 1, sizeof(*book->identities)))
		return NULL;
	for (i = book->identities[function]; i; i = i->next)
		if (i->binary == binary && i->name.lines_size == name->lines_size &&
		    !memcmp(i->name.lines, name->lines, name->lines_size)) {
			code_name_deinit(name);
			return i;
		}
	i = calloc(1, sizeof(*i));
	if (!i)
		return NULL;
	i->binary = binary;
	i->name = *name;
	i->next = book->identities[function];
	book->identities[function] = i;
	return i;
}

void codebook_add(struct codebook *book, const struct scry_code *code, size_t size)
{
	const struct runtime_binary *binary;
	struct code_name name = {};
	uint32_t function;

	if (size < sizeof(*code) || !code->id || code->id >= MAX_IDS)
		return;
	binary = runtime_binary_at(code->binary);
	if (!binary || !array_reserve(&book->codes, &book->codes_room, code->id + 1, sizeof(*book->codes)) ||
	    binary->ops->decode(binary, code, size, &name))
		return;
	function = capture_function(book->capture, CAPTURE_INTERPRETED, name.name, name.file, name.first_line);
	book->codes[code->id].function = function;
	book->codes[code->id].identity = identity_share(book, function, binary, &name);
	if (!book->codes[code->id].identity)
		code_name_deinit(&name);
}

/* The first-sight record may come behind the sample of another CPU, or be lost: such a frame is shown as what it is. */
static uint32_t frame_unknown(struct codebook *book)
{
	if (!book->unknown)
		book->unknown = capture_frame(book->capture,
					      capture_function(book->capture, CAPTURE_MARK, "[name not known]", "", 0),
					      0);
	return book->unknown;
}

static uint32_t frame_resolve(struct codebook *book, const struct scry_frame *frame)
{
	const struct code *code = &book->codes[frame->code];
	const struct identity *identity = code->identity;
	int line;

	if (identity->name.hidden)
		return 0;
	line = identity->binary->ops->line(identity->binary, &identity->name, frame->at);
	return capture_frame(book->capture, code->function, line);
}

uint32_t codebook_frame(struct codebook *book, const struct scry_frame *frame)
{
	uint32_t known, index;

	if (frame->code >= book->codes_room || !book->codes[frame->code].identity)
		return frame_unknown(book);
	if (book->places.count >= MAX_FRAMES)
		table_clear(&book->places);
	known = book->places.count;
	index = table_put(&book->places, frame->code, (uint32_t)frame->at);
	if (!index || !array_reserve(&book->frames, &book->frames_room, index + 1, sizeof(*book->frames)))
		return frame_unknown(book);
	if (index > known)
		book->frames[index] = frame_resolve(book, frame);
	return book->frames[index];
}
