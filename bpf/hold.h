/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Containers that the agent does not know yet. Their first programs must not run without rules: they are stopped before their first
 * instruction until the agent has put the rules in, or refused, or let through, as the operator chose.
 */
#ifndef PARAPET_HOLD_H
#define PARAPET_HOLD_H

#include "event.h"
#include "label.h"

#define AGENT_SILENCE_NS 5000000000ULL

/* What is known of the place of an unknown cgroup: an enum hold_root; HOLD_ROOT_NONE where no container is expected. */
static __always_inline __u32 hold_root_of(struct cgroup *cgroup)
{
	struct cgroup *parent = NULL, *above;
	struct root_name name = {};
	__u32 *root;
	int depth = 0;

#pragma clang loop unroll(disable)
	for (int i = 0; i < MAX_CGROUP_DEPTH; i++) {
		if (!cgroup)
			return HOLD_ROOT_NONE;
		parent = (struct cgroup *)BPF_CORE_READ(cgroup, self.parent);
		if (!parent)
			return HOLD_ROOT_NONE; /* the root itself */
		above = (struct cgroup *)BPF_CORE_READ(parent, self.parent);
		if (!above)
			break;
		depth++;
		cgroup = parent;
	}
	if (!depth || !parent)
		return HOLD_ROOT_NONE;
	bpf_probe_read_kernel_str(name.text, sizeof(name.text), BPF_CORE_READ(cgroup, kn, name));
	root = bpf_map_lookup_elem(&hold_roots, &name);
	return root ? *root : HOLD_ROOT_NONE;
}

/* The first process of the pid namespace at `level`. */
static __always_inline struct task_struct *reaper_at(struct pid *pid, __u32 level)
{
	const __u64 upid = (__u64)pid + bpf_core_field_offset(struct pid, numbers) + (__u64)level * bpf_core_type_size(struct upid);
	const struct upid *number = (void *)upid;

	return BPF_CORE_READ(number, ns, child_reaper);
}

/* Is what a task is about to run a container's, and not the runtime's or the node's? It is in a cgroup that no known container has. */
static __always_inline bool is_unknown_container(struct task_struct *task, __u32 root)
{
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level), ns = 0;

	if (root == HOLD_ROOT_NONE)
		return false;
	if (!level) /* the node's pid namespace: a container has at least mounts of its own */
		return root == HOLD_ROOT_CONTAINERS &&
		       BPF_CORE_READ(task, nsproxy, mnt_ns) != BPF_CORE_READ(reaper_at(pid, 0), nsproxy, mnt_ns);
	if (id_at(pid, level, &ns) == 1)
		return true;
	return !(BPF_CORE_READ(reaper_at(pid, level), flags) & PF_FORKNOEXEC); /* else the runtime still sets it up, and this is its hook */
}

/* The current process, which has no label and is in the cgroup of no known container, is about to run a program that is not the runtime's.
 * 0 lets it run, or has it stopped before its first instruction; 1 refuses. */
__noinline int hold_unknown(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct cgroup *cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp);
	struct held entry = { .since = bpf_ktime_get_ns() };
	struct hold_settings *settings;
	__u32 zero = 0, tgid = task->tgid;

	settings = bpf_map_lookup_elem(&hold_settings, &zero);
	if (!settings || settings->unknown == HOLD_ALLOW || !is_unknown_container(task, hold_root_of(cgroup)))
		return 0;
	entry.cgroup = BPF_CORE_READ(cgroup, kn, id);
	if (bpf_map_lookup_elem(&hold_passed, &entry.cgroup))
		return 0;
	if (entry.since > settings->alive + AGENT_SILENCE_NS) {
		if (!settings->deny_when_gone)
			return 0;
	} else if (settings->unknown == HOLD_STOP && !bpf_map_update_elem(&held, &tgid, &entry, BPF_ANY)) {
		count(COUNT_HELD);
		bpf_send_signal(SIGSTOP);
		return 0;
	}
	count(COUNT_UNKNOWN_DENIED);
	return 1;
}

static __always_inline void forget_held(__u32 tgid)
{
	bpf_map_delete_elem(&held, &tgid);
}

#endif
