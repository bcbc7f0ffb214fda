/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From a socket and a system call's address to what the rules are asked about. */
#ifndef PARAPET_SOCKET_H
#define PARAPET_SOCKET_H

#include <bpf/bpf_endian.h>
#include "judge.h"

#define V6_LOOPBACK bpf_htonl(1)
#define V4_LOOPBACK bpf_htonl(0x7f000001)
#define V6_MAPPED bpf_htonl(0xffff)

/* The beginnings of sockaddr_in and sockaddr_in6. */
struct raw_address { __u16 family; __u16 port; __u32 v4; __u32 v6[4]; };

/* Fills in what kind of socket it is; false for the kernel's own, which nobody uses. */
static __always_inline bool describe_socket(struct flat_access *access, struct sock *sk, __u32 type)
{
	if (!sk || BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock))
		return false;
	access->kind.family = sk->__sk_common.skc_family;
	access->kind.type = type;
	access->kind.protocol = sk->sk_protocol;
	return true;
}

static __always_inline bool is_internet(struct flat_access *access)
{
	return access->kind.family == AF_INET || access->kind.family == AF_INET6;
}

static __always_inline bool is_stream(struct flat_access *access)
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

/* The peer of a connected socket; none where there is none. */
static __always_inline void use_peer(struct endpoint_use *use, struct sock *sk)
{
	__u32 peer[4] = {};

	use->port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (sk->__sk_common.skc_family == AF_INET) {
		use_v4(use, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	} else {
		bpf_core_read(peer, sizeof(peer), &sk->__sk_common.skc_v6_daddr);
		use_v6(use, peer);
	}
	if (is_any(use))
		use->version = 0;
}

/*
 * The address of a call. AF_UNSPEC is no address to connect to (it disconnects), but IPv4 takes it for its own when it sends or binds, raw
 * IPv6 too, and other IPv6 sockets then send to their peer.
 */
static __always_inline void use_named(struct flat_access *access, struct sock *sk, void *name)
{
	struct endpoint_use *use = &access->use;
	struct raw_address raw = {};
	__u32 family;

	if (!is_internet(access) || bpf_probe_read_kernel(&raw, sizeof(raw), name))
		return;
	family = raw.family;
	if (family == AF_UNSPEC) {
		if (use->operation == ENDPOINT_CONNECT)
			return;
		family = access->kind.family;
		if (family == AF_INET6 && use->operation == ENDPOINT_SEND && access->kind.type != SOCK_RAW) {
			use_peer(use, sk);
			return;
		}
	}
	use->port = bpf_ntohs(raw.port);
	if (family == AF_INET)
		use_v4(use, raw.v4);
	else if (family == AF_INET6)
		use_v6(use, raw.v6);
	if (use->version && (use->operation == ENDPOINT_CONNECT || use->operation == ENDPOINT_SEND))
		complete_peer(use, sk);
}

#endif
