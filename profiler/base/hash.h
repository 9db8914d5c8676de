/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hashes for tables in memory, never for files: they are keyed by a number drawn once per run, so
 * that a hostile program cannot choose names that all fall into one place.
 */
#ifndef SCRY_HASH_H
#define SCRY_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_pair(uint64_t a, uint64_t b);
uint64_t hash_bytes(const void *bytes, size_t size);

#endif
