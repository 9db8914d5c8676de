// SPDX-License-Identifier: GPL-2.0-only
#include "folded.h"

#include "grow.h"

#include <string.h>

void folded_open(struct folded *folded, struct flame *flame)
{
	memset(folded, 0, sizeof(*folded));
	folded->flame = flame;
}

void folded_close(struct folded *folded)
{
	free(folded->ids);
	free(folded->tags);
	free(folded->ends);
	free(folded->block);
}

void folded_forget(struct folded *folded)
{
	folded->last = NULL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool count_parse(const char *text, size_t length, uint64_t *ret)
{
	uint64_t value = 0;
	size_t i = 0;

	for (; i < length && is_digit(text[i]); i++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
			value = UINT64_MAX;	/* any further digit overflows again */
	if (!i)
		return false;
	if (i < length && text[i] == '.') {
		if (++i < length && is_digit(text[i]) && text[i] >= '5')
			value = add_saturated(value, 1);
		while (i < length && is_digit(text[i]))
			i++;
	}
	*ret = value;
	return i == length;
}

static size_t common_prefix(const char *a, const char *b, size_t most)
{
	size_t i = 0;
	uint64_t x, y;

	for (; i + 8 <= most; i += 8) {
		memcpy(&x, a + i, 8);
		memcpy(&y, b + i, 8);
		if (x != y)
			break;
	}
	while (i < most && a[i] == b[i])
		i++;
	return i;
}

/* How many of the last stack's frames this text begins with; their ids stay. */
static size_t frames_kept(const struct folded *folded, const char *text, size_t length, uint32_t source)
{
	size_t most = length < folded->last_length ? length : folded->last_length;
	size_t same, kept = 0;

	if (!folded->last || folded->last_source != source)
		return 0;
	same = common_prefix(folded->last, text, most);
	/* The ';' that ends a frame has to be the same too. */
	while (kept < folded->count && folded->ends[kept] < same)
		kept++;
	return kept;
}

static int make_room(struct folded *folded, size_t count)
{
	int err = 0;

	if (count > folded->ids_room)
		err = grow(&folded->ids, &folded->ids_room, count, sizeof(*folded->ids));
	if (!err && count > folded->tags_room)
		err = grow(&folded->tags, &folded->tags_room, count, sizeof(*folded->tags));
	if (!err && count > folded->ends_room)
		err = grow(&folded->ends, &folded->ends_room, count, sizeof(*folded->ends));
	return err;
}

/* Find where the frames from `first` on end, and hash them. A ';' at the very end opens no frame. */
static int split_frames(struct folded *folded, size_t first, const char *text, size_t length, uint32_t source)
{
	size_t begin = first ? folded->ends[first - 1] + 1 : 0, count = first, end;

	for (; begin < length; begin = end + 1) {
		const char *stop = memchr(text + begin, ';', length - begin);

		end = stop ? (size_t)(stop - text) : length;
		if (make_room(folded, count + 1))
			return -ENOMEM;
		folded->tags[count] = names_hash(&folded->flame->names, text + begin, end - begin, source);
		folded->ends[count++] = end;
	}
	folded->count = count;
	return 0;
}

static int add_stack(struct folded *folded, const char *text, size_t length, uint32_t source, uint64_t value)
{
	size_t kept = frames_kept(folded, text, length, source);
	size_t begin = kept ? folded->ends[kept - 1] + 1 : 0;
	int err;

	folded->last = NULL;
	err = split_frames(folded, kept, text, length, source);
	for (size_t i = kept; !err && i < folded->count; begin = folded->ends[i++] + 1)
		err = names_intern_hashed(&folded->flame->names, folded->tags[i], text + begin,
					  folded->ends[i] - begin, source, &folded->ids[i]);
	if (err)
		return err;
	folded->last = text;
	folded->last_length = length;
	folded->last_source = source;
	return tree_add(&folded->flame->tree, folded->ids, folded->count, value);
}

/* Austin's stacks are headed by process and thread: "P4711;T0:4711;file:function:line;... 100". */
static bool is_austin(const char *text, size_t length)
{
	size_t i = 1;

	if (length < 5 || text[0] != 'P' || !is_digit(text[1]))
		return false;
	while (i < length && is_digit(text[i]))
		i++;
	return i + 1 < length && text[i] == ';' && text[i + 1] == 'T';
}

/* Austin's remarks on a recording: "# interval: 100". */
static bool is_remark(const char *line, size_t length)
{
	return length > 2 && line[0] == '#' && line[1] == ' ' && !memchr(line, ';', length) &&
	       memmem(line, length, ": ", 2);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* With several metrics austin writes them as "time,idle,memory": time is the first. */
static size_t first_metric(const char *count, size_t length, bool austin)
{
	const char *comma = austin ? memchr(count, ',', length) : NULL;

	return comma ? (size_t)(comma - count) : length;
}

int folded_line(struct folded *folded, const char *line, size_t length)
{
	size_t count, digits;
	uint64_t value;
	bool austin;
	int err;

	while (length && is_blank(line[length - 1]))
		length--;
	if (bpftrace_line(folded, line, length, &err))
		return err;
	if (!length || is_remark(line, length))
		return 0;
	count = length;
	while (count && !is_blank(line[count - 1]))
		count--;
	austin = is_austin(line, count);
	digits = first_metric(line + count, length - count, austin);
	if (!count || !count_parse(line + count, digits, &value)) {
		folded->bad++;
		return 0;
	}
	while (count && is_blank(line[count - 1]))
		count--;
	if (!count)
		folded->bad++;
	if (!count || !value)
		return 0;
	return add_stack(folded, line, count, austin ? NAME_AUSTIN : NAME_FOLDED, value);
}

void folded_end(struct folded *folded)
{
	folded->bad += folded->in_block;
	folded->in_block = false;
}
