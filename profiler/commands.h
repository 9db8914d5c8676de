/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every command, in the order help shows them. X(NAME) stands for `const struct command cmd_NAME`,
 * defined in cmd_NAME.c: that line is all that adds a command. The intended order is
 * record, trace, stat, report, flamegraph, list, doctor, help.
 */
#define COMMANDS(X) \
	X(record)       \
	X(trace)        \
	X(stat)         \
	X(report)       \
	X(flamegraph)   \
	X(list)         \
	X(doctor)       \
	X(help)
