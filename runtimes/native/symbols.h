/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of native code: of one binary, by addresses in it. Everything is looked up on this machine: in the binary, in its debug
 * file where one is installed. Opened while the process lives, read when first asked.
 */
#ifndef SCRY_NATIVE_SYMBOLS_H
#define SCRY_NATIVE_SYMBOLS_H

#include <linux/types.h>
#include <stdbool.h>
#include <sys/types.h>

struct native_symbols;

/* One function at an address. The texts are raw, and live until the next look-up in the same binary. */
struct native_function {
	const char *name; /* demangled; "[libfoo.so+0x1234]" where there is none */
	const char *file; /* path of the binary; of the source where that is known and was asked for */
	int line;	  /* where it is defined, 0: not known */
	int at;		  /* line being executed, 0: not known */
};

/*
 * Take the file fd, which a process maps as `path`. pid: whose file system is searched for debug files too; 0: ours alone.
 * inlined: source lines and inlined functions are wanted. 0, or -errno (-ENOEXEC: no ELF file of this machine's kind), not
 * reported; fd is ours in any case.
 */
int native_symbols_open(int fd, const char *path, pid_t pid, bool inlined, struct native_symbols **ret);
void native_symbols_close(struct native_symbols *symbols); /* NULL is allowed */

/*
 * The functions at a link-time address, the innermost first: one, or with inlined ones several, through add. Of a caller's
 * frame the address is that of the call, so the return address less one.
 */
void native_symbols_find(struct native_symbols *symbols, __u64 address,
			 void (*add)(void *ctx, const struct native_function *function), void *ctx);

/* What the tables of all binaries that are open have cost. */
struct native_symbols_cost {
	unsigned binaries; /* of which anything was asked */
	size_t bytes;
	__u64 ns;
};
struct native_symbols_cost native_symbols_cost(void);

#endif
