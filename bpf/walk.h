/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From a dentry up to the root of its mount namespace, as a list of names. No string is built: rules are matched name by name. */
#ifndef PARAPET_WALK_H
#define PARAPET_WALK_H

#include <bpf/bpf_core_read.h>
#include "kernel.h"
#include "locks.h"
#include "scratch.h"

#define MAX_MOUNTS 64    /* mount points that one path may cross */
#define WALK_TRIES 4
#define SETTLE_TURNS (1 << 22) /* of a few nanoseconds of the task's own time: more than the scheduler gives it before the next one's turn */
#define PLAIN_COMPONENTS 16 /* that are read by plain loads */

/* Kernel memory is read in two pieces a component, so the fields must lie together; fields() falls back to single reads where not. */
struct dentry_part { __u64 parent; __u64 hash_len; __u64 name; };
struct mount_part { __u64 parent; __u64 mountpoint; __u64 root; };

/* Constant to the verifier when it looks: locks.c fills it. */
const volatile struct locks locks SEC(".rodata.locks");

static __always_inline long read_dentry(struct dentry_part *out, __u64 dentry)
{
	const __u32 at = bpf_core_field_offset(struct dentry, d_parent);
	const struct dentry *d = (void *)dentry;

	if (bpf_core_field_offset(struct dentry, d_name.hash_len) == at + 8 && bpf_core_field_offset(struct dentry, d_name.name) == at + 16)
		return bpf_probe_read_kernel(out, sizeof(*out), (void *)(dentry + at));
	return bpf_core_read(&out->parent, 8, &d->d_parent) | bpf_core_read(&out->hash_len, 8, &d->d_name.hash_len) |
	       bpf_core_read(&out->name, 8, &d->d_name.name);
}

static __always_inline long read_mount(struct mount_part *out, __u64 mount)
{
	const __u32 at = bpf_core_field_offset(struct mount, mnt_parent);
	const struct mount *m = (void *)mount;

	if (bpf_core_field_offset(struct mount, mnt_mountpoint) == at + 8 && bpf_core_field_offset(struct mount, mnt.mnt_root) == at + 16)
		return bpf_probe_read_kernel(out, sizeof(*out), (void *)(mount + at));
	return bpf_core_read(&out->parent, 8, &m->mnt_parent) | bpf_core_read(&out->mountpoint, 8, &m->mnt_mountpoint) |
	       bpf_core_read(&out->root, 8, &m->mnt.mnt_root);
}

/* The namespaces that open_tree(2) and fsmount(2) make for one mount have no number. From 6.18 on the number is elsewhere. */
static __always_inline bool is_unnumbered(__u64 mnt_ns)
{
	struct mnt_namespace *ns = (void *)mnt_ns;
	__u64 number = 1;

	if (bpf_core_field_exists(ns->seq))
		bpf_core_read(&number, 8, &ns->seq);
	else if (bpf_core_field_exists(ns->ns.ns_id))
		bpf_core_read(&number, 8, &ns->ns.ns_id);
	return !number;
}

/* Keeps one more component; an enum end when that is not possible, else 0. */
static __always_inline __u32 push(struct scratch *s, struct dentry_part *part)
{
	__u32 n = *(volatile __u32 *)&s->count; /* from memory: a register would be one more state for the verifier at each turn */
	struct component *component;

	if (n >= MAX_COMPONENTS)
		return END_TOO_DEEP;
	if (n >= NEAR_COMPONENTS && !s->deep && !deep_claim(s->slot))
		return END_NO_SCRATCH;
	component = component_at(s, n);
	if (!component)
		return END_NO_SCRATCH;
	component->name = part->name;
	component->len = part->hash_len >> 32;
	s->count = n + 1;
	return 0;
}

/* Message queues are opened by a mount of the kernel's own: mq_open(3) goes by no path. */
static __always_inline bool has_queues(struct vfsmount *mount)
{
	return (BPF_CORE_READ(mount, mnt_flags) & MNT_INTERNAL) && BPF_CORE_READ(mount, mnt_sb, s_magic) == MQUEUE_MAGIC;
}

