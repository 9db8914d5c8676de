// SPDX-License-Identifier: GPL-2.0-only
#include "probes.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "elf.h"
#include "scry.skel.h"
#include "uprobe_multi.h"

const char *const runtime_event_names[] = { "call", "line", "gc", "import", "exception", "audit", "gil", NULL };
const char *const runtime_method_names[] = { "auto", "usdt", "handlers", "eval", "symbol", NULL };

/* The programs that are attached at places. */
enum program { CODE_DEALLOC, ON_CALL, ON_LUA_CALL, ON_GC, ON_IMPORT, ON_MARKER, ON_GIL, PROGRAM_COUNT };
static const char *const program_names[] = { "code_dealloc", "on_call", "on_lua_call", "on_gc", "on_import", "on_marker",
					     "on_gil" };

static const enum program site_programs[] = {
#define X(name) [RUNTIME_SITE_##name] = ON_CALL,
	RUNTIME_CALL_SITES(X)
#undef X
#define X(name) [RUNTIME_SITE_##name] = ON_LUA_CALL,
	RUNTIME_LUA_CALL_SITES(X)
#undef X
#define X(name) [RUNTIME_SITE_##name] = ON_GC,
	RUNTIME_GC_SITES(X)
#undef X
#define X(name) [RUNTIME_SITE_##name] = ON_IMPORT,
	RUNTIME_IMPORT_SITES(X)
#undef X
#define X(name) [RUNTIME_SITE_##name] = ON_MARKER,
	RUNTIME_MARKER_SITES(X)
#undef X
#define X(name) [RUNTIME_SITE_##name] = ON_GIL,
	RUNTIME_GIL_SITES(X)
#undef X
};

static const enum program event_programs[RUNTIME_EVENT_COUNT] = {
	[RUNTIME_EVENT_CALL] = ON_CALL,
	[RUNTIME_EVENT_LINE] = ON_MARKER,
	[RUNTIME_EVENT_GC] = ON_GC,
	[RUNTIME_EVENT_IMPORT] = ON_IMPORT,
	[RUNTIME_EVENT_EXCEPTION] = ON_CALL, /* at the one site that both have */
	[RUNTIME_EVENT_AUDIT] = ON_MARKER,
	[RUNTIME_EVENT_GIL] = ON_GIL,
};

static struct bpf_program *find_program(const struct scry_bpf *skel, enum program program)
{
	return bpf_object__find_program_by_name(skel->obj, program_names[program]);
}

void probes_choose_programs(struct scry_bpf *skel, unsigned events, unsigned runtimes)
{
	unsigned wanted = 1u << CODE_DEALLOC;

	for (int event = 0; event < RUNTIME_EVENT_COUNT; event++)
		if (events & 1u << event)
			wanted |= 1u << event_programs[event];
	if (events & 1u << RUNTIME_EVENT_CALL && runtimes & 1u << SCRY_RUNTIME_LUA)
		wanted |= 1u << ON_LUA_CALL;
	if (!(runtimes & 1u << SCRY_RUNTIME_PYTHON)) /* it takes the kernel longest to verify */
		wanted &= ~(1u << ON_CALL);
	for (int i = 0; i < PROGRAM_COUNT; i++) {
		bpf_program__set_autoload(find_program(skel, i), wanted & 1u << i);
		if (uprobe_multi_is_there())
			bpf_program__set_expected_attach_type(find_program(skel, i), UPROBE_MULTI_TYPE);
	}
}

bool probes_are_selective(void)
{
	return !uprobe_multi_is_there() || uprobe_multi_knows_processes();
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
	for (int i = 0; i < MAX_BINARIES; i++)
		free(p->places[i]);
	*p = (struct probes){ 0 };
}

uint64_t probes_in(const struct probes *p, pid_t pid)
{
	uint64_t binaries = 0;

	for (size_t i = 0; i < p->count; i++)
		if (p->links[i].pid == pid && !p->links[i].lost)
			binaries |= 1ull << (p->links[i].binary);
	return binaries;
}

