// SPDX-License-Identifier: GPL-2.0-only
#include "objects.h"

#include <stdlib.h>
#include <string.h>

#include "../../profiler/base/cleanup.h"
#include "../../profiler/remote.h"
#include "python.h"

#define MAX_SLOTS (1u << 20)
#define MAX_TEXT 256	/* characters */
#define MAX_KEY 32
#define CHUNK 256	/* slots read at once */

/* Include/object.h; these bits kept their places. */
enum type_flag {
	INLINE_VALUES = 1 << 2,	/* 3.13+ */
	MANAGED_DICT = 1 << 4,	/* 3.11+ */
	INT_SUBCLASS = 1 << 23,	/* 2.7 */
	LONG_SUBCLASS = 1 << 24,
	BYTES_SUBCLASS = 1 << 27, /* 2.7: str */
	UNICODE_SUBCLASS = 1 << 28,
	DICT_SUBCLASS = 1 << 29,
};

static bool read_at(struct objects *o, __u64 address, void *dst, size_t size)
{
	if (!o->budget || address < 4096)
		return false;
	o->budget--;
	return !remote_read(o->pid, address, dst, size);
}

bool objects_word(struct objects *o, __u64 address, __u64 *ret)
{
	return read_at(o, address, ret, sizeof(*ret));
}

/* A field of an object, which this version must have. */
static bool read_field(struct objects *o, __u64 object, __u16 field, __u64 *ret)
{
	return field && object >= 4096 && objects_word(o, object + OFF(field), ret);
}

static bool read_type(struct objects *o, __u64 object, __u64 *type, __u64 *flags)
{
	return read_field(o, object, o->layout->object_type, type) &&
	       read_field(o, *type, o->layout->type_flags, flags);
}

/* ---- dicts ---- */

static bool view_check(struct object_dict *view, __u64 count)
{
	view->count = count;
	return count <= MAX_SLOTS;
}

/* 2.7: Include/dictobject.h. */
static bool view_table(struct objects *o, __u64 dict, struct object_dict *ret)
{
	__u64 mask;

	*ret = (struct object_dict){ .entry_size = 24, .key_at = 8 };
	return read_field(o, dict, o->layout->dict_mask, &mask) &&
	       read_field(o, dict, o->layout->dict_table, &ret->entries) && mask < MAX_SLOTS &&
	       view_check(ret, mask + 1);
}

/* 3.6 to 3.10, Objects/dict-common.h: indices as wide as the table's size needs. */
static bool view_old_keys(struct objects *o, __u64 keys, __u64 values, struct object_dict *ret)
{
	__u64 size, count;
	unsigned width;

	if (!read_field(o, keys, o->layout->keys_size, &size) ||
	    !read_field(o, keys, o->layout->keys_nentries, &count) || size > 2 * MAX_SLOTS)
		return false;
	width = size <= 0xff ? 1 : size <= 0xffff ? 2 : 4;
	*ret = (struct object_dict){ .entries = keys + OFF(o->layout->keys_indices) + size * width,
				     .values = values,
				     .entry_size = 24,
				     .key_at = 8 };
	return view_check(ret, count);
}

/*
 * 3.11+, Include/internal/pycore_dict.h: sizes as logarithms; tables with str keys alone keep no
 * hashes.
 */
static bool view_new_keys(struct objects *o, __u64 keys, __u64 values, struct object_dict *ret)
{
	const struct python_layout *l = o->layout;
	unsigned char head[64];
	unsigned kind, log2;
	__u64 count;

	if (OFF(l->keys_nentries) + 8 > sizeof(head) || OFF(l->keys_kind) >= sizeof(head) ||
	    OFF(l->keys_log2_index_bytes) >= sizeof(head) ||
	    !read_at(o, keys, head, OFF(l->keys_nentries) + 8))
		return false;
	kind = head[OFF(l->keys_kind)];
	log2 = head[OFF(l->keys_log2_index_bytes)];
	memcpy(&count, head + OFF(l->keys_nentries), sizeof(count));
	if (log2 > 24)
		return false;
	*ret = (struct object_dict){ .entries = keys + OFF(l->keys_indices) + (1u << log2),
				     .values = values,
				     .entry_size = kind ? 16 : 24,
				     .key_at = kind ? 0 : 8 };
	return view_check(ret, count);
}

