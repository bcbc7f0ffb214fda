/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Working memory, claimed and released. A program can be preempted while it holds a buffer, and another task then runs on the same CPU:
 * memory that is merely per CPU would give wrong verdicts. Four slots near the CPU come first; when tasks crowd on one CPU, a shared
 * arena follows, probed from a hash of the thread id.
 */
#ifndef PARAPET_SCRATCH_H
#define PARAPET_SCRATCH_H

#include "maps.h"

#define NEAR_SLOTS 4
#define NEAR_CPUS 64
#define NEAR_TOTAL (NEAR_SLOTS * NEAR_CPUS)
#define ARENA_SLOTS 1024
#define ARENA_PROBES 16

#define TEXT_RESOURCE 2048
#define TEXT_EXE 1024
#define TEXT_PARENT 1024
#define TEXT_MAX (TEXT_RESOURCE + TEXT_EXE + TEXT_PARENT)
#define NAME_MAX 255

/* Where the walk from a dentry to the root ended. */
enum end {
	END_ATTACHED = 0,   /* at the root of the task's mount namespace */
	END_FOREIGN = 1,    /* at the root of another mount namespace */
	END_ANON = 2,       /* nowhere: memfd, pipe, socket */
	END_DETACHED = 3,   /* in a mount that is attached to nothing */
	END_TOO_DEEP = 4,
	END_FAULT = 5,
};

struct component { __u64 name; __u64 len; };

/* Who acts, and by which rules. */
struct subject { __u32 container; __u32 generation; __u32 table; __u32 source; };

/* What a set of rules says, and where it says it. */
struct decision { __u32 node; __u32 source; __u8 verdict; __u8 site; __u8 op; __u8 reason; };

struct scratch {
	__u32 busy;
	__u32 end;               /* enum end, of the last walk */
	__u64 dentry;            /* the path that is judged */
	__u64 mount;             /* its struct vfsmount */
	__u64 exe_dentry;        /* the program whose source class is asked for */
	__u64 exe_mount;
	__u64 mnt_ns;            /* namespace in which paths are ATTACHED */
	struct subject subject;
	struct decision decision;
	__u32 rank;              /* how near the rule that decided is: see docs/semantics.md */
	__u32 ops;               /* operations to judge: bits 1 << enum path_op */
	__u32 who;
	__u32 hook;
	__u32 text_len;
	__u32 count;             /* components of the walked path, the last one first */
	__u32 next;              /* components that are not matched yet */
	__u64 left;              /* bytes of the current component that are not matched yet */
	__u64 cursor;            /* where they are */
	struct component components[MAX_COMPONENTS];
	struct node_key key;
	struct event event;
	char text[TEXT_MAX + NAME_MAX + 1];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NEAR_TOTAL + ARENA_SLOTS);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

static __always_inline struct scratch *scratch_at(__u32 slot)
{
	return bpf_map_lookup_elem(&scratch, &slot);
}

/* Claims a slot and sets *out; returns its number, or -1 when none is free. */
static __always_inline int scratch_claim(struct scratch **out)
{
	__u32 near = (bpf_get_smp_processor_id() & (NEAR_CPUS - 1)) * NEAR_SLOTS;
	__u32 far = ((__u32)bpf_get_current_pid_tgid() * 2654435761u) >> 16;

#pragma unroll
	for (int i = 0; i < NEAR_SLOTS + ARENA_PROBES; i++) {
		__u32 slot = i < NEAR_SLOTS ? near + i : NEAR_TOTAL + ((far + i) & (ARENA_SLOTS - 1));
		struct scratch *s = scratch_at(slot);

		if (!s)
			return -1;
		if (__sync_lock_test_and_set(&s->busy, 1) == 0) {
			if (i >= NEAR_SLOTS)
				count(COUNT_ARENA);
			*out = s;
			return slot;
		}
	}
	count(COUNT_NO_SCRATCH);
	return -1;
}

static __always_inline void scratch_release(struct scratch *s)
{
	__sync_lock_test_and_set(&s->busy, 0);
}

#endif
