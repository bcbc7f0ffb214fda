/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a container that has rules must not touch, because the rules themselves hang on it. */
#ifndef PARAPET_GUARD_H
#define PARAPET_GUARD_H

#include "switch.h"

static __always_inline struct guard *guard_entry(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&guard, &zero);
}

static __always_inline bool is_agent(struct task_struct *task)
{
	struct guard *entry = guard_entry();

	return entry && entry->agent && entry->agent == task->tgid && entry->agent_start == task->group_leader->start_time;
}

/* A process by the kernel's record of its id; NULL when it is gone. */
static __always_inline struct task_struct *task_with(struct pid *pid)
{
	struct hlist_node *first = BPF_CORE_READ(pid, tasks[0].first);

	return first ? (void *)first - bpf_core_field_offset(struct task_struct, pid_links[0]) : NULL;
}

/* Is it the agent that listens at this local socket? */
static __always_inline bool is_agents(struct sock *listener)
{
	struct pid *pid = BPF_CORE_READ(listener, sk_peer_pid);
	struct guard *entry = guard_entry();
	struct task_struct *task;

	if (!pid || !entry || !entry->agent)
		return false;
	task = task_with(pid);
	return task && BPF_CORE_READ(task, tgid) == entry->agent && BPF_CORE_READ(task, group_leader, start_time) == entry->agent_start;
}

/* Denies a container that has rules, with an event of the switch that is nearest to what was tried. */
static __always_inline int refuse_confined(struct switched *done)
{
	struct subject subject = {};

	if (!confining(&subject))
		return 0;
	return deny_if(tell_switch(&subject, done, VERDICT_BLOCK), -EPERM);
}

/* Is this a name in the BPF file system that holds our pins? */
static __always_inline bool is_pin(struct dentry *dentry)
{
	struct guard *entry;

	if (BPF_CORE_READ(dentry, d_sb, s_magic) != BPF_FS_MAGIC)
		return false;
	entry = guard_entry();
	return entry && entry->pins == BPF_CORE_READ(dentry, d_sb, s_dev);
}

static __always_inline int guard_pin(__u32 hook, struct dentry *dentry, struct vfsmount *mount)
{
	struct switched done = { .hook = hook, .which = SWITCH_BPF, .dentry = dentry, .mount = mount };

	return is_pin(dentry) ? refuse_confined(&done) : 0;
}

/* The process that runs this is the agent, and is protected from now on. One of a container that has rules is not. */
static __always_inline void remember_agent(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct guard *entry = guard_entry();
	struct subject subject = {};

	if (!entry || confining(&subject) || (entry->agent == task->tgid && entry->agent_start == task->group_leader->start_time))
		return;
	entry->agent_start = task->group_leader->start_time;
	entry->agent = task->tgid;
}

#endif
