/* SPDX-License-Identifier: GPL-2.0-only */
/* The checks of `scry doctor`: one row, one small function each. */
#ifndef SCRY_DOCTOR_H
#define SCRY_DOCTOR_H

#include <stddef.h>

enum verdict {
	VERDICT_OK,
	VERDICT_NOTE,	/* recording works all the same */
	VERDICT_FAIL,	/* recording cannot work */
};

struct finding {
	enum verdict verdict;
	char text[200];	/* what was found: one line */
	char todo[200];	/* what to do about it; "" if nothing */
};

struct check {
	const char *name;	/* for --json */
	void (*run)(const struct check *check, struct finding *ret);
	int capability;		/* for those about one */
	const char *use;	/* of a capability: what it is for; of a file system: its type */
};

extern const struct check doctor_checks[];
extern const size_t doctor_check_count;

#endif
