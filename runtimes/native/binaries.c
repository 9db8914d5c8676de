// SPDX-License-Identifier: GPL-2.0-only
#include "binaries.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../profiler/base/array.h"
#include "../../profiler/base/cleanup.h"
#include "../../profiler/base/hash.h"
#include "../../profiler/base/table.h"
#include "../../profiler/procmap.h"
#include "../runtime.h"
#include "symbols.h"

#define MAX_BINARIES  (1u << 20)
#define MAX_EH_FRAME  (64u << 20)
#define MAX_VDSO      (64u << 10)
#define SHORTEST_ID   8 /* bytes of a build id that tells files apart */

struct native_binaries {
	struct native_tables *tables;
	struct native_binary **items; /* items[index]; 0 is none */
	size_t room;
	__u32 count;
	struct table files;  /* (device, inode) mixed with size, (time) -> index in file_items */
	__u32 *file_items;   /* index in items, 0: no ELF file */
	size_t file_room;
	struct table builds; /* (build id, unwind information) -> index in build_items */
	__u32 *build_items;
	size_t build_room;
	__u32 vdso;	     /* 0: not looked at yet */
	bool no_vdso, inlined;
};

int native_binaries_create(const struct native_tables_ops *ops, void *ctx, bool inlined, struct native_binaries **ret)
{
	struct native_binaries *b = calloc(1, sizeof(*b));

	if (!b || native_tables_create(ops, ctx, &b->tables)) {
		free(b);
		return -ENOMEM;
	}
	b->inlined = inlined;
	*ret = b;
	return 0;
}

void native_binaries_destroy(struct native_binaries *b)
{
	if (!b)
		return;
	for (__u32 i = 1; i <= b->count; i++) {
		native_symbols_close(b->items[i]->symbols);
		free(b->items[i]->path);
		free(b->items[i]);
	}
	free(b->items);
	free(b->file_items);
	free(b->build_items);
	table_deinit(&b->files);
	table_deinit(&b->builds);
	native_tables_destroy(b->tables);
	free(b);
}

struct native_binary *native_binaries_at(const struct native_binaries *b, __u32 index)
{
	return index && index <= b->count ? b->items[index] : NULL;
}

void native_binaries_tell(struct native_binaries *b, pid_t pid, const struct procmap *map, __u32 index,
			  const struct runtime_binary *runtime)
{
	struct native_binary *binary = native_binaries_at(b, index);
	struct elf *elf;
	int fd;

	if (!binary || binary->runtime)
		return;
	binary->runtime = runtime;
	fd = runtime->ops->eval ? procmap_open(pid, map) : -ENOENT;
	if (fd < 0 || elf_open(fd, &elf))
		return;
	binary->evals = runtime->ops->eval(elf, binary->eval, NATIVE_EVAL_PARTS);
	elf_close(elf);
}

const struct native_tables *native_binaries_tables(const struct native_binaries *b)
{
	return b->tables;
}

__u32 native_binaries_count(const struct native_binaries *b)
{
	return b->count;
}

/* Index of a new binary; 0: no memory. */
static __u32 binary_add(struct native_binaries *b, const char *path, pid_t pid, const struct elf_range *code)
{
	struct native_binary *binary;

	if (b->count + 1 >= MAX_BINARIES || !array_reserve(&b->items, &b->room, b->count + 2, sizeof(*b->items)))
		return 0;
	binary = calloc(1, sizeof(*binary));
	if (!binary)
		return 0;
	binary->path = strdup(path);
	binary->pid = pid;
	binary->code = *code;
	if (!binary->path) {
		free(binary);
		return 0;
	}
	b->items[++b->count] = binary;
	binary->map.binary = b->count;
	return b->count;
}

/* Two files are the same where their build ids and their unwind information are. NULL: not to be compared. */
static __u32 *same_build(struct native_binaries *b, const struct elf *elf, const unsigned char *bytes, size_t size)
{
	unsigned char id[32];
	__u64 at;
	size_t length = elf_build_id(elf, id, sizeof(id), &at);
	__u32 index;

	if (length < SHORTEST_ID || length > sizeof(id) || !bytes)
		return NULL;
	index = table_put(&b->builds, hash_bytes(id, length), hash_bytes(bytes, size));
	if (!index || !array_reserve(&b->build_items, &b->build_room, index + 1, sizeof(*b->build_items)))
		return NULL;
	return &b->build_items[index];
}

/* Where a process begins to run: in programs, and in the dynamic linker. Linkers give other libraries an entry too. */
static __u64 entry_of(const struct elf *elf, const char *path)
{
	const char *slash = strrchr(path, '/');
	__u64 entry = 0;

	if (!elf_is_program(elf) && strncmp(slash ? slash + 1 : path, "ld-", 3) && strncmp(slash ? slash + 1 : path, "ld.", 3))
		return 0;
	return elf_pread(elf, offsetof(Elf64_Ehdr, e_entry), &entry, sizeof(entry)) ? 0 : entry;
}

