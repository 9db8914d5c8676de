// SPDX-License-Identifier: GPL-2.0-only
/* Folded text from a stream: large reads, lines handed on where they lie. */
#include "folded.h"

#include "grow.h"

#include <string.h>

#define READ_SIZE (1u << 20)

struct text {
	char *bytes;
	size_t begin, end, capacity;
	bool over;	/* nothing left to read */
};

/* Move what is left to the front and read more behind it. */
static int refill(struct text *text, FILE *from)
{
	size_t got;
	int err;

	if (text->begin)
		memmove(text->bytes, text->bytes + text->begin, text->end - text->begin);
	text->end -= text->begin;
	text->begin = 0;
	err = grow(&text->bytes, &text->capacity, text->end + READ_SIZE, 1);
	if (err)
		return err;
	errno = 0;
	got = fread(text->bytes + text->end, 1, text->capacity - text->end, from);
	text->end += got;
	if (got)
		return 0;
	text->over = true;
	if (!ferror(from))
		return 0;
	return errno ? -errno : -EIO;
}

static int read_lines(struct folded *folded, struct text *text, FILE *from)
{
	size_t seen = 0;	/* of the line at begin: known to hold no newline */
	int err = 0;

	while (!err && (!text->over || text->begin < text->end)) {
		char *line = text->bytes ? text->bytes + text->begin : NULL;
		size_t left = text->end - text->begin;
		char *stop = left > seen ? memchr(line + seen, '\n', left - seen) : NULL;

		if (!stop && !text->over) {
			seen = left;
			folded_forget(folded);
			err = refill(text, from);
			continue;
		}
		if (stop)
			left = stop - line;
		err = folded_line(folded, line, left);
		text->begin += left + (stop != NULL);
		seen = 0;
	}
	return err;
}

int flame_read_folded(struct flame *flame, FILE *from, uint64_t *bad)
{
	struct text text = { 0 };
	struct folded folded;
	int err;

	folded_open(&folded, flame);
	err = read_lines(&folded, &text, from);
	folded_end(&folded);
	if (bad)
		*bad = folded.bad;
	folded_close(&folded);
	free(text.bytes);
	return err;
}
