/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From where a program's path is judged to where its arguments are: what is noted of an execution on its way. */
#ifndef PARAPET_EXECUTIONS_H
#define PARAPET_EXECUTIONS_H

#include "arguments.h"

#define MAX_EXECUTIONS MAX_LABELS
#define MAX_LEVELS 8 /* a script's interpreter can be a script: the kernel gives up after six */

/* A program that has rules for its arguments: it gets the last `arguments` of all. */
struct execution_level { struct subject subject; struct argued argued; __u32 who; __u32 arguments; __u64 dentry; __u64 mount; };

/* Of the files we keep no references: the kernel puts its own only when the task goes back to user space, or has dropped the old image there. */
struct execution {
	__u32 levels;
	__u32 reserved;
	__u64 caller_dentry;
	__u64 caller_mount;
	struct execution_level level[MAX_LEVELS];
};

/* By task: its ids change on the way when a thread that is not the first executes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_EXECUTIONS);
	__type(key, __u64);
	__type(value, struct execution);
} executions SEC(".maps");

/* Entry 0 is what a new one looks like. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct execution);
} new_execution SEC(".maps");

/* Entry 0: how many there are. Where no rule is about arguments, that is all that an execution looks at. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} execution_count SEC(".maps");

static __always_inline __u64 *executions_noted(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&execution_count, &zero);
}

/* The task has executed, has ended, or begins anew after an execution that failed. */
static __always_inline void forget_execution(struct task_struct *task)
{
	__u64 key = (__u64)task, *noted = executions_noted();

	if (noted && *(volatile __u64 *)noted && !bpf_map_delete_elem(&executions, &key))
		__sync_fetch_and_add(noted, -1);
}

static __always_inline struct execution *execution_of(struct task_struct *task)
{
	__u64 key = (__u64)task, *noted = executions_noted();

	return noted && *(volatile __u64 *)noted ? bpf_map_lookup_elem(&executions, &key) : NULL;
}

static __always_inline struct execution *begin_execution(struct task_struct *task)
{
	__u64 key = (__u64)task, *noted = executions_noted();
	__u32 zero = 0;
	struct execution *blank = bpf_map_lookup_elem(&new_execution, &zero), *execution;

	if (!blank || !noted)
		return NULL;
	if (!bpf_map_update_elem(&executions, &key, blank, BPF_NOEXIST))
		__sync_fetch_and_add(noted, 1);
	execution = bpf_map_lookup_elem(&executions, &key);
	if (execution)
		exe_of(task, &execution->caller_dentry, &execution->caller_mount);
	return execution;
}

/* Notes that the program which was just judged, and is told `argc` strings, has rules for them. 1 to deny: there is no room for the note. */
__noinline int note_execution(__u32 slot, __u32 argc)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct execution *execution = execution_of(task);
	struct scratch *s = scratch_at(slot);
	struct execution_level *level;
	__u64 at;

	if (!s)
		return 1;
	if (!execution)
		execution = begin_execution(task);
	if (!execution || execution->levels >= MAX_LEVELS) {
		unjudged(s, OP_EXEC, COUNT_NO_SCRATCH);
		walk_back(s, slot);
		emit(slot, CLASS_PROCESS, 1);
		return 1;
	}
	at = *(volatile __u32 *)&execution->levels;
	asm volatile("%0 &= 7" : "+r"(at));
	level = &execution->level[at];
	level->subject = s->subject;
	level->argued = s->noted;
	level->who = s->who;
	level->arguments = argc ? argc - 1 : 0;
	level->dentry = s->told_dentry;
	level->mount = s->told_mount;
	execution->levels = at + 1;
	return 0;
}

/* Judges the arguments of one level by s->told.at and .argc. */
__noinline int judge_level(__u32 slot, __u32 number)
{
	struct execution *execution = execution_of(bpf_get_current_task_btf());
	struct scratch *s = scratch_at(slot);
	struct execution_level *level;

	if (!execution || !s || number >= execution->levels || number >= MAX_LEVELS)
		return VERDICT_NONE;
	level = &execution->level[number];
	s->subject = level->subject;
	s->who = level->who;
	s->dentry = level->dentry;
	s->mount = level->mount;
	s->told.argued = level->argued;
	s->told.who = level->who;
	s->told.first = s->told.argc > level->arguments ? s->told.argc - level->arguments : 0;
	return judge_told(slot);
}

/* Judges what the current task's new program was told, level by level; one event, of the worst. 1 when it must not run. */
__noinline int judge_execution(__u32 slot)
{
	struct execution *execution = execution_of(bpf_get_current_task_btf());
	struct scratch *s = scratch_at(slot);
	__u32 worst = VERDICT_NONE, which = 0;

	if (!execution || !s)
		return 1;
	s->hook = HOOK_BPRM_CHECK;
	s->event.detail[0] = s->event.detail[1] = s->event.detail[2] = 0;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < MAX_LEVELS; i++) {
		__u32 verdict = judge_level(slot, i);

		if (verdict > worst) {
			worst = verdict;
			which = i;
		}
	}
	if (worst < VERDICT_AUDIT)
		return 0;
	judge_level(slot, which);
	if (s->decision.reason)
		count(s->decision.reason);
	s->caller_dentry = execution->caller_dentry;
	s->caller_mount = execution->caller_mount;
	s->mnt_ns = (__u64)bpf_get_current_task_btf()->nsproxy->mnt_ns;
	walk_once(s, slot);
	emit(slot, CLASS_PROCESS, 1);
	s->caller_dentry = 0;
	return worst == VERDICT_BLOCK;
}

/* The new program has its arguments, and has not run: with others than it may have, it never does. */
static __always_inline void settle_execution(struct task_struct *task, struct linux_binprm *bprm)
{
	struct scratch *s = NULL;
	int slot, refused = 1;

	if (!execution_of(task))
		return;
	slot = scratch_claim(&s);
	if (slot >= 0 && s) {
		s->told.at = bprm->p;
		s->told.argc = bprm->argc;
		refused = judge_execution(slot);
		scratch_release(s);
	} else {
		lose_unseen(VERDICT_BLOCK);
	}
	if (refused)
		bpf_send_signal(SIGKILL);
	forget_execution(task);
}

#endif
