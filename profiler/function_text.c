// SPDX-License-Identifier: GPL-2.0-only
#include "function_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "base/escape.h"

#define DEFAULT_COLUMNS 80

#define DIM   "\033[2m"
#define PLAIN "\033[0m"

unsigned function_text_columns(FILE *to)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	int asked = columns ? atoi(columns) : 0;

	if (!ioctl(fileno(to), TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	return asked > 0 && asked < 10000 ? (unsigned)asked : DEFAULT_COLUMNS;
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

int function_text_put(FILE *to, const char *name, const char *file, int line, unsigned cells,
		      enum function_text_style style)
{
	_cleanup_free_ char *whole_name = NULL, *whole_file = NULL, *fit_name = NULL, *fit_file = NULL;
	unsigned room, name_cells, file_cells;
	char text[16] = "";

	name = *name ? name : "?";
	file = function_text_path(file);
	whole_name = escape_fit(name, FUNCTION_TEXT_WHOLE);
	whole_file = escape_fit(file, FUNCTION_TEXT_WHOLE);
	if (!whole_name || !whole_file)
		return -ENOMEM;
	if (line > 0)
		snprintf(text, sizeof(text), ":%d", line);
	room = cells - (*file ? (unsigned)strlen(text) + 3 : 0);
	name_cells = escape_width(whole_name);
	file_cells = escape_width(whole_file);
	if (name_cells + file_cells > room) {
		unsigned half = file_cells < room / 2 ? file_cells : room / 2;

		file_cells = name_cells < room - half ? room - name_cells : half;
		name_cells = room - file_cells;
	}
	fit_name = escape_fit(name, name_cells);
	fit_file = escape_fit(file, file_cells);
	if (!fit_name || !fit_file)
		return -ENOMEM;
	fputs(fit_name, to);
	if (*file)
		fprintf(to, "%s (%s%s)%s", style == FUNCTION_TEXT_BOLD ? PLAIN DIM : style == FUNCTION_TEXT_COLOR ? DIM : "",
			fit_file, text, style == FUNCTION_TEXT_PLAIN ? "" : PLAIN);
	return 0;
}
