// SPDX-License-Identifier: GPL-2.0-only
#include "expect.h"

#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define MAX_SCRIPTS 4	/* a script's program can be a script; Linux follows as many (fs/exec.c, exec_binprm) */
#define LINE_BYTES  256 /* BINPRM_BUF_SIZE, include/uapi/linux/binfmts.h */

/* Where execvp looks if PATH is not set (execvp(3)). */
#define DEFAULT_PATH "/bin:/usr/bin"

static char *search(const char *name)
{
	const char *path = getenv("PATH") ?: DEFAULT_PATH;
	char *found;

	if (strchr(name, '/'))
		return strdup(name);
	for (const char *p = path;; p++) {
		size_t size = strcspn(p, ":");

		/* An empty part is the current folder. */
		if (asprintf(&found, "%.*s%s%s", (int)size, p, size ? "/" : "./", name) < 0)
			return NULL;
		if (!access(found, X_OK))
			return found;
		free(found);
		p += size;
		if (!*p)
			return NULL;
	}
}

/* The words of a script's first line: its program and what follows it. false: no script. */
static bool read_script(const char *path, char line[LINE_BYTES + 1])
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, LINE_BYTES);

	if (n < 3 || line[0] != '#' || line[1] != '!')
		return false;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return true;
}

static bool is_env(const char *path)
{
	const char *slash = strrchr(path, '/');

	return !strcmp(slash ? slash + 1 : path, "env");
}

/* The program that a script's line names; NULL: none. */
static char *script_program(char *line)
{
	char *rest, *word = strtok_r(line + 2, " \t", &rest);

	if (!word)
		return NULL;
	if (!is_env(word))
		return strdup(word);
	/* Behind env: options such as -S, settings of variables, then a name. */
	do
		word = strtok_r(NULL, " \t", &rest);
	while (word && (*word == '-' || strchr(word, '=')));
	return word ? search(word) : NULL;
}

char *expect_program(const char *name)
{
	char *path = search(name), line[LINE_BYTES + 1];

	for (int i = 0; path && i < MAX_SCRIPTS && read_script(path, line); i++) {
		free(path);
		path = script_program(line);
	}
	return path;
}

/* Folders of the dynamic linker, on Debian's and on other layouts. */
#define LIBRARY_FOLDERS                                                                                     \
	"/lib/" MACHINE "-linux-gnu:/usr/lib/" MACHINE "-linux-gnu:/usr/local/lib:/lib64:/usr/lib64:/lib:/usr/lib"
#if defined(__x86_64__)
#define MACHINE "x86_64"
#else
#define MACHINE "aarch64"
#endif

static bool can_read(const char *root, const char *path)
{
	_cleanup_free_ char *whole = NULL;

	return asprintf(&whole, "%s%s", root, path) >= 0 && !access(whole, R_OK);
}

/* In one of the folders of a list; $ORIGIN is the program's own. */
static char *search_library(const char *root, const char *folders, const char *program, const char *name)
{
	const char *slash = strrchr(program, '/');
	char *found;

	for (const char *p = folders; p && *p; p += *p == ':') {
		static const char *const origins[] = { "$ORIGIN", "${ORIGIN}" };
		size_t size = strcspn(p, ":"), origin = 0;

		for (size_t i = 0; i < ARRAY_SIZE(origins); i++)
			if (size >= strlen(origins[i]) && !strncmp(p, origins[i], strlen(origins[i])))
				origin = strlen(origins[i]);
		if (asprintf(&found, "%.*s%.*s/%s", origin && slash ? (int)(slash - program) : 0, program, (int)(size - origin),
			     p + origin, name) < 0)
			return NULL;
		p += size;
		if (can_read(root, found))
			return found;
		free(found);
	}
	return NULL;
}

struct needs {
	const char *name, *runpath; /* in the ELF file */
};

static void read_entry(Elf *elf, const GElf_Shdr *section, const GElf_Dyn *entry, bool (*wanted)(const char *name),
		       struct needs *ret)
{
	const char *text = elf_strptr(elf, section->sh_link, entry->d_un.d_val);

	if (!text)
		return;
	if (entry->d_tag == DT_NEEDED && !ret->name && wanted(text))
		ret->name = text;
	if (entry->d_tag == DT_RUNPATH || (entry->d_tag == DT_RPATH && !ret->runpath))
		ret->runpath = text;
}

static struct needs read_needs(Elf *elf, bool (*wanted)(const char *name))
{
	struct needs ret = { 0 };
	Elf_Scn *scn = NULL;
	GElf_Shdr section;
	GElf_Dyn entry;

	while ((scn = elf_nextscn(elf, scn))) {
		Elf_Data *data;

		if (!gelf_getshdr(scn, &section) || section.sh_type != SHT_DYNAMIC)
			continue;
		data = elf_getdata(scn, NULL);
		for (int i = 0; data && gelf_getdyn(data, i, &entry) && entry.d_tag != DT_NULL; i++)
			if (entry.d_tag == DT_NEEDED || entry.d_tag == DT_RUNPATH || entry.d_tag == DT_RPATH)
				read_entry(elf, &section, &entry, wanted, &ret);
	}
	return ret;
}

char *expect_library(const char *root, const char *program, bool (*wanted)(const char *name))
{
	_cleanup_free_ char *path = NULL, *real = NULL;
	_cleanup_fd_ int fd = -1;
	struct needs needs;
	char *found = NULL;
	Elf *elf;

	if (asprintf(&path, "%s%s", root, program) < 0)
		return NULL;
	/* Links are followed to where $ORIGIN is; below another root they would lead out of it. */
	real = *root ? strdup(program) : realpath(program, NULL);
	fd = real ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return NULL;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf)
		return NULL;
	needs = read_needs(elf, wanted);
	if (needs.name)
		found = search_library(root, needs.runpath, real, needs.name) ?:
			search_library(root, getenv("LD_LIBRARY_PATH"), real, needs.name) ?:
			search_library(root, LIBRARY_FOLDERS, real, needs.name);
	elf_end(elf);
	return found;
}

static ssize_t read_link(pid_t pid, const char *name, char *dst, size_t size)
{
	char path[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	n = readlink(path, dst, size - 1);
	dst[n < 0 ? 0 : n] = '\0';
	return n;
}

/* Both links are as seen from here: of a chroot the file's begins with the root's, of another mount namespace both are its own. */
char *expect_running(pid_t pid)
{
	char file[PATH_MAX], root[PATH_MAX];
	ssize_t size = read_link(pid, "root", root, sizeof(root));

	if (size <= 0 || read_link(pid, "exe", file, sizeof(file)) <= 0 || *file != '/')
		return NULL;
	if (size > 1 && (strncmp(file, root, size) || file[size] != '/'))
		return NULL;
	return strdup(size > 1 ? file + size : file);
}
