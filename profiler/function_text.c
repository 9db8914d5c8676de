// SPDX-License-Identifier: GPL-2.0-only
#include "function_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "base/term.h"

#define DIM   "\033[2m"
#define PLAIN "\033[0m"

unsigned function_text_columns(FILE *to)
{
	const char *columns = getenv("COLUMNS");
	int asked = columns ? atoi(columns) : 0;
	unsigned found = term_columns(fileno(to));

	if (found)
		return found;
	return asked > 0 && asked < 10000 ? (unsigned)asked : FUNCTION_TEXT_WHOLE;
}

const char *function_text_path(const char *path)
{
	static const char *const roots[] = { "/site-packages/", "/dist-packages/" };
	const char *at;

	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		at = strstr(path, roots[i]);
		if (at && at[strlen(roots[i])])
			return at + strlen(roots[i]);
	}
	at = *path == '/' ? strstr(path, "/lib/python") : NULL;
	at = at ? strchr(at + strlen("/lib/python"), '/') : NULL;
	return at && at[1] ? at + 1 : path;
}

/* Without as many of its first folders as do not fit; a package's __init__.py keeps its own. */
static const char *fewer_folders(const char *path, size_t cells)
{
	for (const char *at; strlen(path) > cells && (at = strchr(path, '/')) && strcmp(at, "/__init__.py");)
		path = at + 1;
	return path;
}

/* Cells for the name: where both do not fit, the file keeps a third. */
static unsigned share(unsigned name_cells, unsigned file_cells, unsigned room)
{
	unsigned least = file_cells < room / 3 ? file_cells : room / 3;

	return name_cells < room - least ? name_cells : room - least;
}

int function_text_put(FILE *to, const char *name, const char *file, int line, unsigned cells,
		      enum function_text_style style)
{
	_cleanup_free_ char *whole_name = NULL, *whole_file = NULL, *fit_name = NULL, *fit_file = NULL;
	unsigned room, name_cells;
	char text[16] = "";

	name = *name ? name : "?";
	whole_name = escape_fit(name, FUNCTION_TEXT_WHOLE);
	if (!whole_name)
		return -ENOMEM;
	if (line > 0)
		snprintf(text, sizeof(text), ":%d", line);
	room = cells - (*file ? (unsigned)strlen(text) + 3 : 0);
	name_cells = escape_width(whole_name);
	file = fewer_folders(function_text_path(file), name_cells < room ? room - name_cells : 0);
	whole_file = escape_fit(file, FUNCTION_TEXT_WHOLE);
	if (!whole_file)
		return -ENOMEM;
	name_cells = share(name_cells, escape_width(whole_file), room);
	fit_name = escape_fit(name, name_cells);
	fit_file = escape_fit(file, room - name_cells);
	if (!fit_name || !fit_file)
		return -ENOMEM;
	fputs(fit_name, to);
	if (*file)
		fprintf(to, "%s (%s%s)%s", style == FUNCTION_TEXT_BOLD ? PLAIN DIM : style == FUNCTION_TEXT_COLOR ? DIM : "",
			fit_file, text, style == FUNCTION_TEXT_PLAIN ? "" : PLAIN);
	return 0;
}
