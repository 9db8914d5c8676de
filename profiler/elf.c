// SPDX-License-Identifier: GPL-2.0-only
#include "elf.h"

#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "elf_state.h"

#define MAX_SEGMENTS 1024
#define MAX_DYNAMIC (4096 * sizeof(Elf64_Dyn))

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE_DATA ELFDATA2LSB
#else
#define NATIVE_DATA ELFDATA2MSB
#endif

static int open_headers(struct elf *elf)
{
	Elf64_Phdr *segments;
	size_t count;
	char *ident;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOTSUP;
	elf->lib = elf_begin(elf->fd, ELF_C_READ, NULL);
	ident = elf->lib ? elf_getident(elf->lib, NULL) : NULL;
	if (!ident || elf_kind(elf->lib) != ELF_K_ELF || ident[EI_CLASS] != ELFCLASS64 ||
	    ident[EI_DATA] != NATIVE_DATA)
		return -ENOEXEC;
	elf->header = elf64_getehdr(elf->lib);
	if (!elf->header)
		return -ENOEXEC;
	if (elf_getshdrstrndx(elf->lib, &elf->names))
		elf->names = 0;
	if (elf_getphdrnum(elf->lib, &count) || count > MAX_SEGMENTS)
		return -ENOEXEC;
	segments = count ? elf64_getphdr(elf->lib) : NULL;
	if (!segments)
		return 0; /* an object file */
	elf->segments = segments;
	elf->segment_count = count;
	return 0;
}

int elf_open(int fd, struct elf **ret)
{
	struct elf *elf = calloc(1, sizeof(*elf));
	struct stat st;
	int err;

	if (!elf) {
		close(fd);
		return -ENOMEM;
	}
	elf->fd = fd;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode)) /* a FIFO or a device could block us */
		err = -ENOEXEC;
	else {
		elf->size = st.st_size;
		err = open_headers(elf);
	}
	if (err) {
		elf_close(elf);
		return err;
	}
	*ret = elf;
	return 0;
}

static void table_deinit(struct elf_table *table)
{
	free(table->symbols);
	free(table->strings);
}

void elf_close(struct elf *elf)
{
	if (!elf)
		return;
	table_deinit(&elf->dynamic);
	table_deinit(&elf->full);
	free(elf->relocations);
	elf_end(elf->lib);
	close(elf->fd);
	free(elf);
}

bool elf_is_fixed(const struct elf *elf)
{
	return elf->header->e_type == ET_EXEC;
}

__u64 elf_size(const struct elf *elf)
{
	return elf->size;
}

int elf_descriptor(const struct elf *elf)
{
	return elf->fd;
}

unsigned elf_machine(const struct elf *elf)
{
	return elf->header->e_machine;
}

static const Elf64_Phdr *segment_of_type(const struct elf *elf, unsigned type)
{
	for (size_t i = 0; i < elf->segment_count; i++)
		if (elf->segments[i].p_type == type)
			return &elf->segments[i];
	return NULL;
}

bool elf_is_program(const struct elf *elf)
{
	return elf_is_fixed(elf) || segment_of_type(elf, PT_INTERP);
}

