/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * DNS queries, judged in the packet that leaves: what a program says to the kernel can still change, or be cut into pieces. Who sends is
 * noted when it sends; a socket that nobody was noted for belongs to the container in whose cgroup it was made.
 */
#ifndef PARAPET_HOOKS_DNS_H
#define PARAPET_HOOKS_DNS_H

#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>
#include "dns.h"

#define PASS 1
#define DROP 0
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define DNS_PORT 53
#define DNS_HEADER 12
#define DNS_AFTER_NAME 4     /* type and class */
#define DNS_IS_RESPONSE 0x80
#define MAX_EXTENSIONS 8
#define MAX_MESSAGES 16      /* of one TCP segment */

#define NEXT_HOP_BY_HOP 0
#define NEXT_ROUTING 43
#define NEXT_FRAGMENT 44
#define NEXT_DESTINATION 60

/* Where a packet's transport begins. */
struct transport { __u32 protocol; __u32 at; bool is_part; bool is_later_part; bool too_long; };

/* Functions of their own, so that their memory is not held while an event is written. */
static __noinline bool find_transport_v4(struct __sk_buff *skb, struct transport *out)
{
	__u8 header[20];
	__u16 fragment;

	if (bpf_skb_load_bytes(skb, 0, header, sizeof(header)))
		return false;
	fragment = (__u16)header[6] << 8 | header[7];
	out->protocol = header[9];
	out->at = (header[0] & 15) * 4;
	out->is_later_part = fragment & 0x1fff;
	out->is_part = fragment & 0x2000;
	return true;
}

struct extensions { struct __sk_buff *skb; struct transport *out; __u32 done; };

static long skip_extension(__u32 turn, struct extensions *walk)
{
	struct transport *out = walk->out;
	__u8 header[4];

	if (out->protocol != NEXT_HOP_BY_HOP && out->protocol != NEXT_ROUTING && out->protocol != NEXT_FRAGMENT &&
	    out->protocol != NEXT_DESTINATION) {
		walk->done = 1;
		return 1;
	}
	if (bpf_skb_load_bytes(walk->skb, out->at, header, sizeof(header)))
		return 1;
	if (out->protocol == NEXT_FRAGMENT) {
		out->is_later_part = header[2] | (header[3] & 0xf8);
		out->is_part = header[3] & 1;
		out->at += 8;
	} else {
		out->at += (header[1] + 1) * 8;
	}
	out->protocol = header[0];
	return 0;
}

static __noinline bool find_transport_v6(struct __sk_buff *skb, struct transport *out)
{
	struct extensions walk = { .skb = skb, .out = out };
	__u8 next;

	if (bpf_skb_load_bytes(skb, 6, &next, sizeof(next)))
		return false;
	out->protocol = next;
	out->at = 40;
	bpf_loop(MAX_EXTENSIONS, skip_extension, &walk, 0);
	out->too_long = !walk.done;
	return true;
}

/* The container in whose cgroup the socket was made. */
static __always_inline __u32 container_of_socket(struct __sk_buff *skb)
{
#pragma clang loop unroll(disable)
	for (int level = MAX_CGROUP_DEPTH; level > 0; level--) {
		__u64 id = bpf_skb_ancestor_cgroup_id(skb, level);
		__u32 *index = id ? bpf_map_lookup_elem(&cgroups, &id) : NULL;

		if (index)
			return *index;
	}
	return 0;
}

/* Who sends; false when nothing is said about its queries. `*sure`: is the program known by which it sends? */
static __noinline bool find_sender(struct __sk_buff *skb, struct subject *subject, bool *sure)
{
	struct bpf_sock *sk = skb->sk;
	struct sender *sender;
	struct table *table;

	if (!sk)
		return false;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return false;
	sender = bpf_sk_storage_get(&senders, sk, NULL, 0);
	table = subject_without_terminal(subject, NULL, sender ? sender->container : container_of_socket(skb), CLASS_DNS);
	if (!table)
		return false;
	*sure = !(table->flags & TABLE_HAS_SOURCES);
	subject->source = 0;
	if (sender && sender->generation == subject->generation) {
		subject->source = sender->source;
		*sure = true;
	}
	return true;
}

/* `verdict`: of the message that was judged last, when it is at least `told`. */
struct query { struct __sk_buff *skb; __u32 slot; __u32 at; __u32 left; __u32 verdict; __u32 told; __u32 unreadable; };

/* One message, `length` bytes at query->at. */
static __always_inline void judge_message(struct query *query, struct scratch *s, __u32 length)
{
	__u8 *header = (__u8 *)s->name;
	__u32 room;

	if (length < DNS_HEADER || bpf_skb_load_bytes(query->skb, query->at, header, DNS_HEADER)) {
		query->unreadable = 1;
		return;
	}
	if (header[2] & DNS_IS_RESPONSE)
		return;
	room = length - DNS_HEADER;
	if (room > NAME_MAX)
		room = NAME_MAX;
	s->name_len = 0;
	if (header[4] || header[5] != 1 || !room) {
		query->unreadable = 1;
		return;
	}
	__builtin_memset(s->name, 0, sizeof(s->name));
	/* 1 to NAME_MAX + 1, by arithmetic: what a branch told the verifier is lost with a register that is put aside */
	room -= 1;
	asm volatile("%0 &= 255" : "+r"(room));
	room += 1;
	if (bpf_skb_load_bytes(query->skb, query->at + DNS_HEADER, s->name, room) || !read_name(s, room) ||
	    s->name_len + DNS_AFTER_NAME + DNS_HEADER > length) {
		s->name_len = 0;
		query->unreadable = 1;
		return;
	}
	decide_name(query->slot);
	query->verdict = s->decision.verdict >= query->told ? s->decision.verdict : VERDICT_NONE;
}

