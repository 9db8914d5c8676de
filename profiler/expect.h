/* SPDX-License-Identifier: GPL-2.0-only */
/* The files that a command will run, known before it is started. */
#ifndef SCRY_EXPECT_H
#define SCRY_EXPECT_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * As execvp finds it: by PATH where the name has no slash; for a script, the program that its first line names, also
 * behind env. The caller frees it; NULL: there is none, or memory is out.
 */
char *expect_program(const char *name);

/*
 * The library, of those that a program needs itself, that `wanted` says yes to: looked for where the program says, in
 * LD_LIBRARY_PATH and in the usual folders, as the dynamic linker does (ld.so(8)). root: where the program has its "/" ("": where we
 * have it); both paths are without it. The caller frees it; NULL: none was found.
 */
char *expect_library(const char *root, const char *program, bool (*wanted)(const char *name));

/* The file a process runs, as it sees it itself, wherever its root and its mounts are. The caller frees it; NULL: not known. */
char *expect_running(pid_t pid);

#endif
