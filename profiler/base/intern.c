// SPDX-License-Identifier: GPL-2.0-only
#include "intern.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "hash.h"

#define FIRST_SLOTS 64
#define MOST_TEXTS  (UINT32_MAX / 4)

struct intern_text {
	uint64_t hash;
	size_t size;
	char bytes[];
};

static bool is_text(const struct intern_text *known, uint64_t hash, const char *text, size_t size)
{
	return known->hash == hash && known->size == size && !memcmp(known->bytes, text, size);
}

/* The slot that holds the text, or the free one where it belongs. */
static uint32_t *find_slot(const struct intern *intern, uint64_t hash, const char *text, size_t size)
{
	uint32_t at = (uint32_t)hash & intern->mask;

	for (;; at = (at + 1) & intern->mask) {
		uint32_t index = intern->slots[at];

		if (!index || is_text(intern->texts[index], hash, text, size))
			return &intern->slots[at];
	}
}

/* Keep at most two thirds of the slots in use. */
static bool grow(struct intern *intern)
{
	size_t slots = intern->slots ? (size_t)intern->mask + 1 : 0;
	uint32_t *grown;

	if (intern->count >= MOST_TEXTS ||
	    !array_reserve(&intern->texts, &intern->capacity, (size_t)intern->count + 2,
			   sizeof(*intern->texts)))
		return false;
	if (((size_t)intern->count + 1) * 3 <= slots * 2)
		return true;
	slots = slots ? slots * 2 : FIRST_SLOTS;
	grown = calloc(slots, sizeof(*grown));
	if (!grown)
		return false;
	free(intern->slots);
	intern->slots = grown;
	intern->mask = (uint32_t)(slots - 1);
	for (uint32_t i = 1; i <= intern->count; i++) {
		const struct intern_text *text = intern->texts[i];

		*find_slot(intern, text->hash, text->bytes, text->size) = i;
	}
	return true;
}

uint32_t intern_find(const struct intern *intern, const char *text, size_t size)
{
	return intern->slots ? *find_slot(intern, hash_bytes(text, size), text, size) : 0;
}

uint32_t intern_put(struct intern *intern, const char *text, size_t size)
{
	uint64_t hash = hash_bytes(text, size);
	struct intern_text *copy;

	if (intern->slots) {
		uint32_t found = *find_slot(intern, hash, text, size);

		if (found)
			return found;
	}
	copy = malloc(sizeof(*copy) + size + 1);
	if (!copy || !grow(intern)) {
		free(copy);
		return 0;
	}
	copy->hash = hash;
	copy->size = size;
	if (size)
		memcpy(copy->bytes, text, size);
	copy->bytes[size] = '\0';
	intern->texts[++intern->count] = copy;
	*find_slot(intern, hash, text, size) = intern->count;
	return intern->count;
}

const char *intern_text(const struct intern *intern, uint32_t index)
{
	return intern->texts[index]->bytes;
}

size_t intern_size(const struct intern *intern, uint32_t index)
{
	return intern->texts[index]->size;
}

void intern_deinit(struct intern *intern)
{
	for (uint32_t i = 1; i <= intern->count; i++)
		free(intern->texts[i]);
	free(intern->texts);
	free(intern->slots);
	*intern = (struct intern){ 0 };
}
