/* SPDX-License-Identifier: GPL-2.0-only */
/* Questions to user space about a process. */
#ifndef SCRY_BPF_ASK_H
#define SCRY_BPF_ASK_H

#include "maps.h"

/* Ask by a record of this kind, and not again before some ns have passed, which double from first to last. */
static __always_inline void ask_seldom(void *asked_before, __u32 kind, __u32 pid, __u64 first_ns, __u64 last_ns)
{
	struct scry_record ask = { .kind = kind, .pid = pid, .time = bpf_ktime_get_ns() };
	struct scry_asked first = { .next = ask.time + first_ns, .wait = first_ns };
	struct scry_asked *last = bpf_map_lookup_elem(asked_before, &pid);

	if (last) {
		if (ask.time < last->next)
			return;
		last->wait = last->wait < last_ns ? last->wait * 2 : last_ns;
		last->next = ask.time + last->wait;
	} else {
		bpf_map_update_elem(asked_before, &pid, &first, BPF_ANY);
	}
	bpf_ringbuf_output(&events, &ask, sizeof(ask), BPF_RB_FORCE_WAKEUP);
}

#endif
