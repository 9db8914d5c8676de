// SPDX-License-Identifier: GPL-2.0-only
#include "finder.h"

#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "../marker.h"

int finder_refuse(struct finder *f, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(f->why, f->size, fmt, args);
	va_end(args);
	return -ENOTSUP;
}

int finder_code(struct finder *f)
{
	if (elf_machine(f->elf) != EM_X86_64)
		return finder_refuse(f, "places in code are known on x86-64 only");
	return f->code.bytes ? 0 : python_code_read(f->elf, &f->code);
}

int finder_add(struct finder *f, enum runtime_site site, __u64 address, __u64 cookie, bool for_values)
{
	__u64 offset;

	if (elf_offset(f->elf, address, PF_X, &offset))
		return finder_refuse(f, "a place to probe, 0x%llx, is not in the file's code", address);
	for (size_t i = 0; i < f->count; i++)
		if (!f->probes[i].marker && f->probes[i].site == site && f->probes[i].offset == offset)
			return 0;
	if (f->count == FINDER_PROBES)
		return finder_refuse(f, "more than %d places", FINDER_PROBES);
	f->probes[f->count++] = (struct runtime_probe){ .site = site, .offset = offset, .for_values = for_values,
							.cookie = RUNTIME_COOKIE(site, cookie) };
	return 0;
}

struct marker_search {
	struct finder *finder;
	const struct marker *marker;
	unsigned places;
};

static int add_arguments(struct finder *f, const struct marker *marker, const char *text, __u64 *cookie)
{
	for (unsigned i = 0; i < marker->arguments; i++) {
		__u32 argument;

		if (marker_argument(text, marker->first + i, &argument))
			return finder_refuse(f, "where the marker %s has its arguments cannot be told: %.40s", marker->name, text);
		*cookie |= (__u64)argument << i * 28;
	}
	return 0;
}

/* A marker is a nop, its semaphore a counter in writable memory. */
static int add_marker(void *ctx, const struct elf_marker *found)
{
	struct marker_search *search = ctx;
	const struct marker *marker = search->marker;
	struct finder *f = search->finder;
	struct runtime_probe probe = { .site = marker->site, .marker = marker->name,
				       .cookie = RUNTIME_COOKIE(marker->site, 0) };
	unsigned char byte;

	if (strcmp(found->provider, "python") || strcmp(found->name, marker->name))
		return 0;
	if (elf_offset(f->elf, found->address, PF_X, &probe.offset) || elf_pread(f->elf, probe.offset, &byte, 1) || byte != 0x90)
		return finder_refuse(f, "the marker %s is not a nop in the file's code", marker->name);
	if (found->semaphore && elf_offset(f->elf, found->semaphore, PF_W, &probe.semaphore))
		return finder_refuse(f, "the semaphore of the marker %s is not in the file's data", marker->name);
	if (f->count == FINDER_PROBES)
		return finder_refuse(f, "more than %d places", FINDER_PROBES);
	search->places++;
	f->probes[f->count++] = probe;
	return add_arguments(f, marker, found->args, &f->probes[f->count - 1].cookie);
}

int finder_marker(struct finder *f, struct marker marker)
{
	struct marker_search search = { f, &marker };
	int err = elf_markers(f->elf, add_marker, &search);

	if (err == -ENOTSUP)
		return err;
	return search.places ? 0 : finder_refuse(f, "this build has no marker %s", marker.name);
}
