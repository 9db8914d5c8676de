/* SPDX-License-Identifier: GPL-2.0-only */
/* A search for the places of an event in a binary, and what it has found: every place is checked before it is one. */
#ifndef SCRY_PYTHON_FINDER_H
#define SCRY_PYTHON_FINDER_H

#include "python.h"
#include "sites.h"

/* Handlers and returns of one event together; the most found in a build are 14. */
#define FINDER_PROBES 64

/* The work of one call of python_probes(). */
struct finder {
	const struct elf *elf;
	const struct scry_python *python;
	unsigned version;
	struct python_code code; /* read when first needed */
	struct runtime_probe probes[FINDER_PROBES];
	size_t count;
	char *why;
	size_t size;
};

/* This way of seeing the event is not there: why, as a sentence. -ENOTSUP. */
int finder_refuse(struct finder *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Have the machine code at hand. 0 or -errno; -ENOTSUP as above. */
int finder_code(struct finder *f);

/* A place in code. One that is there for the same site already is one place: opcodes may share a handler. 0 or -ENOTSUP. */
int finder_add(struct finder *f, enum runtime_site site, __u64 address, __u64 cookie, bool for_values);

/* What to find, and which arguments (numbers from `first` on) the program at the marker needs. */
struct marker {
	enum runtime_site site;
	const char *name;
	unsigned first, arguments; /* at most MARKER_ARGUMENTS */
};

/* All places of a marker. 0 or -ENOTSUP, also where there is none. */
int finder_marker(struct finder *f, struct marker marker);

#endif