int elf_pread(const struct elf *elf, __u64 offset, void *dst, size_t size)
{
	size_t done = 0;

	if (offset > elf->size || size > elf->size - offset)
		return -EFAULT;
	while (done < size) {
		ssize_t n = pread(elf->fd, (char *)dst + done, size - done, offset + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -EFAULT; /* it shrank */
		done += n;
	}
	return 0;
}

/* ---- sections ---- */

static bool section_fits(const struct elf *elf, const Elf64_Shdr *section)
{
	return section->sh_type != SHT_NOBITS && section->sh_offset <= elf->size &&
	       section->sh_size <= elf->size - section->sh_offset && section->sh_size <= MAX_TABLE;
}

Elf_Scn *elf_section_of_type(const struct elf *elf, Elf_Scn *from, unsigned type,
				Elf64_Shdr **ret)
{
	while ((from = elf_nextscn(elf->lib, from))) {
		*ret = elf64_getshdr(from);
		if (*ret && (*ret)->sh_type == type)
			return from;
	}
	return NULL;
}

int elf_section(const struct elf *elf, const char *name, struct elf_range *ret)
{
	Elf_Scn *scn = NULL;

	while (elf->names && (scn = elf_nextscn(elf->lib, scn))) {
		const Elf64_Shdr *section = elf64_getshdr(scn);
		const char *s = section ? elf_strptr(elf->lib, elf->names, section->sh_name) : NULL;

		if (!s || strcmp(s, name))
			continue;
		if (!section_fits(elf, section))
			return -EINVAL;
		*ret = (struct elf_range){ section->sh_addr, section->sh_offset, section->sh_size };
		return 0;
	}
	return -ENOENT;
}

__u64 elf_section_end(const struct elf *elf, unsigned section)
{
	Elf_Scn *scn = elf_getscn(elf->lib, section);
	const Elf64_Shdr *header = scn ? elf64_getshdr(scn) : NULL;

	return header && header->sh_flags & SHF_ALLOC ? header->sh_addr + header->sh_size : 0;
}

bool elf_is_stripped(const struct elf *elf)
{
	Elf64_Shdr *section;

	return !elf_section_of_type(elf, NULL, SHT_SYMTAB, &section);
}

static void *bytes_read(const struct elf *elf, __u64 offset, size_t size)
{
	char *bytes = malloc(size + 1);

	if (!bytes || elf_pread(elf, offset, bytes, size)) {
		free(bytes);
		return NULL;
	}
	bytes[size] = 0;
	return bytes;
}

void *elf_section_read(const struct elf *elf, const Elf64_Shdr *section)
{
	return section_fits(elf, section) ? bytes_read(elf, section->sh_offset, section->sh_size) : NULL;
}

void *elf_section_bytes(const struct elf *elf, const char *name, size_t most, struct elf_range *range)
{
	if (elf_section(elf, name, range) || !range->size || range->size > most)
		return NULL;
	return bytes_read(elf, range->offset, range->size);
}

/* ---- segments ---- */

static const Elf64_Phdr *segment_at(const struct elf *elf, __u64 address, size_t size)
{
	for (size_t i = 0; i < elf->segment_count; i++) {
		const Elf64_Phdr *p = &elf->segments[i];

		if (p->p_type == PT_LOAD && address >= p->p_vaddr &&
		    address - p->p_vaddr < p->p_filesz &&
		    size <= p->p_filesz - (address - p->p_vaddr))
			return p;
	}
	return NULL;
}

int elf_read(const struct elf *elf, __u64 address, void *dst, size_t size)
{
	const Elf64_Phdr *p = segment_at(elf, address, size);

	return p ? elf_pread(elf, p->p_offset + (address - p->p_vaddr), dst, size) : -EFAULT;
}

int elf_offset(const struct elf *elf, __u64 address, unsigned flags, __u64 *ret)
{
	const Elf64_Phdr *p = segment_at(elf, address, 1);

	if (!p || (p->p_flags & flags) != flags || p->p_offset > elf->size ||
	    address - p->p_vaddr >= elf->size - p->p_offset)
		return -EFAULT;
	*ret = p->p_offset + (address - p->p_vaddr);
	return 0;
}

int elf_code(const struct elf *elf, struct elf_range *ret)
{
	const Elf64_Phdr *code = NULL;

	for (size_t i = 0; i < elf->segment_count; i++) {
		const Elf64_Phdr *p = &elf->segments[i];

		if (p->p_type == PT_LOAD && (p->p_flags & PF_X) &&
		    (!code || p->p_vaddr < code->p_vaddr))
			code = p;
	}
	if (!code)
		return -ENOENT;
	*ret = (struct elf_range){ code->p_vaddr, code->p_offset, code->p_filesz };
	return 0;
}

int elf_code_bias(const struct elf_range *code, __u64 start, __u64 offset, __u64 *ret)
{
	__u64 page = sysconf(_SC_PAGESIZE), low = code->offset & -page;

	if (offset < low || offset >= code->offset + code->size)
		return -EINVAL;
	*ret = start - ((code->address & -page) + (offset - low));
	return *ret & (page - 1) ? -EINVAL : 0;
}

__u64 elf_tls_size(const struct elf *elf)
{
	const Elf64_Phdr *p = segment_of_type(elf, PT_TLS);
	__u64 align = p && p->p_align ? p->p_align : 1;

	if (!p || align & (align - 1) || p->p_memsz > MAX_TABLE || align > MAX_TABLE)
		return 0;
	return (p->p_memsz + align - 1) & -align;
}

__u64 elf_dynamic(const struct elf *elf)
{
	const Elf64_Phdr *p = segment_of_type(elf, PT_DYNAMIC);

	return p ? p->p_vaddr : 0;
}

int elf_dynamic_entry(const struct elf *elf, __s64 tag, __u64 *slot, __u64 *value)
{
	const Elf64_Phdr *p = segment_of_type(elf, PT_DYNAMIC);

	__u64 end = p ? p->p_filesz : 0;

	for (__u64 at = 0; at < MAX_DYNAMIC && at + sizeof(Elf64_Dyn) <= end;
	     at += sizeof(Elf64_Dyn)) {
		Elf64_Dyn entry;

		if (elf_read(elf, p->p_vaddr + at, &entry, sizeof(entry)) || entry.d_tag == DT_NULL)
			break;
		if (entry.d_tag != tag)
			continue;
		*slot = p->p_vaddr + at + offsetof(Elf64_Dyn, d_un);
		*value = entry.d_un.d_val;
		return 0;
	}
	return -ENOENT;
}

/* ---- relocations ---- */

static void relocations_read(struct elf *elf)
{
	Elf_Scn *scn = NULL;
	Elf64_Shdr *section;

	if (elf->relocations_tried)
		return;
	elf->relocations_tried = true;
	/* The dynamic linker's own: loaded, and unlike .rela.plt not only for calls. */
	while ((scn = elf_section_of_type(elf, scn, SHT_RELA, &section)))
		if ((section->sh_flags & SHF_ALLOC) && !(section->sh_flags & SHF_INFO_LINK))
			break;
	if (!scn)
		return;
	elf->relocations = elf_section_read(elf, section);
	if (elf->relocations)
		elf->relocation_count = section->sh_size / sizeof(Elf64_Rela);
}

int elf_relocation(const struct elf *elf, __u64 address, struct elf_relocation *ret)
{
	struct elf *cache = (struct elf *)elf;
	const Elf64_Rela *r;
	size_t i, symbol;

	relocations_read(cache);
	for (i = 0; i < elf->relocation_count && elf->relocations[i].r_offset != address; i++)
		;
	if (i == elf->relocation_count)
		return -ENOENT;
	r = &elf->relocations[i];
	elf_table_read(elf, &cache->dynamic, SHT_DYNSYM);
	symbol = ELF64_R_SYM(r->r_info);
	*ret = (struct elf_relocation){
		.type = ELF64_R_TYPE(r->r_info),
		.addend = r->r_addend,
		.symbol = symbol && symbol < elf->dynamic.count
				  ? elf->dynamic.symbols[symbol].st_value
				  : 0,
	};
	return 0;
}

int elf_pointer(const struct elf *elf, __u64 address, __u64 *ret)
{
	struct elf_relocation r;

	/* None: ET_EXEC, or SHT_RELR, which keeps the addend in place. */
	if (elf_relocation(elf, address, &r))
		return elf_read(elf, address, ret, sizeof(*ret));
	switch (elf_machine(elf) << 16 | r.type) {
	case EM_X86_64 << 16 | R_X86_64_RELATIVE:
	case EM_AARCH64 << 16 | R_AARCH64_RELATIVE:
		*ret = r.addend;
		return 0;
	case EM_X86_64 << 16 | R_X86_64_64:
	case EM_X86_64 << 16 | R_X86_64_GLOB_DAT:
	case EM_AARCH64 << 16 | R_AARCH64_ABS64:
	case EM_AARCH64 << 16 | R_AARCH64_GLOB_DAT:
		*ret = r.symbol + r.addend;
		return r.symbol ? 0 : -ENOENT;
	default:
		return -ENOTSUP;
	}
}

void elf_relocate(const struct elf *elf, __u64 address, __u64 *words, size_t count)
{
	unsigned relative = elf_machine(elf) == EM_X86_64 ? R_X86_64_RELATIVE : R_AARCH64_RELATIVE;

	relocations_read((struct elf *)elf);
	for (size_t i = 0; i < elf->relocation_count; i++) {
		const Elf64_Rela *r = &elf->relocations[i];
		__u64 at = r->r_offset - address;

		if (ELF64_R_TYPE(r->r_info) == relative && at % sizeof(*words) == 0 &&
		    at / sizeof(*words) < count)
			words[at / sizeof(*words)] = r->r_addend;
	}
}
