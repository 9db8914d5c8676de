// SPDX-License-Identifier: GPL-2.0-only
/* Which interpreter a process runs, and a cache of the files looked at. */
#include "runtime.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../profiler/base/cleanup.h"
#include "../profiler/elf.h"
#include "../profiler/procmap.h"
#include "../profiler/remote.h"
#include "list.h"

#define X(name, NAME) extern const struct runtime_ops name##_runtime;
RUNTIMES(X)
#undef X

#define X(name, NAME) &name##_runtime,
static const struct runtime_ops *const runtimes[] = { RUNTIMES(X) };
#undef X

#define MAX_FILES (1u << 16) /* files that the cache keeps; then it begins anew */
#define WHY_SIZE 160

/*
 * A file that was looked at. Files that are no interpreter are kept too: `scry -a` meets them again
 * and again.
 */
struct known_file {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec mtime;
	int result;	  /* 0, -ENOENT or -ENOTSUP */
	__u32 binary;	  /* index, where result is 0 */
	char *why;	  /* where result is -ENOTSUP */
	struct elf_range code; /* size 0: it has none, or is no ELF file */
	__u32 fixed;
	__u64 debug_slot;
};

/* A binary never moves or goes: its index is in kernel maps. */
struct known_binary {
	struct runtime_binary binary;
	__u64 dynamic; /* address of PT_DYNAMIC */
	__u64 build_id_at;
	unsigned char build_id[20];
	__u32 build_id_size;
};

static struct known_file *files;
static size_t file_count;
static struct known_binary **binaries;
static __u32 binary_count;

void code_name_deinit(struct code_name *name)
{
	free(name->name);
	free(name->file);
	free(name->lines);
	*name = (struct code_name){ 0 };
}

__u32 runtime_binary_index(const struct runtime_binary *binary)
{
	for (__u32 i = 0; i < binary_count; i++)
		if (&binaries[i]->binary == binary)
			return i;
	return 0;
}

const struct runtime_binary *runtime_binary_at(__u32 index)
{
	return index < binary_count ? &binaries[index]->binary : NULL;
}

static struct known_file *file_find(const struct stat *st)
{
	for (size_t i = 0; i < file_count; i++) {
		struct known_file *f = &files[i];

		if (f->inode == st->st_ino && f->device == st->st_dev && f->size == st->st_size &&
		    f->mtime.tv_sec == st->st_mtim.tv_sec &&
		    f->mtime.tv_nsec == st->st_mtim.tv_nsec)
			return f;
	}
	return NULL;
}

static struct known_file *file_add(const struct stat *st)
{
	static size_t room;

	if (file_count == MAX_FILES) {
		for (size_t i = 0; i < file_count; i++)
			free(files[i].why);
		file_count = 0;
	}
	if (file_count == room) {
		size_t more = room ? 2 * room : 64;
		void *grown = realloc(files, more * sizeof(*files));

		if (!grown)
			return NULL;
		files = grown;
		room = more;
	}
	files[file_count] = (struct known_file){ .device = st->st_dev,
						 .inode = st->st_ino,
						 .size = st->st_size,
						 .mtime = st->st_mtim,
						 .result = -ENOENT };
	return &files[file_count++];
}

/* Keep what was recognised. 0 or -ENOMEM. */
static int binary_add(const struct elf *elf, const char *path, const struct runtime_binary *found,
		      __u32 *index)
{
	struct known_binary *known = calloc(1, sizeof(*known));
	void *grown = known ? realloc(binaries, (binary_count + 1) * sizeof(*binaries)) : NULL;

	if (grown)
		binaries = grown;
	if (known)
		known->binary = *found;
	if (!grown || !(known->binary.path = strdup(path))) {
		free(known);
		return -ENOMEM;
	}
	known->dynamic = elf_dynamic(elf);
	known->build_id_size =
		elf_build_id(elf, known->build_id, sizeof(known->build_id), &known->build_id_at);
	if (known->build_id_size > sizeof(known->build_id))
		known->build_id_size = sizeof(known->build_id);
	*index = binary_count;
	binaries[binary_count++] = known;
	return 0;
}

/*
 * Ask each language. The first that knows the file, or knows that it does not know this version,
 * has it.
 */
