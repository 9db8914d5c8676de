/* SPDX-License-Identifier: GPL-2.0-only */
/* /proc/PID/maps, and the files behind it. */
#ifndef SCRY_PROCMAP_H
#define SCRY_PROCMAP_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A mapping. */
struct procmap {
	__u64 start, end, offset;
	__u64 inode;
	__u32 major, minor; /* of the device, as the kernel's own superblock has it */
	bool executable;
	bool deleted;	    /* " (deleted)" taken off the path */
	char *path;	    /* as the process sees it; \012 decoded; "", or "[vdso]" and its like, where there is no file */
};

struct procmaps {
	struct procmap *maps;
	size_t count;
};

/*
 * The mappings of files; of executable memory, with or without a file. 0 or -errno (-ESRCH: no such process, or it has no
 * memory of its own any more). Prints nothing.
 */
int procmaps_read(pid_t pid, struct procmaps *ret);
int procmaps_read_code(pid_t pid, struct procmaps *ret);
void procmaps_deinit(struct procmaps *maps);

/* Parse the text of a maps file; text is changed. For procmaps_read and its test. */
int procmaps_parse(char *text, struct procmaps *ret);
int procmaps_parse_code(char *text, struct procmaps *ret);

/* The running executable, also when deleted. Descriptor or -errno. */
int procmap_open_exe(pid_t pid);

/*
 * The file behind a mapping: by /proc/PID/map_files (needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN;
 * works for deleted files), else by path below /proc/PID/root, checked by inode. Descriptor or
 * -errno.
 */
int procmap_open(pid_t pid, const struct procmap *map);

/*
 * The kernel's dev_t (major << 20 | minor) of the file system that fd's file is on, as
 * inode->i_sb->s_dev has it: stat's st_dev is another number on btrfs and on overlayfs over several
 * file systems. pid: in whose mounts to look.
 */
__u64 procmap_device(pid_t pid, int fd);

#endif
