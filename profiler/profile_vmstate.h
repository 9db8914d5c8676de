/* SPDX-License-Identifier: GPL-2.0-only */
/* What a virtual machine was doing in a sample, as the innermost frames of its stack tell. */
#ifndef SCRY_PROFILE_VMSTATE_H
#define SCRY_PROFILE_VMSTATE_H

#include "profile_tree.h"

enum vmstate {
	VMSTATE_OTHER, /* no frame of the language: outside of it, in C, in the kernel, not readable */
	VMSTATE_INTERPRETER,
	VMSTATE_COMPILED,
	VMSTATE_C,
	VMSTATE_GC,
	VMSTATE_EXIT,
	VMSTATE_RECORDING,
	VMSTATE_OPTIMIZING,
	VMSTATE_ASSEMBLING,
	VMSTATE_COUNT
};

/* "interpreter", "compiled code", ... */
extern const char *const vmstate_names[VMSTATE_COUNT];

/* Of the samples whose innermost frame is this node of the tree. */
enum vmstate profile_vmstate(const struct profile_tree *tree, uint32_t node);

#endif
