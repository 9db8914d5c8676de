// SPDX-License-Identifier: GPL-2.0-only
#include "profile_vmstate.h"

#include <string.h>

#include "base/cleanup.h"

const char *const vmstate_names[VMSTATE_COUNT] = {
	[VMSTATE_OTHER] = "other",	       [VMSTATE_INTERPRETER] = "interpreter",
	[VMSTATE_COMPILED] = "compiled code",  [VMSTATE_C] = "C function",
	[VMSTATE_GC] = "garbage collection",   [VMSTATE_EXIT] = "trace exit",
	[VMSTATE_RECORDING] = "recording",     [VMSTATE_OPTIMIZING] = "optimizing",
	[VMSTATE_ASSEMBLING] = "assembling",
};

/* Frames that a runtime puts on top for what its machine is busy with (runtimes/lua/decode.c). */
static const struct {
	const char *name;
	enum vmstate state;
} remarks[] = {
	{ "[gc]", VMSTATE_GC }, { "[trace exit]", VMSTATE_EXIT }, { "[recording]", VMSTATE_RECORDING },
	{ "[optimizing]", VMSTATE_OPTIMIZING }, { "[assembling]", VMSTATE_ASSEMBLING },
};

#define COMPILED "[compiled from "
#define IN_C "[C]"

enum vmstate profile_vmstate(const struct profile_tree *tree, uint32_t node)
{
	const struct profile *p = tree->profile;
	const struct tree_label *label = &tree->labels[tree->nodes[node].label];
	const struct tree_label *caller = &tree->labels[tree->nodes[tree->nodes[node].parent].label];
	const char *name = profile_text(p, label->name);

	if (label->is != TREE_FUNCTION)
		return VMSTATE_OTHER;
	if (label->kind == CAPTURE_INTERPRETED)
		return tree->nodes[node].parent && caller->is == TREE_FUNCTION &&
				       !strncmp(profile_text(p, caller->name), COMPILED, strlen(COMPILED)) ?
			       VMSTATE_COMPILED : VMSTATE_INTERPRETER;
	if (label->kind != CAPTURE_NATIVE)
		return VMSTATE_OTHER;
	for (size_t i = 0; i < ARRAY_SIZE(remarks); i++)
		if (!strcmp(name, remarks[i].name))
			return remarks[i].state;
	return !strcmp(profile_text(p, label->file), IN_C) ? VMSTATE_C : VMSTATE_OTHER;
}