static bool view_keys(struct objects *o, __u64 keys, __u64 values, struct object_dict *ret)
{
	/* An array of values may begin behind a head of its own. */
	if (values && o->layout->values_items)
		values += OFF(o->layout->values_items);
	return o->layout->keys_size ? view_old_keys(o, keys, values, ret)
				    : view_new_keys(o, keys, values, ret);
}

bool object_dict(struct objects *o, __u64 dict, struct object_dict *ret)
{
	__u64 type, flags, keys, values;

	if (!read_type(o, dict, &type, &flags) || !(flags & DICT_SUBCLASS))
		return false;
	if (o->layout->dict_table)
		return view_table(o, dict, ret);
	return read_field(o, dict, o->layout->dict_keys, &keys) &&
	       read_field(o, dict, o->layout->dict_values, &values) &&
	       view_keys(o, keys, values, ret);
}

/* Values without a dict, named by the keys that all instances of the type share. */
static bool view_values(struct objects *o, __u64 type, __u64 values, struct object_dict *ret)
{
	__u64 keys;

	return read_field(o, type, o->layout->type_cached_keys, &keys) &&
	       view_keys(o, keys, values, ret);
}

/* Values in the object itself, behind its fixed part; `valid` is the fourth byte of their head. */
static bool view_inline(struct objects *o, __u64 object, __u64 type, struct object_dict *ret)
{
	unsigned char head[4];
	__u64 size;

	return read_field(o, type, o->layout->type_basicsize, &size) && size < 65536 &&
	       read_at(o, object + size, head, sizeof(head)) && head[3] &&
	       view_values(o, type, object + size, ret);
}

static bool managed_attributes(struct objects *o, __u64 object, __u64 type, __u64 flags,
			       struct object_dict *ret)
{
	const struct python_layout *l = o->layout;
	__u64 word, values;

	/* Include/internal/pycore_object.h, MANAGED_DICT_OFFSET */
	if (!objects_word(o, object - (l->free_threaded ? 1 : 3) * sizeof(word), &word))
		return false;
	if (l->instance == PYTHON_INSTANCE_VALUES &&
	    objects_word(o, object - 4 * sizeof(word), &values) && values)
		return view_values(o, type, values, ret);
	if (l->instance == PYTHON_INSTANCE_TAGGED && (word & 1))
		return view_values(o, type, word + 1, ret);
	if (l->instance == PYTHON_INSTANCE_INLINE && !word && (flags & INLINE_VALUES))
		return view_inline(o, object, type, ret);
	return object_dict(o, word, ret);
}

bool object_attributes(struct objects *o, __u64 object, struct object_dict *ret)
{
	__u64 type, flags, offset, dict;

	if (!read_type(o, object, &type, &flags))
		return false;
	if (o->layout->instance != PYTHON_INSTANCE_DICT && (flags & MANAGED_DICT))
		return managed_attributes(o, object, type, flags, ret);
	/*
	 * A negative offset counts from the end of an object of variable size, which the ones asked
	 * for are not.
	 */
	return read_field(o, type, o->layout->type_dictoffset, &offset) && offset > 0 &&
	       offset < 65536 && objects_word(o, object + offset, &dict) &&
	       object_dict(o, dict, ret);
}

bool object_module(struct objects *o, __u64 module, struct object_dict *ret)
{
	__u64 dict;

	/* md_dict is the first member behind the object's head in every version. */
	return objects_word(o, module + OFF(o->layout->object_type) + sizeof(dict), &dict) &&
	       object_dict(o, dict, ret);
}

struct slot {
	__u64 key, value;
};

