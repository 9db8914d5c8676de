/* SPDX-License-Identifier: GPL-2.0-only */
/* The names of frames, each stored once and referred to by index. */
#ifndef FLAME_NAMES_H
#define FLAME_NAMES_H

#include <stddef.h>
#include <stdint.h>

/* Where a name comes from, beyond enum flame_kind: folded text says nothing of kinds, the name has to. */
enum { NAME_FOLDED = 16, NAME_AUSTIN };

struct name_slot {
	uint32_t tag;		/* half of the hash: where the search begins, and a first comparison */
	uint32_t index;		/* of the name, plus 1; 0: free */
};

struct names {
	char *bytes;
	size_t size, capacity;
	uint64_t *starts;	/* of each name in bytes, above its source; one more ends the last name */
	size_t count, room;
	struct name_slot *slots;
	size_t mask;
	uint64_t seed;
};

#define NAME_SOURCE_BITS 5

int names_open(struct names *names);
void names_close(struct names *names);

/*
 * In two steps, so that the memory of several look-ups is under way at once: hash a name, then find
 * or add it. The index is the same for the same bytes and source. 0 or -ENOMEM, -EOVERFLOW.
 */
uint32_t names_hash(const struct names *names, const char *bytes, size_t length, uint32_t source);
int names_intern_hashed(struct names *names, uint32_t tag, const char *bytes, size_t length, uint32_t source,
			uint32_t *ret);

int names_intern(struct names *names, const char *bytes, size_t length, uint32_t source, uint32_t *ret);

static inline const char *names_bytes(const struct names *names, uint32_t index)
{
	return names->bytes + (names->starts[index] >> NAME_SOURCE_BITS);
}

static inline size_t names_length(const struct names *names, uint32_t index)
{
	return (names->starts[index + 1] >> NAME_SOURCE_BITS) - (names->starts[index] >> NAME_SOURCE_BITS);
}

static inline uint32_t names_source(const struct names *names, uint32_t index)
{
	return names->starts[index] & ((1u << NAME_SOURCE_BITS) - 1);
}

/* Order of two names: by their bytes. */
int names_compare(const struct names *names, uint32_t a, uint32_t b);

#endif
