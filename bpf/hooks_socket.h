/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Sockets. Families that name no internet address are judged by what kind of socket they are; socketpair(2) comes here as two creations,
 * socketcall(2) and io_uring by the same hooks. A socket made before the rules, or received from elsewhere, is judged at whatever is done
 * with it.
 */
#ifndef PARAPET_HOOKS_SOCKET_H
#define PARAPET_HOOKS_SOCKET_H

#include <bpf/bpf_tracing.h>
#include "control.h"
#include "socket.h"

#define SOCKADDR_V4 16
#define SOCKADDR_V6 28

/* A socket that is there already, and what is done with it. */
struct socket_use { __u32 hook; __u32 operation; __u32 type; struct sock *sk; };

/* An IPv6 socket at any address takes IPv4 as well, unless it was told not to: both are judged. */
static __always_inline int end_own(struct scratch *s, int slot, struct sock *sk)
{
	struct endpoint_use *use = &s->access.use;

	use->anonymous = use->operation == ENDPOINT_BIND && use->version && is_any(use) && !use->port;
	if (use->version == 6 && is_any(use) && !BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_ipv6only)) {
		if (judge_access(slot)) {
			scratch_release(s);
			return deny_if(1, -EACCES);
		}
		use_v4(use, 0);
	}
	return end_access(s, slot);
}

SEC("lsm/socket_create")
int BPF_PROG(on_socket_create, int family, int type, int protocol, int kern, int ret)
{
	struct socket_kind kind = { .family = family, .type = type, .protocol = protocol };
	struct subject subject = {};
	struct scratch *s = NULL;
	struct table *table;
	int slot;

	if (ret || kern)
		return ret;
	table = table_of_current(&subject);
	if (!table || is_free(&subject, table, &kind)) /* rules for addresses let sockets be made, and refuse none */
		return 0;
	slot = begin_access(&s, &subject, table, HOOK_SOCKET_CREATE, 0);
	if (slot < 0 || !s)
		return unbegun(slot);
	s->access.kind = kind;
	return end_access(s, slot);
}

/* Packets leave, and come, without a task: who sends or listens is noted with the socket. What can't be noted is refused. */
static __always_inline int note_sender(struct subject *subject, struct sock *sk)
{
	struct sender *sender;
	struct scratch *s = NULL;
	int slot;

	if (sk->__sk_common.skc_family != AF_INET && sk->__sk_common.skc_family != AF_INET6)
		return 0;
	if (subject->source == SOURCE_UNKNOWN) {
		slot = scratch_claim(&s);
		if (slot < 0 || !s)
			return deny_if(1, -EACCES);
		s->subject = *subject;
		s->mnt_ns = (__u64)bpf_get_current_task_btf()->nsproxy->mnt_ns;
		subject->source = source_of_current(slot);
		scratch_release(s);
	}
	sender = bpf_sk_storage_get(&senders, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!sender || subject->source == SOURCE_UNKNOWN) {
		count(COUNT_SENDER_UNKNOWN);
		return deny_if(1, -EACCES);
	}
	sender->container = subject->container;
	sender->generation = subject->generation;
	sender->source = subject->source;
	return 0;
}

/* Judges an operation that is given an address. */
static __always_inline int judge_named_use(struct subject *subject, struct table *table, struct socket_use *use, struct sockaddr *address)
{
	struct socket_kind kind = kind_of(use->sk, use->type);
	struct scratch *s = NULL;
	struct raw_v4 head;
	int slot;

	if (!(table->flags & TABLE_HAS_ENDPOINTS) && is_free(subject, table, &kind))
		return 0;
	slot = begin_access(&s, subject, table, use->hook, use->operation);
	if (slot < 0 || !s)
		return unbegun(slot);
	s->access.kind = kind;
	head = head_of(address);
	use_named(&s->access, use->sk, address, &head);
	return use->operation == ENDPOINT_BIND ? end_own(s, slot, use->sk) : end_access(s, slot);
}

SEC("lsm/socket_connect")
int BPF_PROG(on_socket_connect, struct socket *socket, struct sockaddr *address, int length, int ret)
{
	struct socket_use use = { .hook = HOOK_SOCKET_CONNECT, .operation = ENDPOINT_CONNECT, .type = (__u16)socket->type };
	struct subject subject = {};
	struct table *table;

	use.sk = socket->sk; /* once: every load may be NULL to the verifier */
	if (ret || !is_ours(use.sk))
		return ret;
	table = table_of_current(&subject);
	if (!table)
		return 0;
	ret = judge_named_use(&subject, table, &use, address);
	return ret || !(table->flags & TABLE_HAS(CLASS_DNS)) ? ret : note_sender(&subject, use.sk);
}

SEC("lsm/socket_bind")
int BPF_PROG(on_socket_bind, struct socket *socket, struct sockaddr *address, int length, int ret)
{
	struct socket_use use = { .hook = HOOK_SOCKET_BIND, .operation = ENDPOINT_BIND, .type = (__u16)socket->type };
	struct subject subject = {};
	struct table *table;

	use.sk = socket->sk;
	if (ret || !is_ours(use.sk))
		return ret;
	table = table_of_current(&subject);
	return table ? judge_named_use(&subject, table, &use, address) : 0;
}

