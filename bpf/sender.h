/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Whose packet it is that leaves. */
#ifndef PARAPET_SENDER_H
#define PARAPET_SENDER_H

#include "label.h"

/* What a program at the cgroup says of a packet. */
#define PASS 1
#define DROP 0

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

/* The socket that sends; NULL for packets of none. */
static __always_inline struct bpf_sock *sending_socket(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	return sk ? bpf_sk_fullsock(sk) : NULL;
}

/* The container that the current task is of. */
static __always_inline __u32 container_of_current(void)
{
	struct label *label = label_of(bpf_get_current_task_btf());

	return label ? label->container : 0;
}

/* Packets that wait, or are sent again, leave whoever the processor is just running: that nobody of their container did it is told then. */
static __always_inline __u32 hook_for_sender(__u32 container)
{
	return container == container_of_current() ? HOOK_SOCKET_SENDMSG : HOOK_CGROUP_SKB_EGRESS;
}

#endif
