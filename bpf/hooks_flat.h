/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Hooks without a path: sockets and capabilities. */
#ifndef PARAPET_HOOKS_FLAT_H
#define PARAPET_HOOKS_FLAT_H

#include <bpf/bpf_tracing.h>
#include "judge.h"

static __always_inline int judge_network(__u32 hook, __u32 family, __u32 type, __u32 protocol)
{
	struct flat_access access = { .hook = hook, .class = CLASS_NETWORK, .names = network_names(family, type, protocol) };

	access.detail[0] = family;
	access.detail[1] = type;
	access.detail[2] = protocol;
	return deny_if(judge_flat(&access), -EACCES);
}

static __always_inline int judge_socket(__u32 hook, struct socket *socket)
{
	struct sock *sk = socket->sk;

	if (!sk || BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock))
		return 0;
	return judge_network(hook, sk->__sk_common.skc_family, (__u16)socket->type, sk->sk_protocol);
}

SEC("lsm/socket_create")
int BPF_PROG(on_socket_create, int family, int type, int protocol, int kern, int ret)
{
	if (ret)
		return ret;
	return kern ? 0 : judge_network(HOOK_SOCKET_CREATE, family, type, protocol);
}

SEC("lsm/socket_connect")
int BPF_PROG(on_socket_connect, struct socket *socket, struct sockaddr *address, int length, int ret)
{
	return ret ? ret : judge_socket(HOOK_SOCKET_CONNECT, socket);
}

SEC("lsm/socket_bind")
int BPF_PROG(on_socket_bind, struct socket *socket, struct sockaddr *address, int length, int ret)
{
	return ret ? ret : judge_socket(HOOK_SOCKET_BIND, socket);
}

/* Sending to an address is connecting, with or without MSG_FASTOPEN; sending on a connected socket was judged when it connected. */
SEC("lsm/socket_sendmsg")
int BPF_PROG(on_socket_sendmsg, struct socket *socket, struct msghdr *message, int size, int ret)
{
	if (ret)
		return ret;
	if (!message->msg_name && !(message->msg_flags & MSG_FASTOPEN))
		return 0;
	return judge_socket(HOOK_SOCKET_SENDMSG, socket);
}

SEC("lsm/socket_accept")
int BPF_PROG(on_socket_accept, struct socket *socket, struct socket *accepted, int ret)
{
	return ret ? ret : judge_socket(HOOK_SOCKET_ACCEPT, socket);
}

/* Does the kernel act under credentials that are not the task's, as overlayfs does when it copies a file up? Then nobody used a capability.
 * io_uring can act under other credentials that the task itself once had: those count. */
static __always_inline bool is_kernels_own(struct task_struct *task)
{
	if (task->cred == task->real_cred || (task->flags & PF_IO_WORKER))
		return false;
	return !bpf_core_field_exists(task->io_uring) || !task->io_uring;
}

/* The kernel sometimes only asks whether a capability is there: the answer is the same, but nobody used anything. */
SEC("lsm/capable")
int BPF_PROG(on_capable, const struct cred *cred, void *user_namespace, int capability, unsigned int options, int ret)
{
	struct flat_access access = { .hook = HOOK_CAPABLE, .class = CLASS_CAPABILITY };

	if (ret)
		return ret;
	if (is_kernels_own(bpf_get_current_task_btf()))
		return 0;
	access.names = 1ull << (capability & 63);
	access.detail[0] = capability;
	access.quiet = options & CAP_OPT_NOAUDIT;
	return deny_if(judge_flat(&access), -EPERM);
}

#endif
