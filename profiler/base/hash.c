// SPDX-License-Identifier: GPL-2.0-only
#include "hash.h"

#include <string.h>
#include <sys/random.h>

/* Odd constants with well-mixed bits (fractional parts of the golden ratio and of the square
 * root of 3). */
#define GOLDEN 0x9e3779b97f4a7c15ULL
#define ROOT3  0xbb67ae8584caa73bULL

static uint64_t seed;

static uint64_t seed_get(void)
{
	uint64_t drawn = __atomic_load_n(&seed, __ATOMIC_RELAXED), unset = 0;

	if (drawn)
		return drawn;
	if (getrandom(&drawn, sizeof(drawn), GRND_NONBLOCK) != sizeof(drawn))
		drawn = GOLDEN;	/* too early in the boot for random numbers */
	drawn |= 1;
	/* Two threads may draw at once; the first to store decides for both. */
	if (!__atomic_compare_exchange_n(&seed, &unset, drawn, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		drawn = unset;
	return drawn;
}

/* Both halves of the 128-bit product: every bit of x reaches every bit of the result. */
static uint64_t mix(uint64_t x, uint64_t y)
{
	unsigned __int128 product = (unsigned __int128)x * y;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t hash_pair(uint64_t a, uint64_t b)
{
	uint64_t key = seed_get();

	return mix(mix(a ^ key, GOLDEN) + b, ROOT3 ^ key);
}

uint64_t hash_bytes(const void *bytes, size_t size)
{
	uint64_t key = seed_get(), hash = key ^ size, word;
	const unsigned char *at = bytes;

	for (; size >= sizeof(word); size -= sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = mix(hash ^ word, GOLDEN ^ key);
	}
	word = 0;
	if (size)
		memcpy(&word, at, size);
	return mix(hash ^ word, ROOT3);
}