static int recognise(const struct elf *elf, const char *path, pid_t pid, __u64 bias,
		     struct known_file *file)
{
	struct runtime_binary found;
	char why[WHY_SIZE] = "";

	for (size_t i = 0; i < ARRAY_SIZE(runtimes); i++) {
		found = (struct runtime_binary){ .ops = runtimes[i] };
		file->result =
			runtimes[i]->recognise(elf, path, pid, bias, &found, why, sizeof(why));
		if (!file->result)
			return binary_add(elf, path, &found, &file->binary);
		if (file->result == -ENOTSUP)
			file->why = strdup(why);
		if (file->result == -ENOTSUP)
			return 0;
	}
	file->result = -ENOENT;
	return 0;
}

/* What the cache keeps of every ELF file: where its code goes, and what BPF needs to place it. */
static void measure(const struct elf *elf, struct known_file *file)
{
	__u64 value;

	if (elf_code(elf, &file->code))
		return;
	file->fixed = elf_is_fixed(elf);
	if (elf_dynamic_entry(elf, DT_DEBUG, &file->debug_slot, &value))
		file->debug_slot = 0;
}

/*
 * The file behind an executable mapping; fd is taken over. Looks into it at the first sight only.
 * 0: *ret is what is known of it, and *bias where the mapping puts it.
 */
static int file_examine(int fd, const struct procmap *map, pid_t pid, struct known_file *ret,
			__u64 *bias)
{
	struct elf *elf = NULL;
	struct known_file *file;
	struct stat st;
	int err = fstat(fd, &st) ? -errno : 0;

	file = err ? NULL : file_find(&st);
	if (err || file) {
		close(fd);
	} else {
		if (elf_open(fd, &elf))
			elf = NULL;
		file = file_add(&st);
		err = file ? 0 : -ENOMEM;
	}
	if (elf && !err)
		measure(elf, file);
	if (!err && elf_code_bias(&file->code, map->start, map->offset, bias))
		*bias = 0;
	if (elf && !err)
		err = recognise(elf, map->path, pid, *bias, file);
	if (!err)
		*ret = *file;
	elf_close(elf);
	return err;
}

static void exe_fill(const struct known_file *exe, const struct known_file *interpreter,
		     bool linked, struct scry_exe *ret)
{
	const struct known_binary *known = binaries[interpreter->binary];

	*ret = (struct scry_exe){
		.place = linked ? SCRY_PLACE_LINKED : SCRY_PLACE_EXE,
		.runtime = known->binary.ops->id,
		.binary = interpreter->binary,
		.fixed = exe->fixed,
		.start_code = exe->code.address,
		.debug_slot = exe->debug_slot,
		.library_dynamic = known->dynamic,
		.build_id_at = known->build_id_at,
		.build_id_size = known->build_id_size,
	};
	memcpy(ret->build_id, known->build_id, sizeof(ret->build_id));
	/* Without these the short way does not lead there. */
	if (linked && (!ret->debug_slot || !ret->library_dynamic))
		ret->place = SCRY_PLACE_ASK;
}

/*
 * The executable mapping of a file by its inode; devices are compared where fstat and the kernel
 * mean the same.
 */
static const struct procmap *mapping_of(const struct procmaps *maps, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return NULL;
	for (size_t i = 0; i < maps->count; i++) {
		const struct procmap *map = &maps->maps[i];

		if (map->executable && map->inode == st.st_ino &&
		    (!major(st.st_dev) || st.st_dev == makedev(map->major, map->minor)))
			return map;
	}
	return NULL;
}

struct examination {
	pid_t pid;
	struct procmaps maps;
	struct known_file exe, interpreter;
	bool linked; /* the interpreter is not the executable */
	__u64 bias;
	char *why;
	size_t why_size;
};

/* Take the answer for one file: 0, -ENOENT, or -ENOTSUP with its reason. */
static int answer(struct examination *e, const struct known_file *file)
{
	if (file->result == -ENOTSUP)
		snprintf(e->why, e->why_size, "%s", file->why ? file->why : "");
	return file->result;
}

