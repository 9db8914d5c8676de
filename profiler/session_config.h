/* SPDX-License-Identifier: GPL-2.0-only */
/* What a session's options mean to its BPF programs, before they are loaded: constants, sizes of maps, which programs. */
#ifndef SCRY_SESSION_CONFIG_H
#define SCRY_SESSION_CONFIG_H

#include "session.h"

struct scry_bpf;

/* The constants. cpus: how many the machine may have. 0 or -errno, reported. */
int session_configure(struct scry_bpf *skel, const struct session_options *options, int cpus);

/* The maps, and the programs to load: what no event needs stays small or out. */
void session_size_maps(struct scry_bpf *skel, const struct session_options *options, int cpus);

/* Do samples carry frames that are not interpreted? */
bool session_is_deep(const struct session_options *options);

/* The program that takes its samples. */
struct bpf_program *session_sampler(struct scry_bpf *skel, const struct session_options *options);

#endif
