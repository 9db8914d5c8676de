// SPDX-License-Identifier: GPL-2.0-only
/* Stacks by key: each is sent once, then named by 16 bytes. */
#include "waits.h"

#define INTERN_CHUNK 64 /* words */
/* Two independent multipliers with bits well mixed (odd; from the golden ratio, and from pi). */
#define MIX_A 0x9e3779b97f4a7c15ULL
#define MIX_B 0xc4ceb9fe1a85ec53ULL

static __always_inline void intern_mix(struct scry_stack_key *key, __u64 word)
{
	key->a = (key->a ^ word) * MIX_A;
	key->a ^= key->a >> 32;
	key->b = (key->b + word) * MIX_B;
	key->b ^= key->b >> 29;
}

/* Over the next chunk of words. 1: that was the last. */
__noinline int intern_chunk(__u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);
	struct scry_stack_key key;
	__u32 at, words;

	if (!s)
		return 1;
	key = s->intern.key;
	at = s->intern.at;
	words = s->intern.words;
	for (int i = 0; i < INTERN_CHUNK; i++, at++) {
		__u32 word = at;

		barrier_var(word); /* else it is a pointer that runs along, of which the verifier knows no bounds */
		if (word >= words || word >= sizeof(s->frames) / sizeof(__u64))
			break;
		intern_mix(&key, ((__u64 *)s->frames)[word]);
	}
	s->intern.key = key;
	s->intern.at = at;
	return at >= words;
}

#define INTERN_ROUNDS 16

__noinline int intern_far(__u32 slot)
{
	for (int i = 0; i < INTERN_ROUNDS; i++)
		if (intern_chunk(slot))
			return 1;
	return 0;
}

__noinline int stack_intern(__u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);
	struct scry_stack_key key;
	__u8 yes = 1;

	if (!s)
		return SCRY_WALK_STACK_LOST;
	s->intern.words = stack_frames(&s->sample);
	s->intern.at = 0;
	s->intern.key.a = stack_shape(&s->sample);
	s->intern.key.b = MIX_A;
	for (int i = 0; i <= (int)(sizeof(s->frames) / sizeof(__u64) / INTERN_CHUNK / INTERN_ROUNDS); i++)
		if (intern_far(slot))
			break;
	intern_mix(&s->intern.key, s->intern.words);
	s->intern.key.b |= 1; /* never 0 */
	key = s->intern.key;
	if (bpf_map_lookup_elem(&stacks, &key))
		return SCRY_WALK_OK;
	s->sample.key = key;
	if (s->intern.words > sizeof(s->frames) / sizeof(__u64) ||
	    emit(&s->sample, sizeof(s->sample) + s->intern.words * sizeof(struct scry_frame)))
		return SCRY_WALK_STACK_LOST;
	/* First told, then entered: whoever finds it can be sure that it is on its way before him. */
	return bpf_map_update_elem(&stacks, &key, &yes, BPF_ANY) ? SCRY_WALK_STACKS_FULL : SCRY_WALK_OK;
}
