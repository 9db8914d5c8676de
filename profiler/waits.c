// SPDX-License-Identifier: GPL-2.0-only
#include "waits.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../bpf/config.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "loop.h"
#include "scry.skel.h"

#define MAX_STACKS (64 * 1024) /* that user space has been told of; others are told of again */

/* Programs that see interrupts begin and end. In this order, so that none begins whose end nobody sees. */
#define INTERRUPT_PROGRAMS(X)                                     \
	X(waker_timer_ends) X(waker_device_ends) X(waker_soft_ends) \
	X(waker_timer_begins) X(waker_device_begins) X(waker_soft_begins)

void waits_configure(struct scry_bpf *skel, const struct session_options *options)
{
	bool deep = options->native || options->kernel;

	bpf_map__set_max_entries(skel->maps.stacks, options->waits ? MAX_STACKS : 64);
	bpf_program__set_autoload(skel->progs.wait_switch, options->waits && !deep);
	bpf_program__set_autoload(skel->progs.wait_switch_deep, options->waits && deep);
	bpf_program__set_autoload(skel->progs.wait_fork, options->waits);
	bpf_program__set_autoload(skel->progs.wait_each, options->waits);
#define X(name) bpf_program__set_autoload(skel->progs.name, options->waits && options->waker);
	INTERRUPT_PROGRAMS(X)
#undef X
	bpf_program__set_autoload(skel->progs.wait_waking, options->waits && options->waker && !deep);
	bpf_program__set_autoload(skel->progs.wait_waking_deep, options->waits && options->waker && deep);
}

/* btf_trace_NAME is a pointer to a function of a context pointer and the tracepoint's arguments: preempt, prev, next, and since
 * 5.18 (fa2c3254d7cf) prev_state. */
bool waits_state_is_told(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *type;
	int id = btf ? btf__find_by_name_kind(btf, "btf_trace_sched_switch", BTF_KIND_TYPEDEF) : -1;
	bool told = false;

	if (id > 0) {
		type = btf__type_by_id(btf, btf__type_by_id(btf, id)->type);
		type = type && btf_is_ptr(type) ? btf__type_by_id(btf, type->type) : NULL;
		told = type && btf_is_func_proto(type) && btf_vlen(type) > 4;
	}
	btf__free(btf);
	return told;
}

/* Run the program that looks at all tasks. */
static int look_at_all(struct scry_bpf *skel)
{
	struct bpf_link *link = bpf_program__attach_iter(skel->progs.wait_each, NULL);
	_cleanup_fd_ int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
	char text[64];
	ssize_t got = 0;

	if (fd < 0) {
		int err = -errno;

		bpf_link__destroy(link);
		return fail(err, "look at the threads there are:");
	}
	while ((got = read(fd, text, sizeof(text))) > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
		;
	bpf_link__destroy(link);
	return got < 0 ? fail(-errno, "look at the threads there are:") : 0;
}

static int attach(struct bpf_program *program, struct bpf_link **link)
{
	*link = bpf_program__attach(program);
	return *link ? 0 : fail(-errno, "attach %s to the scheduler:", bpf_program__name(program));
}

static int attach_wakers(struct scry_bpf *skel, bool deep)
{
	int err = 0;

#define X(name) err = err ?: attach(skel->progs.name, &skel->links.name);
	INTERRUPT_PROGRAMS(X)
#undef X
	return err ?: attach(deep ? skel->progs.wait_waking_deep : skel->progs.wait_waking, &skel->links.wait_waking);
}

int waits_attach(struct scry_bpf *skel)
{
	bool deep = skel->rodata->config.native || skel->rodata->config.kernel;
	int err;

	err = attach(deep ? skel->progs.wait_switch_deep : skel->progs.wait_switch, &skel->links.wait_switch) ?:
	      attach(skel->progs.wait_fork, &skel->links.wait_fork);
	return err || !skel->rodata->config.waker ? err : attach_wakers(skel, deep);
}

int waits_begin(struct scry_bpf *skel)
{
	skel->bss->waits_on = 1;
	skel->bss->waits_start = loop_now();
	return look_at_all(skel);
}

void waits_end(struct scry_bpf *skel)
{
	if (!skel->bss->waits_on || skel->bss->waits_end)
		return;
	skel->bss->waits_end = loop_now();
	look_at_all(skel);
	skel->bss->waits_on = 0;
}
