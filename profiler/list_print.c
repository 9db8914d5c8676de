// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "list.h"

#define KEY_COLUMNS 16
#define UNCUT	    (1u << 20)

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Text escaped and cut to `cells`, filled up with spaces to `width`; what is wider has two behind it. */
static void put(FILE *to, const char *text, unsigned cells, unsigned width)
{
	_cleanup_free_ char *fit = escape_fit(text ?: "", cells);
	unsigned used = fit ? escape_width(fit) : 0;

	fprintf(to, "%s%*s", fit ?: "", used < width ? (int)(width - used) : width ? 2 : 0, "");
}

static void put_key(FILE *to, const char *key, const char *value, unsigned columns)
{
	put(to, key, UNCUT, KEY_COLUMNS);
	put(to, value, columns > KEY_COLUMNS ? columns - KEY_COLUMNS : UNCUT, 0);
	fputc('\n', to);
}

static void print_build(const struct list_entry *entry, FILE *to)
{
	const struct runtime_binary *b = entry->target.binary;
	bool fixed = entry->target.exe.fixed && !b->shared;

	put(to, "build", UNCUT, KEY_COLUMNS);
	fprintf(to, "%s%s%s%s%s%s\n", *b->build_id ? "id " : "no id", b->build_id,
		b->stripped ? ", stripped" : ", symbols",
		b->shared ? ", shared library" : fixed ? ", fixed address" : ", PIE",
		b->free_threaded ? ", free threading" : "", b->debug_build ? ", debug build" : "");
}

/* As many names as fit on the line. */
static void print_threads(const struct list_entry *entry, FILE *to, unsigned columns)
{
	unsigned room = columns > KEY_COLUMNS ? columns - KEY_COLUMNS : UNCUT;
	unsigned used;

	put(to, "threads", UNCUT, KEY_COLUMNS);
	used = fprintf(to, "%zu", entry->running);
	for (size_t i = 0; i < entry->thread_count; i++) {
		_cleanup_free_ char *name = escape_fit(entry->threads[i].name, UNCUT);
		unsigned width = name ? escape_width(name) : 0;

		if (used + 2 + width + 3 > room) {
			fputs(i ? ", …" : ": …", to);
			break;
		}
		used += 2 + width;
		fprintf(to, "%s%s", i ? ", " : ": ", name ?: "");
	}
	fputc('\n', to);
}

static void print_events(const struct list_entry *entry, FILE *to)
{
	unsigned event = strlen("event"), method = strlen("method");

	if (!entry->event_count)
		return;
	for (size_t i = 0; i < entry->event_count; i++) {
		unsigned e = strlen(entry->events[i].event ?: "");
		unsigned m = strlen(entry->events[i].method ?: "");

		event = e > event ? e : event;
		method = m > method ? m : method;
	}
	fprintf(to, "%-*s  %-*s  place\n", event, "event", method, "method");
	for (size_t i = 0; i < entry->event_count; i++) {
		put(to, entry->events[i].event, UNCUT, event + 2);
		put(to, entry->events[i].method, UNCUT, method + 2);
		put(to, entry->events[i].place, UNCUT, 0);
		fputc('\n', to);
	}
}

void list_print_entry(const struct list_entry *entry, FILE *to, unsigned columns)
{
	const struct runtime_binary *b = entry->target.binary;
	char key[64];

	snprintf(key, sizeof(key), "process %d", entry->target.pid);
	put_key(to, key, *entry->command ? entry->command : entry->comm, columns);
	snprintf(key, sizeof(key), "%s %s", b->ops->name, b->version);
	put_key(to, key, b->path, columns);
	print_build(entry, to);
	put_key(to, "layout", b->layout_from, columns);
	print_threads(entry, to, columns);
	print_events(entry, to);
}

static unsigned path_columns(const struct list_entry *entries, size_t count, unsigned limit)
{
	unsigned widest = strlen("binary");

	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *path = escape_fit(entries[i].target.binary->path, limit);
		unsigned width = path ? escape_width(path) : 0;

		widest = width > widest ? width : widest;
	}
	return widest;
}

#define TABLE_LEFT   34	/* columns before the binary */
#define BINARY_LIMIT 32

void list_print_table(const struct list_entry *entries, size_t count, FILE *to, unsigned columns)
{
	unsigned limit = columns ? smaller(BINARY_LIMIT, columns / 4) : UNCUT;
	unsigned binary = path_columns(entries, count, limit), rest = UNCUT;

	if (columns)
		rest = columns > TABLE_LEFT + binary + 2 + 8 ? columns - TABLE_LEFT - binary - 2 : 8;
	fprintf(to, "%8s  %-13s  %7s  %-*s  command\n", "pid", "runtime", "threads", binary, "binary");
	for (size_t i = 0; i < count; i++) {
		const struct list_entry *e = &entries[i];
		const struct runtime_binary *b = e->target.binary;
		char runtime[48];

		snprintf(runtime, sizeof(runtime), "%s %s", b->ops->name, b->version);
		fprintf(to, "%8d  ", e->target.pid);
		put(to, runtime, UNCUT, 13);
		fprintf(to, "  %7zu  ", e->running);
		put(to, b->path, limit, binary + 2);
		put(to, *e->command ? e->command : e->comm, rest, 0);
		fputc('\n', to);
	}
}

static void json_text(FILE *to, const char *key, const char *value)
{
	fprintf(to, ", \"%s\": ", key);
	escape_json(to, value ?: "");
}

static void json_bool(FILE *to, const char *key, bool value)
{
	fprintf(to, ", \"%s\": %s", key, value ? "true" : "false");
}

static void json_threads(FILE *to, const struct list_entry *entry)
{
	fprintf(to, ", \"thread_count\": %zu, \"threads\": [", entry->running);
	for (size_t i = 0; i < entry->thread_count; i++) {
		fprintf(to, "%s{\"tid\": %d", i ? ", " : "", entry->threads[i].id);
		json_text(to, "name", entry->threads[i].name);
		fputc('}', to);
	}
	fputc(']', to);
}

static void json_events(FILE *to, const struct list_entry *entry)
{
	fputs(", \"events\": [", to);
	for (size_t i = 0; i < entry->event_count; i++) {
		fputs(i ? ", {\"event\": " : "{\"event\": ", to);
		escape_json(to, entry->events[i].event ?: "");
		json_text(to, "method", entry->events[i].method);
		json_text(to, "place", entry->events[i].place);
		fputc('}', to);
	}
	fputc(']', to);
}

static void json_entry(FILE *to, const struct list_entry *entry)
{
	const struct runtime_binary *b = entry->target.binary;

	fprintf(to, "{\"pid\": %d", entry->target.pid);
	json_text(to, "name", entry->comm);
	json_text(to, "command", entry->command);
	json_text(to, "runtime", b->ops->name);
	json_text(to, "version", b->version);
	json_text(to, "binary", b->path);
	json_text(to, "build_id", b->build_id);
	json_bool(to, "stripped", b->stripped);
	json_bool(to, "shared", b->shared);
	json_bool(to, "pie", !b->shared && !entry->target.exe.fixed);
	json_bool(to, "free_threaded", b->free_threaded);
	json_bool(to, "debug_build", b->debug_build);
	json_text(to, "layout", b->layout_from);
	json_threads(to, entry);
	json_events(to, entry);
	fputc('}', to);
}

void list_print_json(const struct list_entry *entries, size_t count, FILE *to)
{
	fputc('[', to);
	for (size_t i = 0; i < count; i++) {
		fputs(i ? ",\n " : "", to);
		json_entry(to, &entries[i]);
	}
	fputs("]\n", to);
}
