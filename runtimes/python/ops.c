// SPDX-License-Identifier: GPL-2.0-only
#include "python.h"

const struct runtime_ops python_runtime = {
	.name = "python",
	.id = SCRY_RUNTIME_PYTHON,
	.library = "libpython", /* libpython3.9.so.1.0, libpython3.13t.so */
	.map = "pythons",
	.wire_size = sizeof(struct scry_python),
	.recognise = python_recognise,
	.decode = python_decode,
	.line = python_line,
	.threads = python_threads,
	.probes = python_probes,
	.events = python_events,
	.eval = python_eval_parts,
};
