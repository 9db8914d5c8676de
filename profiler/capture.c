// SPDX-License-Identifier: GPL-2.0-only
#include "capture.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <zstd.h>

#include "base/array.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/intern.h"
#include "base/table.h"
#include "capture_format.h"

#define COMPRESSION_LEVEL 3	/* zstd's own default; a chunk is written once a second */

struct column_writer {
	uint64_t count;		/* samples in the chunk */
	uint64_t base, last;	/* ticks of the first sample of the chunk and of the last one */
	uint64_t last_value, last_error, last_reason;	/* sample number after the last exception */
	struct buffer columns[CAPTURE_COLUMN_COUNT];
};

struct capture_writer {
	char *name;		/* of the file, for messages */
	int fd;
	bool owned;		/* fd is ours to close */
	int err;		/* first failure: nothing is written after it */
	uint32_t chunk;		/* number of the next one */
	uint64_t size;
	uint64_t start_ns, period_ns;
	uint64_t total;		/* samples written */
	struct intern strings;
	struct table functions, frames, stacks, threads;
	struct table errors;	/* address of a cause -> position in error_strings */
	uint32_t *error_strings;
	size_t error_capacity;
	struct buffer sections[CAPTURE_SECTION_COUNT];
	struct column_writer samples;
	struct buffer plain, packed;
	ZSTD_CCtx *zstd;
};

/* The first failure is kept, and told where the file has a name to tell it by. */
static int broken(struct capture_writer *w, int err, const char *doing)
{
	if (w->err)
		return w->err;
	w->err = err;
	return w->name ? fail(err, "%s %s:", doing, w->name) : err;
}

static uint32_t out_of_memory(struct capture_writer *w)
{
	broken(w, -ENOMEM, "capture");
	return 0;
}

/* Index of a text in the file; 0 is the empty one. May end the chunk, so callers ask for it
 * before they begin an entry. */
static uint32_t string_index(struct capture_writer *w, const char *text)
{
	size_t size = text ? strnlen(text, CAPTURE_TEXT_MAX) : 0;
	uint32_t known = w->strings.count, index;

	if (!size)
		return 0;
	index = intern_put(&w->strings, text, size);
	if (!index)
		return out_of_memory(w);
	if (index > known) {
		if (w->sections[CAPTURE_STRINGS].size + size > CAPTURE_CHUNK_FULL)
			capture_flush(w);
		buffer_put_text(&w->sections[CAPTURE_STRINGS], text, size);
	}
	return index;
}

static int write_all(struct capture_writer *w, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size && !w->err) {
		ssize_t done = write(w->fd, at, size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return broken(w, -errno, "write");
		at += done;
		size -= (size_t)done;
		w->size += (uint64_t)done;
	}
	return w->err;
}

static int write_file_head(struct capture_writer *w)
{
	struct capture_file_head head = { .version = htole32(CAPTURE_VERSION) };

	memcpy(head.magic, CAPTURE_MAGIC, CAPTURE_MAGIC_SIZE);
	return write_all(w, &head, sizeof(head));
}

static void put_facts(struct capture_writer *w, const struct capture_header *header)
{
	struct buffer *facts = &w->sections[CAPTURE_FACTS], *events = &w->sections[CAPTURE_EVENTS];
	struct buffer number = { 0 };

#define NUMBER(key, value)                                                \
	buffer_put_number(&number, value);                                \
	buffer_put_number(facts, key);                                    \
	buffer_put_text(facts, (const char *)number.bytes, number.size);  \
	buffer_clear(&number);
#define NUMBER_FACT(key, field) NUMBER(key, header->field)
#define TEXT_FACT(key, field)                                             \
	if (header->field) {                                              \
		buffer_put_number(facts, key);                            \
		buffer_put_text(facts, header->field, strnlen(header->field, CAPTURE_TEXT_MAX)); \
	}
	CAPTURE_NUMBER_FACTS(NUMBER_FACT)
	NUMBER(CAPTURE_FACT_TICK, CAPTURE_TICK_NS)
	CAPTURE_TEXT_FACTS(TEXT_FACT)
#undef TEXT_FACT
#undef NUMBER_FACT
#undef NUMBER
	if (number.failed)
		facts->failed = true;
	buffer_deinit(&number);
	buffer_put_number(events, header->period_ns);
	buffer_put_number(events, string_index(w, header->event));
	buffer_put_number(events, string_index(w, header->unit));
}

