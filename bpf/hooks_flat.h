/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Hooks without a path: sockets and capabilities. */
#ifndef PARAPET_HOOKS_FLAT_H
#define PARAPET_HOOKS_FLAT_H

#include <bpf/bpf_tracing.h>
#include "judge.h"

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
