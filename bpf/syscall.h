/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a table says about system calls. */
#ifndef PARAPET_SYSCALL_H
#define PARAPET_SYSCALL_H

#include "judge.h"

/* The number of the current task's system call, by the entry that it came in by; x32 has the native ones. */
static __always_inline __u64 call_number(void)
{
	struct pt_regs *registers = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());

	return registers->orig_ax & ~(__u64)X32_SYSCALL_BIT;
}

/* The bit of a call in a syscall_set; beyond its end for calls that have none. Two 32-bit calls hold many. */
static __always_inline __u32 syscall_bit(struct pt_regs *registers, __u32 number, bool compat)
{
	__u32 inside;

	if (!compat)
		return number & ~X32_SYSCALL_BIT;
	if (number != COMPAT_SOCKETCALL && number != COMPAT_IPC)
		return number < 512 ? number : SYSCALL_WORDS * 64;
	inside = BPF_CORE_READ(registers, bx);
	if (number == COMPAT_SOCKETCALL)
		return inside && inside <= 20 ? 512 + inside : SYSCALL_WORDS * 64;
	inside &= 0xffff;
	return inside && inside <= 24 ? 540 + inside : SYSCALL_WORDS * 64;
}

static __always_inline bool has_syscall(struct syscall_set *set, __u32 bit, bool compat)
{
	__u64 at = bit / 64;

	asm volatile("" : "+r"(at)); /* the verifier has to see the comparison of what is then used as an index */
	if (at >= SYSCALL_WORDS)
		return false;
	return ((compat ? set->compat[at] : set->native[at]) >> (bit & 63)) & 1;
}

static __always_inline bool names_syscall(struct source_key *key, __u32 bit, bool compat)
{
	struct syscall_set *set = bpf_map_lookup_elem(&syscall_sets, key);

	return set && has_syscall(set, bit, compat);
}

/* What the rules for one source say about a call: Block before Audit. */
static __always_inline __u32 say_syscall(struct table *table, __u32 source, __u32 bit, bool compat)
{
	struct source_key key = { .node = table->top.id, .source = source | SYSCALL_BLOCKED };

	if (names_syscall(&key, bit, compat))
		return VERDICT_BLOCK;
	key.source = source;
	return names_syscall(&key, bit, compat) ? VERDICT_AUDIT : VERDICT_NONE;
}

/* The verdict on a call of the slot's subject: rules for its source before those for any. Fills the decision. */
static __always_inline __u32 find_syscall(struct scratch *s, struct table *table, __u32 bit, bool compat)
{
	__u32 source = s->subject.source, verdict = source ? say_syscall(table, source, bit, compat) : VERDICT_NONE;

	if (!verdict) {
		source = 0;
		verdict = say_syscall(table, 0, bit, compat);
	}
	s->decision.verdict = verdict;
	s->decision.site = SITE_SWITCH;
	s->decision.node = s->decision.op = s->decision.reason = 0;
	s->decision.source = verdict ? source : 0;
	return verdict;
}

/* Judges a call of the current process: tells of it and returns 1 to deny, if the verdict is the one that is asked for. */
static __always_inline int judge_syscall(__u32 hook, __u32 wanted, struct pt_regs *registers, __u32 number)
{
	struct task_struct *task = bpf_get_current_task_btf();
	bool compat = BPF_CORE_READ(task, thread_info.status) & TS_COMPAT;
	struct subject subject = {};
	struct table *table = subject_of_current(&subject, CLASS_SYSCALL);
	struct scratch *s = NULL;
	__u32 bit;
	int slot, denied = 0;

	if (!table)
		return 0;
	bit = syscall_bit(registers, number, compat);
	if (!has_syscall(&table->syscalls, bit, compat))
		return 0;
	slot = scratch_claim(&s);
	if (slot < 0 || !s) {
		lose_unseen(wanted);
		return wanted == VERDICT_BLOCK;
	}
	s->subject = subject;
	s->mnt_ns = (__u64)BPF_CORE_READ(task, nsproxy, mnt_ns);
	if (s->subject.source == SOURCE_UNKNOWN && source_of_current(slot) == SOURCE_UNKNOWN)
		denied = wanted == VERDICT_BLOCK; /* its rules are not known */
	else if (find_syscall(s, table, bit, compat) == wanted) {
		s->hook = hook;
		s->who = WHO_OTHER;
		s->what = (__u64)compat << 32 | bit;
		s->event.version = 0;
		s->event.detail[0] = bit;
		s->event.detail[1] = compat;
		s->event.detail[2] = 0;
		emit(slot, CLASS_SYSCALL, 0);
		denied = wanted == VERDICT_BLOCK;
	}
	scratch_release(s);
	return denied;
}

/* Is the system call that led to this hook blocked? Only hooks inside of it can hold it: policy/src/held-syscalls.ts has which. */
#ifndef SHARED_ELSEWHERE
__noinline int judge_call(__u32 hook)
{
	struct pt_regs *registers = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());

	return judge_syscall(hook, VERDICT_BLOCK, registers, BPF_CORE_READ(registers, orig_ax));
}
#endif

static __always_inline int refuse_call(__u32 hook)
{
	return deny_if(judge_call(hook), -EPERM);
}

#endif
