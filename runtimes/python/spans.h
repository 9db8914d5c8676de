/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SCRY_PYTHON_SPANS_H
#define SCRY_PYTHON_SPANS_H

#include <stdbool.h>

#include "layout.h"

/* Set how much of a thread state, a frame and a code object is read at once: up to the last field it needs, since what follows
 * may not be mapped. false: more than it has room for, or
 * not laid out as it reads them. */
bool python_spans(struct scry_python *py);

#endif
