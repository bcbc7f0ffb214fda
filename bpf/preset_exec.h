/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What `spec.presets` says about executing. */
#ifndef PARAPET_PRESET_EXEC_H
#define PARAPET_PRESET_EXEC_H

#include "fileless.h"
#include "event.h"

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

/* Judges executing a file in a container; the process may come into it only now. */
static __always_inline int judge_presets(struct label *label, __u32 container, struct file *file)
{
	int denied = label ? 0 : judge_coming(container, file);

	return denied ? denied : judge_fileless(HOOK_BPRM_CHECK, container, file->f_path.dentry, file->f_path.mnt);
}

#endif