static void capture_destroy(struct capture_writer *w)
{
	if (w->owned && w->fd >= 0)
		close(w->fd);
	intern_deinit(&w->strings);
	table_deinit(&w->functions);
	table_deinit(&w->frames);
	table_deinit(&w->stacks);
	table_deinit(&w->threads);
	table_deinit(&w->errors);
	free(w->error_strings);
	for (size_t i = 0; i < CAPTURE_SECTION_COUNT; i++)
		buffer_deinit(&w->sections[i]);
	for (size_t i = 0; i < CAPTURE_COLUMN_COUNT; i++)
		buffer_deinit(&w->samples.columns[i]);
	buffer_deinit(&w->plain);
	buffer_deinit(&w->packed);
	ZSTD_freeCCtx(w->zstd);
	free(w->name);
	free(w);
}

static int create(int fd, bool owned, const char *name, const struct capture_header *header,
		  struct capture_writer **ret)
{
	struct capture_writer *w = calloc(1, sizeof(*w));
	int err = -ENOMEM;

	if (!w) {
		if (owned)
			close(fd);
		return fail(-ENOMEM, "capture %s:", name ?: "");
	}
	w->fd = fd;
	w->owned = owned;
	w->name = name ? strdup(name) : NULL;
	w->zstd = ZSTD_createCCtx();
	if ((name && !w->name) || !w->zstd) {
		broken(w, err, "capture");
		goto out;
	}
	w->start_ns = header->start_ns;
	w->period_ns = header->period_ns;
	ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, COMPRESSION_LEVEL);
	ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1);
	put_facts(w, header);
	err = write_file_head(w);
	/* The facts go out at once: a recording that is killed in its first second is a capture
	 * all the same. */
	if (!err)
		err = capture_flush(w);
out:
	if (err)
		capture_destroy(w);
	else
		*ret = w;
	return err;
}

int capture_create_at(int fd, const char *name, const struct capture_header *header,
		      struct capture_writer **ret)
{
	return create(fd, false, name, header, ret);
}

