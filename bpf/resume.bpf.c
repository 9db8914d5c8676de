// SPDX-License-Identifier: GPL-2.0-only
/*
 * RESUME begins anew, after it has
 * - brought the code's instrumentation up to date (3.12+: sys.monitoring, sys.setprofile and sys.settrace change the interpreter's
 *   version of it), not always where it is out of date: not while such a function is being called (3.13+);
 * - found the thread's own copy of the code (3.14+ without the GIL), which the frame goes on in.
 * (Python/bytecodes.c: RESUME, INSTRUMENTED_RESUME; Include/internal/pycore_interpframe.h: _PyFrame_InitializeTLBC.)
 * So the first of two is counted, and the second known by what has changed between them.
 */
#include "python.h"
#include "resume.h"

/* The version of the interpreter that runs the thread, and where it is; 0: not known. */
static __always_inline __u64 resume_version(struct scry_thread *thread, const struct python_layout *l, struct scry_scratch *s,
					    __u32 slot)
{
	__u64 interp;

	thread->resume.version_at = 0;
	if (!s->walk.state)
		python_current(slot);
	interp = s->walk.state ? walk_pointer(s->walk.state + OFF(l->tstate_interp)) : 0;
	if (interp)
		thread->resume.version_at = interp + OFF(l->interp_monitoring);
	return interp ? walk_pointer(thread->resume.version_at) : 0;
}

/*
 * A frame begins in the thread's copy, or where it has none yet, in the first one. A generator begins in any: then the thread's is
 * known by the functions that it has called.
 */
static __always_inline bool resume_moved(const struct scry_resume *last, __u32 copy, bool resumed)
{
	return last->copy != copy && (resumed ? last->copy + 1 != last->home : last->copy == 0);
}

__noinline int resume_again(struct scry_thread *thread, __u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);
	const struct scry_python *py = s ? python_of(s) : 0;
	struct scry_resume *last;
	__u64 version, current;
	bool resumed, again;
	__u32 copy = 0;

	if (!py || !thread || !py->layout.interp_monitoring)
		return 0;
	last = &thread->resume;
	current = resume_version(thread, &py->layout, s, slot);
	version = last->version_at ? walk_pointer(s->here.address + OFF(py->layout.code_monitoring)) : current;
	if (py->layout.frame_tlbc_index)
		walk_read(&copy, sizeof(copy), s->here.frame + OFF(py->layout.frame_tlbc_index));
	resumed = s->here.at > s->here.first;
	again = last->frame == s->here.frame && last->code == s->here.code && last->resumed == resumed &&
		((last->outdated && last->version != version) || resume_moved(last, copy, resumed));
	last->frame = s->here.frame;
	last->version = version;
	last->current = current;
	last->code = s->here.code;
	last->copy = copy;
	if (!resumed || again)
		last->home = copy + 1;
	last->resumed = resumed;
	last->outdated = version != current;
	return again;
}
