/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* How processes inherit and lose their labels, and how those get one that were there before. These programs are no LSM hooks. */
#ifndef PARAPET_HOOKS_TASK_H
#define PARAPET_HOOKS_TASK_H

#include <bpf/bpf_tracing.h>
#include "earlier.h"
#include "executions.h"
#include "guard.h"
#include "hold.h"

/* The child has its id, and has not run yet. What earlier programs know of its parent counts for more than what we found out since. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct label *label, inherited = {};
	__u32 *earlier;

	if (child->tgid != child->pid)
		return 0;
	label = label_of(parent);
	if (label)
		inherited = *label;
	earlier = earlier_container(parent);
	if (earlier && *earlier && *earlier != inherited.container)
		inherited = (struct label){ .container = *earlier };
	if (!inherited.container)
		return 0;
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
	forget_execution(task);
	if (task->signal->live.counter == 0) {
		label_remove(task->tgid);
		forget_held(task->tgid);
	}
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

/* The container of a process that was there before we knew it, by its cgroup; 0 where it is none's yet. */
static __always_inline __u32 adoptive_container(struct task_struct *task, __u32 tgid)
{
	__u32 container;

	if (bpf_map_lookup_elem(&held, &tgid)) /* who is held gets its label with its program */
		return 0;
	container = container_of_task_cgroup(task);
	return container && !is_runtime_init(task) ? container : 0;
}

/* Labels the processes that were in a container's cgroup before we knew it, or that earlier programs know as a container's. The reader gets the
 * id of each that was labelled, and of each that only earlier programs confine. */
SEC("iter/task")
int adopt(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct label label = {}, *own;
	__u32 tgid, *earlier;

	remember_agent();
	if (!task || task->pid != task->tgid || (task->flags & PF_KTHREAD) || !task->signal->live.counter)
		return 0;
	tgid = task->tgid;
	own = label_of(task);
	earlier = earlier_container(task);
	if (earlier && !*earlier) {
		bpf_seq_write(ctx->meta->seq, &tgid, sizeof(tgid));
		return 0;
	}
	if (own && (!earlier || *earlier == own->container))
		return 0;
	label.container = earlier ? *earlier : adoptive_container(task, tgid);
	if (!label.container)
		return 0;
	label.start_time = task->start_time;
	if (label_put(tgid, &label)) {
		count(COUNT_LABELS_FULL);
		if (!earlier)
			return 0;
	} else if (!task->signal->live.counter) { /* it exited meanwhile, and on_exit may have come before the label */
		label_remove(tgid);
	}
	bpf_seq_write(ctx->meta->seq, &tgid, sizeof(tgid));
	return 0;
}

#endif