/* A file without a name that the kernel frees with its last descriptor, on a disk if possible. */
static int open_unnamed(void)
{
	const char *folder = getenv("TMPDIR");
	int fd = open(folder && *folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : memfd_create("scry-capture", MFD_CLOEXEC);
}

int capture_create(const char *path, const struct capture_header *header, struct capture_writer **ret)
{
	int fd = path ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : open_unnamed();

	if (fd < 0)
		return fail(-errno, "create %s:", path ? path : "a temporary file");
	return create(fd, true, path ? path : "(temporary file)", header, ret);
}

uint32_t capture_function(struct capture_writer *w, enum capture_kind kind, const char *name,
			  const char *file, int line)
{
	uint32_t name_at = string_index(w, name), file_at = string_index(w, file);
	uint32_t known = w->functions.count, index;
	struct buffer *out = &w->sections[CAPTURE_FUNCTIONS];

	index = table_put(&w->functions, (uint64_t)name_at << 32 | file_at,
			  (uint64_t)kind << 32 | (uint32_t)line);
	if (!index)
		return out_of_memory(w);
	if (index > known) {
		buffer_put_number(out, kind);
		buffer_put_number(out, name_at);
		buffer_put_number(out, file_at);
		buffer_put_signed(out, line);
	}
	return index;
}

uint32_t capture_frame(struct capture_writer *w, uint32_t function, int line)
{
	uint32_t known = w->frames.count, index = table_put(&w->frames, function, (uint32_t)line);

	if (!index)
		return out_of_memory(w);
	if (index > known) {
		buffer_put_number(&w->sections[CAPTURE_FRAMES], function);
		buffer_put_signed(&w->sections[CAPTURE_FRAMES], line);
	}
	return index;
}

uint32_t capture_stack(struct capture_writer *w, uint32_t parent, uint32_t frame)
{
	uint32_t known = w->stacks.count, index = table_put(&w->stacks, parent, frame);

	if (!index)
		return out_of_memory(w);
	if (index > known) {
		/* Mostly the caller was made just before: the distance to it is a small number. */
		buffer_put_number(&w->sections[CAPTURE_STACKS], index - parent);
		buffer_put_number(&w->sections[CAPTURE_STACKS], frame);
	}
	return index;
}

bool capture_stack_at(const struct capture_writer *w, uint32_t stack, uint32_t *parent, uint32_t *frame)
{
	if (!stack || stack > w->stacks.count)
		return false;
	*parent = (uint32_t)w->stacks.keys[stack].a;
	*frame = (uint32_t)w->stacks.keys[stack].b;
	return true;
}

uint32_t capture_thread(struct capture_writer *w, uint32_t process, uint32_t pid, uint32_t tid)
{
	struct buffer *out = &w->sections[CAPTURE_THREADS];
	uint32_t index, known = w->threads.count;

	index = table_put(&w->threads, (uint64_t)process << 32 | pid, tid);
	if (!index)
		return out_of_memory(w);
	if (index > known) {
		buffer_put_number(out, process);
		buffer_put_number(out, pid);
		buffer_put_number(out, tid);
	}
	return index;
}

void capture_name_thread(struct capture_writer *w, uint32_t thread, const char *name)
{
	uint32_t text = string_index(w, name);

	buffer_put_number(&w->sections[CAPTURE_THREAD_NAMES], thread);
	buffer_put_number(&w->sections[CAPTURE_THREAD_NAMES], text);
}

void capture_name_process(struct capture_writer *w, uint32_t process, uint32_t pid, const char *name)
{
	struct buffer *out = &w->sections[CAPTURE_PROCESS_NAMES];
	uint32_t text = string_index(w, name);

	buffer_put_number(out, process);
	buffer_put_number(out, pid);
	buffer_put_number(out, text);
}

/* Causes and reasons come as constant texts, so the address stands for the text; one of the same text under
 * another address gives the same string. */
static uint32_t error_string(struct capture_writer *w, const char *error)
{
	uint32_t known = w->errors.count, index = table_put(&w->errors, (uintptr_t)error, 0);

	if (!index || !array_reserve(&w->error_strings, &w->error_capacity, (size_t)index + 1,
				     sizeof(uint32_t)))
		return out_of_memory(w);
	if (index > known)
		w->error_strings[index] = string_index(w, error);
	return w->error_strings[index];
}

static uint64_t ticks(const struct capture_writer *w, uint64_t time_ns)
{
	return time_ns > w->start_ns ? (time_ns - w->start_ns) / CAPTURE_TICK_NS : 0;
}

/* Most samples have the usual value and no error, so these columns hold only what differs: how many
 * samples since the last such one, and what it has. */
static void put_exception(struct buffer *column, uint64_t *last, uint64_t number, uint64_t what)
{
	buffer_put_number(column, number - *last);
	buffer_put_number(column, what);
	*last = number + 1;
}

void capture_sample(struct capture_writer *w, uint64_t time_ns, uint32_t thread, uint32_t stack,
		    uint64_t value, const char *error)
{
	capture_sample_of(w, time_ns, thread, stack, value, error, NULL);
}

void capture_sample_of(struct capture_writer *w, uint64_t time_ns, uint32_t thread, uint32_t stack,
		       uint64_t value, const char *error, const char *reason)
{
	struct column_writer *s = &w->samples;
	uint64_t now = ticks(w, time_ns);
	uint32_t cause = error ? error_string(w, error) : 0;
	uint32_t state = reason ? error_string(w, reason) : 0;

	if (w->err)
		return;
	if (!s->count)
		s->base = s->last = now;
	buffer_put_signed(&s->columns[CAPTURE_TIMES], (int64_t)(now - s->last));
	buffer_put_number(&s->columns[CAPTURE_THREAD_INDICES], thread);
	buffer_put_number(&s->columns[CAPTURE_STACK_INDICES], stack);
	if (value != w->period_ns)
		put_exception(&s->columns[CAPTURE_VALUES], &s->last_value, s->count, value);
	if (cause)
		put_exception(&s->columns[CAPTURE_ERRORS], &s->last_error, s->count, cause);
	if (state)
		put_exception(&s->columns[CAPTURE_REASONS], &s->last_reason, s->count, state);
	s->last = now;
	s->count++;
	w->total++;
	if (s->columns[CAPTURE_TIMES].size + w->sections[CAPTURE_STACKS].size > CAPTURE_CHUNK_FULL)
		capture_flush(w);
}

void capture_lost(struct capture_writer *w, uint64_t lost)
{
	buffer_put_number(&w->sections[CAPTURE_LOST], w->samples.last);
	buffer_put_number(&w->sections[CAPTURE_LOST], lost);
}

/* The columns become the section of samples. */
static void put_samples(struct capture_writer *w)
{
	struct column_writer *s = &w->samples;
	struct buffer *out = &w->sections[CAPTURE_SAMPLES];

	if (!s->count)
		return;
	buffer_put_number(out, 0);	/* the first event */
	buffer_put_number(out, s->count);
	buffer_put_number(out, s->base);
	for (size_t i = 1; i < CAPTURE_COLUMN_COUNT; i++) {
		struct buffer *column = &s->columns[i];

		if (column->size) {
			buffer_put_number(out, i);
			buffer_put_text(out, (const char *)column->bytes, column->size);
		}
		out->failed |= column->failed;
		buffer_clear(column);
	}
	s->count = s->last_value = s->last_error = s->last_reason = 0;
}

/* Gather the sections into w->plain and empty them. */
static int gather(struct capture_writer *w)
{
	bool failed = false;

	put_samples(w);
	buffer_clear(&w->plain);
	for (size_t i = 1; i < CAPTURE_SECTION_COUNT; i++) {
		struct buffer *section = &w->sections[i];

		if (section->size) {
			buffer_put_number(&w->plain, i);
			buffer_put_text(&w->plain, (const char *)section->bytes, section->size);
		}
		failed |= section->failed;
		buffer_clear(section);
	}
	if (failed || w->plain.failed)
		out_of_memory(w);
	return w->err;
}

int capture_flush(struct capture_writer *w)
{
	struct capture_chunk_head head = { htole32(CAPTURE_CHUNK_MAGIC), htole32(w->chunk) };
	size_t bound, packed;

	if (w->err || gather(w))
		return w->err;
	if (!w->plain.size)
		return 0;
	if (w->plain.size > CAPTURE_CHUNK_MAX)
		return broken(w, -EFBIG, "write a second's samples to");
	bound = sizeof(head) + ZSTD_compressBound(w->plain.size);
	if (!array_reserve(&w->packed.bytes, &w->packed.capacity, bound, 1)) {
		out_of_memory(w);
		return w->err;
	}
	packed = ZSTD_compress2(w->zstd, w->packed.bytes + sizeof(head), bound - sizeof(head),
				w->plain.bytes, w->plain.size);
	if (ZSTD_isError(packed))
		return broken(w, -EIO, "compress");
	head.packed = htole32((uint32_t)packed);
	head.plain = htole32((uint32_t)w->plain.size);
	memcpy(w->packed.bytes, &head, sizeof(head));
	w->chunk++;
	return write_all(w, w->packed.bytes, sizeof(head) + packed);
}

int capture_finish(struct capture_writer *w, uint64_t end_ns, int *fd)
{
	int err;

	buffer_put_number(&w->sections[CAPTURE_END], ticks(w, end_ns));
	buffer_put_number(&w->sections[CAPTURE_END], w->total);
	err = capture_flush(w);
	if (fd) {
		*fd = -1;
		if (!err && w->owned) {
			*fd = w->fd;
			w->fd = -1;
		}
	}
	capture_destroy(w);
	return err;
}

uint64_t capture_size(const struct capture_writer *w)
{
	return w->size;
}
