/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Extended attributes and access control lists: what a file carries besides its bytes. Changing them is writing to the file. */
#ifndef PARAPET_HOOKS_ATTRIBUTE_H
#define PARAPET_HOOKS_ATTRIBUTE_H

#include <bpf/bpf_tracing.h>
#include "find_mount.h"
#include "hooks_capability.h"
#include "hooks_path.h"

/* The kernel writes attributes of its own, as overlayfs does when it copies a file up; and memory without a name has none that matter. A file
 * that no mount of the namespace shows cannot be judged. */
static __always_inline int judge_attribute(__u32 hook, struct dentry *dentry)
{
	struct subject subject = {};
	struct scratch *s = NULL;
	__u64 mount;
	int slot;

	if (is_kernels_own(bpf_get_current_task_btf()) || (dentry->d_sb->s_flags & SB_KERNMOUNT))
		return 0;
	if (!subject_of_current(&subject, CLASS_FILE))
		return 0;
	slot = scratch_claim(&s);
	if (slot < 0 || !s)
		return -EACCES;
	s->dentry = (__u64)dentry;
	find_mount(slot);
	mount = s->mount;
	scratch_release(s);
	return refuse_name(hook, OPS(OP_WRITE), dentry, (struct vfsmount *)mount);
}

SEC("lsm/inode_setxattr")
int BPF_PROG(on_set_attribute, void *map, struct dentry *dentry, const char *name, const void *value, unsigned long size, int flags, int ret)
{
	return ret ? ret : judge_attribute(HOOK_INODE_SETXATTR, dentry);
}

SEC("lsm/inode_removexattr")
int BPF_PROG(on_remove_attribute, void *map, struct dentry *dentry, const char *name, int ret)
{
	return ret ? ret : judge_attribute(HOOK_INODE_REMOVEXATTR, dentry);
}

/* Before 6.2 these came to the hooks above. */
SEC("lsm/inode_set_acl")
int BPF_PROG(on_set_acl, void *map, struct dentry *dentry, const char *name, void *list, int ret)
{
	return ret ? ret : judge_attribute(HOOK_INODE_SETXATTR, dentry);
}

SEC("lsm/inode_remove_acl")
int BPF_PROG(on_remove_acl, void *map, struct dentry *dentry, const char *name, int ret)
{
	return ret ? ret : judge_attribute(HOOK_INODE_REMOVEXATTR, dentry);
}

#endif