void probes_lose(struct probes *p, pid_t pid)
{
	for (size_t i = 0; i < p->count; i++)
		p->links[i].lost |= p->links[i].pid == pid;
}

void probes_drop(struct probes *p, pid_t pid, bool all)
{
	size_t left = 0;

	for (size_t i = 0; i < p->count; i++) {
		if (p->links[i].pid == pid && (all || p->links[i].lost))
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

/* ---- attaching ---- */

#define MAX_PLACES 128 /* of one program in one binary */

/* The places of a binary, gathered before the first is attached. */
struct gathering {
	struct probes *probes;
	__u32 binary; /* index */
	struct place_list {
		__u64 offsets[MAX_PLACES], semaphores[MAX_PLACES], cookies[MAX_PLACES];
		__u32 count;
	} lists[PROGRAM_COUNT];
	bool full;
};

static void add_place(struct gathering *g, enum program program, __u64 offset, __u64 semaphore, __u64 cookie)
{
	struct place_list *list = &g->lists[program];

	for (__u32 i = 0; i < list->count; i++) /* two events may want the same */
		if (list->offsets[i] == offset && list->cookies[i] == cookie)
			return;
	if (list->count == MAX_PLACES) {
		g->full = true;
		return;
	}
	list->offsets[list->count] = offset;
	list->semaphores[list->count] = semaphore;
	list->cookies[list->count++] = cookie;
}

static bool is_entry(enum runtime_site site)
{
	switch (site) {
#define X(name) case RUNTIME_SITE_##name: return true;
	RUNTIME_ENTRY_SITES(X)
#undef X
	default:
		return false;
	}
}

static void add_probe(void *ctx, const struct runtime_probe *probe)
{
	struct gathering *g = ctx;

	if (g->probes->entries && site_programs[probe->site] == ON_CALL && !is_entry(probe->site))
		return;
	if (!probe->for_values || g->probes->values)
		add_place(g, site_programs[probe->site], probe->offset, probe->semaphore, probe->cookie);
}

static int refused(int err, const char *program)
{
	if (err == -EACCES || err == -EPERM)
		return fail(err, "attach %s: this kernel wants CAP_SYS_ADMIN for it: run with sudo", program);
	return err == -ESRCH ? err : fail(err, "attach %s:", program);
}

/* By perf, one by one: kernels before 6.6. */
static int attach_each(struct gathering *g, enum program program, const char *path, pid_t pid)
{
	const struct place_list *list = &g->lists[program];
	struct probes *p = g->probes;
	int err = 0;

	for (__u32 i = 0; i < list->count && !err; i++) {
		LIBBPF_OPTS(bpf_uprobe_opts, options, .ref_ctr_offset = list->semaphores[i], .bpf_cookie = list->cookies[i]);
		struct bpf_link *link = bpf_program__attach_uprobe_opts(find_program(p->skel, program), pid, path,
									list->offsets[i], &options);

		err = link ? keep(p, (struct probe_link){ .link = link, .fd = -1, .pid = pid, .binary = g->binary }) :
			     refused(-errno, program_names[program]);
	}
	return err;
}

static int attach(struct gathering *g, enum program program, const char *path, pid_t pid)
{
	const struct place_list *list = &g->lists[program];
	struct probes *p = g->probes;
	const struct uprobe_places places = { list->offsets, list->semaphores, list->cookies, list->count };
	int fd;

	if (!list->count)
		return 0;
	if (!uprobe_multi_is_there())
		return attach_each(g, program, path, pid);
	fd = uprobe_multi_attach(bpf_program__fd(find_program(p->skel, program)), path, pid < 0 ? 0 : pid, &places);
	if (fd < 0)
		return refused(fd, program_names[program]);
	return keep(p, (struct probe_link){ .fd = fd, .pid = pid, .binary = g->binary });
}

/* ---- events ---- */

/* The methods that see the values that calls return; markers do not. */
static const enum runtime_method value_methods[] = { RUNTIME_METHOD_HANDLERS, RUNTIME_METHOD_EVAL };

static int find_places(struct gathering *g, const struct runtime_binary *binary, const struct elf *elf,
		       enum runtime_event event, enum runtime_method method, char *why, size_t size)
{
	bool values = g->probes->values && event == RUNTIME_EVENT_CALL;
	enum runtime_method *used = &g->probes->used[event];
	int err = -ENOTSUP;

	if (event == RUNTIME_EVENT_CALL && binary->ops->hides_values && (g->probes->values || g->probes->arguments)) {
		snprintf(why, size, "neither arguments nor results are known of %s", binary->ops->name);
		return -ENOTSUP;
	}
	if (values && method == RUNTIME_METHOD_USDT) {
		snprintf(why, size, "markers do not tell the values that calls return");
		return -ENOTSUP;
	}
	if (!values || method != RUNTIME_METHOD_AUTO)
		return binary->ops->probes(binary, elf, event, method, add_probe, g, used, why, size);
	for (size_t i = 0; i < ARRAY_SIZE(value_methods) && err == -ENOTSUP; i++)
		err = binary->ops->probes(binary, elf, event, value_methods[i], add_probe, g, used, why, size);
	return err;
}

static int gather(struct gathering *g, const struct runtime_binary *binary, int fd, unsigned events, enum runtime_method method)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0), err;
	char why[256] = "";
	struct elf *elf;

	if (binary->code_dealloc)
		add_place(g, CODE_DEALLOC, binary->code_dealloc, 0, 0);
	if (binary->code_dealloc_too)
		add_place(g, CODE_DEALLOC, binary->code_dealloc_too, 0, 0);
	if (!events)
		return 0;
	err = own < 0 ? -errno : elf_open(own, &elf);
	if (err)
		return fail(err, "open %s:", binary->path);
	for (int event = 0; event < RUNTIME_EVENT_COUNT && !err; event++) {
		if (!(events & 1u << event))
			continue;
		err = find_places(g, binary, elf, event, method, why, sizeof(why));
		if (err)
			fail(err, "%s: event %s: %s", binary->path, runtime_event_names[event], why);
	}
	elf_close(elf);
	return g->full && !err ? fail(-ENOTSUP, "%s: more than %d places to probe", binary->path, MAX_PLACES) : err;
}

