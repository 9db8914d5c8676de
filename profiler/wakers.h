/* SPDX-License-Identifier: GPL-2.0-only */
/* Who ended a wait, as frames below the one that waits. */
#ifndef SCRY_WAKERS_H
#define SCRY_WAKERS_H

#include "capture.h"
#include "stackbook.h"

/*
 * `stack` with the wait's waker below it: a mark that names it, then `waker`, its own stack (CAPTURE_NO_STACK: not known), innermost
 * frame first. known: of the caller's, for this alone. The stack itself where the waker is not known.
 */
uint32_t wakers_below(struct capture_writer *capture, struct stackbook *known, uint32_t stack, uint32_t waker,
		      const struct scry_wait *wait);

#endif
