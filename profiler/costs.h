/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SCRY_COSTS_H
#define SCRY_COSTS_H

#include <stdint.h>
#include <stdio.h>

/* What scry itself has used until now: CPU (also as a share of elapsed_ns) and resident memory. */
void costs_print(FILE *to, uint64_t elapsed_ns);

#endif
