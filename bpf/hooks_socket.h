/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Sockets. Families that name no internet address are judged by what kind of socket they are; socketpair(2) comes here as two creations,
 * socketcall(2) and io_uring by the same hooks. A socket made before the rules, or received from elsewhere, is judged at whatever is done
 * with it.
 */
#ifndef PARAPET_HOOKS_SOCKET_H
#define PARAPET_HOOKS_SOCKET_H

#include <bpf/bpf_tracing.h>
#include "socket.h"

#define SOCKADDR_V4 16
#define SOCKADDR_V6 28

static __always_inline int judge_network(struct flat_access *access)
{
	access->class = CLASS_NETWORK;
	access->detail[0] = access->kind.family;
	access->detail[1] = access->kind.type;
	access->detail[2] = access->kind.protocol;
	return deny_if(judge_flat(access), -EACCES);
}

/* An IPv6 socket at any address takes IPv4 as well, unless it was told not to: both are judged. */
static __always_inline int judge_own(struct flat_access *access, struct sock *sk)
{
	int denied;

	access->use.anonymous = access->use.operation == ENDPOINT_BIND && access->use.version && is_any(&access->use) && !access->use.port;
	denied = judge_network(access);
	if (denied || access->use.version != 6 || !is_any(&access->use) || BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_ipv6only))
		return denied;
	use_v4(&access->use, 0);
	return judge_network(access);
}

SEC("lsm/socket_create")
int BPF_PROG(on_socket_create, int family, int type, int protocol, int kern, int ret)
{
	struct flat_access access = { .hook = HOOK_SOCKET_CREATE, .kind = { .family = family, .type = type, .protocol = protocol } };

	if (ret)
		return ret;
	return kern ? 0 : judge_network(&access);
}

/* Packets leave without a task: who sends is noted with the socket. What can't be noted is refused. */
static __always_inline int note_sender(struct socket *socket)
{
	struct sock *sk = socket->sk;
	struct subject subject = {};
	struct sender *sender;
	struct scratch *s = NULL;
	struct table *table;
	int slot;

	if (!sk || (sk->__sk_common.skc_family != AF_INET && sk->__sk_common.skc_family != AF_INET6))
		return 0;
	table = subject_of_current(&subject, CLASS_DNS);
	if (!table)
		return 0;
	if (subject.source == SOURCE_UNKNOWN) {
		slot = scratch_claim(&s);
		if (slot < 0 || !s)
			return deny_if(1, -EACCES);
		s->subject = subject;
		s->mnt_ns = (__u64)bpf_get_current_task_btf()->nsproxy->mnt_ns;
		subject.source = source_of_current(slot);
		scratch_release(s);
	}
	sender = bpf_sk_storage_get(&senders, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!sender || subject.source == SOURCE_UNKNOWN) {
		count(COUNT_SENDER_UNKNOWN);
		return deny_if(1, -EACCES);
	}
	sender->container = subject.container;
	sender->generation = subject.generation;
	sender->source = subject.source;
	return 0;
}

SEC("lsm/socket_connect")
int BPF_PROG(on_socket_connect, struct socket *socket, struct sockaddr *address, int length, int ret)
{
	struct flat_access access = { .hook = HOOK_SOCKET_CONNECT, .use = { .operation = ENDPOINT_CONNECT } };
	struct sock *sk = socket->sk; /* once: every load may be NULL to the verifier */

	if (ret)
		return ret;
	if (!describe_socket(&access, sk, (__u16)socket->type))
		return 0;
	use_named(&access, sk, address);
	ret = judge_network(&access);
	return ret ? ret : note_sender(socket);
}

SEC("lsm/socket_bind")
int BPF_PROG(on_socket_bind, struct socket *socket, struct sockaddr *address, int length, int ret)
{
	struct flat_access access = { .hook = HOOK_SOCKET_BIND, .use = { .operation = ENDPOINT_BIND } };
	struct sock *sk = socket->sk; /* once: every load may be NULL to the verifier */

	if (ret)
		return ret;
	if (!describe_socket(&access, sk, (__u16)socket->type))
		return 0;
	use_named(&access, sk, address);
	return judge_own(&access, sk);
}

/* A listener is known by its own address. */
static __always_inline int judge_listener(__u32 hook, __u32 operation, struct socket *socket)
{
	struct flat_access access = { .hook = hook, .use = { .operation = operation } };
	struct sock *sk = socket->sk;

	if (!describe_socket(&access, sk, (__u16)socket->type))
		return 0;
	if (is_internet(&access))
		use_own_address(&access.use, sk);
	return judge_own(&access, sk);
}

SEC("lsm/socket_listen")
int BPF_PROG(on_socket_listen, struct socket *socket, int backlog, int ret)
{
	return ret ? ret : judge_listener(HOOK_SOCKET_LISTEN, ENDPOINT_LISTEN, socket);
}

SEC("lsm/socket_accept")
int BPF_PROG(on_socket_accept, struct socket *socket, struct socket *accepted, int ret)
{
	return ret ? ret : judge_listener(HOOK_SOCKET_ACCEPT, ENDPOINT_ACCEPT, socket);
}

/*
 * A stream that is given an address connects (MSG_FASTOPEN). Without an address the socket's connection was judged when it was made, perhaps
 * by others or under other rules: what blocks its kind, or a datagram's peer, blocks now too; audits are not repeated for every write.
 */
SEC("lsm/socket_sendmsg")
int BPF_PROG(on_socket_sendmsg, struct socket *socket, struct msghdr *message, int size, int ret)
{
	struct flat_access access = { .hook = HOOK_SOCKET_SENDMSG, .use = { .operation = ENDPOINT_SEND } };
	struct sock *sk = socket->sk;
	void *name = message->msg_name;

	if (ret)
		return ret;
	if (!describe_socket(&access, sk, (__u16)socket->type))
		return 0;
	access.only_block = !name && !(message->msg_flags & MSG_FASTOPEN);
	if (is_stream(&access))
		access.use.operation = ENDPOINT_CONNECT;
	if (name)
		use_named(&access, sk, name);
	else if (is_internet(&access) && !is_stream(&access))
		use_peer(&access.use, sk);
	ret = judge_network(&access);
	return ret ? ret : note_sender(socket);
}

/* sctp_bindx(3) and sctp_connectx(3). Of a list of addresses only the first is judged: with rules for addresses, more are refused. */
SEC("lsm/sctp_bind_connect")
int BPF_PROG(on_sctp_bind_connect, struct sock *sk, int option, struct sockaddr *addresses, int length, int ret)
{
	struct flat_access access = { .hook = HOOK_SCTP_BIND_CONNECT };
	__u16 family = 0;

	if (ret)
		return ret;
	if (option == SCTP_SOCKOPT_BINDX_ADD)
		access.use.operation = ENDPOINT_BIND;
	else if (option != SCTP_SOCKOPT_CONNECTX)
		return 0;
	if (!describe_socket(&access, sk, BPF_CORE_READ(sk, sk_type)))
		return 0;
	bpf_probe_read_kernel(&family, sizeof(family), addresses);
	if (length > (family == AF_INET ? SOCKADDR_V4 : SOCKADDR_V6))
		access.unjudged = COUNT_SEVERAL_ADDRESSES;
	use_named(&access, sk, addresses);
	return access.use.operation == ENDPOINT_BIND ? judge_own(&access, sk) : judge_network(&access);
}

#endif