static int examine_exe(struct examination *e, struct scry_exe_key *key)
{
	int fd = procmap_open_exe(e->pid), err;
	const struct procmap *map;
	struct stat st;

	if (fd < 0) /* a kernel thread or a zombie has none */
		return fd == -ESRCH ? -ENOENT : fd;
	map = mapping_of(&e->maps, fd);
	if (key && !fstat(fd, &st))
		*key = (struct scry_exe_key){ st.st_ino, procmap_device(e->pid, fd) };
	if (!map) {
		close(fd);
		return -ENOENT;
	}
	err = file_examine(fd, map, e->pid, &e->exe, &e->bias);
	e->interpreter = e->exe;
	return err ? err : answer(e, &e->exe);
}

bool runtime_may_be(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;

	for (size_t i = 0; i < ARRAY_SIZE(runtimes); i++)
		if (!strncmp(base, runtimes[i]->library, strlen(runtimes[i]->library)) && strstr(base, ".so"))
			return true;
	return false;
}

/* The first library that is an interpreter; or else why one that nearly is one is not. */
static int examine_libraries(struct examination *e)
{
	int result = -ENOENT;

	e->linked = true;
	for (size_t i = 0; i < e->maps.count; i++) {
		const struct procmap *map = &e->maps.maps[i];
		int fd, err;

		if (!map->executable || !runtime_may_be(map->path))
			continue;
		fd = procmap_open(e->pid, map);
		err = fd < 0 ? fd : file_examine(fd, map, e->pid, &e->interpreter, &e->bias);
		if (!err)
			err = answer(e, &e->interpreter);
		if (!err)
			return 0;
		if (err != -ENOENT)
			result = err;
	}
	return result;
}

int runtime_examine(pid_t pid, const struct runtime_binary **ret, __u64 *bias,
		    struct scry_exe_key *key, struct scry_exe *exe, char *why, size_t size)
{
	struct examination e = { .pid = pid, .why = why, .why_size = size };
	int err = procmaps_read(pid, &e.maps);

	if (exe)
		*exe = (struct scry_exe){ .place = SCRY_PLACE_ASK };
	if (key)
		*key = (struct scry_exe_key){ 0 };
	if (err)
		return err;
	err = examine_exe(&e, key);
	if (err == -ENOENT)
		err = examine_libraries(&e);
	if (!err) {
		*ret = &binaries[e.interpreter.binary]->binary;
		*bias = e.bias;
	}
	if (!err && exe)
		exe_fill(&e.exe, &e.interpreter, e.linked, exe);
	procmaps_deinit(&e.maps);
	return err;
}

int runtime_open_in(pid_t pid, const char *path)
{
	_cleanup_free_ char *there = NULL;
	int fd;

	if (pid && asprintf(&there, "/proc/%d/root%s", pid, path) < 0)
		return -ENOMEM;
	fd = open(there ?: path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A file that no process is known to map. */
static int examine_file(pid_t pid, const char *path, struct known_file *ret, struct scry_exe_key *key)
{
	const struct procmap map = { .path = (char *)path };
	int fd = runtime_open_in(pid, path);
	struct stat st;
	__u64 bias;

	if (fd < 0)
		return fd;
	if (key && !fstat(fd, &st))
		*key = (struct scry_exe_key){ st.st_ino, procmap_device(pid ?: getpid(), fd) };
	return file_examine(fd, &map, 0, ret, &bias);
}

int runtime_examine_files(pid_t pid, const char *program, const char *library, const struct runtime_binary **ret,
			  const char **path, struct scry_exe_key *key, struct scry_exe *exe)
{
	struct known_file program_file, file;
	int err = examine_file(pid, program, &program_file, key);

	if (err)
		return err;
	file = program_file;
	*path = program;
	if (file.result == -ENOENT && library) {
		err = examine_file(pid, library, &file, NULL);
		*path = library;
	}
	err = err ? err : file.result;
	if (err)
		return err;
	*ret = &binaries[file.binary]->binary;
	exe_fill(&program_file, &file, *path == library, exe);
	return 0;
}

int runtime_binary_open(const struct runtime_binary *binary, pid_t pid)
{
	struct procmaps maps;
	int fd = procmaps_read(pid, &maps);
	size_t i;

	if (fd)
		return fd;
	for (i = 0, fd = -ENOENT; i < maps.count; i++)
		if (maps.maps[i].executable && !strcmp(maps.maps[i].path, binary->path)) {
			fd = procmap_open(pid, &maps.maps[i]);
			break;
		}
	procmaps_deinit(&maps);
	return fd;
}
