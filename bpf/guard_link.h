/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Our links are out of reach of a container that has rules. From its id no descriptor of one is made for it. From its pin, where that can be
 * reached, it is, as no hook tells; but what could take a program out of force by it is refused.
 */
#ifndef PARAPET_GUARD_LINK_H
#define PARAPET_GUARD_LINK_H

#include "descriptor.h"
#include "guard.h"

/* Whoever shares its descriptors with another task could put another one there between this look and the kernel's: that is our link, too. */
static __always_inline bool may_be_our_link(__u32 descriptor)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct file *file = file_of(task, descriptor);
	struct bpf_link *link = file ? BPF_CORE_READ(file, private_data) : NULL;
	__u64 key = (__u64)OWN_PROGRAM << 32;

	if (shares_descriptors(task))
		return true;
	key |= BPF_CORE_READ(link, prog, aux, id);
	return bpf_map_lookup_elem(&own, &key) != NULL;
}

/* `attributes` are the kernel's copy, and begin with the link's id or descriptor. */
static __always_inline int guard_link(int command, void *attributes)
{
	struct switched done = { .hook = HOOK_BPF, .which = SWITCH_BPF };
	__u64 key = (__u64)OWN_LINK << 32;
	__u32 first = 0;

	if (command != BPF_LINK_GET_FD_BY_ID && command != BPF_LINK_UPDATE && command != BPF_LINK_DETACH)
		return 0;
	bpf_probe_read_kernel(&first, sizeof(first), attributes);
	key |= first;
	if (command == BPF_LINK_GET_FD_BY_ID ? !bpf_map_lookup_elem(&own, &key) : !may_be_our_link(first))
		return 0;
	return refuse_confined(&done);
}

#endif