/* TCP: each message after its length, and nothing but whole ones. Ends at a message that is told. */
static long judge_segment(__u32 turn, struct query *query)
{
	struct scratch *s = scratch_at(query->slot);
	__u16 length;

	if (!s || !query->left || query->unreadable || query->verdict)
		return 1;
	if (query->left < sizeof(length) || bpf_skb_load_bytes(query->skb, query->at, &length, sizeof(length))) {
		query->unreadable = 1;
		return 1;
	}
	length = bpf_ntohs(length);
	query->at += sizeof(length);
	query->left -= sizeof(length);
	if (length > query->left) {
		query->unreadable = 1;
		return 1;
	}
	judge_message(query, s, length);
	query->at += length;
	query->left -= length;
	return 0;
}

/* Judges what is left of the packet, up to a message that is told. */
static __noinline int judge_next_messages(struct query *query, struct scratch *s, bool is_stream_of_messages)
{
	query->verdict = VERDICT_NONE;
	if (is_stream_of_messages) {
		bpf_loop(MAX_MESSAGES, judge_segment, query, 0);
		query->unreadable |= query->left && !query->verdict;
	} else {
		judge_message(query, s, query->left);
		query->left = 0;
	}
	return 0;
}

static __always_inline void judge_unreadable(struct query *query, struct scratch *s, __u32 reason)
{
	struct table *table = table_at(s->subject.table);

	count(reason);
	query->verdict = table ? table->dns_unreadable : VERDICT_BLOCK;
	s->name_len = 0;
	s->decision = (struct decision){ .verdict = query->verdict, .site = SITE_UNJUDGED, .op = OP_READ, .reason = reason };
}

static __always_inline int judge_queries(struct __sk_buff *skb, struct transport *transport, struct subject *subject, bool sure)
{
	struct query query = { .skb = skb, .told = VERDICT_AUDIT };
	bool is_tcp = transport->protocol == IPPROTO_TCP;
	struct scratch *s = NULL;
	__u8 offset = 0x50;
	int slot = scratch_claim(&s);

	if (slot < 0 || !s)
		return DROP;
	query.slot = slot;
	s->subject = *subject;
	s->who = WHO_OTHER;
	s->hook = HOOK_SOCKET_SENDMSG;
	s->event.detail[0] = s->event.detail[1] = s->event.detail[2] = 0;
	s->event.version = 0;
	s->what = 0;
	query.at = transport->at + 8;
	if (is_tcp) {
		if (bpf_skb_load_bytes(skb, transport->at + 12, &offset, sizeof(offset)))
			query.unreadable = 1;
		query.at = transport->at + (offset >> 4) * 4;
	}
	query.left = skb->len > query.at ? skb->len - query.at : 0;
	query.unreadable |= transport->is_part || transport->too_long || (!is_tcp && skb->gso_size);
	if (sure && !query.unreadable)
		judge_next_messages(&query, s, is_tcp);
	if (query.verdict == VERDICT_AUDIT && query.left) { /* the first that is audited is told; of those after it, one that is blocked */
		emit(slot, CLASS_DNS, 0);
		query.told = VERDICT_BLOCK;
		judge_next_messages(&query, s, is_tcp);
	}
	if (!sure || query.unreadable)
		judge_unreadable(&query, s, sure ? COUNT_DNS_UNREADABLE : COUNT_SENDER_UNKNOWN);
	if (query.verdict >= VERDICT_AUDIT)
		emit(slot, CLASS_DNS, 0);
	scratch_release(s);
	return query.verdict == VERDICT_BLOCK ? DROP : PASS;
}

SEC("cgroup_skb/egress")
int on_egress(struct __sk_buff *skb)
{
	struct transport transport = {};
	struct subject subject = {};
	bool sure = false, found = false;
	__u16 port = 0;

	if (skb->protocol == bpf_htons(ETH_P_IP))
		found = find_transport_v4(skb, &transport);
	else if (skb->protocol == bpf_htons(ETH_P_IPV6))
		found = find_transport_v6(skb, &transport);
	if (!found || transport.is_later_part)
		return PASS;
	if (!transport.too_long) {
		if (transport.protocol != IPPROTO_UDP && transport.protocol != IPPROTO_TCP)
			return PASS;
		if (bpf_skb_load_bytes(skb, transport.at + 2, &port, sizeof(port)) || port != bpf_htons(DNS_PORT))
			return PASS;
	}
	if (!find_sender(skb, &subject, &sure))
		return PASS;
	return judge_queries(skb, &transport, &subject, sure);
}

#endif
