/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who may connect to a listener: judged when a peer's first packet comes, before it is answered. That is nobody's doing here, and no task is
 * there to ask: whose the listener is was noted when somebody listened or accepted under rules (note_sender). One that nobody was noted for
 * belongs to the container in whose cgroup it was made.
 */
#ifndef PARAPET_HOOKS_ACCEPT_H
#define PARAPET_HOOKS_ACCEPT_H

#include <bpf/bpf_tracing.h>
#include "socket.h"

/* The table of the rules that judge; none where none are about peers. What the kernel listens at for itself is nobody's: it is in no
 * container's cgroup. */
static __always_inline struct table *find_listener(struct sock *sk, struct subject *subject)
{
	struct sender *sender = bpf_sk_storage_get(&senders, sk, NULL, 0);
	__u32 container = sender ? sender->container : container_of_socket_cgroup(sk);
	struct table *table;

	if (!sender && !container && !is_ours(sk))
		return NULL;
	table = subject_without_terminal(subject, NULL, container, CLASS_NETWORK);
	if (!table || !(table->flags & TABLE_HAS_ACCEPT))
		return NULL;
	if (table->flags & TABLE_HAS_SOURCES)
		subject->source = sender && sender->generation == subject->generation ? sender->source : SOURCE_UNTOLD;
	return table;
}

/* The address that a packet comes from. */
static __always_inline void use_origin(struct endpoint_use *use, struct sk_buff *packet)
{
	__u8 *header = BPF_CORE_READ(packet, head) + BPF_CORE_READ(packet, network_header);
	__u8 first = 0;
	__u32 origin[4];

	bpf_probe_read_kernel(&first, sizeof(first), header);
	if (first >> 4 == 4 && !bpf_probe_read_kernel(origin, sizeof(__u32), header + V4_SOURCE))
		use_v4(use, origin[0]);
	else if (first >> 4 == 6 && !bpf_probe_read_kernel(origin, sizeof(origin), header + V6_SOURCE))
		use_v6(use, origin);
}

static __always_inline int judge_request(struct sock *sk, struct sk_buff *packet, __u32 hook)
{
	struct subject subject = {};
	struct table *table = find_listener(sk, &subject);
	struct scratch *s = NULL;
	int slot;

	if (!table)
		return 0;
	slot = begin_access(&s, &subject, table, hook, ENDPOINT_ACCEPT);
	if (slot < 0 || !s)
		return unbegun(slot);
	s->access.kind = kind_of(sk, sk->sk_type);
	use_origin(&s->access.use, packet);
	s->access.use.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (!s->access.use.version)
		s->access.unjudged = COUNT_READ_FAULT;
	return end_access(s, slot);
}

/* TCP with all that runs over it, and DCCP: also with SYN cookies and with data in the first packet. */
SEC("lsm/inet_conn_request")
int BPF_PROG(on_inet_conn_request, struct sock *sk, struct sk_buff *packet, struct request_sock *request, int ret)
{
	return ret ? ret : judge_request(sk, packet, HOOK_INET_CONN_REQUEST);
}

SEC("lsm/sctp_assoc_request")
int BPF_PROG(on_sctp_assoc_request, struct sctp_association *association, struct sk_buff *packet, int ret)
{
	struct sock *sk = association->base.sk;

	if (ret || !is_ours(sk))
		return ret;
	return judge_request(sk, packet, HOOK_SCTP_ASSOC_REQUEST);
}

#endif
