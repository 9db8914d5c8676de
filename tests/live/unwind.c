// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walk of C frames held against that of elfutils, sample by sample:   unwind PID SECONDS HERTZ
 * and against what the process does then:   unwind PID SECONDS
 *
 * The kernel hands over registers and a copy of the stack at each tick (as perf record --call-graph dwarf asks for); from these both
 * walk, and every frame of each sample is compared. JSON: how many samples were walked the same way, how many only the one or the
 * other could walk to the end, and those that differ.
 *
 * Without HERTZ the process is stopped now and again. Where the walk relies on a register that the innermost function need not have
 * kept, the process is led on, instruction by instruction, until it leaves that frame: then it must be where the walk has said.
 */
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <dirent.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../native_host.h"

#define STACK_BYTES  32768 /* of each sample */
#define RING_PAGES   4096
#define MAX_THREADS  64
#define MAX_FRAMES   1000
#define MAX_EXAMPLES 5
#define MAX_STEPS    300000
#define FRAME_BITS   ((1ull << 61) - 1) /* of an address, that a frame has room for */

/* Registers that the kernel is asked for, in its order (arch/x86/include/uapi/asm/perf_regs.h), by their DWARF numbers. */
static const unsigned char dwarf_number[] = { 0, 3, 2, 1, 4, 5, 6, 7, 16, 8, 9, 10, 11, 12, 13, 14, 15 };
#define REGISTERS     17
#define REGISTER_MASK 0xff01ffull

struct sample {
	__u64 reg[REGISTERS]; /* by their DWARF numbers */
	const unsigned char *stack;
	__u64 size;
};

struct frames {
	__u64 at[MAX_FRAMES];
	int count;
	bool whole;
};

static pid_t target;
static const struct sample *current;
static struct {
	unsigned samples, frames, same, only_we, only_they, neither, differ, cut, kept, lost;
	unsigned cause[SCRY_WALK_ERROR_COUNT];
} result;

#define RED_ZONE 128 /* bytes below the stack pointer that are a function's own (System V ABI, 3.2.2) */
static bool needs_red_zone;

/*
 * Both see the same memory: the copy of the stack, and what else the process has. What lies below the copy may have changed since;
 * of what is read together with the copy nothing there is used, but a rule may ask for a word of the red zone (SHA-512 of libcrypto).
 */
static int read_memory(void *ctx, void *dst, size_t size, __u64 address)
{
	__u64 below = current->reg[7] - address, at = address - current->reg[7];

	(void)ctx;
	if (below - 1 < size - 1) {
		if (remote_read(target, address, dst, below))
			memset(dst, 0, below);
		return read_memory(ctx, (char *)dst + below, size - below, current->reg[7]);
	}
	needs_red_zone |= below - size < RED_ZONE;
	if (at < current->size)
		return size <= current->size - at ? (memcpy(dst, current->stack + at, size), 0) : -EFAULT;
	return remote_read(target, address, dst, size);
}

static void walk_ours(struct frames *ret)
{
	static const struct walk_memory memory = { .read = read_memory };
	struct native_walk from = { .pc = current->reg[16], .sp = current->reg[7], .bp = current->reg[6], .bx = current->reg[3],
				    .limit = MAX_FRAMES };

	memcpy(from.reg, current->reg, sizeof(from.reg));
	walk_memory = &memory;
	host_walk(&from);
	if (host_scratch.native.error == SCRY_WALK_NATIVE_UNMAPPED && !host_look(target))
		host_walk(&from); /* a library that was opened since */
	ret->count = host_scratch.native.count;
	for (int i = 0; i < ret->count; i++)
		ret->at[i] = host_address(&host_scratch.frames[i]);
	ret->whole = !host_scratch.native.error;
}

static pid_t next_thread(Dwfl *dwfl, void *ctx, void **thread)
{
	(void)dwfl;
	if (*thread)
		return 0;
	*thread = ctx;
	return target;
}

