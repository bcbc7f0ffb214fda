/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From a socket and a system call's address to what the rules are asked about. */
#ifndef PARAPET_SOCKET_H
#define PARAPET_SOCKET_H

#include <bpf/bpf_endian.h>
#include "judge.h"

#define V6_LOOPBACK bpf_htonl(1)
#define V4_LOOPBACK bpf_htonl(0x7f000001)
#define V6_MAPPED bpf_htonl(0xffff)

/* sockaddr_in, which is also the head of every other address, and sockaddr_in6. */
struct raw_v4 { __u16 family; __u16 port; __u32 address; };
struct raw_v6 { __u16 family; __u16 port; __u32 flow; __u32 address[4]; };

#define NOT_JUDGED (-1)
#define NO_ROOM (-2)

/* Claims memory for a use of a socket by a subject; its slot, or NOT_JUDGED where no rule is about sockets, or NO_ROOM. */
static __always_inline int begin_access(struct scratch **out, struct subject *subject, struct table *table, __u32 hook, __u32 operation)
{
	struct socket_access *access;
	struct scratch *s = NULL;
	int slot;

	if (!is_subject_to(subject, table, CLASS_NETWORK))
		return NOT_JUDGED;
	slot = scratch_claim(&s);
	if (slot < 0 || !s) {
		lose_unseen(VERDICT_BLOCK);
		return NO_ROOM;
	}
	s->subject = *subject;
	access = &s->access;
	access->hook = hook;
	access->only_block = access->spares_default = access->unjudged = 0;
	access->use.version = 0;
	access->use.operation = operation;
	access->use.port = access->use.anonymous = 0;
	*out = s;
	return slot;
}

/* What begin_access could not begin is not judged, or refused. */
static __always_inline int unbegun(int slot)
{
	return deny_if(slot != NOT_JUDGED, -EACCES);
}

/* Judges s->access, and gives the memory back. */
static __always_inline int end_access(struct scratch *s, int slot)
{
	int denied = judge_access(slot);

	scratch_release(s);
	return deny_if(denied, -EACCES);
}

static __always_inline struct socket_kind kind_of(struct sock *sk, __u32 type)
{
	return (struct socket_kind){ .family = sk->__sk_common.skc_family, .type = type, .protocol = sk->sk_protocol };
}

/* Is it certain that no rule for protocols refuses or audits such a socket? Then nothing is claimed for it. Of a source, or a terminal, the
 * answer is left to judge_access(). */
static __always_inline bool is_free(struct subject *subject, struct table *table, struct socket_kind *kind)
{
	__u64 names = network_names(kind->family, kind->type, kind->protocol);

	if (subject->source || (table->flags & TABLE_HAS_TERMINAL) || default_verdict(table, CLASS_NETWORK) >= VERDICT_AUDIT)
		return false;
	return !(names & (table->any.network[VERDICT_AUDIT - 1] | table->any.network[VERDICT_BLOCK - 1]));
}

/* The kernel's own sockets are nobody's. */
static __always_inline bool is_ours(struct sock *sk)
{
	return sk && !BPF_CORE_READ_BITFIELD(sk, sk_kern_sock);
}

static __always_inline bool is_internet(struct socket_access *access)
{
	return access->kind.family == AF_INET || access->kind.family == AF_INET6;
}

/* One end of a pair that socketpair(2) made: neither end has a name, and whatever can be connected to has one. */
static __always_inline bool is_pair(struct sock *sk)
{
	struct unix_sock *peer;

	if (sk->__sk_common.skc_family != AF_UNIX || sk->sk_type != SOCK_STREAM)
		return false;
	peer = (struct unix_sock *)BPF_CORE_READ((struct unix_sock *)sk, peer);
	return peer && !BPF_CORE_READ((struct unix_sock *)sk, addr) && !BPF_CORE_READ(peer, addr);
}

static __always_inline bool is_stream(struct socket_access *access)
{
	return access->kind.type == SOCK_STREAM;
}

static __always_inline void use_v4(struct endpoint_use *use, __u32 address)
{
	use->version = 4;
	use->address[0] = address;
	use->address[1] = use->address[2] = use->address[3] = 0;
}

/* An IPv4 address that an IPv6 socket writes in its own notation is an IPv4 address. */
static __always_inline void use_v6(struct endpoint_use *use, __u32 *address)
{
	if (!address[0] && !address[1] && address[2] == V6_MAPPED) {
		use_v4(use, address[3]);
		return;
	}
	use->version = 6;
	use->address[0] = address[0];
	use->address[1] = address[1];
	use->address[2] = address[2];
	use->address[3] = address[3];
}

static __always_inline bool is_any(struct endpoint_use *use)
{
	return !(use->address[0] | use->address[1] | use->address[2] | use->address[3]);
}

