/* SPDX-License-Identifier: GPL-2.0-only */
/* What the writer and the reader of a capture must agree on. docs/capture-format.md tells the
 * whole. */
#ifndef SCRY_CAPTURE_FORMAT_H
#define SCRY_CAPTURE_FORMAT_H

#include <stdint.h>

#define CAPTURE_MAGIC	      "scrycap\n"
#define CAPTURE_MAGIC_SIZE    8
#define CAPTURE_VERSION	      1		/* grows when an older reader would misread */
#define CAPTURE_CHUNK_MAGIC   0x6b6e6863u	/* "chnk" */
#define CAPTURE_CHUNK_MAX     (64u << 20)	/* bytes of a chunk, before and after compression */
#define CAPTURE_CHUNK_FULL    (4u << 20)	/* the writer ends a chunk at this size */
#define CAPTURE_TEXT_MAX      (64u << 10)	/* longer texts are cut by the writer */
#define CAPTURE_TICK_NS	      1000		/* unit of times as the writer chooses it */

/* All numbers here are little-endian. */
struct capture_file_head {
	char magic[CAPTURE_MAGIC_SIZE];
	uint32_t version;
	uint32_t reserved;	/* 0 */
};

struct capture_chunk_head {
	uint32_t magic;
	uint32_t number;	/* 0, 1, 2, ... */
	uint32_t packed;	/* bytes that follow: one zstd frame with content checksum */
	uint32_t plain;		/* bytes it unpacks to */
};

/* Sections of a chunk, written in this order; a section is its kind, its size and entries up to
 * its end. */
enum capture_section {
	CAPTURE_FACTS = 1,
	CAPTURE_EVENTS,
	CAPTURE_STRINGS,
	CAPTURE_FUNCTIONS,
	CAPTURE_FRAMES,
	CAPTURE_STACKS,
	CAPTURE_THREADS,
	CAPTURE_THREAD_NAMES,
	CAPTURE_PROCESS_NAMES,
	CAPTURE_SAMPLES,
	CAPTURE_LOST,
	CAPTURE_END,
	CAPTURE_SECTION_COUNT
};

/* Columns of a section of samples. */
enum capture_column {
	CAPTURE_TIMES = 1,
	CAPTURE_THREAD_INDICES,
	CAPTURE_STACK_INDICES,
	CAPTURE_VALUES,
	CAPTURE_ERRORS,
	CAPTURE_REASONS,
	CAPTURE_COLUMN_COUNT
};

/* Facts: key, field of struct capture_header. Keys are never reused. */
#define CAPTURE_NUMBER_FACTS(X)  \
	X(1, start_realtime_ns)  \
	X(2, start_ns)           \
	X(3, frequency)          \
	X(4, max_stack)          \
	X(5, cpus)
#define CAPTURE_TEXT_FACTS(X)    \
	X(32, command)           \
	X(33, target)            \
	X(34, host)              \
	X(35, kernel)            \
	X(36, scry_version)
#define CAPTURE_FACT_TICK 6	/* unit of times, ns */

#endif