static bool dwfl_memory(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *ret, void *ctx)
{
	(void)dwfl;
	return !read_memory(ctx, ret, sizeof(*ret), address);
}

static bool set_registers(Dwfl_Thread *thread, void *ctx)
{
	Dwarf_Word words[REGISTERS];

	(void)ctx;
	for (int i = 0; i < REGISTERS; i++)
		words[i] = current->reg[i];
	return dwfl_thread_state_registers(thread, 0, REGISTERS, words);
}

static int add_frame(Dwfl_Frame *frame, void *ctx)
{
	struct frames *frames = ctx;
	Dwarf_Addr pc;
	bool exact;

	if (!dwfl_frame_pc(frame, &pc, &exact) || frames->count == MAX_FRAMES)
		return DWARF_CB_ABORT;
	frames->at[frames->count++] = pc - !exact;
	return DWARF_CB_OK;
}

static void walk_theirs(Dwfl *dwfl, struct frames *ret)
{
	ret->count = 0;
	ret->whole = !dwfl_getthread_frames(dwfl, target, add_frame, ret);
}

/* Files are those that the process sees. */
static int find_elf(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base, char **file, Elf **elf)
{
	char path[4200];

	if (*name != '/')
		return dwfl_linux_proc_find_elf(module, data, name, base, file, elf);
	snprintf(path, sizeof(path), "/proc/%d/root%s", target, name);
	*file = strdup(path);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int no_debug_file(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base, const char *file,
			 const char *link, GElf_Word crc, char **ret)
{
	return -1;
}

static Dwfl *open_theirs(void)
{
	static const Dwfl_Callbacks files = { .find_elf = find_elf, .find_debuginfo = no_debug_file };
	static const Dwfl_Thread_Callbacks threads = { .next_thread = next_thread, .memory_read = dwfl_memory,
						       .set_initial_registers = set_registers };
	static int something;
	Dwfl *dwfl = dwfl_begin(&files);

	if (!dwfl || dwfl_linux_proc_report(dwfl, target) || dwfl_report_end(dwfl, NULL, NULL) ||
	    !dwfl_attach_state(dwfl, NULL, target, &threads, &something)) {
		fprintf(stderr, "unwind: %s\n", dwfl_errmsg(-1));
		exit(1);
	}
	return dwfl;
}

static void show(Dwfl *dwfl, const char *who, const struct frames *frames, int differs)
{
	fprintf(stderr, "  %s, %d frames%s:\n", who, frames->count, frames->whole ? "" : ", not whole");
	for (int i = differs > 2 ? differs - 2 : 0; i < frames->count && i < differs + 4; i++) {
		Dwfl_Module *module = dwfl_addrmodule(dwfl, frames->at[i]);
		const char *symbol = module ? dwfl_module_addrname(module, frames->at[i]) : NULL;
		Dwarf_Addr start = 0;
		const char *file = module ? dwfl_module_info(module, NULL, &start, NULL, NULL, NULL, NULL, NULL) : "?";

		fprintf(stderr, "    %2d %llx %s+0x%llx %s\n", i, (unsigned long long)frames->at[i], file,
			(unsigned long long)(frames->at[i] - start), symbol ? symbol : "");
	}
}

/* The copy of the stack is not all of it: where both come to its end, or need what is below it, that says nothing. */
static bool is_cut(const struct frames *ours)
{
	if (needs_red_zone)
		return true;
	return !ours->whole && host_scratch.native.error == SCRY_WALK_NATIVE_FAULT && current->size >= STACK_BYTES - 8;
}

static void compare(Dwfl *dwfl)
{
	static struct frames ours, theirs;
	bool differ = false;
	int same = 0;

	needs_red_zone = false;
	walk_ours(&ours);
	walk_theirs(dwfl, &theirs);
	while (same < ours.count && same < theirs.count && !((ours.at[same] ^ theirs.at[same]) & FRAME_BITS))
		same++;
	result.samples++;
	result.frames += same;
	result.cause[host_scratch.native.error]++;
	result.kept += host_kept >= 0;
	if (is_cut(&ours))
		result.cut++;
	else if (ours.whole && same == ours.count && same == theirs.count)
		result.same++;
	else if (ours.whole && same == theirs.count && (!theirs.whole || host_kept >= 0)) /* where it lacks the register it ends */
		result.only_we++;
	else if (!ours.whole && same >= ours.count - 1) /* what led to nowhere may stand there */
		(*(theirs.whole && same == ours.count ? &result.only_they : &result.neither))++;
	else
		differ = result.differ++ < MAX_EXAMPLES;
	if (differ) {
		fprintf(stderr, "sample %u, error %u:\n", result.samples, host_scratch.native.error);
		show(dwfl, "ours", &ours, same);
		show(dwfl, "theirs", &theirs, same);
	}
}

struct ring {
	int fd;
	struct perf_event_mmap_page *page;
};
static struct ring rings[MAX_THREADS];
static int ring_count;
static long page_size;

static void open_ring(pid_t tid, unsigned long hertz)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.size = sizeof(attr),
		.sample_period = 1000000000 / hertz,
		.sample_type = PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER,
		.sample_regs_user = REGISTER_MASK,
		.sample_stack_user = STACK_BYTES,
		.wakeup_events = 1,
	};
	struct ring *ring = &rings[ring_count];

	if (ring_count == MAX_THREADS)
		return;
	ring->fd = syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (ring->fd < 0)
		return;
	ring->page = mmap(NULL, (1 + RING_PAGES) * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	if (ring->page == MAP_FAILED) {
		perror("unwind: mmap");
		exit(1);
	}
	ring_count++;
}

