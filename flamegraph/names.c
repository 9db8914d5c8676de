// SPDX-License-Identifier: GPL-2.0-only
#include "names.h"

#include "grow.h"

#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#define SLOTS_AT_FIRST 4096

int names_open(struct names *names)
{
	memset(names, 0, sizeof(*names));
	/* Secret, so that no input can be made to fall into one slot; order never depends on it. */
	if (getrandom(&names->seed, sizeof(names->seed), GRND_NONBLOCK) < 0)
		names->seed = (uintptr_t)names;
	names->slots = table_alloc(SLOTS_AT_FIRST, sizeof(*names->slots));
	names->mask = SLOTS_AT_FIRST - 1;
	if (!names->slots || grow(&names->starts, &names->room, 1, sizeof(*names->starts)))
		return -ENOMEM;
	names->starts[0] = 0;
	return 0;
}

void names_close(struct names *names)
{
	free(names->bytes);
	free(names->starts);
	table_free(names->slots, names->mask + 1, sizeof(*names->slots));
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load(const char *p, size_t length)
{
	uint64_t word = 0;

	memcpy(&word, p, length);
	return word;
}

uint32_t names_hash(const struct names *names, const char *bytes, size_t length, uint32_t source)
{
	uint64_t hash = names->seed ^ mix(length ^ 0x9e3779b97f4a7c15, source ^ 0xd6e8feb86659fd93);

	for (; length >= 16; bytes += 16, length -= 16)
		hash = mix(load(bytes, 8) ^ 0xa0761d6478bd642f, load(bytes + 8, 8) ^ hash);
	if (length >= 8) {
		hash = mix(load(bytes, 8) ^ 0xe7037ed1a0b428db, hash);
		bytes += 8;
		length -= 8;
	}
	hash = mix(load(bytes, length) ^ 0x8ebc6af09c88c6e3, hash ^ 0x589965cc75374cc3);
	__builtin_prefetch(&names->slots[(uint32_t)hash & names->mask]);
	return hash;
}

/* Slots in order go to slots in order, in two runs: a table of any size is moved without a miss a name. */
static int grow_slots(struct names *names)
{
	size_t mask = names->mask * 2 + 1;
	struct name_slot *slots = table_alloc(mask + 1, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i <= names->mask; i++) {
		size_t at = names->slots[i].tag & mask;

		if (!names->slots[i].index)
			continue;
		while (slots[at].index)
			at = (at + 1) & mask;
		slots[at] = names->slots[i];
	}
	table_free(names->slots, names->mask + 1, sizeof(*names->slots));
	names->slots = slots;
	names->mask = mask;
	return 0;
}

static int name_add(struct names *names, const char *bytes, size_t length, uint32_t source)
{
	int err = 0;

	if (names->count >= UINT32_MAX - 1 || (names->size + length) >> (64 - NAME_SOURCE_BITS))
		return -EOVERFLOW;
	if (names->size + length >= names->capacity) /* one more than the names: there is memory even where all of them are empty */
		err = grow(&names->bytes, &names->capacity, names->size + length + 1, 1);
	if (!err && names->count + 2 > names->room)
		err = grow(&names->starts, &names->room, names->count + 2, sizeof(*names->starts));
	if (err)
		return err;
	if (length)
		memcpy(names->bytes + names->size, bytes, length);
	names->starts[names->count++] |= source;
	names->size += length;
	names->starts[names->count] = (uint64_t)names->size << NAME_SOURCE_BITS;
	return 0;
}

static bool name_is(const struct names *names, uint32_t index, const char *bytes, size_t length,
		    uint32_t source)
{
	return names_length(names, index) == length && names_source(names, index) == source &&
	       !memcmp(names_bytes(names, index), bytes, length);
}

int names_intern_hashed(struct names *names, uint32_t tag, const char *bytes, size_t length, uint32_t source,
			uint32_t *ret)
{
	size_t at = tag & names->mask;
	int err;

	for (; names->slots[at].index; at = (at + 1) & names->mask) {
		*ret = names->slots[at].index - 1;
		if (names->slots[at].tag == tag && name_is(names, *ret, bytes, length, source))
			return 0;
	}
	err = name_add(names, bytes, length, source);
	if (err)
		return err;
	names->slots[at] = (struct name_slot){ .tag = tag, .index = names->count };
	*ret = names->count - 1;
	return names->count * 4 > names->mask * 3 ? grow_slots(names) : 0;
}

int names_intern(struct names *names, const char *bytes, size_t length, uint32_t source, uint32_t *ret)
{
	uint32_t tag = names_hash(names, bytes, length, source);

	return names_intern_hashed(names, tag, bytes, length, source, ret);
}

int names_compare(const struct names *names, uint32_t a, uint32_t b)
{
	size_t x = names_length(names, a), y = names_length(names, b), common = x < y ? x : y;
	int order = common ? memcmp(names_bytes(names, a), names_bytes(names, b), common) : 0;

	if (order)
		return order;
	if (x != y)
		return x < y ? -1 : 1;
	return (int)names_source(names, a) - (int)names_source(names, b);
}
