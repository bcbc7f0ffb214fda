/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What keeps the rules themselves out of reach of a container that has rules, whatever they say: our maps, programs and pins, the agent,
 * and processes outside of the container. Only the host's processes, and containers without rules, may touch them.
 */
#ifndef PARAPET_HOOKS_GUARD_H
#define PARAPET_HOOKS_GUARD_H

#include <bpf/bpf_tracing.h>
#include "guard.h"

static __always_inline int guard_object(__u32 hook, __u64 kind, __u32 id)
{
	struct switched done = { .hook = hook, .which = SWITCH_BPF };
	__u64 key = kind << 32 | id;

	return bpf_map_lookup_elem(&own, &key) ? refuse_confined(&done) : 0;
}

/* A descriptor of a map is made: from its id, from a pin, or because it is new. */
SEC("lsm/bpf_map")
int BPF_PROG(on_bpf_map, struct bpf_map *map, unsigned int mode, int ret)
{
	return ret ? ret : guard_object(HOOK_BPF_MAP, OWN_MAP, map->id);
}

SEC("lsm/bpf_prog")
int BPF_PROG(on_bpf_program, struct bpf_prog *program, int ret)
{
	return ret ? ret : guard_object(HOOK_BPF_PROG, OWN_PROGRAM, program->aux->id);
}

/* Tracing is judged by its switch; of what is outside of its own container a container traces nothing unless its policies allow it, and
 * the agent never. Reading /proc is no tracing. */
static __always_inline int judge_tracing(__u32 hook, struct task_struct *child)
{
	struct switched done = { .hook = hook, .which = SWITCH_PTRACE, .pid = child->tgid };
	struct label *own_label = label_of(bpf_get_current_task_btf()), *label = label_of(child);
	__u32 container = own_label ? own_label->container : 0, verdict;
	struct subject subject = {};
	struct table *table = subject_under(&subject, own_label, container);
	int denied;

	if (!table)
		return 0;
	denied = refuse_syscall(hook);
	if (denied)
		return denied;
	verdict = switch_verdict(table, SWITCH_PTRACE);
	if (container && verdict != VERDICT_ALLOW && (!label || label->container != container))
		verdict = VERDICT_BLOCK;
	if (container && is_agent(child))
		verdict = VERDICT_BLOCK;
	return verdict < VERDICT_AUDIT ? 0 : deny_if(tell_switch(&subject, &done, verdict), -EPERM);
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(on_ptrace, struct task_struct *child, unsigned int mode, int ret)
{
	if (ret || !(mode & PTRACE_MODE_ATTACH))
		return ret;
	return judge_tracing(HOOK_PTRACE_ACCESS_CHECK, child);
}

SEC("lsm/ptrace_traceme")
int BPF_PROG(on_ptrace_traceme, struct task_struct *parent, int ret)
{
	return ret ? ret : refuse_by(HOOK_PTRACE_TRACEME, SWITCH_PTRACE);
}

SEC("lsm/task_kill")
int BPF_PROG(on_kill, struct task_struct *target, void *info, int signal, const struct cred *cred, int ret)
{
	struct switched done = { .hook = HOOK_TASK_KILL, .which = SWITCH_PTRACE };

	if (ret || !signal || !is_agent(target))
		return ret;
	done.pid = target->tgid;
	return refuse_confined(&done);
}

#endif
