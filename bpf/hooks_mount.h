/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Hooks of the mount tree. Who may mount can give a file a path that no rule names, so a container whose rules name files is refused it
 * unless its policies say otherwise (`spec.hardening.mounts`). open_tree(2) and fsmount(2) have no hook: what they make is attached by
 * move_mount(2), and what is reached in it before that is judged as a file without a path (judge.h). setns(2) and mount_setattr(2) are judged
 * where the kernel asks for the capability that they need (hooks_capability.h).
 */
#ifndef PARAPET_HOOKS_MOUNT_H
#define PARAPET_HOOKS_MOUNT_H

#include <bpf/bpf_tracing.h>
#include "switch.h"

/* Every mount(2): new mounts, bind mounts, moves, remounts and changes of propagation. */
SEC("lsm/sb_mount")
int BPF_PROG(on_mount, const char *device, const struct path *path, const char *type, unsigned long flags, void *data, int ret)
{
	return ret ? ret : refuse_with(HOOK_SB_MOUNT, SWITCH_MOUNTS, path->dentry, path->mnt);
}

SEC("lsm/move_mount")
int BPF_PROG(on_move_mount, const struct path *from, const struct path *to, int ret)
{
	return ret ? ret : refuse_with(HOOK_MOVE_MOUNT, SWITCH_MOUNTS, to->dentry, to->mnt);
}

SEC("lsm/sb_umount")
int BPF_PROG(on_umount, struct vfsmount *mount, int flags, int ret)
{
	return ret ? ret : refuse_with(HOOK_SB_UMOUNT, SWITCH_MOUNTS, mount->mnt_root, mount);
}

SEC("lsm/sb_remount")
int BPF_PROG(on_remount, struct super_block *sb, void *options, int ret)
{
	return ret ? ret : refuse_by(HOOK_SB_REMOUNT, SWITCH_MOUNTS);
}

SEC("lsm/sb_pivotroot")
int BPF_PROG(on_pivot_root, const struct path *old_root, const struct path *new_root, int ret)
{
	return ret ? ret : refuse_with(HOOK_SB_PIVOTROOT, SWITCH_MOUNTS, new_root->dentry, new_root->mnt);
}

#endif
