/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Containers that the agent does not know yet. Their programs must not run without rules. Whoever executes one is stopped, and its execve is
 * to be done once more whenever it goes on (-ERESTARTNOINTR): it still is the runtime's process then, or whichever called execve, and comes
 * here anew. So whoever wakes it, and whenever, no program runs before the rules are in; the same hook judges it by them, with its event.
 *
 * An entry in `held` says that a process waits. It goes when the execve is decided or the process ends, never by the agent's doing: who is
 * woken before it has stopped, or too early, is woken again. The agent wakes, and what lives on of it when it dies (watch.c).
 */
#ifndef PARAPET_HOLD_H
#define PARAPET_HOLD_H

#include "event.h"
#include "label.h"

enum unknown { UNKNOWN_PASSES = 0, UNKNOWN_HELD = 1, UNKNOWN_REFUSED = 2 };

/* What is known of the place of an unknown cgroup: an enum hold_root; HOLD_ROOT_NONE where no container is expected. */
static __always_inline __u32 hold_root_of(struct cgroup *cgroup)
{
	struct cgroup *parent = NULL, *above;
	struct root_name name = {};
	__u32 *root;
	int depth = 0;

	cgroup = at_most_deep(cgroup);
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

/* Does the runtime still set this pid namespace up? Then its first process, a copy of the runtime's, has executed nothing, and does not wait
 * to do so either. */
static __always_inline bool is_being_set_up(struct task_struct *reaper)
{
	__u32 tgid = BPF_CORE_READ(reaper, tgid);

	return (BPF_CORE_READ(reaper, flags) & PF_FORKNOEXEC) && !bpf_map_lookup_elem(&held, &tgid);
}

/* Is what a task is about to run a container's, and not the runtime's or the node's? It is in a cgroup that no known container has. */
static __always_inline bool is_unknown_container(struct task_struct *task, __u32 root)
{
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	struct pid *parent = BPF_CORE_READ(task, real_parent, group_leader, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level), ns = 0, parent_ns = 0;

	if (root == HOLD_ROOT_NONE)
		return false;
	if (!level) /* the node's pid namespace: a container has at least mounts of its own */
		return root == HOLD_ROOT_CONTAINERS &&
		       BPF_CORE_READ(task, nsproxy, mnt_ns) != BPF_CORE_READ(reaper_at(pid, 0), nsproxy, mnt_ns);
	if (id_at(pid, level, &ns) == 1)
		return true;
	if (!id_at(parent, level, &parent_ns) || parent_ns != ns)
		return true; /* somebody entered the container to execute it */
	return !is_being_set_up(reaper_at(pid, level)); /* else it is the runtime's hook */
}

static __always_inline void forget_held(__u32 tgid)
{
	if (bpf_map_lookup_elem(&held, &tgid)) /* cheaper than to delete what is not there */
		bpf_map_delete_elem(&held, &tgid);
}

/* Stops a process, with an entry that says so from before. */
static __always_inline bool hold(__u32 tgid, struct held *entry)
{
	struct held *waiting = bpf_map_lookup_elem(&held, &tgid);

	if (!waiting || waiting->cgroup != entry->cgroup) { /* woken too early, it has waited since the first time */
		if (bpf_map_update_elem(&held, &tgid, entry, BPF_ANY))
			return false;
		count(COUNT_HELD);
	}
	return !bpf_send_signal(SIGSTOP);
}

/* What happens to the current process, which has no label and is in the cgroup of no known container, and is about to run a program that is
 * not the runtime's: enum unknown. */
__noinline int meet_unknown(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct cgroup *cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp);
	struct held entry = { .since = bpf_ktime_get_ns() };
	struct hold_settings *settings;
	__u32 zero = 0;

	settings = bpf_map_lookup_elem(&hold_settings, &zero);
	if (!settings || settings->unknown == HOLD_ALLOW || !is_unknown_container(task, hold_root_of(cgroup)))
		return UNKNOWN_PASSES;
	entry.cgroup = BPF_CORE_READ(cgroup, kn, id);
	if (bpf_map_lookup_elem(&hold_passed, &entry.cgroup))
		return UNKNOWN_PASSES;
	if (entry.since > settings->alive + AGENT_SILENCE_NS) {
		if (!settings->deny_when_gone)
			return UNKNOWN_PASSES;
	} else if (settings->unknown == HOLD_STOP && hold(task->tgid, &entry)) {
		return UNKNOWN_HELD;
	}
	return UNKNOWN_REFUSED;
}

#endif
