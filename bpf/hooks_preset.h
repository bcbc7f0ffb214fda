/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Hooks of `spec.presets` that are not in hooks_memory.h. */
#ifndef PARAPET_HOOKS_PRESET_H
#define PARAPET_HOOKS_PRESET_H

#include <bpf/bpf_tracing.h>
#include "fileless.h"
#include "hooks_identity.h"

/*
 * Did a process with a terminal come into the container from outside, as `kubectl exec -it` brings one? It has no label yet, and it is not
 * the first process of its pid namespace.
 */
static __always_inline bool came_with_terminal(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	__u32 ns = 0;

	return BPF_CORE_READ(task, signal, tty) && id_at(pid, BPF_CORE_READ(pid, level), &ns) != 1;
}

static __always_inline int judge_coming(__u32 container, struct file *file)
{
	struct switched done = { .hook = HOOK_BPRM_CHECK, .which = SWITCH_EXEC, .dentry = file->f_path.dentry, .mount = file->f_path.mnt };
	struct subject subject = {};
	struct table *table = subject_in(&subject, NULL, container, CLASS_PRESET);
	__u32 verdict = table ? switch_verdict(table, SWITCH_EXEC) : VERDICT_NONE;

	if (verdict < VERDICT_AUDIT || !came_with_terminal(bpf_get_current_task_btf()))
		return 0;
	return tell_switch(&subject, &done, verdict);
}

SEC("lsm/bprm_check_security")
int BPF_PROG(on_exec_presets, struct linux_binprm *bprm, int ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct label *label = label_of(task);
	__u32 container;
	int denied = 0;

	if (ret)
		return ret;
	container = label ? label->container : entered_container(task, bprm->file);
	if (!container)
		return 0;
	if (!label)
		denied = deny_if(judge_coming(container, bprm->file), -EACCES);
	if (denied)
		return denied;
	return deny_if(judge_fileless(HOOK_BPRM_CHECK, container, bprm->file->f_path.dentry, bprm->file->f_path.mnt), -EACCES);
}

#endif
