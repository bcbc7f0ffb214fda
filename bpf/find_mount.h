/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Where a dentry is shown: for hooks that name a file without its mount. Goes through the mounts of the task's namespace, parents first. */
#ifndef PARAPET_FIND_MOUNT_H
#define PARAPET_FIND_MOUNT_H

#include <bpf/bpf_core_read.h>
#include "kernel.h"
#include "scratch.h"

#define SEARCH_STEPS 4096

struct ascent { __u64 dentry; __u64 root; __u32 found; };

static long ascend(__u32 turn, struct ascent *ascent)
{
	struct dentry *dentry = (void *)ascent->dentry;
	__u64 parent = (__u64)BPF_CORE_READ(dentry, d_parent);

	if (ascent->dentry == ascent->root) {
		ascent->found = 1;
		return 1;
	}
	if (!parent || parent == ascent->dentry)
		return 1;
	ascent->dentry = parent;
	return 0;
}

/* Does the mount show the dentry? Then the root of what it shows is the dentry itself or above it. */
static __always_inline bool shows(struct mount *mount, __u64 dentry, __u64 sb)
{
	struct ascent ascent = { .dentry = dentry };

	if ((__u64)BPF_CORE_READ(mount, mnt.mnt_sb) != sb)
		return false;
	ascent.root = (__u64)BPF_CORE_READ(mount, mnt.mnt_root);
	bpf_loop(MAX_COMPONENTS, ascend, &ascent, 0);
	return ascent.found;
}

struct search { __u64 mount; __u64 top; __u64 dentry; __u64 sb; __u64 found; __u32 up; };

static __always_inline __u64 mount_at(struct list_head *child)
{
	return (__u64)child - bpf_core_field_offset(struct mount, mnt_child);
}

/* Looks at one mount, then goes to its first child, or to the next of its siblings, or up. */
static long search_once(__u32 turn, struct search *search)
{
	struct mount *mount = (void *)search->mount;
	struct list_head *next;

	if (!search->up) {
		if (shows(mount, search->dentry, search->sb)) {
			search->found = search->mount;
			return 1;
		}
		next = BPF_CORE_READ(mount, mnt_mounts.next);
		if ((__u64)next != search->mount + bpf_core_field_offset(struct mount, mnt_mounts)) {
			search->mount = mount_at(next);
			return 0;
		}
	}
	if (search->mount == search->top)
		return 1;
	next = BPF_CORE_READ(mount, mnt_child.next);
	search->up = (__u64)next == (__u64)BPF_CORE_READ(mount, mnt_parent) + bpf_core_field_offset(struct mount, mnt_mounts);
	search->mount = search->up ? (__u64)BPF_CORE_READ(mount, mnt_parent) : mount_at(next);
	return 0;
}

/* Sets s->mount to the struct vfsmount of a mount that shows s->dentry; 0 where none of the namespace does. A function of its own: its memory
 * on the stack is free again when the file is judged. */
#ifndef SHARED_ELSEWHERE
__noinline int find_mount(__u32 slot)
{
	struct scratch *s = scratch_at(slot);
	struct search search = {};
	struct dentry *dentry;

	if (!s)
		return 0;
	dentry = (void *)s->dentry;
	search.dentry = s->dentry;
	search.sb = (__u64)BPF_CORE_READ(dentry, d_sb);
	search.top = search.mount = (__u64)BPF_CORE_READ(bpf_get_current_task_btf(), nsproxy, mnt_ns, root);
	bpf_loop(SEARCH_STEPS, search_once, &search, 0);
	s->mount = search.found ? search.found + bpf_core_field_offset(struct mount, mnt) : 0;
	return 0;
}
#endif

#endif
