/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The rules: a walked path through a trie, and masks for what has no path. docs/semantics.md says what they mean. */
#ifndef PARAPET_MATCH_H
#define PARAPET_MATCH_H

#include "kernel.h"
#include "scratch.h"

#define MAX_EDGES 2304   /* more than the longest rule has: 2,047 components, or 4,095 bytes in 24s */

static __always_inline struct table *table_at(__u32 index)
{
	return bpf_map_lookup_elem(&tables, &index);
}

/* Follows the edge for the next bytes of the path; NULL when no rule goes that way, which the length alone tells in most cases. The caller has
 * seen that bytes are left. */
static __always_inline struct node *step(struct scratch *s, __u32 node, __u32 lengths)
{
	struct node_key *key = &s->key;
	__u64 left = s->left, take;

	if (!left) {
		__u32 at = s->next - 1;
		struct component *component = component_at(s, at);

		if (!component)
			return NULL;
		s->next = at;
		s->cursor = component->name;
		left = component->len;
		if (!left || left > NAME_MAX)
			return NULL;
	}
	if (!((lengths >> (left & 31)) & 1))
		return NULL;
	take = left < NAME_CHUNK ? left : NAME_CHUNK;
	asm volatile("%0 &= 31" : "+r"(take));
	__builtin_memset(key->name, 0, NAME_CHUNK);
	if (take > NAME_CHUNK || bpf_probe_read_kernel(key->name, take, (void *)s->cursor))
		return NULL;
	key->node = node;
	key->len = left;
	s->cursor += take;
	s->left = left - take;
	return bpf_map_lookup_elem(&nodes, key);
}

static __always_inline __u32 word_for(struct words *words, __u32 remaining)
{
	return remaining == 0 ? words->exact : remaining == 1 ? words->child : words->deep;
}

struct said { __u32 verdict; __u32 source; };

/* What a node says: a rule for the source, else a rule for any. */
static __always_inline struct said said_at(struct scratch *s, struct node *node, __u32 shift)
{
	__u32 remaining = s->next, source = s->subject.source;
	struct said said = { .verdict = (word_for(&node->words, remaining) >> shift) & 3 };

	if (source && (node->source_mask >> (source & 63)) & 1) {
		struct source_key key = { .node = node->id, .source = source };
		struct words *words = bpf_map_lookup_elem(&node_sources, &key);
		__u32 own = words ? (word_for(words, remaining) >> shift) & 3 : 0;

		if (own) {
			said.verdict = own;
			said.source = source;
		}
	}
	return said;
}

/* Takes what this node says, if it says anything, over what nodes above said: deeper wins. */
static __always_inline void weigh(struct scratch *s, struct node *node, __u32 shift)
{
	struct said said = said_at(s, node, shift);
	__u32 remaining = s->next;

	if (!said.verdict)
		return;
	s->decision.verdict = said.verdict;
	s->decision.site = remaining == 0 ? SITE_EXACT : remaining == 1 ? SITE_CHILD : SITE_DEEP;
	s->decision.node = node->id;
	s->decision.source = said.source;
	s->rank = 2 * (s->count - remaining);
}

struct descent { struct scratch *s; struct node *node; __u32 id; __u32 lengths; __u32 shift; };

static long weigh_and_step(__u32 turn, struct descent *descent)
{
	struct scratch *s = descent->s;
	struct node *node = descent->node;

	if (!node) /* never: but newer verifiers do not take the 1 below for the end of the loop */
		return 1;
	if (!s->left) {
		weigh(s, node, descent->shift);
		if (!s->next)
			return 1;
	}
	descent->node = step(s, node->id, node->lengths);
	return !descent->node;
}

/* What rules for paths and directories say about the walked path; fills s->decision and s->rank, VERDICT_NONE where none matches. `shift`
 * selects the cell. */
__noinline int match_tree(__u32 slot, __u32 shift)
{
	struct descent descent = { .s = scratch_at(slot), .shift = shift & 31 };
	struct table *table;

	if (!descent.s)
		return 0;
	table = table_at(descent.s->subject.table);
	if (!table)
		return 0;
	descent.s->decision.verdict = VERDICT_NONE;
	descent.s->rank = 0;
	descent.s->next = descent.s->count;
	descent.s->left = 0;
	descent.node = &table->top;
	bpf_loop(MAX_EDGES, weigh_and_step, &descent, 0);
	return 0;
}

/* Leaves the class in `shift`. */
static long step_to_source(__u32 turn, struct descent *descent)
{
	struct node *node = step(descent->s, descent->id, descent->lengths);

	if (!node)
		return 1;
	descent->id = node->id;
	descent->lengths = node->lengths;
	if (descent->s->left)
		return 0;
	descent->shift = word_for(&node->words, descent->s->next);
	return !descent->s->next;
}

