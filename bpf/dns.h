/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Names that are looked up: from a query's bytes to a verdict. docs/semantics.md says what rules mean. */
#ifndef PARAPET_DNS_H
#define PARAPET_DNS_H

#include "judge.h"

#define DNS_SHIFT (OP_READ * 4 + WHO_OTHER * 2)   /* DNS_CELL of policy/src/site.ts */
#define DNS_LABEL_MAX 63
#define SUFFIX_LABELS 4

/* Lower case, eight letters at a time. The bytes that say how long a part is are below 'A'. */
static __always_inline void lower_name(struct scratch *s)
{
	__u64 *words = (__u64 *)s->name;

#pragma unroll
	for (int i = 0; i < (NAME_MAX + 1) / 8; i++) {
		__u64 word = words[i], low = word & 0x7f7f7f7f7f7f7f7full;
		__u64 from_a = low + 0x3f3f3f3f3f3f3f3full, above_z = low + 0x2525252525252525ull;
		__u64 upper = (from_a ^ above_z) & ~word & 0x8080808080808080ull;

		words[i] = word | upper >> 2;
	}
}

/* Adds the next part of the name. Ends at the name's end, or at what is no part: then name_len stays 0. */
static long read_label(__u32 turn, struct naming *naming)
{
	struct scratch *s = naming->s;
	__u32 at = s->next, length;
	struct component *component;

	if (at > NAME_MAX)
		return 1;
	length = (__u8)s->name[at];
	if (!length) {
		s->name_len = at + 1;
		return 1;
	}
	at = s->count;
	if (length > DNS_LABEL_MAX || at >= NEAR_COMPONENTS)
		return 1;
	asm volatile("%0 &= 127" : "+r"(at));
	component = &s->components[at];
	component->name = (__u64)s->name + s->next + 1;
	component->len = length;
	s->count = at + 1;
	s->next += length + 1;
	return 0;
}

/* Reads the name in s->name, of which `given` bytes are there; false when it does not end in them. The first part becomes the first component. */
static __always_inline bool read_name(struct scratch *s, __u32 given)
{
	struct naming naming = { .s = s };

	lower_name(s);
	s->count = 0;
	s->next = 0;
	s->name_len = 0;
	bpf_loop(NEAR_COMPONENTS, read_label, &naming, 0);
	return s->name_len && s->name_len <= given;
}

static __always_inline bool is_label(struct scratch *s, __u32 from_top, __u64 text, __u32 length)
{
	__u32 at = s->count - from_top;
	__u64 bytes = 0;

	if (s->count < from_top)
		return false;
	asm volatile("%0 &= 127" : "+r"(at));
	if (s->components[at].len != length)
		return false;
	bpf_probe_read_kernel(&bytes, length, (void *)s->components[at].name);
	return bytes == text;
}

static long step_to_label(__u32 turn, struct descent *descent)
{
	struct node *node = step(descent->s, descent->id, descent->lengths);

	if (!node)
		return 1;
	descent->id = node->id;
	descent->lengths = node->lengths;
	if (descent->s->left)
		return 0;
	weigh(descent->s, node, descent->shift);
	return !descent->s->next;
}

/* What the rules say about the name without its last `suffix` parts. */
__noinline int match_name(__u32 slot, __u32 suffix)
{
	struct descent descent = { .s = scratch_at(slot), .shift = DNS_SHIFT };
	struct table *table;

	if (!descent.s)
		return VERDICT_NONE;
	table = table_at(descent.s->subject.table);
	if (!table)
		return VERDICT_NONE;
	descent.s->decision.verdict = VERDICT_NONE;
	if (!table->dns_root || descent.s->count <= suffix)
		return VERDICT_NONE;
	descent.id = table->dns_root;
	descent.lengths = ~0u; /* of the root's edges: not stored */
	descent.s->next = descent.s->count - suffix;
	descent.s->left = 0;
	bpf_loop(MAX_EDGES, step_to_label, &descent, 0);
	return descent.s->decision.verdict;
}

/* Decides about the name in the components. Where no rule is about it, what the search list of a pod's resolver puts behind a name is left
 * out: .NAMESPACE.svc.cluster.local, .svc.cluster.local, .cluster.local. Returns the verdict. */
__noinline int decide_name(__u32 slot)
{
	struct scratch *s = scratch_at(slot);
	struct table *table;

	if (!s)
		return VERDICT_BLOCK;
	table = table_at(s->subject.table);
	if (!table)
		return VERDICT_BLOCK;
	s->decision.reason = 0;
	s->decision.op = OP_READ;
	if (match_name(slot, 0))
		return s->decision.verdict;
	if (is_label(s, 1, 0x6c61636f6cull, 5) && is_label(s, 2, 0x72657473756c63ull, 7)) { /* local, cluster */
		if (is_label(s, 3, 0x637673ull, 3)) { /* svc */
			if (match_name(slot, 4) || match_name(slot, 3))
				return s->decision.verdict;
		}
		if (match_name(slot, 2))
			return s->decision.verdict;
	}
	s->decision.verdict = default_verdict(table, CLASS_DNS);
	s->decision.site = SITE_DEFAULT;
	s->decision.source = 0;
	s->decision.node = 0;
	return s->decision.verdict;
}

#endif