static __always_inline void use_own_address(struct endpoint_use *use, struct sock *sk)
{
	__u32 own[4] = {};

	use->port = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (sk->__sk_common.skc_family == AF_INET) {
		use_v4(use, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		return;
	}
	bpf_core_read(own, sizeof(own), &sk->__sk_common.skc_v6_rcv_saddr);
	use_v6(use, own);
}

/* Connecting or sending to no address means this machine. */
static __always_inline void complete_peer(struct endpoint_use *use, struct sock *sk)
{
	__u32 own[4] = {};

	if (!is_any(use))
		return;
	if (use->version == 4) {
		use->address[0] = V4_LOOPBACK;
		return;
	}
	bpf_core_read(own, sizeof(own), &sk->__sk_common.skc_v6_rcv_saddr);
	if (!own[0] && !own[1] && own[2] == V6_MAPPED)
		use_v4(use, V4_LOOPBACK);
	else
		use->address[3] = V6_LOOPBACK;
}

/* The peer's address of a socket that the verifier need not know as one. */
static __always_inline void use_peer_address(struct endpoint_use *use, struct sock *sk, __u32 family)
{
	__u32 peer[4] = {};

	if (family == AF_INET) {
		use_v4(use, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	} else {
		bpf_core_read(peer, sizeof(peer), &sk->__sk_common.skc_v6_daddr);
		use_v6(use, peer);
	}
	if (is_any(use))
		use->version = 0;
}

/* The head of an address that the verifier knows: by plain loads, which cost a fraction of a reading by address. */
static __always_inline struct raw_v4 head_of(struct sockaddr *address)
{
	const void *data = address;

	return (struct raw_v4){ .family = address->sa_family, .port = *(__u16 *)(data + 2), .address = *(__u32 *)(data + 4) };
}

/* The peer of a connected socket; none where there is none. */
static __always_inline void use_peer(struct endpoint_use *use, struct sock *sk)
{
	use->port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	use_peer_address(use, sk, sk->__sk_common.skc_family);
}

/* The container in whose cgroup the socket was made. */
static __always_inline __u32 container_of_socket_cgroup(struct sock *sk)
{
	return container_of_cgroup(BPF_CORE_READ(sk, sk_cgrp_data.cgroup));
}

/* Only the kernel's own socket beneath it has an address, and to that nothing leads. */
static __always_inline bool is_smc(struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_SMC || sk->__sk_common.skc_family == AF_SMC;
}

/* MPTCP and SMC listen by a socket of the kernel's own beneath the one that is known here: it is in the same cgroup, but has no note. */
static __always_inline bool listens_by_another(struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_MPTCP || is_smc(sk);
}

/* The peer that has waited longest for the listener to accept it; none where none waits, or it cannot be seen. */
static __always_inline void use_waiting(struct endpoint_use *use, struct sock *sk)
{
	struct request_sock *waiting;
	struct sock *child;

	if (sk->sk_protocol == IPPROTO_MPTCP)
		sk = BPF_CORE_READ((struct mptcp_sock *)sk, first);
	else if (sk->sk_protocol != IPPROTO_TCP && sk->sk_protocol != IPPROTO_DCCP)
		return;
	waiting = BPF_CORE_READ((struct inet_connection_sock *)sk, icsk_accept_queue.rskq_accept_head);
	child = waiting ? BPF_CORE_READ(waiting, sk) : NULL;
	if (!child)
		return;
	use_peer_address(use, child, BPF_CORE_READ(child, __sk_common.skc_family));
	use->port = BPF_CORE_READ(child, __sk_common.skc_num);
}

/*
 * The address of a call, whose head has been read. AF_UNSPEC is no address to connect to (it disconnects), but IPv4 takes it for its own when
 * it sends or binds, raw IPv6 too, and other IPv6 sockets then send to their peer.
 */
static __always_inline void use_named(struct socket_access *access, struct sock *sk, void *name, struct raw_v4 *head)
{
	struct endpoint_use *use = &access->use;
	__u32 family = head->family;
	struct raw_v6 v6;

	if (!has_addresses(access->kind.family))
		return;
	if (family == AF_UNSPEC) {
		if (use->operation == ENDPOINT_CONNECT)
			return;
		family = access->kind.family == AF_SMC ? AF_INET : access->kind.family;
		if (family == AF_INET6 && use->operation == ENDPOINT_SEND && access->kind.type != SOCK_RAW) {
			use_peer(use, sk);
			return;
		}
	}
	if (family == AF_INET) {
		use->port = bpf_ntohs(head->port);
		use_v4(use, head->address);
	} else if (family == AF_INET6 && !bpf_probe_read_kernel(&v6, sizeof(v6), name)) {
		use->port = bpf_ntohs(v6.port);
		use_v6(use, v6.address);
	}
	if (use->version && (use->operation == ENDPOINT_CONNECT || use->operation == ENDPOINT_SEND))
		complete_peer(use, sk);
}

#endif