/* The source class of the walked path, 0 if no rule names it. A node's words hold also for what was named above it. */
__noinline int match_source(__u32 slot)
{
	struct descent descent = { .s = scratch_at(slot) };
	struct table *table;

	if (!descent.s)
		return 0;
	table = table_at(descent.s->subject.table);
	if (!table || !table->source_root || !descent.s->count)
		return 0;
	descent.id = table->source_root;
	descent.lengths = table->source_lengths;
	descent.s->next = descent.s->count;
	descent.s->left = 0;
	descent.shift = word_for(&table->source_top, descent.s->count);
	bpf_loop(MAX_EDGES, step_to_source, &descent, 0);
	return descent.shift;
}

/* The class's verdict where no rule matches: its posture if it is an allow-list. */
static __always_inline __u32 default_verdict(struct table *table, __u32 class)
{
	return (table->defaults >> ((class & 15) * 2)) & 3;
}

/* The protocol of an internet socket; 0 is the type's own. */
static __always_inline __u32 own_protocol(__u32 type, __u32 protocol)
{
	if (protocol)
		return protocol;
	return type == SOCK_STREAM ? IPPROTO_TCP : type == SOCK_DGRAM ? IPPROTO_UDP : type == SOCK_SEQPACKET ? IPPROTO_SCTP : 0;
}

/* Is it TCP, or what carries its streams over TCP? */
static __always_inline bool is_tcp(__u32 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP || protocol == IPPROTO_SMC;
}

/* The names by which a network rule can mean a socket, as bits 1 << enum net_name. */
static __always_inline __u64 network_names(__u32 family, __u32 type, __u32 protocol)
{
	__u64 names = 1 << NET_ALL;

	if (family == AF_INET || family == AF_INET6) {
		protocol = own_protocol(type, protocol);
		if (is_tcp(protocol))
			names |= 1 << NET_TCP;
		else if (protocol == IPPROTO_UDP)
			names |= 1 << NET_UDP;
		else if (protocol == IPPROTO_SCTP)
			names |= 1 << NET_SCTP;
		else if (protocol == IPPROTO_ICMP && family == AF_INET)
			names |= 1 << NET_ICMP;
		else if (protocol == IPPROTO_ICMPV6 && family == AF_INET6)
			names |= 1 << NET_ICMPV6;
	} else if (family == AF_SMC) {
		names |= 1 << NET_TCP;
	} else if (family == AF_RXRPC) {
		names |= 1 << NET_UDP;
	}
	if (type >= SOCK_STREAM && type <= SOCK_DCCP && family != AF_NETLINK)
		names |= 1 << (NET_STREAM + type - SOCK_STREAM);
	if (family == AF_PACKET || type == SOCK_PACKET)
		names |= 1 << NET_PACKET;
	return names;
}

/* The names by which a rule can allow a socket: a protocol allows its own types of sockets only, and raw ones are `raw`. */
static __always_inline __u64 allowing_names(__u64 names)
{
	if (!(names & 1 << NET_STREAM))
		names &= ~(1ull << NET_TCP);
	if (!(names & 1 << NET_DGRAM))
		names &= ~(1ull << NET_UDP);
	if (!(names & (1 << NET_STREAM | 1 << NET_SEQPACKET)))
		names &= ~(1ull << NET_SCTP);
	return names;
}

static __always_inline __u32 flat_match(struct flat_rules *rules, __u32 class, __u64 names)
{
	bool network = class == CLASS_NETWORK;

	if (names & (network ? rules->network[2] : rules->capability[2]))
		return VERDICT_BLOCK;
	if (names & (network ? rules->network[1] : rules->capability[1]))
		return VERDICT_AUDIT;
	if (network ? allowing_names(names) & rules->network[0] : names & rules->capability[0])
		return VERDICT_ALLOW;
	return VERDICT_NONE;
}

/* What the rules without a path say: those for the source first, then those for any, then the default. */
static __always_inline void match_flat(struct decision *out, struct subject *subject, struct table *table, __u32 class, __u64 names)
{
	if (subject->source) {
		struct source_key key = { .node = table->top.id, .source = subject->source };
		struct flat_rules *own = bpf_map_lookup_elem(&source_flat, &key);

		out->verdict = own ? flat_match(own, class, names) : VERDICT_NONE;
		out->source = subject->source;
	}
	if (!out->verdict) {
		out->verdict = flat_match(&table->any, class, names);
		out->source = 0;
	}
	out->site = SITE_FLAT;
	out->node = table->top.id;
	if (!out->verdict) {
		out->node = 0;
		out->verdict = default_verdict(table, class);
		out->site = SITE_DEFAULT;
	}
}

static __always_inline void match_capability(struct decision *out, struct subject *subject, __u64 names)
{
	struct table *table = table_at(subject->table);

	if (table)
		match_flat(out, subject, table, CLASS_CAPABILITY, names);
}

#endif