/* Whichever way a queue is opened, it is the file that people see: /dev/mqueue/NAME. */
static __always_inline __u32 place_queue(struct scratch *s)
{
	struct dentry_part queues = { .hash_len = 6ull << 32, .name = (__u64)s->queue_names };
	struct dentry_part devices = { .hash_len = 3ull << 32, .name = (__u64)(s->queue_names + 8) };
	__u32 end;

	__builtin_memcpy(s->queue_names, "mqueue\0", 8); /* a constant: one store, no map of constants */
	__builtin_memcpy(s->queue_names + 8, "dev", 4);
	end = push(s, &queues);
	return end ? end : push(s, &devices);
}

/* What kind of root the topmost mount is. */
static __always_inline __u32 classify_root(struct scratch *s, __u64 mount)
{
	__u64 mnt_ns = 0;

	if (bpf_core_read(&mnt_ns, 8, &((struct mount *)mount)->mnt_ns))
		return END_FAULT;
	if (!mnt_ns)
		return has_queues(&((struct mount *)mount)->mnt) ? place_queue(s) : END_DETACHED;
	if (mnt_ns == s->mnt_ns)
		return END_ATTACHED;
	if (mnt_ns == MNT_NS_INTERNAL)
		return END_INNER;
	return is_unnumbered(mnt_ns) ? END_DETACHED : END_FOREIGN;
}

struct climb { struct scratch *s; __u64 dentry; __u64 mount; struct mount_part at; __u32 end; };

/* A dentry without a parent that is no mount's root: a file that was never in a tree, which only a mount of the kernel's own holds, or one
 * whose place is not known: reached by a file handle, also through a mount that does not show it. */
static __always_inline __u32 classify_orphan(struct climb *climb, struct dentry_part *part)
{
	struct dentry *dentry = (void *)climb->dentry;
	struct mount *mount = (void *)climb->mount;
	__u32 flags = 0;

	if (bpf_core_read(&flags, 4, &dentry->d_flags) || (flags & DCACHE_DISCONNECTED))
		return END_FAULT;
	if (!(BPF_CORE_READ(mount, mnt.mnt_flags) & MNT_INTERNAL))
		return END_FAULT;
	push(climb->s, part); /* its name, for the event */
	return END_ANON;
}

/* One step up: to the parent, or from a mount's root to where it is mounted. Stops with `end` set. */
static long climb_once(__u32 turn, struct climb *climb)
{
	struct dentry_part part;

	if (climb->dentry == climb->at.root) {
		if (climb->at.parent == climb->mount) {
			climb->end = classify_root(climb->s, climb->mount);
			return 1;
		}
		climb->dentry = climb->at.mountpoint;
		climb->mount = climb->at.parent;
		climb->end = END_FAULT;
		if (read_mount(&climb->at, climb->mount))
			return 1;
		climb->end = END_TOO_DEEP;
		return 0;
	}
	climb->end = END_FAULT;
	if (read_dentry(&part, climb->dentry))
		return 1;
	if (part.parent == climb->dentry) {
		climb->end = classify_orphan(climb, &part);
		return 1;
	}
	climb->dentry = part.parent;
	climb->end = push(climb->s, &part);
	if (climb->end)
		return 1;
	climb->end = END_TOO_DEEP; /* should this have been the last turn */
	return 0;
}

/* Walks on from s->at_dentry in s->at_mount, a struct mount; adds to components and count, sets and returns s->end. */
#ifndef SHARED_ELSEWHERE
__noinline int climb(__u32 slot)
{
	struct climb climb = { .s = scratch_at(slot), .end = END_TOO_DEEP };

	if (!climb.s)
		return END_FAULT;
	climb.dentry = climb.s->at_dentry;
	climb.mount = climb.s->at_mount;
	if (read_mount(&climb.at, climb.mount))
		climb.end = END_FAULT;
	else
		bpf_loop(MAX_COMPONENTS + MAX_MOUNTS, climb_once, &climb, 0);
	climb.s->end = climb.end;
	return climb.end;
}
#endif

/* Two counters of the kernel: one changes when something is renamed, the other when something is mounted, moved or unmounted. */
static __always_inline __u32 counter_at(__u64 lock)
{
	__u32 value = 0;

	if (lock)
		bpf_probe_read_kernel(&value, 4, (void *)lock);
	return value;
}

