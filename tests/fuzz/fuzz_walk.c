// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory made of anything: a process that is well-formed for a row of the layout table, changed word by word as the input
 * says, and the row too. The walk must end, within a bounded number of reads, and say what it found.
 *
 *   byte 0: row; byte 1: ways to the thread's state, depth; then changes of 4 bytes: what, where, value
 */
#include "runtimes/python/host.h"
#include "tests/unit/fake_python.h"

#define FRAMES	  12
#define WORDS	  512
#define MAX_READS 400000

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct subject {
	struct fake f;
	__u64 start; /* of what is changed */
	__u64 state;
};

static void make(struct subject *s, uint8_t row, uint8_t ways)
{
	struct scry_python *py = &s->f.binary.wire.python;
	__u64 frame = 0, codes[2];

	fake_init(&s->f, fake_row(row % 14));
	s->start = image_take(&s->f.image, 64, true);
	codes[0] = fake_code(&s->f, "work", "app.py", 3);
	codes[1] = s->f.unnamed;
	for (int i = 0; i < FRAMES; i++)
		frame = fake_frame(&s->f, frame, codes[i % 2], 2 * i, false);
	fake_interp(&s->f);
	fake_state(&s->f, fake_thread(1));
	s->state = fake_state(&s->f, fake_thread(0));
	fake_enter(&s->f, s->state, frame);
	py->current = ways & 1 ? FAKE_CURRENT : 0;
	py->tss_key = ways & 2 ? FAKE_TSS_KEY : 0;
	py->has_tls_tstate = ways >> 2 & 1;
	py->has_tls_gilstate = ways >> 3 & 1;
	py->tls_module = ways & 16 ? FAKE_TLS_MODULE : 0;
	image_u64(&s->f.image, FAKE_BIAS + FAKE_CURRENT, s->state);
	image_u64(&s->f.image, fake_thread(0), s->state);
}

/* Addresses that mean something, near and far. */
static __u64 value_of(const struct subject *s, uint8_t what, uint8_t value)
{
	switch (what >> 4 & 7) {
	case 0:
		return value;
	case 1:
		return s->start + value * 8ull;
	case 2:
		return s->state + (int8_t)value * 8ll;
	case 3:
		return ~0ull - value;
	case 4:
		return fake_thread(value & 1);
	case 5:
		return FAKE_BIAS + value * 16ull;
	case 6:
		return 1ull << (value & 63);
	default:
		return s->f.image.next - value;
	}
}

static void change(struct subject *s, const uint8_t *op)
{
	unsigned int where = op[1] | op[2] << 8;
	__u64 value = value_of(s, op[0], op[3]);

	switch (op[0] & 15) {
	case 0:
		python_field_set(&s->f.binary.wire.python.layout, where % python_field_count, value);
		break;
	case 1:
		image_fault(&s->f.image, s->start + where % WORDS * 8);
		break;
	case 2:
		image_u64(&s->f.image, FAKE_BIAS + FAKE_INTERPRETERS + where % 8 * 8, value);
		break;
	case 3:
		image_u64(&s->f.image, fake_thread(0) + where % 128 * 8, value);
		break;
	default:
		image_u64(&s->f.image, s->start + where % WORDS * 8 + (op[0] & 3), value);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct python_stack stack;
	unsigned int max_stack;
	struct subject s;

	if (size < 2)
		return -1;
	make(&s, bytes[0], bytes[1]);
	max_stack = bytes[1] & 32 ? SCRY_MAX_STACK : 8;
	for (size_t i = 2; i + 4 <= size && i < 2 + 4 * 64; i += 4)
		change(&s, bytes + i);
	s.f.image.reads = 0;
	if (python_spans(&s.f.binary.wire.python)) {
		python_host_walk_memory(&s.f.binary, &s.f.memory, FAKE_BIAS, fake_thread(0), max_stack, &stack);
		if (stack.count > max_stack || stack.error >= SCRY_WALK_ERROR_COUNT || s.f.image.reads > MAX_READS)
			abort();
		python_stack_deinit(&stack);
	}
	fake_deinit(&s.f);
	return 0;
}
