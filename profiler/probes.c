// SPDX-License-Identifier: GPL-2.0-only
#include "probes.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../bpf/config.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "elf.h"
#include "scry.skel.h"
#include "uprobe_multi.h"

const char *const runtime_event_names[] = { "call", "line", "gc", "import", "exception", "audit", NULL };
const char *const runtime_method_names[] = { "auto", "usdt", "handlers", "eval", "symbol", NULL };

/* A site's program is named after it. */
static const char *const site_programs[] = {
#define X(name) "on_" #name,
	RUNTIME_SITES(X)
#undef X
};

/* Sites that an event may need, in one version or another. */
#define SITE(name) (1u << RUNTIME_SITE_##name)
static const unsigned event_sites[RUNTIME_EVENT_COUNT] = {
	[RUNTIME_EVENT_CALL] = SITE(eval_entry) | SITE(eval_return) | SITE(eval_throw) | SITE(resume) | SITE(return_value) |
			       SITE(yield_value) | SITE(frame_pop) | SITE(traceback) | SITE(function_entry) |
			       SITE(function_return) | SITE(line),
	[RUNTIME_EVENT_LINE] = SITE(line),
	[RUNTIME_EVENT_GC] = SITE(gc_start) | SITE(gc_done) | SITE(collect_entry) | SITE(collect_return),
	[RUNTIME_EVENT_IMPORT] = SITE(import_start) | SITE(import_done) | SITE(import_entry) | SITE(import_return),
	[RUNTIME_EVENT_EXCEPTION] = SITE(traceback),
	[RUNTIME_EVENT_AUDIT] = SITE(audit),
};

bool probes_may_use(const char *program, unsigned events)
{
	for (int site = 0; site < RUNTIME_SITE_COUNT; site++)
		for (int event = 0; event < RUNTIME_EVENT_COUNT; event++)
			if (events & 1u << event && event_sites[event] & 1u << site &&
			    !strcmp(program, site_programs[site]))
				return true;
	return false;
}

void probes_init(struct probes *p, struct scry_bpf *skel)
{
	*p = (struct probes){ .skel = skel };
}

static void release(const struct probe_link *held)
{
	if (held->link)
		bpf_link__destroy(held->link);
	else
		close(held->fd);
}

void probes_deinit(struct probes *p)
{
	for (size_t i = 0; i < p->count; i++)
		release(&p->links[i]);
	free(p->links);
	*p = (struct probes){ 0 };
}

void probes_drop(struct probes *p, pid_t pid, size_t count)
{
	size_t left = 0;

	for (size_t i = 0; i < p->count; i++) {
		if (i < count && p->links[i].pid == pid)
			release(&p->links[i]);
		else
			p->links[left++] = p->links[i];
	}
	p->count = left;
}

static int keep(struct probes *p, struct probe_link held)
{
	struct probe_link *links = realloc(p->links, (p->count + 1) * sizeof(*links));

	if (!links) {
		release(&held);
		return fail(-ENOMEM, "out of memory");
	}
	p->links = links;
	p->links[p->count++] = held;
	return 0;
}

static int keep_link(struct probes *p, struct bpf_link *link, pid_t pid, const char *program)
{
	if (link)
		return keep(p, (struct probe_link){ .link = link, .fd = -1, .pid = pid });
	if (errno == EACCES || errno == EPERM)
		return fail(-errno, "attach %s: this kernel wants CAP_SYS_ADMIN for it: run with sudo", program);
	return errno == ESRCH ? -ESRCH : fail(-errno, "attach %s:", program);
}

int probes_watch_code(struct probes *p, int fd, __u64 offset)
{
	char path[64];
	int held;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	held = uprobe_multi_attach(bpf_program__fd(p->skel->progs.code_dealloc), path, offset);
	if (held < 0)
		return fail(held, "watch code objects:");
	return keep(p, (struct probe_link){ .fd = held, .pid = -1 });
}

int probes_add_at(struct probes *p, const char *program, int fd, pid_t pid, __u64 offset, __u64 semaphore, __u64 cookie)
{
	LIBBPF_OPTS(bpf_uprobe_opts, options, .ref_ctr_offset = semaphore, .bpf_cookie = cookie);
	struct bpf_program *prog = bpf_object__find_program_by_name(p->skel->obj, program);
	char path[64];

	if (!prog)
		return fail(-ENOENT, "no program for %s", program);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return keep_link(p, bpf_program__attach_uprobe_opts(prog, pid, path, offset, &options), pid, program);
}

static int add_marker(struct probes *p, const char *program, int fd, pid_t pid, const char *marker)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(p->skel->obj, program);
	char path[64];

	if (!prog)
		return fail(-ENOENT, "no program for %s", program);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return keep_link(p, bpf_program__attach_usdt(prog, pid, path, "python", marker, NULL), pid, program);
}

struct adding {
	struct probes *probes;
	int fd, err;
	pid_t pid;
};

static void add_probe(void *ctx, const struct runtime_probe *probe)
{
	struct adding *a = ctx;
	const char *program = site_programs[probe->site];

	if (a->err || (probe->for_values && !a->probes->values))
		return;
	if (probe->marker)
		a->err = add_marker(a->probes, program, a->fd, a->pid, probe->marker);
	else
		a->err = probes_add_at(a->probes, program, a->fd, a->pid, probe->offset, probe->semaphore,
				       probe->cookie);
}

/* The methods that see the values that calls return; markers do not. */
static const enum runtime_method value_methods[] = { RUNTIME_METHOD_HANDLERS, RUNTIME_METHOD_EVAL };

static int find_probes(struct adding *a, const struct runtime_binary *binary, const struct elf *elf, enum runtime_event event,
		       enum runtime_method method, char *why, size_t size)
{
	bool values = a->probes->values && event == RUNTIME_EVENT_CALL;
	enum runtime_method *used = &a->probes->used[event];
	int err = -ENOTSUP;

	if (values && method == RUNTIME_METHOD_USDT) {
		snprintf(why, size, "markers do not tell the values that calls return");
		return -ENOTSUP;
	}
	if (!values || method != RUNTIME_METHOD_AUTO)
		return binary->ops->probes(binary, elf, event, method, add_probe, a, used, why, size);
	for (size_t i = 0; i < ARRAY_SIZE(value_methods) && err == -ENOTSUP; i++)
		err = binary->ops->probes(binary, elf, event, value_methods[i], add_probe, a, used, why, size);
	return err;
}

int probes_add_event(struct probes *p, const struct runtime_binary *binary, int fd, pid_t pid, enum runtime_event event,
		     enum runtime_method method)
{
	struct adding a = { .probes = p, .fd = fd, .pid = pid };
	char why[256] = "";
	struct elf *elf;
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0), err = own < 0 ? -errno : elf_open(own, &elf);

	if (err)
		return fail(err, "open %s:", binary->path);
	err = find_probes(&a, binary, elf, event, method, why, sizeof(why));
	elf_close(elf);
	if (err)
		return fail(err, "%s: event %s: %s", binary->path, runtime_event_names[event], why);
	return a.err;
}
