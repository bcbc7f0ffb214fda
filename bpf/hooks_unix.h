/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Local sockets that have a name in the file system. Connecting or sending to one never opens its file, and yet it is how a container would
 * reach a runtime's socket that was mounted into it: it is writing to that path, as it is for the kernel's own permissions.
 */
#ifndef PARAPET_HOOKS_UNIX_H
#define PARAPET_HOOKS_UNIX_H

#include <bpf/bpf_tracing.h>
#include "guard.h"
#include "hooks_path.h"

/* A socket without a path, abstract or of a pair, is a matter of network rules alone. */
static __always_inline int judge_peer(__u32 hook, struct sock *other)
{
	struct unix_sock *peer = bpf_skc_to_unix_sock(other);
	struct dentry *dentry;

	if (!peer)
		return 0;
	dentry = peer->path.dentry;
	return dentry ? refuse_name(hook, OPS(OP_WRITE), dentry, peer->path.mnt) : 0;
}

/* The agent's own socket takes orders from whoever may open it: never from a container that has rules. */
SEC("lsm/unix_stream_connect")
int BPF_PROG(on_unix_connect, struct sock *sock, struct sock *other, struct sock *accepted, int ret)
{
	struct switched done = { .hook = HOOK_SOCKET_CONNECT, .which = SWITCH_BPF };

	if (!ret && is_agents(other))
		ret = refuse_confined(&done);
	return ret ? ret : judge_peer(HOOK_SOCKET_CONNECT, other);
}

/* Datagrams: when they are connected, and each time one is sent. */
SEC("lsm/unix_may_send")
int BPF_PROG(on_unix_send, struct socket *socket, struct socket *other, int ret)
{
	struct sock *peer = other->sk; /* loaded once: newer verifiers want to see that this very value was compared */

	return ret ? ret : peer ? judge_peer(HOOK_SOCKET_SENDMSG, peer) : 0;
}

#endif
