/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stack of a thread of another process, now, by the walker that runs in the kernel. The process is not stopped: of a
 * thread that waits the stack is exact, one that runs may change it meanwhile, which is found by walking again.
 */
#ifndef SCRY_PYTHON_HOST_H
#define SCRY_PYTHON_HOST_H

#include "../host.h"
#include "../runtime.h"

struct python_host_frame {
	const struct code_name *code; /* owned by the stack */
	__u64 address;		      /* of the code object */
	int at;			      /* byte offset of the instruction; SCRY_AT_NONE before the first */
	int line;
};

struct python_stack {
	enum scry_walk_error error; /* frames[] holds what was read before it */
	bool steady;		    /* a second walk saw the same frames */
	size_t count;
	struct python_host_frame *frames; /* leaf first, the interpreter's own helpers left out */
	struct python_code *codes;	  /* what the frames refer to; private */
	size_t code_count;
};

/*
 * Walk the thread whose thread pointer (pthread_self) is given, at most max_stack frames (up to SCRY_MAX_STACK). 0, or
 * -ENOMEM; -ESRCH, -EPERM: the process cannot be read. Prints nothing. Free with python_stack_deinit, whatever it returns.
 */
int python_host_walk(const struct runtime_binary *binary, pid_t pid, __u64 bias, __u64 thread_pointer,
		     unsigned int max_stack, struct python_stack *ret);

/* The same where memory is read as `memory` says, once: steady is false. */
int python_host_walk_memory(const struct runtime_binary *binary, const struct walk_memory *memory, __u64 bias,
			    __u64 thread_pointer, unsigned int max_stack, struct python_stack *ret);

void python_stack_deinit(struct python_stack *stack);

#endif
