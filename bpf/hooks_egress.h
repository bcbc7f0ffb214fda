/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Packets that leave a socket. Rules for addresses are asked about the address that a call names; with a source route the packet goes to
 * another one first. Who has such rules sends none.
 */
#ifndef PARAPET_HOOKS_EGRESS_H
#define PARAPET_HOOKS_EGRESS_H

#include "hooks_dns.h"
#include "socket.h"

static __always_inline bool has_endpoints(struct subject *subject, __u32 container)
{
	struct table *table = subject_without_terminal(subject, NULL, container, CLASS_NETWORK);

	return table && (table->flags & TABLE_HAS_ENDPOINTS);
}

/*
 * Whose rules forbid the packet's route; false where nobody's do. A socket from outside is not known as the container's that sends over it (noting
 * that would cost every connection), but this very task is: it is noted now, for what nobody sends again later.
 */
static __noinline bool find_routed_sender(struct __sk_buff *skb, struct subject *subject)
{
	struct bpf_sock *sk = sending_socket(skb);
	struct sender *sender;

	if (!sk)
		return false;
	sender = bpf_sk_storage_get(&senders, sk, NULL, 0);
	if (has_endpoints(subject, sender ? sender->container : container_of_socket(skb)))
		return true;
	if (!has_endpoints(subject, container_of_current()))
		return false;
	sender = bpf_sk_storage_get(&senders, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (sender) {
		sender->container = subject->container;
		sender->generation = sender->source = 0;
	}
	return true;
}

/* Which socket it was, and the first hop: of where else it goes nothing is said. */
static __always_inline void describe_packet(struct socket_access *access, struct __sk_buff *skb)
{
	struct bpf_sock *sk = sending_socket(skb);
	__u32 hop[4] = {};

	access->kind = (struct socket_kind){};
	if (sk)
		access->kind = (struct socket_kind){ .family = sk->family, .type = sk->type, .protocol = sk->protocol };
	access->use = (struct endpoint_use){ .operation = ENDPOINT_SEND };
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (!bpf_skb_load_bytes(skb, V4_DESTINATION, hop, sizeof(*hop)))
			use_v4(&access->use, *hop);
	} else if (!bpf_skb_load_bytes(skb, V6_DESTINATION, hop, sizeof(hop))) {
		use_v6(&access->use, hop);
	}
}

static __always_inline int refuse_route(struct __sk_buff *skb)
{
	struct subject subject = {};
	struct scratch *s = NULL;
	int slot;

	if (!find_routed_sender(skb, &subject))
		return PASS;
	slot = scratch_claim(&s);
	if (slot < 0 || !s) {
		lose_unseen(VERDICT_BLOCK);
		return DROP;
	}
	s->subject = subject;
	s->access.hook = hook_for_sender(subject.container);
	describe_packet(&s->access, skb);
	s->decision = cannot_tell(COUNT_SOURCE_ROUTED);
	describe_access(s);
	emit(slot, CLASS_NETWORK, 0);
	scratch_release(s);
	return DROP;
}

SEC("cgroup_skb/egress")
int on_egress(struct __sk_buff *skb)
{
	struct transport transport = {};

	if (!find_transport(skb, &transport))
		return PASS;
	if (transport.is_routed && refuse_route(skb) == DROP)
		return DROP;
	return judge_packet(skb, &transport);
}

#endif
