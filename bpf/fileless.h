/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The preset filelessExec: programs that are no file on a disk. */
#ifndef PARAPET_FILELESS_H
#define PARAPET_FILELESS_H

#include "switch.h"

/* Is the walked component, counted from the root, `name`? */
static __always_inline bool is_component(struct scratch *s, __u32 from_root, const char *name, __u32 length)
{
	struct component *component;
	char text[4] = {};

	if (from_root >= s->count)
		return false;
	component = component_at(s, s->count - 1 - from_root);
	if (!component || component->len != length || bpf_probe_read_kernel(text, length, (void *)component->name))
		return false;
	return text[0] == name[0] && text[1] == name[1] && text[2] == name[2];
}

/* Does the walk end outside of every tree, or lie under /dev/shm or /run/shm? A file that was deleted is nowhere either. */
#ifndef SHARED_ELSEWHERE
__noinline int is_fileless(__u32 slot)
{
	struct scratch *s = scratch_at(slot);

	if (!s)
		return 1;
	if (walk(slot, s->dentry, s->mount) != END_ATTACHED || s->gone)
		return 1;
	return (is_component(s, 0, "dev", 3) || is_component(s, 0, "run", 3)) && is_component(s, 1, "shm", 3);
}
#endif

/* Judges executing a file by the preset, for the current process or one that enters `container`. Returns 1 to deny. */
static __always_inline int judge_fileless(__u32 hook, __u32 container, struct dentry *dentry, struct vfsmount *mount)
{
	struct switched done = { .hook = hook, .which = SWITCH_FILELESS_EXEC, .dentry = dentry, .mount = mount };
	struct subject subject = {};
	struct scratch *s = NULL;
	struct table *table;
	__u32 verdict;
	int slot, found;

	table = container ? subject_in(&subject, NULL, container, CLASS_PRESET) : subject_of_current(&subject, CLASS_PRESET);
	if (!table)
		return 0;
	verdict = switch_verdict(table, SWITCH_FILELESS_EXEC);
	if (verdict < VERDICT_AUDIT)
		return 0;
	slot = scratch_claim(&s);
	if (slot < 0 || !s)
		return verdict == VERDICT_BLOCK;
	s->subject = subject;
	s->mnt_ns = (__u64)BPF_CORE_READ(bpf_get_current_task_btf(), nsproxy, mnt_ns);
	s->dentry = (__u64)dentry;
	s->mount = (__u64)mount;
	s->gone = !BPF_CORE_READ(dentry, d_inode, i_nlink);
	found = is_fileless(slot);
	scratch_release(s);
	return found ? tell_switch(&subject, &done, verdict) : 0;
}

#endif
