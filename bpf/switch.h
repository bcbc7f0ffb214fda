/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Switches: what is refused to a whole container, whatever the program and the file. One word of the table, one AND. */
#ifndef PARAPET_SWITCH_H
#define PARAPET_SWITCH_H

#include "syscall.h"

/* What is done: the switch that speaks of it, the process it is done to (0: none), and the file (NULL: none). */
struct switched { __u32 hook; __u32 which; __u32 pid; struct dentry *dentry; struct vfsmount *mount; };

static __always_inline __u32 switch_class(__u32 which)
{
	return which >= SWITCH_PRESETS ? CLASS_PRESET : CLASS_HARDENING;
}

static __always_inline __u32 switch_verdict(struct table *table, __u32 which)
{
	return (table->switches >> (which * 2)) & 3;
}

/* Walks the path in s->dentry and s->mount: global functions take no pointers, and a pointer stays one until it has been in memory. */
__noinline int walk_noted(__u32 slot)
{
	struct scratch *s = scratch_at(slot);

	return s ? walk(slot, s->dentry, s->mount) : END_FAULT;
}

/* Sends the event of a verdict and returns 1 to deny. The verdict stands whether or not there is room for the event. */
static __always_inline int tell_switch(struct subject *subject, struct switched *done, __u32 verdict)
{
	struct scratch *s = NULL;
	int slot = scratch_claim(&s);

	if (slot < 0 || !s) {
		lose_unseen(verdict);
		return verdict == VERDICT_BLOCK;
	}
	s->subject = *subject;
	s->mnt_ns = (__u64)BPF_CORE_READ(bpf_get_current_task_btf(), nsproxy, mnt_ns);
	s->decision.verdict = verdict;
	s->decision.site = SITE_SWITCH;
	s->decision.node = s->decision.source = s->decision.reason = 0;
	s->decision.op = done->which; /* tells apart what is counted together */
	s->event.version = 0;
	s->hook = done->hook;
	s->who = WHO_OTHER;
	s->what = 1ull << done->which;
	s->event.detail[0] = done->which;
	s->event.detail[1] = done->pid;
	s->event.detail[2] = 0;
	s->dentry = (__u64)done->dentry;
	s->mount = (__u64)done->mount;
	if (done->dentry)
		walk_noted(slot);
	emit(slot, switch_class(done->which), done->dentry != NULL);
	scratch_release(s);
	return verdict == VERDICT_BLOCK;
}

/* Judges what the current process does, which may have to do with another process or a file (else 0). Returns 1 to deny. */
#ifndef SHARED_ELSEWHERE
__noinline int judge_switch(__u32 hook, __u32 which, __u32 pid, __u64 dentry, __u64 mount)
{
	struct switched done = { .hook = hook, .which = which & 31, .pid = pid, .dentry = (void *)dentry, .mount = (void *)mount };
	struct subject subject = {};
	struct table *table = subject_of_current(&subject, switch_class(done.which));
	__u32 verdict;

	if (!table)
		return 0;
	verdict = switch_verdict(table, done.which);
	return verdict < VERDICT_AUDIT ? 0 : tell_switch(&subject, &done, verdict);
}
#endif

/* As a hook's result; the system call that led here may be blocked as well. */
static __always_inline int refuse_with(__u32 hook, __u32 which, struct dentry *dentry, struct vfsmount *mount)
{
	int denied = refuse_call(hook);

	return denied ? denied : deny_if(judge_switch(hook, which, 0, address_of(dentry), address_of(mount)), -EPERM);
}

/* The same for what has no file. */
static __always_inline int refuse_by(__u32 hook, __u32 which)
{
	return refuse_with(hook, which, NULL, NULL);
}

/* The table of the current process's container, if it is in one and that has rules: what guards the rules holds for it whatever they say. */
static __always_inline struct table *confining(struct subject *out)
{
	struct label *label = label_of(bpf_get_current_task_btf());

	return label && label->container ? subject_under(out, label, label->container) : NULL;
}

#endif
