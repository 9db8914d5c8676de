/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SCRY_BANNER_H
#define SCRY_BANNER_H

#include "session.h"
#include "targets.h"

/*
 * What is being recorded (what: "cpu at 99 Hz"), and how it ends, on stderr: "python 3.12.4 (stripped, table row 3.12), 14 threads; cpu at 99 Hz;
 * Ctrl-C to finish". One line for each interpreter among the pids.
 */
void banner_print(const struct targets *targets, const struct session *session, const char *what, bool ends);

#endif
