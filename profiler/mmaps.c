// SPDX-License-Identifier: GPL-2.0-only
#include "mmaps.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RING_PAGES 16 /* power of two */

struct ring {
	int fd;
	struct perf_event_mmap_page *page; /* NULL: the CPU is not there */
};

struct mmaps {
	struct ring *rings;
	int cpus;
	size_t page_size;
};

static int ring_open(struct mmaps *m, int cpu, int epoll)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.size = sizeof(attr),
		.mmap = 1,
		.mmap2 = 1,
		.watermark = 1,
		.wakeup_watermark = 1,
	};
	struct epoll_event event = { .events = EPOLLIN, .data.fd = -1 };
	struct ring *ring = &m->rings[cpu];
	void *page;

	ring->fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (ring->fd < 0)
		return errno == ENODEV ? 0 : -errno;
	page = mmap(NULL, (1 + RING_PAGES) * m->page_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	ring->page = page;
	return epoll_ctl(epoll, EPOLL_CTL_ADD, ring->fd, &event) ? -errno : 0;
}

int mmaps_open(int cpus, int epoll, struct mmaps **ret)
{
	struct mmaps *m = calloc(1, sizeof(*m));
	int err = 0;

	if (m)
		m->rings = calloc(cpus, sizeof(*m->rings));
	if (!m || !m->rings) {
		free(m);
		return -ENOMEM;
	}
	m->cpus = cpus;
	m->page_size = sysconf(_SC_PAGESIZE);
	for (int cpu = 0; cpu < cpus; cpu++)
		m->rings[cpu].fd = -1;
	for (int cpu = 0; cpu < cpus && !err; cpu++)
		err = ring_open(m, cpu, epoll);
	if (err) {
		mmaps_close(m);
		return err;
	}
	*ret = m;
	return 0;
}

void mmaps_close(struct mmaps *m)
{
	if (!m)
		return;
	for (int cpu = 0; cpu < m->cpus; cpu++) {
		if (m->rings[cpu].page)
			munmap(m->rings[cpu].page, (1 + RING_PAGES) * m->page_size);
		if (m->rings[cpu].fd >= 0)
			close(m->rings[cpu].fd);
	}
	free(m->rings);
	free(m);
}

/* Copy from the ring, which ends at any byte. */
static void copy(const struct mmaps *m, const struct ring *ring, uint64_t at, void *to, size_t size)
{
	const unsigned char *bytes = (const unsigned char *)ring->page + m->page_size;
	uint64_t mask = RING_PAGES * m->page_size - 1;

	for (size_t i = 0; i < size; i++)
		((unsigned char *)to)[i] = bytes[(at + i) & mask];
}

/* Hands over process 0 where news were lost: the ring was full. */
static void ring_read(struct mmaps *m, struct ring *ring, void (*each)(void *ctx, pid_t pid), void *ctx)
{
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE), at = ring->page->data_tail;

	while (at < head) {
		struct {
			struct perf_event_header header;
			uint32_t pid;
		} record;

		copy(m, ring, at, &record, sizeof(record));
		if (record.header.size < sizeof(record.header))
			break;
		if (record.header.type == PERF_RECORD_MMAP2 || record.header.type == PERF_RECORD_MMAP)
			each(ctx, (pid_t)record.pid);
		else if (record.header.type == PERF_RECORD_LOST)
			each(ctx, 0);
		at += record.header.size;
	}
	__atomic_store_n(&ring->page->data_tail, head, __ATOMIC_RELEASE);
}

void mmaps_read(struct mmaps *m, void (*each)(void *ctx, pid_t pid), void *ctx)
{
	for (int cpu = 0; cpu < m->cpus; cpu++)
		if (m->rings[cpu].page)
			ring_read(m, &m->rings[cpu], each, ctx);
}