/* The used ones of up to CHUNK slots from `first` on. Returns how many. */
static size_t read_slots(struct objects *o, const struct object_dict *dict, __u32 first,
			 struct slot *ret)
{
	__u32 n = dict->count - first < CHUNK ? dict->count - first : CHUNK;
	unsigned char entries[CHUNK * 24];
	__u64 values[CHUNK];
	size_t used = 0;

	if (!read_at(o, dict->entries + (__u64)first * dict->entry_size, entries,
		     n * dict->entry_size) ||
	    (dict->values && !read_at(o, dict->values + (__u64)first * sizeof(*values), values,
				      n * sizeof(*values))))
		return 0;
	for (__u32 i = 0; i < n; i++) {
		const unsigned char *entry = entries + i * dict->entry_size + dict->key_at;
		struct slot slot;

		memcpy(&slot.key, entry, sizeof(slot.key));
		memcpy(&slot.value, entry + sizeof(slot.key), sizeof(slot.value));
		if (dict->values)
			slot.value = values[i];
		if (slot.key && slot.value)
			ret[used++] = slot;
	}
	return used;
}

void object_dict_each(struct objects *o, const struct object_dict *dict,
		      bool (*each)(void *ctx, __u64 key, __u64 value), void *ctx)
{
	struct slot slots[CHUNK];

	for (__u32 first = 0; first < dict->count; first += CHUNK) {
		size_t n = read_slots(o, dict, first, slots);

		for (size_t i = 0; i < n; i++)
			if (!each(ctx, slots[i].key, slots[i].value))
				return;
	}
}

/* ---- texts ---- */

/* The bits of a str's state word, from the lowest of its kind on: kind (3), compact, ascii. */
static unsigned str_state(const struct python_layout *l, const unsigned char *object)
{
	__u32 state;

	memcpy(&state, object + OFF(l->str_state), sizeof(state));
	return state >> l->str_kind_bit & 0x1f;
}
enum { STATE_KIND = 7, STATE_COMPACT = 8, STATE_ASCII = 16 };

/* Published offsets may say anything: what is read of a str must lie before its text, and fit. */
static bool str_head_fits(const struct python_layout *l, size_t room)
{
	return l->str_ascii && OFF(l->str_ascii) <= room && l->str_state && l->str_length &&
	       OFF(l->str_state) + sizeof(__u32) <= OFF(l->str_ascii) &&
	       OFF(l->str_length) + sizeof(__u64) <= OFF(l->str_ascii);
}

/* Is this copy of the beginning of an object that ASCII text? */
static bool is_text(const struct python_layout *l, const unsigned char *object, const char *text,
		    size_t length)
{
	__u16 size_field = l->str == PYTHON_STR_BYTES ? l->bytes_size : l->str_length;
	__u64 size;

	memcpy(&size, object + OFF(size_field), sizeof(size));
	if (size != length)
		return false;
	if (l->str == PYTHON_STR_BYTES)
		return !memcmp(object + OFF(l->bytes_data), text, length);
	return str_state(l, object) == (1 | STATE_COMPACT | STATE_ASCII) &&
	       !memcmp(object + OFF(l->str_ascii), text, length);
}

bool object_dict_find(struct objects *o, const struct object_dict *dict, const char *key,
		      __u64 *ret)
{
	const struct python_layout *l = o->layout;
	size_t length = strlen(key),
	       size = length + OFF(l->str == PYTHON_STR_BYTES ? l->bytes_data : l->str_ascii);
	unsigned char copies[CHUNK][64 + MAX_KEY];
	struct remote_piece pieces[CHUNK];
	struct slot slots[CHUNK];

	if (size > sizeof(copies[0]) ||
	    (l->str != PYTHON_STR_BYTES && !str_head_fits(l, sizeof(copies[0]))))
		return false;
	for (__u32 first = 0; first < dict->count; first += CHUNK) {
		size_t n = read_slots(o, dict, first, slots);

		/*
		 * No more bytes than the key itself has: a shorter one may end where memory does.
		 */
		for (size_t i = 0; i < n; i++)
			pieces[i] = (struct remote_piece){ .address = slots[i].key,
							   .dst = copies[i],
							   .size = size };
		if (o->budget < n)
			return false;
		o->budget -= n;
		remote_read_pieces(o->pid, pieces, n);
		for (size_t i = 0; i < n; i++)
			if (pieces[i].read && is_text(l, copies[i], key, length)) {
				*ret = slots[i].value;
				return true;
			}
	}
	return false;
}

