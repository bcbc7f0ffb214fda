/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Rules about the addresses that internet sockets are used with. docs/semantics.md says what they mean. */
#ifndef PARAPET_ENDPOINT_H
#define PARAPET_ENDPOINT_H

#include "match.h"

#define ENDPOINT_KEY_BITS 64
#define PROTOCOL_OTHER (PROTOCOL_ANY & ~(PROTOCOL_TCP | PROTOCOL_UDP | PROTOCOL_SCTP))
#define PORTS_NONE 0
#define PORTS_KNOWN 1
#define PORTS_UNKNOWN 2      /* a raw socket writes what it likes */

/* What endpoint rules ask of a socket: protocols that it is a socket of, that it surely or perhaps carries, and whether its addresses have ports. */
struct carried { __u32 allowed; __u32 surely; __u32 perhaps; __u32 ports; };

static __always_inline bool has_ports(__u32 protocol)
{
	return is_tcp(protocol) || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP || protocol == IPPROTO_UDPLITE || protocol == IPPROTO_DCCP;
}

/* Are sockets of this type the protocol's own, and not raw ones that write its packets themselves? */
static __always_inline bool is_type_of(__u32 carried, __u32 type)
{
	if (carried == PROTOCOL_OTHER)
		return true;
	return type == SOCK_STREAM ? carried != PROTOCOL_UDP : carried == (type == SOCK_DGRAM ? PROTOCOL_UDP : type == SOCK_SEQPACKET ? PROTOCOL_SCTP : 0);
}

/* Is it used with internet addresses? */
static __always_inline bool has_addresses(__u32 family)
{
	return family == AF_INET || family == AF_INET6 || family == AF_SMC;
}

static __always_inline struct carried carried_by(__u32 type, __u32 protocol, __u32 own)
{
	struct carried carried = { .surely = PROTOCOL_OTHER };

	if (is_tcp(own))
		carried.surely = PROTOCOL_TCP;
	else if (own == IPPROTO_UDP)
		carried.surely = PROTOCOL_UDP;
	else if (own == IPPROTO_SCTP)
		carried.surely = PROTOCOL_SCTP;
	carried.allowed = is_type_of(carried.surely, type) ? carried.surely : PROTOCOL_OTHER;
	carried.perhaps = carried.surely;
	if (type == SOCK_RAW && protocol == IPPROTO_RAW) {
		carried.perhaps = PROTOCOL_ANY;
		carried.ports = PORTS_UNKNOWN;
	} else if (has_ports(own)) {
		carried.ports = type == SOCK_RAW ? PORTS_UNKNOWN : PORTS_KNOWN;
	}
	return carried;
}

struct endpoint_search {
	struct endpoint *endpoint;
	struct carried carried;
	__u32 source;
	__u32 operation;
	__u32 port;
	__u32 found;         /* index of the entry that decides, and one */
};

static __always_inline __u32 carried_for(struct carried *carried, __u32 verdict)
{
	return verdict == VERDICT_BLOCK ? carried->perhaps : verdict == VERDICT_ALLOW ? carried->allowed : carried->surely;
}

static __always_inline bool is_by_source(struct endpoint_entry *entry, __u32 source)
{
	return !entry->source || entry->source == source || (source == SOURCE_UNTOLD && entry->verdict == VERDICT_BLOCK);
}

static long try_entry(__u32 turn, struct endpoint_search *search)
{
	struct endpoint_entry *entry;
	__u32 at = turn;
	bool blocks;

	asm volatile("%0 &= 63" : "+r"(at));
	entry = &search->endpoint->entries[at];
	if (!((entry->operations >> (search->operation & 7)) & 1) || !is_by_source(entry, search->source))
		return 0;
	blocks = entry->verdict == VERDICT_BLOCK;
	if (!(entry->protocols & carried_for(&search->carried, entry->verdict)))
		return 0;
	if (!entry->any_port && !(blocks && search->carried.ports == PORTS_UNKNOWN)) {
		if (search->carried.ports != PORTS_KNOWN || search->port < entry->first_port || search->port > entry->last_port)
			return 0;
	}
	search->found = at + 1;
	return 1;
}

/* Fills the decision when a rule is about the address. */
static __always_inline bool match_endpoint(struct decision *out, __u32 root, struct subject *subject, struct endpoint_use *use,
					   struct carried *carried)
{
	struct endpoint_key key = { .prefix = ENDPOINT_KEY_BITS + (use->version == 4 ? 32 : 128), .root = root, .version = use->version };
	struct endpoint_search search = { .carried = *carried, .source = subject->source, .operation = use->operation, .port = use->port };
	struct endpoint_entry *entry;
	__u32 at;

	__builtin_memcpy(key.address, use->address, sizeof(key.address));
	search.endpoint = bpf_map_lookup_elem(&endpoints, &key);
	if (!search.endpoint)
		return false;
	bpf_loop(search.endpoint->count & 127, try_entry, &search, 0);
	if (!search.found)
		return false;
	at = search.found - 1;
	asm volatile("%0 &= 63" : "+r"(at));
	entry = &search.endpoint->entries[at];
	out->verdict = entry->verdict;
	out->site = SITE_ENDPOINT;
	out->node = entry->number;
	out->source = entry->source;
	return true;
}

/* Does a rule let such a socket through to some address? Then it may be there, though it has no address yet. */
static __always_inline bool is_reachable(struct table *table, struct subject *subject, struct carried *carried)
{
	if (table->any.reachable & carried->allowed)
		return true;
	if (subject->source) {
		struct source_key key = { .node = table->top.id, .source = subject->source };
		struct flat_rules *own = bpf_map_lookup_elem(&source_flat, &key);

		return own && (own->reachable & carried->allowed);
	}
	return false;
}

/* What the rules say about using a socket: rules for addresses first, then those for protocols, then the default. A function of its own, so
 * that its memory is not held while an event is written. */
static __noinline int match_network(struct decision *out, struct subject *subject, struct table *table, struct socket_kind *kind,
				    struct endpoint_use *use)
{
	if (table->flags & TABLE_HAS_ENDPOINTS) {
		__u32 family = kind->family, type = kind->type, protocol = kind->protocol;
		struct carried carried = {};

		if (family == AF_INET || family == AF_INET6)
			carried = carried_by(type, protocol, own_protocol(type, protocol));
		else if (family == AF_SMC)
			carried = carried_by(type, protocol, IPPROTO_SMC);
		if (carried.surely && use->version && match_endpoint(out, table->top.id, subject, use, &carried))
			return 0;
		if (carried.surely && (!use->version || use->anonymous) && is_reachable(table, subject, &carried)) {
			out->verdict = VERDICT_ALLOW;
			out->site = SITE_ENDPOINT;
			return 0;
		}
	}
	match_flat(out, subject, table, CLASS_NETWORK, network_names(kind->family, kind->type, kind->protocol));
	return 0;
}

#endif