/*
 * A listener is known by its own address. Who connects is judged when that happens (hooks_accept.h), if the listener was known by then to be this
 * container's: who waits to be accepted since before is judged here. Of accepting itself only denials are told, where each peer was.
 */
static __always_inline void describe_listener(struct scratch *s, struct table *table, struct sock *sk)
{
	bool asks_peers = s->access.use.operation == ENDPOINT_ACCEPT && (table->flags & TABLE_HAS_ACCEPT);

	if (asks_peers && listens_by_another(sk) && container_of_socket_cgroup(sk) != s->subject.container)
		s->access.unjudged = COUNT_SENDER_UNKNOWN;
	if (!is_internet(&s->access) || is_smc(sk))
		return;
	if (!asks_peers) {
		use_own_address(&s->access.use, sk);
		return;
	}
	s->access.only_block = 1;
	use_waiting(&s->access.use, sk);
}

static __always_inline int judge_listener(__u32 hook, __u32 operation, struct socket *socket)
{
	struct sock *sk = socket->sk;
	struct subject subject = {};
	struct scratch *s = NULL;
	struct table *table;
	int slot, ret;

	if (!is_ours(sk))
		return 0;
	table = table_of_current(&subject);
	if (!table)
		return 0;
	slot = begin_access(&s, &subject, table, hook, operation);
	if (slot < 0 || !s)
		return unbegun(slot);
	s->access.kind = kind_of(sk, (__u16)socket->type);
	describe_listener(s, table, sk);
	ret = end_own(s, slot, sk);
	return ret || !(table->flags & TABLE_HAS_ACCEPT) ? ret : note_sender(&subject, sk);
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
 * by others or under other rules: what blocks its kind, or a datagram's peer, blocks now too; audits are not repeated for every write. A
 * pair reaches nobody new, as a pipe does: it is refused where a rule says so only, since the descriptors that a program begins with may be one.
 */
static __always_inline int judge_sending(struct subject *subject, struct table *table, struct socket_use *use, struct msghdr *message)
{
	void *name = message->msg_name;
	struct scratch *s = NULL;
	int slot = begin_access(&s, subject, table, HOOK_SOCKET_SENDMSG, ENDPOINT_SEND);
	struct raw_v4 head = {};

	if (slot < 0 || !s)
		return unbegun(slot);
	s->access.kind = kind_of(use->sk, use->type);
	s->access.only_block = !name && !(message->msg_flags & MSG_FASTOPEN);
	s->access.spares_default = !name && is_pair(use->sk);
	if (is_stream(&s->access))
		s->access.use.operation = ENDPOINT_CONNECT;
	if (s->access.kind.protocol == IPPROTO_SCTP && names_another_peer(message))
		s->access.unjudged = COUNT_SEVERAL_ADDRESSES;
	if (name) {
		bpf_probe_read_kernel(&head, sizeof(head), name);
		use_named(&s->access, use->sk, name, &head);
	} else if (is_internet(&s->access) && !is_stream(&s->access)) {
		use_peer(&s->access.use, use->sk);
	}
	return end_access(s, slot);
}

SEC("lsm/socket_sendmsg")
int BPF_PROG(on_socket_sendmsg, struct socket *socket, struct msghdr *message, int size, int ret)
{
	struct socket_use use = { .type = (__u16)socket->type };
	struct subject subject = {};
	struct table *table;

	use.sk = socket->sk;
	if (ret || !is_ours(use.sk))
		return ret;
	table = table_of_current(&subject);
	if (!table)
		return 0;
	ret = judge_sending(&subject, table, &use, message);
	return ret || !(table->flags & TABLE_HAS(CLASS_DNS)) ? ret : note_sender(&subject, use.sk);
}

/* sctp_bindx(3), sctp_connectx(3). Of a list of addresses only the first is judged: with rules for addresses, more are refused. */
SEC("lsm/sctp_bind_connect")
int BPF_PROG(on_sctp_bind_connect, struct sock *sk, int option, struct sockaddr *addresses, int length, int ret)
{
	__u32 operation = option == SCTP_SOCKOPT_BINDX_ADD ? ENDPOINT_BIND : 0;
	struct subject subject = {};
	struct scratch *s = NULL;
	struct table *table;
	struct raw_v4 head;
	int slot;

	if (ret || (!operation && option != SCTP_SOCKOPT_CONNECTX) || !is_ours(sk))
		return ret;
	table = table_of_current(&subject);
	if (!table)
		return 0;
	slot = begin_access(&s, &subject, table, HOOK_SCTP_BIND_CONNECT, operation);
	if (slot < 0 || !s)
		return unbegun(slot);
	s->access.kind = kind_of(sk, sk->sk_type);
	head = head_of(addresses);
	if (length > (head.family == AF_INET ? SOCKADDR_V4 : SOCKADDR_V6))
		s->access.unjudged = COUNT_SEVERAL_ADDRESSES;
	use_named(&s->access, sk, addresses, &head);
	return operation == ENDPOINT_BIND ? end_own(s, slot, sk) : end_access(s, slot);
}

#endif