/* Where a text's characters are. */
struct span {
	__u64 address, chars;
	unsigned kind;
	enum scry_encoding encoding;
};

static bool bytes_span(struct objects *o, __u64 object, struct span *ret)
{
	*ret = (struct span){ .address = object + OFF(o->layout->bytes_data),
			      .kind = 1,
			      .encoding = SCRY_ENCODING_UTF8 };
	return read_field(o, object, o->layout->bytes_size, &ret->chars);
}

static bool str_span(struct objects *o, __u64 object, struct span *ret)
{
	const struct python_layout *l = o->layout;
	unsigned char head[64];
	unsigned state;

	if (l->unicode_data) { /* 2.7 */
		ret->kind = l->unicode_width;
		return read_field(o, object, l->unicode_length, &ret->chars) &&
		       read_field(o, object, l->unicode_data, &ret->address);
	}
	if (!str_head_fits(l, sizeof(head)) || !read_at(o, object, head, OFF(l->str_ascii)))
		return false;
	state = str_state(l, head);
	memcpy(&ret->chars, head + OFF(l->str_length), sizeof(ret->chars));
	ret->kind = state & STATE_KIND;
	ret->address = object + OFF(state & STATE_ASCII ? l->str_ascii : l->str_compact);
	/* Not compact: made by C code in two steps, to 3.11; not worth the way. */
	return (state & STATE_COMPACT) && (ret->kind == 1 || ret->kind == 2 || ret->kind == 4);
}

/* Copy as much as fits without cutting a UTF-8 sequence. */
static void copy_cut(char *dst, const char *src, size_t size)
{
	size_t n = strlen(src);

	if (n >= size)
		for (n = size - 1; n && ((unsigned char)src[n] & 0xc0) == 0x80; n--)
			;
	memcpy(dst, src, n);
	dst[n] = 0;
}

bool object_text(struct objects *o, __u64 object, char *dst, size_t size)
{
	unsigned char bytes[MAX_TEXT * 4];
	_cleanup_free_ char *text = NULL;
	struct span span = { 0 };
	__u64 type, flags;

	if (!read_type(o, object, &type, &flags))
		return false;
	if (flags & UNICODE_SUBCLASS ? !str_span(o, object, &span) :
				       !(flags & BYTES_SUBCLASS) || !bytes_span(o, object, &span))
		return false;
	if (span.chars > MAX_TEXT)
		span.chars = MAX_TEXT;
	if (span.chars && !read_at(o, span.address, bytes, span.chars * span.kind))
		return false;
	text = python_text(bytes, span.chars, span.kind, span.encoding);
	if (!text)
		return false;
	copy_cut(dst, text, size);
	return true;
}

/* ---- int ---- */

bool object_int(struct objects *o, __u64 object, __u64 *ret)
{
	const struct python_layout *l = o->layout;
	__u64 type, flags, size, value = 0;
	__u32 digits[3]; /* of 30 bits */

	if (!read_type(o, object, &type, &flags) || !read_field(o, object, l->int_size, &size))
		return false;
	if (flags & INT_SUBCLASS && l->integer == PYTHON_INT_LONG) {
		*ret = size;
		return (__s64)size >= 0;
	}
	if (!(flags & LONG_SUBCLASS) || (l->integer == PYTHON_INT_TAG && (size & 3) == 2))
		return false;
	if (l->integer == PYTHON_INT_TAG)
		size >>= 3;
	if (size > ARRAY_SIZE(digits) ||
	    !read_at(o, object + OFF(l->int_digits), digits, size * sizeof(*digits) + !size))
		return false;
	for (__u64 i = size; i--;) {
		if (digits[i] >> 30 || value >> 34)
			return false;
		value = value << 30 | digits[i];
	}
	*ret = value;
	return true;
}
