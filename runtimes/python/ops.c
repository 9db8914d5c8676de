// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "python.h"

/* Every executable; of libraries those named like libpython3.9.so.1.0 or libpython3.13t.so. */
static bool may_be(const char *path, bool is_executable)
{
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	return is_executable || (!strncmp(base, "libpython", 9) && strstr(base, ".so"));
}

const struct runtime_ops python_runtime = {
	.name = "python",
	.id = SCRY_RUNTIME_PYTHON,
	.map = "pythons",
	.wire_size = sizeof(struct scry_python),
	.recognise = python_recognise,
	.may_be = may_be,
	.decode = python_decode,
	.line = python_line,
	.threads = python_threads,
	.probes = python_probes,
	.events = python_events,
	.eval = python_eval_parts,
};
