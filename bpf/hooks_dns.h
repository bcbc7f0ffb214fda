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
#include "sender.h"
#include "transport.h"

#define DNS_PORT 53
#define DNS_HEADER 12
#define DNS_AFTER_NAME 4     /* type and class */
#define DNS_IS_RESPONSE 0x80
#define MAX_MESSAGES 16      /* of one TCP segment */

/* Who sends; false when nothing is said about its queries. `*sure`: is the program known by which it sends? */
static __noinline bool find_sender(struct __sk_buff *skb, struct subject *subject, bool *sure)
{
	struct bpf_sock *sk = sending_socket(skb);
	struct sender *sender;
	struct table *table;

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
	room -= 1; /* what a mask bounds from above, one more bounds from below: 6.1 learns nothing from a comparison with 0 */
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
	s->hook = hook_for_sender(subject->container);
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

/* What the rules say about a packet, whose headers have been read: PASS where it is no query. */
static __always_inline int judge_packet(struct __sk_buff *skb, struct transport *transport)
{
	struct subject subject = {};
	bool sure = false;
	__u16 port = 0;

	if (transport->is_later_part)
		return PASS;
	if (!transport->too_long) {
		if (transport->protocol != IPPROTO_UDP && transport->protocol != IPPROTO_TCP)
			return PASS;
		if (bpf_skb_load_bytes(skb, transport->at + 2, &port, sizeof(port)) || port != bpf_htons(DNS_PORT))
			return PASS;
	}
	if (!find_sender(skb, &subject, &sure))
		return PASS;
	return judge_queries(skb, transport, &subject, sure);
}

#endif
