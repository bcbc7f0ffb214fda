/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* How processes get their labels. */
#ifndef PARAPET_HOOKS_IDENTITY_H
#define PARAPET_HOOKS_IDENTITY_H

#include <bpf/bpf_tracing.h>
#include "hold.h"
#include "hooks_path.h"
#include "preset_exec.h"

/* Is the program that a runtime's process executes still a part of the runtime? Then the process is in the namespace of the node's first
 * process, and the file is not: while it sets a container up, runc runs a copy of itself from memory or from a mount of its own. Nothing
 * from inside a container comes here, because that has a label. */
static __always_inline bool is_runtime_copy(struct task_struct *task, struct file *file)
{
	struct pid_namespace *host = BPF_CORE_READ(task, group_leader, thread_pid, numbers[0].ns);
	struct mount *mount = (void *)file->f_path.mnt - bpf_core_field_offset(struct mount, mnt);
	struct mnt_namespace *own = BPF_CORE_READ(task, nsproxy, mnt_ns);

	return own == BPF_CORE_READ(host, child_reaper, nsproxy, mnt_ns) && BPF_CORE_READ(mount, mnt_ns) != own;
}

/* The container that a process enters by executing `file`: that of its cgroup, when it has no label yet. */
static __always_inline __u32 entered_container(struct task_struct *task, struct file *file)
{
	__u32 container = container_of_task_cgroup(task);

	return container && !is_runtime_copy(task, file) ? container : 0;
}

/* Tells of a program that is refused because nobody knows its container. */
static __always_inline void tell_unknown(struct file *file)
{
	struct scratch *s = NULL;
	int slot = scratch_claim(&s);

	if (slot < 0 || !s) {
		count(COUNT_UNKNOWN_DENIED);
		lose_unseen(VERDICT_BLOCK);
		return;
	}
	s->subject = (struct subject){};
	s->hook = HOOK_BPRM_CHECK;
	s->who = WHO_OTHER;
	s->event.detail[0] = s->event.detail[1] = s->event.detail[2] = 0;
	unjudged(s, OP_EXEC, COUNT_UNKNOWN_DENIED);
	walk_near(s, slot, file->f_path.dentry, file->f_path.mnt);
	emit(slot, CLASS_PROCESS, 1);
	scratch_release(s);
}

SEC("lsm/bprm_check_security")
int BPF_PROG(on_exec, struct linux_binprm *bprm, int ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct path_access access = { .hook = HOOK_BPRM_CHECK, .ops = OPS(OP_EXEC) };
	struct label *label = label_of(task);
	struct subject subject = {};
	struct table *table;
	int met = UNKNOWN_PASSES;
	__u32 container;
	int denied;

	if (ret)
		return ret;
	if (bprm->interp == bprm->filename) /* no interpreter yet: a new execution */
		forget_execution(task);
	if (label) /* what an earlier execution that failed left is about another file, which may have had the same address */
		*(volatile __u64 *)&label->executing = 0;
	container = label ? label->container : entered_container(task, bprm->file);
	if (!label && !container && !is_runtime_copy(task, bprm->file))
		met = meet_unknown();
	if (met == UNKNOWN_HELD)
		return deny_if(1, -ERESTARTNOINTR);
	if (!label) /* who has one was never held */
		forget_held(task->tgid);
	if (met == UNKNOWN_REFUSED) {
		tell_unknown(bprm->file);
		return deny_if(1, -EACCES);
	}
	if (container && !label && labels_nearly_full()) {
		count(COUNT_LABELS_FULL);
		return -EACCES;
	}
	table = subject_under(&subject, label, container);
	if (!table)
		return 0;
	if ((table->flags & TABLE_HAS_SYSCALL_PATHS) && bprm->interp == bprm->filename) /* the file that the call names, not an interpreter */
		audit_call(HOOK_BPRM_CHECK, container, address_of(bprm->file->f_path.dentry), 0, address_of(bprm->file->f_path.mnt));
	if (table->flags & TABLE_HAS(CLASS_PRESET)) {
		denied = deny_if(judge_presets(label, container, bprm->file), -EACCES);
		if (denied)
			return denied;
	}
	if (!is_subject_to(&subject, table, CLASS_PROCESS))
		return 0;
	access.dentry = bprm->file->f_path.dentry;
	access.mount = bprm->file->f_path.mnt;
	access.inode = bprm->file->f_inode;
	access.argc = bprm->argc;
	access.label = label;
	access.file = bprm->file;
	return deny_if(judge(&subject, &access), -EACCES);
}

/* Finds the source class of the program that was just executed; where that fails, the next access finds it. */
static __always_inline void classify_executed(struct task_struct *task, struct label *label, struct file *file)
{
	struct scratch *s = NULL;
	__u64 *entry = bpf_map_lookup_elem(&containers, &label->container);
	__u64 word, executing;
	__u32 source;
	int slot;

	label_set_source(label, 0, 0);
	*(volatile __u64 *)&label->executed = (__u64)file; /* no other thread is left */
	if (!entry)
		return;
	word = *(volatile __u64 *)entry;
	if (!(__u32)word)
		return;
	executing = *(volatile __u64 *)&label->executing;
	if ((executing & ~(__u64)SOURCE_BITS) == execution_mark(*(volatile __u64 *)&label->executed, word >> 32)) { /* found when its path was judged */
		label_set_source(label, executing & SOURCE_BITS, word >> 32);
		return;
	}
	slot = scratch_claim(&s);
	if (slot < 0 || !s)
		return;
	s->subject.container = label->container;
	s->subject.table = word;
	walk_near(s, slot, file->f_path.dentry, file->f_path.mnt);
	source = source_of_walk(s, slot);
	if (is_torn(s))
		source = classify_source(slot);
	if (source != SOURCE_UNKNOWN)
		label_set_source(label, source, word >> 32);
	scratch_release(s);
}

/* The exec can no longer fail: a process that enters a container becomes the container's. Without room for its label it dies. */
SEC("lsm/bprm_committed_creds")
int BPF_PROG(on_executed, struct linux_binprm *bprm)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct label *label = label_of(task);

	if (!label) {
		struct label entering = { .start_time = task->group_leader->start_time, .container = entered_container(task, bprm->file) };

		if (!entering.container)
			return 0;
		if (label_put(task->tgid, &entering)) {
			count(COUNT_LABELS_FULL);
			bpf_send_signal(SIGKILL);
			return 0;
		}
		label = label_of(task);
	}
	if (label)
		classify_executed(task, label, bprm->file);
	settle_execution(task, bprm);
	return 0;
}

SEC("lsm/task_alloc")
int BPF_PROG(on_task_alloc, struct task_struct *child, __u64 clone_flags, int ret)
{
	if (ret)
		return ret;
	if ((clone_flags & CLONE_THREAD) || !label_of(bpf_get_current_task_btf()) || !labels_nearly_full())
		return 0;
	count(COUNT_LABELS_FULL);
	return -EAGAIN;
}

#endif