/* A process that executes the same binary again, in a way that ends its probes, is not waited for while it is read again. */
static int look(struct probes *p, const struct runtime_binary *binary, int fd, unsigned events, enum runtime_method method,
		struct gathering **ret)
{
	__u32 index = runtime_binary_index(binary) & (MAX_BINARIES - 1);
	_cleanup_free_ struct gathering *g = NULL;
	int err;

	*ret = p->places[index];
	if (*ret)
		return 0;
	if (p->refused[index])
		return -ENOTSUP;
	if (!binary->code_dealloc && !binary->ops->by_content)
		return fail(-ENOTSUP, "%s: cannot find where code objects are freed, so names could not be exact", binary->path);
	g = calloc(1, sizeof(*g));
	if (!g)
		return fail(-ENOMEM, "out of memory");
	g->probes = p;
	g->binary = index;
	err = gather(g, binary, fd, events, method);
	p->refused[index] = err == -ENOTSUP;
	if (err)
		return err;
	*ret = p->places[index] = g;
	g = NULL;
	return 0;
}

int probes_add(struct probes *p, const struct runtime_binary *binary, int fd, pid_t pid, unsigned events,
	       enum runtime_method method)
{
	struct gathering *g;
	char path[64];
	int err;

	err = look(p, binary, fd, events, method, &g);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (int i = 0; i < PROGRAM_COUNT && !err; i++) {
		if (g->lists[i].count && bpf_program__fd(find_program(p->skel, i)) < 0)
			return fail(-ENOTSUP, "%s: another runtime than when scry began, whose events are not seen", binary->path);
		err = attach(g, i, path, pid);
	}
	return err;
}
