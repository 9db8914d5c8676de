// SPDX-License-Identifier: GPL-2.0-only
#include "trial.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <link.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/file.h"

#define TRIAL_HZ 1000
#define TRIAL_NS 20000000

int trial_map(void)
{
	_cleanup_fd_ int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "scry_trial", 4, 8, 1, NULL);

	return fd < 0 ? fd : 0;
}

int trial_ring_buffer(void)
{
	_cleanup_fd_ int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "scry_trial", 0, 0,
					     sysconf(_SC_PAGESIZE), NULL);

	return fd < 0 ? fd : 0;
}

static int open_clock(pid_t pid, int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 1000000000 / TRIAL_HZ,
		.disabled = 1,
	};
	int fd = syscall(SYS_perf_event_open, &attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int trial_perf_thread(void)
{
	_cleanup_fd_ int fd = open_clock(0, -1);

	return fd < 0 ? fd : 0;
}

int trial_perf_cpu(void)
{
	unsigned cpu = 0;

	/* CPU 0 may be offline; the one we are on is not. */
	syscall(SYS_getcpu, &cpu, NULL, NULL);
	_cleanup_fd_ int fd = open_clock(-1, cpu);

	return fd < 0 ? fd : 0;
}

/*
 * Reads eight bytes at address 0 by both helpers, which fails and tells that they may be called;
 * counts its own runs.
 */
static int load(int counter)
{
	const struct bpf_insn insns[] = {
#define MOV(to, from) { .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = to, .src_reg = from }
#define SET(to, value) { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = to, .imm = value }
#define ADD(to, value) { .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = to, .imm = value }
#define CALL(helper) { .code = BPF_JMP | BPF_CALL, .imm = helper }
		MOV(BPF_REG_1, BPF_REG_10), ADD(BPF_REG_1, -8), SET(BPF_REG_2, 8), SET(BPF_REG_3, 0),
		CALL(BPF_FUNC_probe_read_kernel),
		MOV(BPF_REG_1, BPF_REG_10), ADD(BPF_REG_1, -8), SET(BPF_REG_2, 8), SET(BPF_REG_3, 0),
		CALL(BPF_FUNC_probe_read_user),
		{ .code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = BPF_REG_10, .off = -4, .imm = 0 },
		{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_1,
		  .src_reg = BPF_PSEUDO_MAP_FD, .imm = counter },
		{ 0 },
		MOV(BPF_REG_2, BPF_REG_10), ADD(BPF_REG_2, -4),
		CALL(BPF_FUNC_map_lookup_elem),
		{ .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_0, .off = 2, .imm = 0 },
		SET(BPF_REG_1, 1),
		{ .code = BPF_STX | BPF_ATOMIC | BPF_DW, .dst_reg = BPF_REG_0, .src_reg = BPF_REG_1,
		  .imm = BPF_ADD },
		SET(BPF_REG_0, 0),
		{ .code = BPF_JMP | BPF_EXIT },
#undef MOV
#undef SET
#undef ADD
#undef CALL
	};

	return bpf_prog_load(BPF_PROG_TYPE_PERF_EVENT, "scry_trial", "GPL", insns,
			     ARRAY_SIZE(insns), NULL);
}

__attribute__((noinline)) static int probed(int n)
{
	__asm__ volatile("" : "+r"(n));
	return n;
}

/* Where probed() stands in the file of this program, the first object of the list. */
static int find_probed(struct dl_phdr_info *object, size_t size, void *ret)
{
	uintptr_t address = (uintptr_t)probed - object->dlpi_addr;

	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &object->dlpi_phdr[i];

		if (p->p_type == PT_LOAD && address - p->p_vaddr < p->p_filesz)
			*(__u64 *)ret = address - p->p_vaddr + p->p_offset;
	}
	return 1;
}

int trial_uprobe(void)
{
	struct perf_event_attr attr = { .size = sizeof(attr) };
	_cleanup_fd_ int fd = -1;
	char type[16];
	__u64 count;

	if (file_read_text("/sys/bus/event_source/devices/uprobe/type", type, sizeof(type)) < 0)
		return -ENOSYS;
	attr.type = atoi(type);
	attr.uprobe_path = (uintptr_t)"/proc/self/exe";
	dl_iterate_phdr(find_probed, &attr.probe_offset);
	fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (int i = 0; i < 3; i++)
		probed(i);
	if (read(fd, &count, sizeof(count)) != sizeof(count))
		return -EIO;
	return count;
}

static void burn(long ns)
{
	struct timespec begin, now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	while ((now.tv_sec - begin.tv_sec) * 1000000000L + now.tv_nsec - begin.tv_nsec < ns);
}

int trial_program(void)
{
	_cleanup_fd_ int counter = bpf_map_create(BPF_MAP_TYPE_ARRAY, "scry_trial", 4, 8, 1, NULL);
	_cleanup_fd_ int program = counter < 0 ? counter : load(counter);
	_cleanup_fd_ int event = program < 0 ? program : open_clock(0, -1);
	__u64 count = 0;
	__u32 key = 0;

	if (event < 0)
		return event;
	if (ioctl(event, PERF_EVENT_IOC_SET_BPF, program) || ioctl(event, PERF_EVENT_IOC_ENABLE, 0))
		return -errno;
	burn(TRIAL_NS);
	ioctl(event, PERF_EVENT_IOC_DISABLE, 0);
	if (bpf_map_lookup_elem(counter, &key, &count))
		return -errno;
	return count;
}
