// SPDX-License-Identifier: GPL-2.0-only
#include "symbols.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "../../profiler/base/cleanup.h"
#include "../../profiler/base/err.h"
#include "../../profiler/elf.h"
#include "../../profiler/loop.h"
#include "debug_data.h"
#include "debug_file.h"
#include "demangle.h"
#include "extents.h"
#include "inlines.h"
#include "plt.h"
#include "root.h"
#include "symbol_list.h"

#define MAX_MEMORY (1ull << 30) /* of all tables; binaries met later have no names */
#define UNREAD_SHARE 8		/* of our descriptors, for binaries that wait with open files until they are asked for */
#define MAX_UNREAD   4096

struct native_symbols {
	struct elf *elf, *debug; /* debug: its separate debug file, NULL: none */
	char *path;
	const char *base; /* the last part of it */
	bool loaded, inlined;
	struct symbol_table table;
	struct extents extents;
	struct inlines *inlines; /* NULL: there is no such information */
	char name[SYMBOL_NAME_MAX];
};

static struct native_symbols_cost cost;
static unsigned unread; /* binaries whose files are open */

struct native_symbols_cost native_symbols_cost(void)
{
	return cost;
}

static void open_debug_file(struct native_symbols *s, pid_t pid)
{
	_cleanup_fd_ int root = pid ? root_open(pid) : -1;
	struct elf_range range;

	if (elf_is_stripped(s->elf) || (s->inlined && elf_section(s->elf, ".debug_info", &range)))
		debug_file_open(s->elf, s->path, root, &s->debug);
}

static size_t size_of(const struct native_symbols *s)
{
	return s->table.count * (sizeof(*s->table.starts) + sizeof(*s->table.names)) + s->table.texts.size +
	       s->extents.count * sizeof(*s->extents.rows);
}

/* All that names functions; the files must stay until the table is made. */
static int load_table(struct native_symbols *s)
{
	struct symbol_list list = { .code = s->elf };
	struct elf *packed = NULL;
	int err = symbol_list_add_elf(&list, s->elf, false);

	err = err ?: symbol_list_add_elf(&list, s->elf, true);
	if (!err && s->debug)
		err = symbol_list_add_elf(&list, s->debug, true);
	if (!err && elf_is_stripped(s->elf) && !s->debug && !debug_data_open(s->elf, &packed))
		err = symbol_list_add_elf(&list, packed, true);
	err = err ?: plt_add(&list, s->elf);
	err = err ?: symbol_list_finish(&list, &s->table);
	symbol_list_deinit(&list);
	elf_close(packed);
	return err;
}

static void close_files(struct native_symbols *s)
{
	unread -= !!s->elf;
	elf_close(s->elf);
	elf_close(s->debug);
	s->elf = s->debug = NULL;
}

static void load(struct native_symbols *s)
{
	static bool told;
	__u64 start = loop_now();
	int err = cost.bytes < MAX_MEMORY ? load_table(s) : -E2BIG;

	s->loaded = true;
	if (err && !told) {
		told = true;
		remark("%s: its symbols are not read (%s); its functions have no names", s->path,
		       err == -E2BIG ? "too many" : strerror(-err));
	}
	extents_read(s->elf, &s->extents);
	if (s->inlined)
		s->inlines = inlines_open(s->elf, s->debug);
	cost.binaries++;
	cost.bytes += size_of(s);
	cost.ns += loop_now() - start;
	close_files(s);
}

void native_symbols_close(struct native_symbols *s)
{
	if (!s)
		return;
	cost.binaries -= s->loaded;
	cost.bytes -= size_of(s);
	symbol_table_deinit(&s->table);
	extents_deinit(&s->extents);
	inlines_close(s->inlines);
	close_files(s);
	free(s->path);
	free(s);
}

static unsigned most_unread(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur / UNREAD_SHARE > MAX_UNREAD)
		return MAX_UNREAD;
	return limit.rlim_cur / UNREAD_SHARE;
}

int native_symbols_open(int fd, const char *path, pid_t pid, bool inlined, struct native_symbols **ret)
{
	struct native_symbols *s = calloc(1, sizeof(*s));
	struct elf *elf;
	int err = elf_open(fd, &elf);

	if (err || !s) {
		if (!err)
			elf_close(elf);
		free(s);
		return err ?: -ENOMEM;
	}
	s->elf = elf;
	unread++;
	s->inlined = inlined;
	s->path = strdup(path);
	if (!s->path) {
		native_symbols_close(s);
		return -ENOMEM;
	}
	s->base = strrchr(s->path, '/') ? strrchr(s->path, '/') + 1 : s->path;
	open_debug_file(s, pid);
	if (unread > most_unread() && !inlined)
		load(s);
	*ret = s;
	return 0;
}

/* An unnamed function is told by where it begins; code of which not even that is known by the address itself. */
static void name_unnamed(struct native_symbols *s, __u64 address)
{
	extents_find(&s->extents, address, &address);
	snprintf(s->name, sizeof(s->name), "[%.255s+0x%llx]", s->base, (unsigned long long)address);
}

void native_symbols_find(struct native_symbols *s, __u64 address,
			 void (*add)(void *ctx, const struct native_function *function), void *ctx)
{
	struct native_function function = { .name = s->name, .file = s->path };
	const char *symbol;

	if (!s->loaded)
		load(s);
	symbol = symbol_table_find(&s->table, address);
	if (symbol)
		demangle(symbol, s->name, sizeof(s->name));
	else
		name_unnamed(s, address);
	if (!s->inlines || !inlines_find(s->inlines, address, &function, symbol, add, ctx))
		add(ctx, &function);
}
