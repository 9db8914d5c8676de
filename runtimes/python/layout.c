// SPDX-License-Identifier: GPL-2.0-only
/* Layouts: found by version, their fields by name. */
#include <string.h>

#include "python.h"

#define X(field) { #field, offsetof(struct python_layout, field) },
const struct python_field python_fields[] = { PYTHON_FIELDS(X) };
#undef X
const size_t python_field_count = sizeof(python_fields) / sizeof(python_fields[0]);

const struct python_row *python_row(unsigned version, bool free_threaded)
{
	const struct python_row *row = free_threaded ? python_rows_free : python_rows;

	for (; row->version; row++)
		if (row->version == version)
			return row;
	return NULL;
}

void python_layout_trace_refs(struct python_layout *layout)
{
	static const char *const objects[] = { "code_", "object_", "type_", "str_", "bytes_", "unicode_", "dict_", "int_",
					       "tuple_", "exception_", "frameobject_", "float_", "list_", "set_", "cell_",
					       "frame_" };
	size_t count = sizeof(objects) / sizeof(objects[0]);

	if (layout->instr == PYTHON_INSTR_POINTER) /* 3.11+: frames are no objects */
		count--;
	for (size_t i = 0; i < python_field_count; i++)
		for (size_t k = 0; k < count; k++)
			if (python_field_get(layout, i) && !strncmp(python_fields[i].name, objects[k], strlen(objects[k])))
				python_field_set(layout, i, python_field_get(layout, i) + 2 * sizeof(__u64));
}

__u16 python_field_get(const struct python_layout *layout, size_t i)
{
	return *(const __u16 *)((const char *)layout + python_fields[i].at);
}

void python_field_set(struct python_layout *layout, size_t i, __u16 value)
{
	*(__u16 *)((char *)layout + python_fields[i].at) = value;
}