static void open_rings(unsigned long hertz)
{
	char path[64];
	struct dirent *entry;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", target);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks)))
		if (entry->d_name[0] != '.')
			open_ring(atoi(entry->d_name), hertz);
	if (tasks)
		closedir(tasks);
	if (!ring_count) {
		perror("unwind: perf_event_open");
		exit(1);
	}
}

/* What a record of a sample holds behind its head: the registers' kind, the registers, the copy's size, the copy, what of it is one. */
static void take(Dwfl *dwfl, const unsigned char *bytes, size_t size)
{
	struct sample sample;
	__u64 head[1 + REGISTERS + 1], filled;

	if (size < sizeof(head))
		return;
	memcpy(head, bytes, sizeof(head));
	sample.size = head[1 + REGISTERS];
	sample.stack = bytes + sizeof(head);
	if (head[0] != PERF_SAMPLE_REGS_ABI_64 || !sample.size || size < sizeof(head) + sample.size + 8)
		return;
	memcpy(&filled, sample.stack + sample.size, 8);
	sample.size = filled;
	for (int i = 0; i < REGISTERS; i++)
		sample.reg[dwarf_number[i]] = head[1 + i];
	current = &sample;
	compare(dwfl);
}

static void read_ring(Dwfl *dwfl, struct ring *ring)
{
	static unsigned char record[65536];
	const unsigned char *bytes = (const unsigned char *)ring->page + page_size;
	__u64 mask = RING_PAGES * page_size - 1, at = ring->page->data_tail;
	__u64 head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);

	while (at < head) {
		struct perf_event_header header;

		for (size_t i = 0; i < sizeof(header); i++)
			((unsigned char *)&header)[i] = bytes[(at + i) & mask];
		for (size_t i = 0; i < header.size; i++)
			record[i] = bytes[(at + i) & mask];
		at += header.size;
		__atomic_store_n(&ring->page->data_tail, at, __ATOMIC_RELEASE);
		if (header.type == PERF_RECORD_SAMPLE)
			take(dwfl, record + sizeof(header), header.size - sizeof(header));
		else if (header.type == PERF_RECORD_LOST)
			result.lost++;
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void print_comparison(void)
{
	printf("{\"samples\": %u, \"frames\": %u, \"same\": %u, \"only_we\": %u, \"only_they\": %u, \"neither\": %u, \"cut\": %u, "
	       "\"differ\": %u, \"kept\": %u, \"lost\": %u, \"causes\": {",
	       result.samples, result.frames, result.same, result.only_we, result.only_they, result.neither, result.cut,
	       result.differ, result.kept, result.lost);
	for (int i = 0, n = 0; i < SCRY_WALK_ERROR_COUNT; i++)
		if (result.cause[i])
			printf("%s\"%d\": %u", n++ ? ", " : "", i, result.cause[i]);
	printf("}}\n");
}

static void compare_samples(double seconds, unsigned long hertz)
{
	Dwfl *dwfl = open_theirs();
	double end = now() + seconds;

	open_rings(hertz);
	while (now() < end) {
		struct pollfd fds[MAX_THREADS];

		for (int i = 0; i < ring_count; i++)
			fds[i] = (struct pollfd){ .fd = rings[i].fd, .events = POLLIN };
		poll(fds, ring_count, 50);
		for (int i = 0; i < ring_count; i++)
			read_ring(dwfl, &rings[i]);
	}
	print_comparison();
	dwfl_end(dwfl);
}

static bool stopped(void)
{
	int status;

	return waitpid(target, &status, __WALL) == target && WIFSTOPPED(status);
}

/* The thread's registers, by their DWARF numbers. */
static bool read_registers(struct sample *ret)
{
	struct user_regs_struct r;

	if (ptrace(PTRACE_GETREGS, target, 0, &r))
		return false;
	*ret = (struct sample){ .reg = { r.rax, r.rdx, r.rcx, r.rbx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8, r.r9, r.r10, r.r11, r.r12,
					 r.r13, r.r14, r.r15, r.rip } };
	return true;
}

/* Step until the frame is left. 1: to where it was said; 0: elsewhere; -1: not in this time. */
static int led_on(__u64 sp, __u64 pc)
{
	struct sample now_at;

	for (int i = 0; i < MAX_STEPS; i++) {
		if (ptrace(PTRACE_SINGLESTEP, target, 0, 0) || !stopped() || !read_registers(&now_at))
			return -1;
		if (now_at.reg[7] >= sp)
			return now_at.reg[7] == sp && now_at.reg[16] == pc;
	}
	return -1;
}

static void lead_on(double seconds)
{
	unsigned stops = 0, right = 0, wrong = 0, open = 0;
	struct sample sample;
	struct frames frames;

	if (ptrace(PTRACE_SEIZE, target, 0, 0)) {
		perror("unwind: ptrace");
		exit(1);
	}
	for (double end = now() + seconds; now() < end; stops++) {
		usleep(300 + stops % 7 * 100);
		if (ptrace(PTRACE_INTERRUPT, target, 0, 0) || !stopped() || !read_registers(&sample))
			break;
		current = &sample;
		walk_ours(&frames);
		if (host_kept >= 0 && host_kept + 1 < frames.count) {
			int way = led_on(host_sp[host_kept], host_pc[host_kept]);

			(*(way > 0 ? &right : way ? &open : &wrong))++;
		}
		if (ptrace(PTRACE_CONT, target, 0, 0))
			break;
	}
	printf("{\"stops\": %u, \"right\": %u, \"wrong\": %u, \"open\": %u}\n", stops, right, wrong, open);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	target = atoi(argv[1]);
	page_size = sysconf(_SC_PAGESIZE);
	if (host_open() || host_look(target))
		return 1;
	if (argc == 3)
		lead_on(atof(argv[2]));
	else
		compare_samples(atof(argv[2]), strtoul(argv[3], NULL, 10));
	host_close();
	return 0;
}
