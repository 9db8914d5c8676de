/* SPDX-License-Identifier: GPL-2.0-only */
/* Every command, in the order help shows them. */
#define COMMANDS(X) \
	X(record)       \
	X(report)       \
	X(flamegraph)   \
	X(list)         \
	X(doctor)
