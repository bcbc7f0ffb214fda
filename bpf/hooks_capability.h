/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Capabilities. */
#ifndef PARAPET_HOOKS_CAPABILITY_H
#define PARAPET_HOOKS_CAPABILITY_H

#include <bpf/bpf_tracing.h>
#include "switch.h"

/* Does the kernel act under credentials that are not the task's, as overlayfs does when it copies a file up? Then nobody used a capability.
 * io_uring can act under other credentials that the task itself once had: those count. */
static __always_inline bool is_kernels_own(struct task_struct *task)
{
	if (task->cred == task->real_cred || (task->flags & PF_IO_WORKER))
		return false;
	return !bpf_core_field_exists(task->io_uring) || !task->io_uring;
}

/* Judges using a capability. Memory is claimed only for events, and to find out a source: these are the most frequent questions. */
static __always_inline int judge_capability(__u32 capability, bool quiet)
{
	__u64 names = 1ull << (capability & 63);
	struct decision decision = {};
	struct subject subject = {};
	struct scratch *s = NULL;
	int slot = -1;

	if (!subject_of_current(&subject, CLASS_CAPABILITY))
		return 0;
	if (subject.source == SOURCE_UNKNOWN) {
		slot = scratch_claim(&s);
		if (slot < 0 || !s) {
			lose_unseen(VERDICT_BLOCK);
			return 1;
		}
		s->subject = subject;
		s->mnt_ns = (__u64)bpf_get_current_task_btf()->nsproxy->mnt_ns;
		source_of_current(slot);
		subject.source = s->subject.source;
	}
	if (subject.source == SOURCE_UNKNOWN)
		decision = cannot_tell(COUNT_READ_FAULT);
	else
		match_capability(&decision, &subject, names);
	if (decision.verdict >= VERDICT_AUDIT && !quiet) {
		if (!s)
			slot = scratch_claim(&s);
		if (!s) {
			lose_unseen(decision.verdict);
			return decision.verdict == VERDICT_BLOCK;
		}
		s->subject = subject;
		s->decision = decision;
		s->hook = HOOK_CAPABLE;
		s->who = WHO_OTHER;
		s->what = names;
		s->event.detail[0] = capability;
		s->event.detail[1] = s->event.detail[2] = 0;
		s->event.version = 0;
		emit(slot, CLASS_CAPABILITY, 0);
	}
	if (s)
		scratch_release(s);
	return decision.verdict == VERDICT_BLOCK;
}

/* Does the system call give files other paths without a hook of its own? setns(2) is asked for CAP_SYS_CHROOT when it joins a mount namespace,
 * mount_setattr(2) always for CAP_SYS_ADMIN. No other call has one of these numbers by another entry and is asked for the same. */
static __always_inline bool changes_mounts(int capability)
{
	__u64 number;

	if (capability != CAP_SYS_CHROOT && capability != CAP_SYS_ADMIN)
		return false;
	number = call_number();
	return capability == CAP_SYS_ADMIN ? number == CALL_MOUNT_SETATTR : number == CALL_SETNS || number == COMPAT_SETNS;
}

/* The kernel sometimes only asks whether a capability is there: the answer is the same, but nobody used anything. */
SEC("lsm/capable")
int BPF_PROG(on_capable, const struct cred *cred, void *user_namespace, int capability, unsigned int options, int ret)
{
	if (ret)
		return ret;
	if (is_kernels_own(bpf_get_current_task_btf()))
		return 0;
	if (changes_mounts(capability)) {
		ret = deny_if(judge_switch(HOOK_CAPABLE, SWITCH_MOUNTS, 0, 0, 0), -EPERM);
		if (ret)
			return ret;
	}
	return deny_if(judge_capability(capability, options & CAP_OPT_NOAUDIT), -EPERM);
}

#endif
