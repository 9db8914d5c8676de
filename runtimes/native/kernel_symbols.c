// SPDX-License-Identifier: GPL-2.0-only
#include "kernel_symbols.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../../profiler/base/array.h"
#include "../../profiler/base/cleanup.h"
#include "../../profiler/base/err.h"
#include "symbol_table.h"

#define MAX_SYMBOLS (4u << 20)
#define MAX_TEXT    (256u << 20)
#define PIECE	    (1u << 18)
#define LAST_SIZE   0x10000 /* bytes that a function without another behind it is taken to have at most */
#define MODULE	    "\x01"  /* in a name of the table, before that of its module */

struct kernel_symbols {
	struct symbol_table table;
	bool hidden;
	char name[SYMBOL_NAME_MAX + 1], file[SYMBOL_NAME_MAX + 1];
};

struct reader {
	struct symbol_entry *entries;
	size_t count, room;
	char *text; /* all of it; the entries' names lie in it */
	size_t size, text_room;
	bool shown; /* an address other than 0 */
};

/* A better name of the same address is larger: one that is seen outside the file before one that is not, short before long. */
static unsigned merit(char type, const char *name)
{
	unsigned underscores = strspn(name, "_");
	size_t length = strcspn(name, MODULE);

	underscores = underscores < 15 ? underscores : 15;
	length = length < 4095 ? length : 4095;
	return (type == 'T' ? 1u << 16 : 0) | (15 - underscores) << 12 | (4095 - length);
}

/* "ffffffff81000000 T name\t[module]": the tab becomes MODULE. There are hundreds of thousands, so no scanf. */
static int take_line(struct reader *r, char *line)
{
	char *name, type, *end;
	__u64 address = strtoull(line, &end, 16);
	size_t length;

	type = end > line && end[0] == ' ' ? end[1] : 0;
	if (!type || !strchr("tTwW", type) || end[2] != ' ')
		return 0;
	name = end + 3;
	length = strlen(name);
	if (name[strcspn(name, "\t")])
		name[strcspn(name, "\t")] = *MODULE;
	r->shown |= !!address;
	if (!length || length > SYMBOL_NAME_MAX || *name == *MODULE || !address || address + LAST_SIZE < address || r->count >= MAX_SYMBOLS)
		return 0;
	if (!array_reserve(&r->entries, &r->room, r->count + 1, sizeof(*r->entries)))
		return -ENOMEM;
	r->entries[r->count++] = (struct symbol_entry){
		.start = address, .priority = merit(type, name), .name = name, .length = length,
	};
	return 0;
}

/* There are no sizes: each reaches to the next. */
static int make_table(struct reader *r, struct symbol_table *ret)
{
	__u64 next = ~0ull, after = ~0ull;

	if (r->count)
		qsort(r->entries, r->count, sizeof(*r->entries), symbol_entry_compare);
	for (size_t i = r->count; i--;) {
		struct symbol_entry *e = &r->entries[i];

		if (e->start != next) {
			after = next;
			next = e->start;
		}
		e->end = after != ~0ull ? after : e->start + LAST_SIZE;
		e->priority = i;
	}
	return symbol_table_make(r->entries, r->count, ret);
}

static int read_text(struct reader *r, FILE *from)
{
	size_t n = 1;

	while (n && r->size < MAX_TEXT) {
		if (!array_reserve(&r->text, &r->text_room, r->size + PIECE + 1, 1))
			return -ENOMEM;
		n = fread(r->text + r->size, 1, PIECE, from);
		r->size += n;
	}
	r->text[r->size] = 0;
	return 0;
}

static int take_lines(struct reader *r)
{
	char *line = r->text, *end = r->text + r->size, *newline;
	int err = 0;

	for (; !err && (newline = memchr(line, '\n', end - line)); line = newline + 1) {
		*newline = 0;
		err = take_line(r, line);
	}
	return err;
}

int kernel_symbols_read(FILE *from, struct kernel_symbols **ret)
{
	struct kernel_symbols *symbols = calloc(1, sizeof(*symbols));
	struct reader r = { 0 };
	int err = symbols ? read_text(&r, from) : -ENOMEM;

	err = err ?: take_lines(&r);
	err = err ?: make_table(&r, &symbols->table);
	if (!err)
		symbols->hidden = !r.shown;
	free(r.entries);
	free(r.text);
	if (err) {
		free(symbols);
		return err == -E2BIG ? -ENOMEM : err;
	}
	*ret = symbols;
	return 0;
}

int kernel_symbols_open(struct kernel_symbols **ret)
{
	_cleanup_fclose_ FILE *from = fopen("/proc/kallsyms", "re") ?: fopen("/dev/null", "re");
	int err = from ? kernel_symbols_read(from, ret) : -errno;

	if (err)
		return fail(err, "/proc/kallsyms:");
	if ((*ret)->hidden)
		remark("the kernel hides its symbols (sysctl kernel.kptr_restrict, needs CAP_SYSLOG): its functions have no names");
	return 0;
}

void kernel_symbols_close(struct kernel_symbols *symbols)
{
	if (!symbols)
		return;
	symbol_table_deinit(&symbols->table);
	free(symbols);
}

struct kernel_function kernel_symbols_find(struct kernel_symbols *symbols, __u64 address)
{
	const char *found = symbol_table_find(&symbols->table, address), *module;

	if (!found) {
		snprintf(symbols->name, sizeof(symbols->name), "[0x%llx]", (unsigned long long)address);
		return (struct kernel_function){ symbols->name, "[kernel]" };
	}
	module = strchr(found, *MODULE);
	if (!module)
		return (struct kernel_function){ found, "[kernel]" };
	snprintf(symbols->name, sizeof(symbols->name), "%.*s", (int)(module - found), found);
	snprintf(symbols->file, sizeof(symbols->file), "%s", module + 1);
	return (struct kernel_function){ symbols->name, symbols->file };
}
