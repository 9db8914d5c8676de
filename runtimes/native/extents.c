// SPDX-License-Identifier: GPL-2.0-only
/*
 * .eh_frame_hdr and .eh_frame are described in the Linux Standard Base, Core Generic, "Exception Frames"; encodings of
 * pointers there too. Only what linkers make for 64-bit files is read: a table of 32-bit distances from the section.
 */
#include "extents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../profiler/base/cleanup.h"

#define MAX_SECTION  (256u << 20)
#define MAX_ENTRY    128 /* bytes of a CIE or FDE that are looked at */
#define PE_FORMAT    0x0f
#define PE_ABSPTR    0x00
#define PE_UDATA4    0x03
#define PE_UDATA8    0x04
#define PE_SDATA4    0x0b
#define PE_SDATA8    0x0c
#define PE_PCREL_S4  0x1b
#define PE_DATAREL_S4 0x3b

struct header {
	unsigned char version, frame_encoding, count_encoding, table_encoding;
	__s32 frame;
	__u32 count;
	struct {
		__s32 start, description; /* distances from the section: of the code, of its FDE */
	} table[];
};

/* The section .eh_frame. */
struct frames {
	unsigned char *bytes;
	__u64 address, size;
};

/* A CIE or FDE, behind its length: where, and how many bytes are looked at; 0: it is none. */
static size_t entry_at(const struct frames *frames, __u64 address, const unsigned char **ret)
{
	__u64 at = address - frames->address;
	__u32 length;

	if (at > frames->size || frames->size - at < sizeof(length))
		return 0;
	memcpy(&length, frames->bytes + at, sizeof(length));
	at += sizeof(length);
	if (length < 8 || length > frames->size - at)
		return 0;
	*ret = frames->bytes + at;
	return length < MAX_ENTRY ? length : MAX_ENTRY;
}

static size_t skip_leb128(const unsigned char *bytes, size_t size, size_t at)
{
	while (at < size && bytes[at] & 0x80)
		at++;
	return at + 1;
}

static size_t pointer_size(unsigned encoding)
{
	switch (encoding & PE_FORMAT) {
	case PE_ABSPTR:
	case PE_UDATA8:
	case PE_SDATA8:
		return 8;
	case PE_UDATA4:
	case PE_SDATA4:
		return 4;
	default:
		return 0;
	}
}

/* How large a pointer of an FDE of this CIE is, 0: not known. Behind id and version: augmentation, two factors, a register,
 * then what each letter of the augmentation stands for. */
static size_t cie_pointer_size(const unsigned char *bytes, size_t size)
{
	const char *letters = (const char *)bytes + 5;
	size_t at = size > 5 ? 5 + strnlen(letters, size - 5) + 1 : size;
	unsigned version = size > 5 ? bytes[4] : 0;

	if (at >= size || *letters != 'z')
		return at < size && !*letters ? 8 : 0;
	at = skip_leb128(bytes, size, at);
	at = skip_leb128(bytes, size, at);
	at = version == 1 ? at + 1 : skip_leb128(bytes, size, at);
	at = skip_leb128(bytes, size, at);
	for (const char *letter = letters + 1; *letter && at < size; letter++) {
		if (*letter == 'R')
			return pointer_size(bytes[at]);
		if (*letter == 'P' && !pointer_size(bytes[at]))
			return 0;
		at += *letter == 'P' ? 1 + pointer_size(bytes[at]) : *letter == 'L' ? 1 : 0;
	}
	return *letters == 'z' && at <= size ? 8 : 0;
}

/* Bytes of code that an FDE is for. */
static __u64 fde_length(const struct frames *frames, __u64 address)
{
	const unsigned char *fde, *cie;
	size_t size = entry_at(frames, address, &fde), pointer;
	__u64 length = 0;
	__u32 back;

	if (!size)
		return 0;
	memcpy(&back, fde, sizeof(back));
	size = back ? size : 0;
	pointer = size ? entry_at(frames, address + sizeof(back) - back, &cie) : 0;
	pointer = pointer ? cie_pointer_size(cie, pointer) : 0;
	if (!pointer || sizeof(back) + 2 * pointer > size)
		return 0;
	memcpy(&length, fde + sizeof(back) + pointer, pointer);
	return length;
}

static bool header_fits(const struct header *h, __u64 size)
{
	return size >= sizeof(*h) && h->version == 1 && h->frame_encoding == PE_PCREL_S4 && h->count_encoding == PE_UDATA4 &&
	       h->table_encoding == PE_DATAREL_S4 && h->count && h->count <= (size - sizeof(*h)) / (2 * sizeof(__s32));
}

int extents_read(const struct elf *elf, struct extents *ret)
{
	struct elf_range range, frame_range;
	_cleanup_free_ struct header *header = elf_section_bytes(elf, ".eh_frame_hdr", MAX_SECTION, &range);
	_cleanup_free_ unsigned char *bytes = header ? elf_section_bytes(elf, ".eh_frame", MAX_SECTION, &frame_range) : NULL;
	struct frames frames = { .bytes = bytes };

	*ret = (struct extents){ 0 };
	if (!bytes || !header_fits(header, range.size))
		return -ENOENT;
	frames.address = frame_range.address;
	frames.size = frame_range.size;
	ret->rows = calloc(header->count, sizeof(*ret->rows));
	if (!ret->rows)
		return -ENOMEM;
	ret->count = header->count;
	for (size_t i = 0; i < ret->count; i++) {
		ret->rows[i].start = range.address + (__s64)header->table[i].start;
		ret->rows[i].length = fde_length(&frames, range.address + (__s64)header->table[i].description);
	}
	return 0;
}

void extents_deinit(struct extents *extents)
{
	free(extents->rows);
	*extents = (struct extents){ 0 };
}

const struct extents_row *extents_row_of(const struct extents *extents, __u64 address)
{
	size_t low = 0, high = extents->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (extents->rows[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || address - extents->rows[low - 1].start >= extents->rows[low - 1].length)
		return NULL;
	return &extents->rows[low - 1];
}

bool extents_find(const struct extents *extents, __u64 address, __u64 *start)
{
	const struct extents_row *row = extents_row_of(extents, address);

	if (row)
		*start = row->start;
	return row;
}
