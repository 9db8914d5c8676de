// SPDX-License-Identifier: GPL-2.0-only
/* Writes the capture that tests/golden/report.sh reports on: two processes, recursion, causes,
 * names of every kind. */
#include <stdlib.h>

#include "profiler/capture.h"

#define MS 1000000ULL

/* Frames root first; lines are where each is defined and what it executes. */
struct frame {
	const char *name, *file;
	int defined, line;
};

static const struct frame handle[] = {
	{ "<module>", "/srv/shop/app.py", 1, 60 },
	{ "handle", "/srv/shop/views.py", 31, 40 },
};
static const struct frame render = {
	"Template.render", "/srv/shop/lib/python3.12/site-packages/jinja2/environment.py", 1278, 1290,
};
static const struct frame walk = { "walk", "/srv/shop/tree.py", 7, 9 };
static const struct frame wide = { "größe_\xe6\xbc\xa2\xe5\xad\x97", "/srv/shop/\xc3\xbc.py", 3, 4 };
static const struct frame hostile = { "a;b\n\033[31m<b>&\"q\"\xff", "/tmp/\r\x9b" "2J.py", 5, 6 };
static const struct frame compress = { "deflate_fast", "/usr/lib/x86_64-linux-gnu/libz.so.1.2.13", 0, 0 };
static const struct frame unnamed = { "[libz.so.1.2.13+0x2f40]", "/usr/lib/x86_64-linux-gnu/libz.so.1.2.13", 0, 0 };
static const struct frame inlined = { "longest_match", "/build/zlib/deflate.c", 1254, 1301 };
static const struct frame kernel[] = { { "do_syscall_64", "[kernel]", 0, 0 }, { "ext4_file_write_iter", "[ext4]", 0, 0 } };
static const struct frame cut = { "[truncated]", "", 0, 0 };

static uint32_t push_kind(struct capture_writer *w, uint32_t stack, enum capture_kind kind, const struct frame *frame)
{
	uint32_t function = capture_function(w, kind, frame->name, frame->file, frame->defined);

	return capture_stack(w, stack, capture_frame(w, function, frame->line));
}

static uint32_t push(struct capture_writer *w, uint32_t stack, const struct frame *frame)
{
	return push_kind(w, stack, *frame->name == '[' ? CAPTURE_MARK : CAPTURE_INTERPRETED, frame);
}

static void samples(struct capture_writer *w, uint64_t first_ms, int count, uint32_t thread,
		    uint32_t stack, const char *error)
{
	for (int i = 0; i < count; i++)
		capture_sample(w, (first_ms + (uint64_t)i * 10) * MS, thread, stack, 10 * MS, error);
}

/* Below a function of the program: native code with and without a name, inlined, and the kernel. */
static void mixed_samples(struct capture_writer *w, uint32_t thread, uint32_t base)
{
	uint32_t native = push_kind(w, base, CAPTURE_NATIVE, &compress);
	uint32_t call = push_kind(w, native, CAPTURE_KERNEL, &kernel[0]);

	samples(w, 900, 5, thread, push_kind(w, native, CAPTURE_NATIVE, &inlined), NULL);
	samples(w, 950, 2, thread, push_kind(w, native, CAPTURE_NATIVE, &unnamed), NULL);
	samples(w, 970, 3, thread, push_kind(w, call, CAPTURE_KERNEL, &kernel[1]), NULL);
}

int main(int argc, char **argv)
{
	const struct capture_header header = {
		.start_realtime_ns = 1767348000000000000ULL, .period_ns = 10 * MS, .frequency = 100,
		.max_stack = 1024,
		.cpus = 4, .event = "cpu", .unit = "ns", .command = "scry record -p 4711 -F 100",
		.target = "pid 4711 (python3)", .host = "box", .kernel = "6.1.0", .scry_version = "0.1",
	};
	struct capture_writer *w;
	uint32_t main_thread, pool, child, base;

	if (argc != 2 || capture_create(argv[1], &header, &w))
		return 1;
	main_thread = capture_thread(w, 1, 4711, 4711);
	pool = capture_thread(w, 1, 4711, 4712);
	child = capture_thread(w, 2, 4800, 4800);
	capture_name_thread(w, main_thread, "MainThread");
	capture_name_thread(w, pool, "pool\033[2J-0");
	capture_name_process(w, 1, 4711, "python3");
	capture_name_process(w, 2, 4800, "python3 worker");
	base = push(w, push(w, 0, &handle[0]), &handle[1]);
	samples(w, 10, 40, main_thread, push(w, base, &render), NULL);
	samples(w, 410, 25, main_thread, push(w, push(w, push(w, base, &walk), &walk), &walk), NULL);
	samples(w, 15, 12, pool, push(w, push(w, 0, &cut), &walk), "deeper than --max-stack");
	samples(w, 200, 8, pool, push(w, base, &wide), NULL);
	samples(w, 300, 6, child, push(w, base, &hostile), NULL);
	samples(w, 700, 2, main_thread, base, "frame not readable (page not present)");
	samples(w, 800, 5, child, CAPTURE_NO_STACK, "thread outside the interpreter");
	samples(w, 900, 2, child, CAPTURE_NO_STACK, "interpreter starting or ending");
	mixed_samples(w, pool, base);
	capture_lost(w, 3);
	return capture_finish(w, 1000 * MS, NULL) ? 1 : 0;
}
