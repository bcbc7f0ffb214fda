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

/* Who traces a process also reads its environment and writes into the text of its program: what two presets are about. */
static __always_inline int judge_by_presets(__u32 hook, __u32 pid)
{
	int denied = judge_switch(hook, SWITCH_PROTECT_ENV, pid, 0, 0);

	if (!denied)
		denied = judge_switch(hook, SWITCH_ANONYMOUS_MAP_EXEC, pid, 0, 0);
	return deny_if(denied, -EPERM);
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
	denied = refuse_call(hook);
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
	if (ret)
		return ret;
	if (mode & PTRACE_MODE_ATTACH) {
		ret = judge_tracing(HOOK_PTRACE_ACCESS_CHECK, child);
		return ret ? ret : judge_by_presets(HOOK_PTRACE_ACCESS_CHECK, child->tgid);
	}
	/* What /proc asks: of its links too, which lead to the process's root, directory, program and files. */
	if ((mode & PTRACE_MODE_FSCREDS) && !(mode & PTRACE_MODE_NOAUDIT))
		ret = deny_if(judge_switch(HOOK_PTRACE_ACCESS_CHECK, SWITCH_PROTECT_PROC, child->tgid, 0, 0), -EACCES);
	return ret;
}

SEC("lsm/ptrace_traceme")
int BPF_PROG(on_ptrace_traceme, struct task_struct *parent, int ret)
{
	if (!ret)
		ret = refuse_by(HOOK_PTRACE_TRACEME, SWITCH_PTRACE);
	return ret ? ret : judge_by_presets(HOOK_PTRACE_TRACEME, 0);
}

/* Whatever would end the agent, or keep it from working. */
static __always_inline int guard_agent(__u32 hook, struct task_struct *target)
{
	struct switched done = { .hook = hook, .which = SWITCH_PTRACE };

	if (!is_agent(target))
		return 0;
	done.pid = target->tgid;
	return refuse_confined(&done);
}

SEC("lsm/task_kill")
int BPF_PROG(on_kill, struct task_struct *target, void *info, int signal, const struct cred *cred, int ret)
{
	return ret || !signal ? ret : guard_agent(HOOK_TASK_KILL, target);
}

/* The signal of a descriptor that something can be read from, or written to: by whom it comes is not known here, and the agent asks for none. */
SEC("lsm/file_send_sigiotask")
int BPF_PROG(on_signal_of_file, struct task_struct *target, void *owner, int signal, int ret)
{
	return ret ? ret : deny_if(is_agent(target), -EPERM);
}

SEC("lsm/task_setrlimit")
int BPF_PROG(on_set_limit, struct task_struct *target, unsigned int resource, void *limit, int ret)
{
	return ret ? ret : guard_agent(HOOK_TASK_SETRLIMIT, target);
}

SEC("lsm/task_setnice")
int BPF_PROG(on_set_nice, struct task_struct *target, int nice, int ret)
{
	return ret ? ret : guard_agent(HOOK_TASK_SETNICE, target);
}

SEC("lsm/task_setscheduler")
int BPF_PROG(on_set_scheduler, struct task_struct *target, int ret)
{
	return ret ? ret : guard_agent(HOOK_TASK_SETSCHEDULER, target);
}

SEC("lsm/task_setioprio")
int BPF_PROG(on_set_io_priority, struct task_struct *target, int priority, int ret)
{
	return ret ? ret : guard_agent(HOOK_TASK_SETIOPRIO, target);
}

/* Naming another file as one's program: by that, programs are known as sources and their own mappings pass. 0 leaves the call to the kernel. */
SEC("lsm/task_prctl")
int BPF_PROG(on_prctl, int option, unsigned long what, unsigned long third, unsigned long fourth, unsigned long fifth, int ret)
{
	struct switched done = { .hook = HOOK_TASK_PRCTL, .which = SWITCH_PTRACE };

	if (option != PR_SET_MM || (what != PR_SET_MM_EXE_FILE && what != PR_SET_MM_MAP))
		return 0;
	return refuse_confined(&done);
}

#endif
