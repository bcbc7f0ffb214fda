/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Operations on names: seldom next to opening and executing, so the longer way is fast enough, and less for the verifier to do. */
#ifndef PARAPET_JUDGE_NAME_H
#define PARAPET_JUDGE_NAME_H

#include "arguments.h"
#include "call_path.h"
#include "guard.h"

#define TELLS_CALL (1u << 4) /* beside operations: the hook tells of the system call that led to it */

/* Is any rule of the current process's table about the operations? */
static __always_inline bool has_rules_about(struct subject *out, struct table *table, __u32 ops)
{
	if ((ops & (OPS(OP_READ) | OPS(OP_WRITE) | OPS(OP_MOVE))) && is_subject_to(out, table, CLASS_FILE))
		return true;
	return (ops & (OPS(OP_EXEC) | OPS(OP_MOVE))) && is_subject_to(out, table, CLASS_PROCESS);
}

/* Writes down whose file it is and whether it still has a name; false where the operation does not concern it: only directories are moved with
 * what lies below. */
static __always_inline bool describe_named(struct scratch *s, struct dentry *dentry)
{
	struct inode *inode = BPF_CORE_READ(dentry, d_inode);

	s->argued.node = s->noted.node = 0;
	note_file_at(s, inode);
	s->gone = inode && !BPF_CORE_READ(inode, i_nlink);
	s->who = !inode || BPF_CORE_READ(inode, i_uid.val) == bpf_get_current_task_btf()->cred->fsuid.val ? WHO_OWNER : WHO_OTHER;
	return !(s->ops & OPS(OP_MOVE)) || (inode && (BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFDIR);
}

/* Judges operations of the current process on a name. Returns 1 to deny, 2 where it is a pin of ours: out of reach whatever the rules say.
 * `other`: what the system call, if it is told, has for a second name. */
#ifndef SHARED_ELSEWHERE
static __always_inline int judge_name(__u32 hook, __u32 ops, __u64 dentry, __u64 mount, __u64 other)
{
	struct subject subject = {};
	struct table *table;
	struct scratch *s = NULL;
	int slot, denied = 0;

	if (guard_pin(hook, (struct dentry *)dentry, (struct vfsmount *)mount))
		return 2;
	table = table_of_current(&subject);
	if (!table)
		return 0;
	if ((ops & TELLS_CALL) && (table->flags & TABLE_HAS_SYSCALL_PATHS))
		audit_call(hook, subject.container, dentry, other, mount);
	if (!has_rules_about(&subject, table, ops))
		return 0;
	slot = scratch_claim(&s);
	if (slot < 0 || !s) {
		lose_unseen(VERDICT_BLOCK);
		return 1;
	}
	s->subject = subject;
	s->hook = hook;
	s->ops = ops;
	s->mnt_ns = (__u64)bpf_get_current_task_btf()->nsproxy->mnt_ns;
	s->event.detail[0] = s->event.detail[1] = s->event.detail[2] = 0;
	if (describe_named(s, (struct dentry *)dentry)) {
		if (s->subject.source == SOURCE_UNKNOWN)
			source_of_current(slot);
		s->dentry = dentry;
		s->mount = mount;
		walk_once(s, slot);
		find_alias(s);
		s->told_dentry = dentry;
		s->told_mount = mount;
		denied = judge_path(slot);
		if (!denied && s->noted.node)
			denied = judge_renamed(slot);
	}
	scratch_release(s);
	return denied;
}
#endif

static __always_inline int refuse_named(int denied)
{
	return denied == 2 ? deny_if(1, -EPERM) : deny_if(denied, -EACCES);
}

/* As a hook's result. */
static __always_inline int refuse_name(__u32 hook, __u32 ops, struct dentry *dentry, struct vfsmount *mount)
{
	return refuse_named(judge_name(hook, ops, address_of(dentry), address_of(mount), 0));
}

/* The same for writing to the name that a system call acts on. */
static __always_inline int refuse_call_on(__u32 hook, struct dentry *dentry, struct vfsmount *mount)
{
	return refuse_name(hook, OPS(OP_WRITE) | TELLS_CALL, dentry, mount);
}

/* The same for the first of two names, both in one mount. */
static __always_inline int refuse_call_on_two(__u32 hook, struct dentry *dentry, struct dentry *other, struct vfsmount *mount)
{
	return refuse_named(judge_name(hook, OPS(OP_WRITE) | TELLS_CALL, address_of(dentry), address_of(mount), address_of(other)));
}

#endif
