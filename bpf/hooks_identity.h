/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* How processes get, inherit and lose their labels. */
#ifndef PARAPET_HOOKS_IDENTITY_H
#define PARAPET_HOOKS_IDENTITY_H

#include <bpf/bpf_tracing.h>
#include "hooks_path.h"

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

SEC("lsm/bprm_check_security")
int BPF_PROG(on_exec, struct linux_binprm *bprm, int ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct path_access access = { .hook = HOOK_BPRM_CHECK, .ops = OPS(OP_EXEC) };
	struct label *label = label_of(task);
	struct subject subject = {};
	__u32 container;

	if (ret)
		return ret;
	container = label ? label->container : entered_container(task, bprm->file);
	if (container && !label && labels_nearly_full()) {
		count(COUNT_LABELS_FULL);
		return -EACCES;
	}
	if (!subject_in(&subject, label, container, CLASS_PROCESS))
		return 0;
	access.dentry = bprm->file->f_path.dentry;
	access.mount = bprm->file->f_path.mnt;
	access.inode = bprm->file->f_inode;
	return deny_if(judge(&subject, &access), -EACCES);
}

/* Finds the source class of the program that was just executed; where that fails, the next access finds it. */
static __always_inline void classify_executed(struct task_struct *task, struct label *label, struct file *file)
{
	struct scratch *s = NULL;
	__u64 *entry = bpf_map_lookup_elem(&containers, &label->container);
	__u32 source;
	__u64 word;
	int slot;

	label_set_source(label, 0, 0);
	if (!entry)
		return;
	word = *(volatile __u64 *)entry;
	if (!(__u32)word)
		return;
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

/* The child has its id, and has not run yet. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct label *label, inherited;

	if (child->tgid != child->pid)
		return 0;
	label = label_of(parent);
	if (!label)
		return 0;
	inherited = *label;
	inherited.start_time = child->start_time;
	if (label_put(child->pid, &inherited)) {
		count(COUNT_LABELS_FULL);
		bpf_send_signal(SIGKILL); /* the parent: on_task_alloc left room, so this is beyond what can be refused in good order */
	}
	return 0;
}

/* The label goes with the last thread; until then the leader's id stands for all of them. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	if (task->signal->live.counter == 0)
		label_remove(task->tgid);
	return 0;
}

/* Still the runtime's: it has executed nothing since it was forked, and its program is not in its own mount namespace. */
static __always_inline bool is_runtime_init(struct task_struct *task)
{
	struct scratch *s = NULL;
	__u64 dentry, mount;
	int slot, end;

	if (!(task->flags & PF_FORKNOEXEC))
		return false;
	exe_of(task, &dentry, &mount);
	if (!dentry)
		return false;
	slot = scratch_claim(&s);
	if (slot < 0 || !s)
		return false;
	s->mnt_ns = (__u64)BPF_CORE_READ(task, nsproxy, mnt_ns);
	end = walk(slot, dentry, mount);
	scratch_release(s);
	return end != END_ATTACHED;
}

/* Labels the processes that were in a container's cgroup before we knew it; the reader gets the id of each that was labelled. */
SEC("iter/task")
int adopt(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct label label = {};
	__u32 tgid;

	remember_agent();
	if (!task || task->pid != task->tgid || (task->flags & PF_KTHREAD) || label_of(task))
		return 0;
	if (!task->signal->live.counter)
		return 0;
	label.container = container_of_task_cgroup(task);
	if (!label.container || is_runtime_init(task))
		return 0;
	tgid = task->tgid;
	label.start_time = task->start_time;
	if (label_put(tgid, &label)) {
		count(COUNT_LABELS_FULL);
		return 0;
	}
	if (!task->signal->live.counter) /* it exited meanwhile, and on_exit may have come before the label */
		label_remove(tgid);
	bpf_seq_write(ctx->meta->seq, &tgid, sizeof(tgid));
	return 0;
}

#endif
