/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An ELF file, read and never run: 64-bit, of this machine's byte order, any machine. The file is
 * the target's, so nothing in it is trusted: a table that does not fit in the file is as good as
 * absent. Nothing is mapped: a file that shrinks while it is read costs an error, not a SIGBUS.
 *
 * "address" is a link-time address (p_vaddr, st_value); a process adds its load bias.
 */
#ifndef SCRY_ELF_H
#define SCRY_ELF_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

struct elf;

struct elf_symbol {
	__u64 address, size;
	unsigned char type;    /* STT_* */
	unsigned char binding; /* STB_* */
	__u16 section;	       /* its number, or SHN_* */
};

struct elf_range {
	__u64 address; /* 0: not loaded */
	__u64 offset, size;
};

/* A statically defined tracing marker (.note.stapsdt), link-time addresses. */
struct elf_marker {
	__u64 address, semaphore; /* semaphore 0: none */
	const char *provider, *name, *args;
};

/*
 * Takes fd over, also when it fails. -ENOEXEC: not such an ELF file. -errno otherwise; prints
 * nothing.
 */
int elf_open(int fd, struct elf **ret);
void elf_close(struct elf *elf);

bool elf_is_fixed(const struct elf *elf);    /* ET_EXEC: loaded where it was linked */
bool elf_is_stripped(const struct elf *elf); /* no .symtab */
bool elf_is_program(const struct elf *elf);  /* names an ld.so, or is ET_EXEC: no library */
unsigned elf_machine(const struct elf *elf); /* EM_* */
__u64 elf_size(const struct elf *elf);	     /* bytes of the file */
int elf_descriptor(const struct elf *elf);   /* stays the elf's */

/* A defined symbol by its exact name: .dynsym, then .symtab. -ENOENT. */
int elf_symbol(const struct elf *elf, const char *name, struct elf_symbol *ret);
/* .dynsym only. */
int elf_export(const struct elf *elf, const char *name, struct elf_symbol *ret);

/*
 * Calls each for every defined symbol of .dynsym, or with `full` of .symtab, until it returns non-zero, which is returned. The
 * names live as long as the elf. 0: no more.
 */
int elf_each_symbol(const struct elf *elf, bool full,
		    int (*each)(void *ctx, const char *name, const struct elf_symbol *symbol), void *ctx);
/* Name of a symbol of .dynsym, defined here or not; NULL: there is none of that number. */
const char *elf_import(const struct elf *elf, size_t index);
/* Address behind the last byte of a section by its number; 0: none such that is loaded. */
__u64 elf_section_end(const struct elf *elf, unsigned section);

/* -ENOENT, or -EINVAL where it does not lie in the file. */
int elf_section(const struct elf *elf, const char *name, struct elf_range *ret);

/* A whole section of at most `most` bytes, with a NUL behind the last; the caller frees it. NULL: there is none such, or an empty
 * one, or no memory. */
void *elf_section_bytes(const struct elf *elf, const char *name, size_t most, struct elf_range *range);

/* Read file data at an address. -EFAULT unless all of it is in the file's part of one PT_LOAD. */
int elf_read(const struct elf *elf, __u64 address, void *dst, size_t size);
/* Read the file itself. -EFAULT past its end. */
int elf_pread(const struct elf *elf, __u64 offset, void *dst, size_t size);

/*
 * File offset of an address that lies in a PT_LOAD with all of `flags` (PF_X, ...). -EFAULT if it
 * does not.
 */
int elf_offset(const struct elf *elf, __u64 address, unsigned flags, __u64 *ret);

/* The executable PT_LOAD with the lowest address, which the kernel calls start_code. -ENOENT. */
int elf_code(const struct elf *elf, struct elf_range *ret);
/*
 * Load bias told by an executable mapping of the file: where it starts, and at which offset in the
 * file. -EINVAL where that is no part of the code.
 */
int elf_code_bias(const struct elf_range *code, __u64 start, __u64 offset, __u64 *ret);

/*
 * Build id: its size (0: none), at most `size` bytes into dst, and the address of its first byte.
 */
size_t elf_build_id(const struct elf *elf, unsigned char *dst, size_t size, __u64 *address);

__u64 elf_dynamic(const struct elf *elf);	/* address of PT_DYNAMIC, 0: none */
/*
 * Address of the value (d_un) of the first dynamic entry with this tag, and the value in the file.
 * -ENOENT.
 */
int elf_dynamic_entry(const struct elf *elf, __s64 tag, __u64 *slot, __u64 *value);

/* PT_TLS: size in memory rounded up to its alignment. 0: none. */
__u64 elf_tls_size(const struct elf *elf);

/*
 * The relocation the dynamic linker applies to the 8 bytes at an address: its type (R_X86_64_*),
 * addend, and the value of its symbol if that is defined here. -ENOENT: none.
 */
struct elf_relocation {
	unsigned type;
	__s64 addend;
	__u64 symbol;
};
int elf_relocation(const struct elf *elf, __u64 address, struct elf_relocation *ret);

/*
 * The pointer that the 8 bytes at an address will hold, as a link-time address: relocated, or file
 * data. 0 or -errno.
 */
int elf_pointer(const struct elf *elf, __u64 address, __u64 *ret);

/*
 * Put over `count` 8-byte words, read from the file at an address divisible by 8, what relocations
 * against the load bias make of them, as link-time addresses: a whole table of pointers at once.
 * Other relocations are left out.
 */
void elf_relocate(const struct elf *elf, __u64 address, __u64 *words, size_t count);

/*
 * Calls each for every marker until it returns non-zero, which is returned; the strings live as
 * long as the call. 0: no more. -errno: no readable note.
 */
int elf_markers(const struct elf *elf, int (*each)(void *ctx, const struct elf_marker *marker),
		void *ctx);

#endif