/* Has the tree changed since the slot's walk began, so that names may be half of the old and half of the new place? Mounts matter only to a walk
 * that crossed one: otherwise all names are of one mount, whose place was read at one moment. */
static __always_inline bool is_torn(struct scratch *s)
{
	if (counter_at(locks.renames) != s->renames || (s->renames & 1)) /* odd: a rename was half done */
		return true;
	return s->crossed && (counter_at(locks.mounts) != s->mounts || (s->mounts & 1));
}

static long look_once_more(__u32 turn, __u32 *half_done)
{
	*half_done = (counter_at(locks.renames) | counter_at(locks.mounts)) & 1;
	return !*half_done;
}

/*
 * Waits while a rename or a mount is half done. On PREEMPT_RT whoever does it can be preempted in the middle: every try would read the same half, a
 * name of which a part is old and a part new, say. This program can be preempted there too, so that the other goes on. False when it did not.
 */
static __always_inline bool settled(void)
{
	__u32 half_done = 1;

	bpf_loop(SETTLE_TURNS, look_once_more, &half_done, 0);
	return !half_done;
}

/* Walks once from s->dentry and s->mount. Not a function of its own: a program's calls go eight deep at most, and this one is below seven others. */
static __always_inline void walk_once(struct scratch *s, __u32 slot)
{
	s->renames = counter_at(locks.renames);
	s->mounts = counter_at(locks.mounts);
	s->crossed = true;
	s->at_dentry = s->dentry;
	s->at_mount = s->mount - bpf_core_field_offset(struct mount, mnt);
	s->count = 0;
	climb(slot);
}

/*
 * The same for most files at a third of the cost: the verifier knows these pointers, so the fields behind them are plain loads. Only the mount
 * is read by address, because the verifier knows no way from its public part to the rest. What is not plain is left to climb().
 */
static __always_inline void walk_near(struct scratch *s, __u32 slot, struct dentry *dentry, struct vfsmount *mount)
{
	struct mnt_namespace *own = bpf_get_current_task_btf()->nsproxy->mnt_ns;
	struct mount *top = own->root;
	struct mount_part at;
	__u32 n;

	s->dentry = (__u64)dentry;
	s->mount = (__u64)mount;
	s->mnt_ns = (__u64)own;
	s->at_mount = s->mount - bpf_core_field_offset(struct mount, mnt);
	s->renames = counter_at(locks.renames);
	s->crossed = false;
	s->count = 0;
	s->end = END_FAULT;
	if (read_mount(&at, s->at_mount))
		return;
#pragma clang loop unroll(disable)
	for (n = 0; n < PLAIN_COMPONENTS && (__u64)dentry != at.root; n++) {
		struct dentry *parent = dentry->d_parent;

		if (parent == dentry)
			break;
		s->components[n].name = (__u64)dentry->d_name.name;
		s->components[n].len = dentry->d_name.len;
		dentry = parent;
	}
	s->count = n;
	s->at_dentry = (__u64)dentry;
	/* the usual end: the namespace's lowest mount, or one that covers the root of it */
	if ((__u64)dentry == at.root && at.parent == (__u64)top && (at.parent == s->at_mount || at.mountpoint == (__u64)top->mnt.mnt_root) &&
	    top->mnt_parent == top && top->mnt_ns == own) {
		s->end = END_ATTACHED;
		return;
	}
	s->mounts = counter_at(locks.mounts);
	s->crossed = true;
	climb(slot);
}

/* Walks, and walks again when the tree changed meanwhile: otherwise half of the old and half of the new place could be taken for a path. */
__noinline int walk(__u32 slot, __u64 dentry, __u64 vfsmount)
{
	struct scratch *s = scratch_at(slot);

	if (!s)
		return END_FAULT;
	s->dentry = dentry;
	s->mount = vfsmount;
	walk_once(s, slot);
#pragma clang loop unroll(disable)
	for (int i = 1; i < WALK_TRIES && is_torn(s); i++) {
		if (!settled()) {
			s->end = END_FAULT;
			break;
		}
		walk_once(s, slot);
	}
	return s->end;
}

#endif
