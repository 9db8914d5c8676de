// SPDX-License-Identifier: GPL-2.0-only
#include "marker.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../profiler/base/cleanup.h"

/* In the order of the encoding. 16, 32 and 64 bits of the first eight differ in the letter in front only. */
static const char *const names[] = { "ax", "cx", "dx", "bx", "sp", "bp", "si", "di" };
static const char *const low_bytes[] = { "al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil" };

/* The number of a register, plus 1; 0: not known. The text may go on behind its size characters. */
static unsigned find_register(const char *text, size_t size)
{
	char name[8] = "";
	const char *plain = name;
	unsigned long number;
	char *end;

	if (size >= sizeof(name))
		return 0;
	memcpy(name, text, size);
	if (name[0] == 'r' && name[1] >= '0' && name[1] <= '9') {
		number = strtoul(name + 1, &end, 10);
		return number >= 8 && number <= 15 && (!*end || (strchr("dwb", *end) && !end[1])) ? number + 1 : 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(low_bytes); i++)
		if (!strcmp(name, low_bytes[i]))
			return i + 1;
	if (size == 3 && (name[0] == 'r' || name[0] == 'e'))
		plain++;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(plain, names[i]))
			return i + 1;
	return 0;
}

/* "%rax", "$5", "-16(%rbp)" or "(%rbp)", up to a space or the end. */
static int parse_operand(const char *text, __u32 *reg, bool *in_memory, long *number)
{
	size_t size = strcspn(text, " ");
	char *end = (char *)text;

	*number = 0;
	*in_memory = false;
	*reg = 0;
	if (*text == '%') {
		*reg = find_register(text + 1, size - 1);
		return *reg ? 0 : -ENOTSUP;
	}
	*number = strtol(text + (*text == '$'), &end, 0);
	if (*text == '$')
		return end == text + size && size > 1 ? 0 : -ENOTSUP;
	if (end[0] != '(' || end[1] != '%' || end + 3 > text + size || text[size - 1] != ')')
		return -ENOTSUP;
	*in_memory = true;
	*reg = find_register(end + 2, text + size - 1 - (end + 2));
	return *reg ? 0 : -ENOTSUP;
}

int marker_argument(const char *args, unsigned n, __u32 *ret)
{
	bool in_memory;
	long size, number;
	unsigned log = 0;
	__u32 reg;
	char *end;

	for (args += strspn(args, " "); n && *args; n--) {
		args += strcspn(args, " ");
		args += strspn(args, " ");
	}
	if (!*args)
		return -ENOENT;
	size = strtol(args, &end, 10);
	while (log < 4 && labs(size) != 1 << log)
		log++;
	if (end == args || *end != '@' || log == 4)
		return -ENOTSUP;
	if (parse_operand(end + 1, &reg, &in_memory, &number) || number < -MARKER_NUMBER_LIMIT ||
	    number >= MARKER_NUMBER_LIMIT)
		return -ENOTSUP;
	*ret = reg | (__u32)in_memory << 5 | log << 6 | (size < 0 ? 1u << 8 : 0) | ((__u32)number & 0x7ffff) << 9;
	return 0;
}
