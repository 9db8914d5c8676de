/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this folder share. */
#ifndef SCRY_LUA_H
#define SCRY_LUA_H

#include "../../profiler/elf.h"
#include "../runtime.h"
#include "layout.h"

/* ---- layout.c ---- */

#define LUA_RELEASE(major, minor, patch) ((major) << 16 | (minor) << 8 | (patch))

struct lua_row {
	unsigned release;
	const char *name; /* "table row 5.4.3": what `scry list` says */
	struct lua_layout layout;
};

/* The row of a release; NULL: its minor version is not known. */
const struct lua_row *lua_row(unsigned release);
/* Set how much is read at once. */
void lua_layout_spans(struct lua_layout *layout);
/* "5.1 to 5.5" */
extern const char lua_known_versions[];

/* Names and places of the fields, in the order of the struct. */
struct lua_field {
	const char *name;
	size_t at; /* of a __u16 in struct lua_layout */
};
extern const struct lua_field lua_fields[];
extern const size_t lua_field_count;

/* ---- detect.c ---- */

/* LUA_RELEASE() of the Lua in a file; 0: it has none. */
unsigned lua_release_of(const struct elf *elf);

/* ---- load.c ---- */

/* Have the places be probed where a function (lua_load) returns that all new ones come from. false: the file does not tell them. */
bool lua_watch_load(const struct elf *elf, const char *name, struct runtime_binary *ret);

/* ---- jit_detect.c ---- */

/* What lua_recognise() does, but for the build id and its like. */
int jit_recognise(const struct elf *elf, struct runtime_binary *ret, char *why, size_t size);

/* ---- cfunction.c ---- */

/* A C function's symbol; where there is none its place: "C function <liblua5.4.so.0+0x1234>". Caller frees; NULL: no memory. */
char *lua_c_name(pid_t pid, __u64 address);

/* ---- the members of lua_runtime ---- */

int lua_recognise(const struct elf *elf, const char *path, pid_t pid, __u64 bias, struct runtime_binary *ret, char *why,
		  size_t size);
int lua_decode(const struct runtime_binary *binary, const struct scry_code *code, size_t size, struct code_name *ret);
int lua_line(const struct runtime_binary *binary, const struct code_name *code, int at);
bool lua_call_name(const struct runtime_binary *binary, const struct code_name *callee, const struct code_name *caller,
		   int at, char *name, size_t size);
int lua_probes(const struct runtime_binary *binary, const struct elf *elf, enum runtime_event event,
	       enum runtime_method method, void (*add)(void *ctx, const struct runtime_probe *probe), void *ctx,
	       enum runtime_method *used, char *why, size_t size);
int lua_eval(const struct elf *elf, struct elf_range *ret, size_t max);
void lua_events(const struct runtime_binary *binary, const struct elf *elf,
		void (*add)(void *ctx, const char *event, const char *method, const char *place), void *ctx);

extern const struct runtime_ops lua_runtime;

#endif