static __u32 elf_add(struct native_binaries *b, const struct elf *elf, int fd, const char *path, pid_t pid)
{
	struct elf_range range = { 0 }, code;
	_cleanup_free_ unsigned char *bytes = NULL;
	__u32 *same, index;

	if (elf_code(elf, &code))
		return 0;
	bytes = elf_section_bytes(elf, ".eh_frame", MAX_EH_FRAME, &range);
	same = same_build(b, elf, bytes, range.size);
	if (same && *same)
		return *same;
	index = binary_add(b, path, pid, &code);
	if (!index)
		return 0;
	if (same)
		*same = index;
	native_symbols_open(dup(fd), path, pid, b->inlined, &b->items[index]->symbols);
	if (bytes)
		native_tables_add(b->tables, bytes, range.size, range.address, entry_of(elf, path), &b->items[index]->map);
	return index;
}

/* Index; 0: no ELF file. */
static __u32 file_add(struct native_binaries *b, int fd, const char *path, pid_t pid)
{
	struct elf *elf;
	__u32 index;

	if (elf_open(dup(fd), &elf))
		return 0;
	index = elf_add(b, elf, fd, path, pid);
	elf_close(elf);
	return index;
}

/* -ENOENT: a file that is not ELF; other -errno: it cannot be read. path: as process pid sees it. */
static int file_find(struct native_binaries *b, pid_t pid, const char *path, int fd, __u32 *ret)
{
	struct stat st;
	__u32 known = b->files.count, index;
	__u64 key[3];

	if (fstat(fd, &st))
		return -errno;
	key[0] = st.st_dev;
	key[1] = st.st_size;
	key[2] = st.st_mtim.tv_sec * 1000000000ull + st.st_mtim.tv_nsec;
	index = table_put(&b->files, hash_bytes(key, sizeof(key)), st.st_ino);
	if (!index || !array_reserve(&b->file_items, &b->file_room, index + 1, sizeof(*b->file_items)))
		return -ENOMEM;
	if (index > known)
		b->file_items[index] = file_add(b, fd, path, pid);
	*ret = b->file_items[index];
	return *ret ? 0 : -ENOENT;
}

void native_binaries_expect(struct native_binaries *b, const char *path)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	__u32 index;

	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode))
		file_find(b, 0, path, fd, &index);
}

static int map_find(struct native_binaries *b, pid_t pid, const struct procmap *map, __u32 *ret)
{
	_cleanup_fd_ int fd = procmap_open(pid, map);

	return fd < 0 ? fd : file_find(b, pid, map->path, fd, ret);
}

/* The code that the kernel gives every process is the same in all, so ours tells. */
static __u32 vdso_find(struct native_binaries *b)
{
	const void *image = (const void *)getauxval(AT_SYSINFO_EHDR);
	struct procmaps maps;
	_cleanup_fd_ int fd = -1;
	size_t size = 0;

	if (b->vdso || b->no_vdso || !image)
		return b->vdso;
	b->no_vdso = true;
	if (procmaps_read_code(getpid(), &maps))
		return 0;
	for (size_t i = 0; i < maps.count; i++)
		if (maps.maps[i].start == (__u64)image)
			size = maps.maps[i].end - maps.maps[i].start;
	procmaps_deinit(&maps);
	fd = size && size <= MAX_VDSO ? memfd_create("vdso", MFD_CLOEXEC) : -1;
	if (fd >= 0 && write(fd, image, size) == (ssize_t)size)
		b->vdso = file_add(b, fd, "[vdso]", 0);
	return b->vdso;
}

void native_binaries_map(struct native_binaries *b, pid_t pid, const struct procmap *map, struct native_mapping *ret)
{
	bool file = map->path[0] == '/' && map->inode, vdso = !strcmp(map->path, "[vdso]");
	const struct native_binary *binary;
	__u32 index = vdso ? vdso_find(b) : 0;
	int err = file ? map_find(b, pid, map, &index) : 0;

	*ret = (struct native_mapping){ .start = map->start, .end = map->end, .bias = map->start };
	/* Where an instruction with a probe is executed: the frame is that of the function it is taken from. */
	if ((err && err != -ENOENT) || !strcmp(map->path, "[uprobes]"))
		ret->at = NATIVE_WITHOUT_FILE;
	binary = native_binaries_at(b, index);
	if (!binary)
		return;
	*ret = binary->map;
	ret->start = map->start;
	ret->end = map->end;
	if (elf_code_bias(&binary->code, map->start, vdso ? binary->code.offset : map->offset, &ret->bias)) {
		*ret = (struct native_mapping){ .start = map->start, .end = map->end, .bias = map->start,
						.at = NATIVE_WITHOUT_FILE };
	}
}
