/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Python objects of another process, read while it runs: any of them may change or go meanwhile.
 * Every function says false where what it reads is not of the expected type or size; what was read
 * once is a copy and stays.
 */
#ifndef SCRY_PYTHON_OBJECTS_H
#define SCRY_PYTHON_OBJECTS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct python_layout;

struct objects {
	pid_t pid;
	const struct python_layout *layout;
	unsigned budget; /* reads left: ends what a hostile heap would make endless */
};

bool objects_word(struct objects *objects, __u64 address, __u64 *ret);

/*
 * A dict, or the attributes of an instance: entries of keys, and values beside them or in an array
 * of their own.
 */
struct object_dict {
	__u64 entries, values; /* values 0: in the entries */
	__u32 count;	       /* slots, used or not */
	__u8 entry_size, key_at;
};
bool object_dict(struct objects *objects, __u64 dict, struct object_dict *ret);
bool object_attributes(struct objects *objects, __u64 object, struct object_dict *ret);

/* The value of an ASCII key. */
bool object_dict_find(struct objects *objects, const struct object_dict *dict, const char *key,
		      __u64 *ret);
/* Calls each for every used slot until it returns false. */
void object_dict_each(struct objects *objects, const struct object_dict *dict,
		      bool (*each)(void *ctx, __u64 key, __u64 value), void *ctx);

/* __dict__ of a module. */
bool object_module(struct objects *objects, __u64 module, struct object_dict *ret);

/* A str (2.7: or unicode) as UTF-8, cut to fit. */
bool object_text(struct objects *objects, __u64 object, char *dst, size_t size);
/* An int that is not negative and fits. */
bool object_int(struct objects *objects, __u64 object, __u64 *ret);

#endif
