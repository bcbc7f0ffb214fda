/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * System calls that act on a path, audited: told by the hook inside of the call where the path is known. Nothing is read from the caller's memory,
 * which it could change in between. The hook is a part of a set's key, so that a call that meets several hooks is told by one of them.
 */
#ifndef PARAPET_CALL_PATH_H
#define PARAPET_CALL_PATH_H

#include "syscall.h"

/* The key of the calls that rules for a source name at a node, by where that is: enum site, or 0 for all that any rule names at this hook. */
static __always_inline __u32 call_source(__u32 hook, __u32 site, __u32 source)
{
	return SYSCALL_ON_PATH | hook << SYSCALL_HOOK_SHIFT | site << SYSCALL_SITE_SHIFT | source;
}

/* Does any rule about paths name the call at this hook? What none names is not walked. */
static __always_inline bool is_call_named(struct table *table, __u32 hook, __u32 bit, bool compat)
{
	struct source_key key = { .node = table->syscall_paths, .source = call_source(hook, 0, 0) };

	return names_syscall(&key, bit, compat);
}

/* Takes what the node says about the slot's call over what nodes above said: deeper wins, then a rule for the source. */
static __always_inline void weigh_call(struct scratch *s, struct node *node)
{
	__u32 remaining = s->next, bit = s->event.detail[0], source = s->subject.source;
	__u32 site = remaining == 0 ? SITE_EXACT : remaining == 1 ? SITE_CHILD : SITE_DEEP;
	struct source_key key = { .node = node->id };
	bool compat = s->event.detail[1];

	if (!((word_for(&node->words, remaining) >> (s->hook & 15)) & 1))
		return;
	key.source = call_source(s->hook, site, source);
	if (!names_syscall(&key, bit, compat)) {
		if (!source)
			return;
		source = 0;
		key.source = call_source(s->hook, site, 0);
		if (!names_syscall(&key, bit, compat))
			return;
	}
	s->decision.verdict = VERDICT_AUDIT;
	s->decision.site = site;
	s->decision.node = node->id;
	s->decision.source = source;
}

static long weigh_call_and_step(__u32 turn, struct descent *descent)
{
	struct scratch *s = descent->s;
	struct node *node = descent->node;

	if (!node) /* as in weigh_and_step */
		return 1;
	if (!s->left) {
		weigh_call(s, node);
		if (!s->next)
			return 1;
	}
	descent->node = step(s, node->id, node->lengths);
	return !descent->node;
}

/* What rules say about the call in the event's details, told by s->hook, on the walked path. Fills s->decision. */
__noinline int match_call(__u32 slot)
{
	struct descent descent = { .s = scratch_at(slot) };
	struct scratch *s = descent.s;
	struct table *table;

	if (!s)
		return 0;
	s->decision.verdict = VERDICT_NONE;
	s->decision.node = s->decision.source = s->decision.site = s->decision.op = s->decision.reason = 0;
	table = table_at(s->subject.table);
	if (!table || !table->syscall_paths)
		return 0;
	s->key.node = table->syscall_paths; /* the directory / is below the root, under no name */
	s->key.len = 0;
	__builtin_memset(s->key.name, 0, NAME_CHUNK);
	descent.node = bpf_map_lookup_elem(&nodes, &s->key);
	s->next = s->count;
	s->left = 0;
	bpf_loop(MAX_EDGES, weigh_call_and_step, &descent, 0);
	return s->decision.verdict;
}

#ifndef SHARED_ELSEWHERE

/*
 * Is the current task inside of the system call that its registers name? The kernel's workers for io_uring have a copy of somebody's. A task
 * also does work for others (io_uring's, among them) on its way out of a call, when the call's result is there already; whoever traces a task
 * can write that result beforehand.
 */
static __always_inline bool is_inside_call(struct task_struct *task, struct pt_regs *registers)
{
	if (task->flags & (PF_IO_WORKER | PF_KTHREAD))
		return false;
	return (long)BPF_CORE_READ(registers, ax) == -ENOSYS || BPF_CORE_READ(task, ptrace);
}

/* Tells of the slot's call on one more path, unless the rule that wants it told is one that has told of it. */
static __always_inline void tell_call(struct scratch *s, __u64 dentry, __u64 mount, struct decision *told)
{
	__u32 slot = s->slot;

	walk(slot, dentry, mount);
	if (s->end != END_ATTACHED && s->end != END_FOREIGN) {
		if (s->end >= END_TOO_DEEP && s->end != END_INNER)
			lose(VERDICT_AUDIT);
		return;
	}
	if (!match_call(slot) || (told->node == s->decision.node && told->source == s->decision.source && told->site == s->decision.site))
		return;
	*told = s->decision;
	emit(slot, CLASS_SYSCALL, 1);
}

/* Audits the system call that led to this hook, made by a process of the container: on `dentry`, and where it has two names on `other` (else 0). */
__noinline int audit_call(__u32 hook, __u32 container, __u64 dentry, __u64 other, __u64 mount)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *registers = (void *)bpf_task_pt_regs(task);
	bool compat = BPF_CORE_READ(task, thread_info.status) & TS_COMPAT;
	__u32 bit = syscall_bit(registers, BPF_CORE_READ(registers, orig_ax), compat);
	struct subject subject = {};
	struct decision told = {};
	struct table *table = subject_under(&subject, label_of(task), container);
	struct scratch *s = NULL;
	int slot;

	hook &= 15;
	if (!table || !is_call_named(table, hook, bit, compat) || !is_inside_call(task, registers))
		return 0;
	slot = scratch_claim(&s);
	if (slot < 0 || !s) {
		lose_unseen(VERDICT_AUDIT);
		return 0;
	}
	s->subject = subject;
	s->hook = hook;
	s->who = WHO_OTHER;
	s->what = (__u64)compat << 32 | bit;
	s->mnt_ns = (__u64)BPF_CORE_READ(task, nsproxy, mnt_ns);
	s->event.version = 0;
	s->event.detail[0] = bit;
	s->event.detail[1] = compat;
	s->event.detail[2] = 0;
	if (s->subject.source == SOURCE_UNKNOWN && source_of_current(slot) == SOURCE_UNKNOWN) {
		lose(VERDICT_AUDIT); /* its rules are not known */
	} else {
		tell_call(s, dentry, mount, &told);
		if (other)
			tell_call(s, other, mount, &told);
	}
	scratch_release(s);
	return 0;
}
#endif

#endif
