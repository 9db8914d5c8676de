// SPDX-License-Identifier: GPL-2.0-only
/* ELF notes: the build id and the tracing markers. */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "elf.h"

#define MAX_NOTES (16u << 20)
#define NT_STAPSDT 3

struct note {
	unsigned type;
	const char *name; /* name_size bytes */
	size_t name_size, desc_size, desc_at;
	const unsigned char *desc;
};

/*
 * The note at *at; moves *at behind it. False at the end or where a size does not fit. Names and
 * descriptions are padded to 4 bytes in both kinds of section read here, whatever the section's
 * alignment.
 */
static bool note_next(const unsigned char *bytes, size_t size, size_t *at, struct note *ret)
{
	Elf64_Nhdr header;
	size_t name, desc;

	if (*at > size || size - *at < sizeof(header))
		return false;
	memcpy(&header, bytes + *at, sizeof(header));
	name = *at + sizeof(header);
	if (header.n_namesz > size - name)
		return false;
	desc = name + ((header.n_namesz + 3ul) & ~3ul);
	if (desc > size || header.n_descsz > size - desc)
		return false;
	*ret = (struct note){
		header.n_type, (const char *)bytes + name, header.n_namesz, header.n_descsz, desc,
		bytes + desc
	};
	*at = desc + ((header.n_descsz + 3ul) & ~3ul);
	return true;
}

static bool note_is(const struct note *note, const char *name, unsigned type)
{
	return note->type == type && note->name_size == strlen(name) + 1 &&
	       !memcmp(note->name, name, note->name_size);
}

static int notes_read(const struct elf *elf, const char *section, struct elf_range *range,
		      unsigned char **ret)
{
	unsigned char *bytes;
	int err = elf_section(elf, section, range);

	if (err)
		return err;
	if (range->size > MAX_NOTES)
		return -E2BIG;
	bytes = malloc(range->size + 1);
	if (!bytes)
		return -ENOMEM;
	err = elf_pread(elf, range->offset, bytes, range->size);
	if (err) {
		free(bytes);
		return err;
	}
	*ret = bytes;
	return 0;
}

size_t elf_build_id(const struct elf *elf, unsigned char *dst, size_t size, __u64 *address)
{
	_cleanup_free_ unsigned char *bytes = NULL;
	struct elf_range range;
	struct note note;
	size_t at = 0;

	if (notes_read(elf, ".note.gnu.build-id", &range, &bytes))
		return 0;
	while (note_next(bytes, range.size, &at, &note)) {
		if (!note_is(&note, "GNU", NT_GNU_BUILD_ID) || !note.desc_size ||
		    note.desc_size > 64)
			continue;
		memcpy(dst, note.desc, note.desc_size < size ? note.desc_size : size);
		*address = range.address + note.desc_at;
		return note.desc_size;
	}
	return 0;
}

/*
 * Three addresses, then three strings. base: of .stapsdt.base as loaded, 0 if there is none;
 * prelink moves it.
 */
static bool marker_parse(const struct note *note, __u64 base, struct elf_marker *ret)
{
	const char *s = (const char *)note->desc, *end = s + note->desc_size, *text[3];
	__u64 words[3];
	int i;

	if (note->desc_size < sizeof(words))
		return false;
	memcpy(words, s, sizeof(words));
	s += sizeof(words);
	for (i = 0; i < 3; i++) {
		const char *nul = memchr(s, 0, end - s);

		if (!nul)
			return false;
		text[i] = s;
		s = nul + 1;
	}
	if (base) {
		words[0] += base - words[1];
		words[2] += words[2] ? base - words[1] : 0;
	}
	*ret = (struct elf_marker){ words[0], words[2], text[0], text[1], text[2] };
	return true;
}

int elf_markers(const struct elf *elf, int (*each)(void *ctx, const struct elf_marker *marker),
		void *ctx)
{
	_cleanup_free_ unsigned char *bytes = NULL;
	struct elf_range range, base;
	struct elf_marker marker;
	struct note note;
	size_t at = 0;
	int err = notes_read(elf, ".note.stapsdt", &range, &bytes);

	if (err)
		return err;
	if (elf_section(elf, ".stapsdt.base", &base))
		base.address = 0;
	while (!err && note_next(bytes, range.size, &at, &note))
		if (note_is(&note, "stapsdt", NT_STAPSDT) &&
		    marker_parse(&note, base.address, &marker))
			err = each(ctx, &marker);
	return err;
}
