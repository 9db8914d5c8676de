// SPDX-License-Identifier: GPL-2.0-only
/*
 * Maps keyed by stacks, as bpftrace prints them:
 *
 *	@[
 *	    leaf+12
 *	    caller+3
 *	, python3]: 42
 *
 * Stacks stand leaf first; a key before them ends in "@[key,", one after them begins with ",".
 */
#include "folded.h"

#include "grow.h"

#include <string.h>

/* Without the offset into the function: "do_syscall_64+61". */
static size_t without_offset(const char *text, size_t length)
{
	size_t end = length;

	while (end && memchr("0123456789abcdefx", text[end - 1], 17))
		end--;
	return end > 1 && end < length && text[end - 1] == '+' ? end - 1 : length;
}

static void trim(const char **text, size_t *length)
{
	while (*length && (**text == ' ' || **text == '\t' || **text == ',')) {
		(*text)++;
		(*length)--;
	}
	while (*length && ((*text)[*length - 1] == ' ' || (*text)[*length - 1] == ','))
		(*length)--;
}

static int push(struct folded *folded, const char *text, size_t length)
{
	int err = grow(&folded->block, &folded->block_room, folded->block_count + 1, sizeof(*folded->block));

	if (!err)
		err = names_intern(&folded->flame->names, text, length, NAME_FOLDED,
				   &folded->block[folded->block_count]);
	if (!err)
		folded->block_count++;
	return err;
}

/* Turn the stack root first, under the keys that were printed with it. */
static int finish(struct folded *folded, uint64_t value)
{
	uint32_t *ids = folded->block;
	size_t count = folded->block_count;
	int err;

	folded->in_block = false;
	if (folded->has_head) {
		err = grow(&folded->block, &folded->block_room, count + 1, sizeof(*folded->block));
		if (err)
			return err;
		ids = folded->block;
		ids[count++] = folded->head;
	}
	for (size_t i = 0; i < count / 2; i++) {
		uint32_t id = ids[i];

		ids[i] = ids[count - 1 - i];
		ids[count - 1 - i] = id;
	}
	if (!count || !value) {
		folded->bad += !count;
		return 0;
	}
	return tree_add(&folded->flame->tree, ids, count, value);
}

/* The line that ends a stack: its last key, and the count after "]: ". */
static int last_line(struct folded *folded, const char *line, size_t length)
{
	const char *close = memrchr(line, ']', length);
	size_t before = close ? (size_t)(close - line) : 0;
	uint64_t value;
	int err = 0;

	if (!close || length - before < 4 || memcmp(close, "]: ", 3) ||
	    !count_parse(close + 3, length - before - 3, &value)) {
		folded->in_block = false;
		folded->bad++;
		return 0;
	}
	trim(&line, &before);
	if (before)
		err = push(folded, line, before);
	return err ? err : finish(folded, value);
}

static int inner_line(struct folded *folded, const char *line, size_t length)
{
	bool frame = length && (line[0] == ' ' || line[0] == '\t');

	if (!frame && memchr(line, ']', length))
		return last_line(folded, line, length);
	trim(&line, &length);
	return length ? push(folded, line, without_offset(line, length)) : 0;
}

/* Length of "@name[" where a line begins with it and goes on as a map's key does; 0 otherwise. */
static size_t opening(const char *line, size_t length)
{
	size_t i = 1;

	if (!length || line[0] != '@')
		return 0;
	while (i < length && (line[i] == '_' || (line[i] | 32) - 'a' + 0u < 26 || line[i] - '0' + 0u < 10))
		i++;
	if (i++ >= length || line[i - 1] != '[' || memchr(line, ';', length))
		return 0;
	return i == length || line[length - 1] == ',' || memmem(line, length, "]: ", 3) ? i : 0;
}

bool bpftrace_line(struct folded *folded, const char *line, size_t length, int *err)
{
	size_t open;

	*err = 0;
	if (folded->in_block) {
		*err = inner_line(folded, line, length);
		return true;
	}
	open = opening(line, length);
	if (!open)
		return false;
	line += open;
	length -= open;
	folded->block_count = 0;
	folded->has_head = false;
	folded->in_block = true;
	if (memmem(line, length, "]: ", 3)) {
		*err = last_line(folded, line, length);
		return true;
	}
	trim(&line, &length);
	folded->has_head = length;
	if (length)
		*err = names_intern(&folded->flame->names, line, length, NAME_FOLDED, &folded->head);
	return true;
}
