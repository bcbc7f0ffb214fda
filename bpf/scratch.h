/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Working memory, claimed and released. A program can be preempted while it holds a buffer, and another task then runs on the same CPU:
 * memory that is merely per CPU would give wrong verdicts. Four slots near the CPU come first; when tasks crowd on one CPU, a shared
 * arena follows, probed from a hash of the thread id.
 */
#ifndef PARAPET_SCRATCH_H
#define PARAPET_SCRATCH_H

#include "kernel.h"
#include "maps.h"

#define NEAR_SLOTS 4
#define NEAR_CPUS 64
#define NEAR_TOTAL (NEAR_SLOTS * NEAR_CPUS)
#define ARENA_SLOTS 1024
#define ARENA_PROBES 16
#define NEAR_COMPONENTS 128  /* of a path, in the slot itself; a deeper path claims a deep slot too */
#define DEEP_SLOTS 64
#define DEEP_PROBES DEEP_SLOTS

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
	END_NO_SCRATCH = 6, /* so deep that it needs a deep slot, and none is free */
};

struct component { __u64 name; __u64 len; };

/* subject.source, while it is not known which class the subject's executable has. No table has so many. */
#define SOURCE_UNKNOWN 0xffffffffu

/* Who acts, and by which rules. */
struct subject { __u32 container; __u32 generation; __u32 table; __u32 source; };

/* What a set of rules says, and where it says it. */
struct decision { __u32 node; __u32 source; __u8 verdict; __u8 site; __u8 op; __u8 reason; };

struct scratch {
	__u32 busy;
	__u32 end;               /* enum end, of the last walk */
	__u64 dentry;            /* where the last walk began */
	__u64 mount;             /* its struct vfsmount */
	__u64 at_dentry;         /* where a walk goes on */
	__u64 at_mount;          /* its struct mount */
	__u64 mnt_ns;            /* namespace in which paths are ATTACHED */
	__u32 renames;           /* the kernel's counters before the last walk */
	__u32 mounts;
	struct subject subject;
	struct decision decision;
	__u32 rank;              /* how near the rule that decided is: see docs/semantics.md */
	__u32 ops;               /* operations to judge: bits 1 << enum path_op */
	__u32 who;
	__u32 gone;              /* the file has no name any more */
	__u32 hook;
	__u32 text_len;
	__u32 count;             /* components of the walked path, the last one first */
	__u32 next;              /* components that are not matched yet */
	__u64 left;              /* bytes of the current component that are not matched yet */
	__u64 cursor;            /* where they are */
	__u32 deep;              /* 1 + the number of the deep slot that belongs to this one; 0: none */
	__u32 slot;              /* this one's own number */
	__u32 crossed;           /* the last walk looked at more than one mount */
	struct component components[NEAR_COMPONENTS];
	struct node_key key;
	struct event event;
	__u32 name_len;          /* bytes of a looked-up name without its end */
	char name[NAME_MAX + 1]; /* as in the packet, in lower case */
	char text[TEXT_MAX + NAME_MAX + 1];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NEAR_TOTAL + ARENA_SLOTS);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

/* The components of a path from the 129th up: claimed when the first of them is found, which hardly ever happens. */
struct deep {
	__u32 busy;
	__u32 reserved;
	struct component components[MAX_COMPONENTS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DEEP_SLOTS);
	__type(key, __u32);
	__type(value, struct deep);
} deep SEC(".maps");

static __always_inline struct scratch *scratch_at(__u32 slot)
{
	return bpf_map_lookup_elem(&scratch, &slot);
}

static __always_inline bool take(struct scratch *s)
{
	return __sync_lock_test_and_set(&s->busy, 1) == 0;
}

struct claim { __u32 first; int slot; };

static long claim_far(__u32 turn, struct claim *claim)
{
	__u32 slot = NEAR_TOTAL + ((claim->first + turn) & (ARENA_SLOTS - 1));
	struct scratch *s = scratch_at(slot);

	if (!s || !take(s))
		return 0;
	claim->slot = slot;
	return 1;
}

static __always_inline __u32 hash_of_thread(void)
{
	return ((__u32)bpf_get_current_task_btf()->pid * 2654435761u) >> 16;
}

/* A slot of the shared arena; its number, or -1 when none is free. */
__noinline int scratch_claim_far(void)
{
	struct claim claim = { .first = hash_of_thread(), .slot = -1 };

	bpf_loop(ARENA_PROBES, claim_far, &claim, 0);
	count(claim.slot < 0 ? COUNT_NO_SCRATCH : COUNT_ARENA);
	return claim.slot;
}

/* Claims a slot and sets *out; returns its number, or -1 when none is free. */
static __always_inline int scratch_claim(struct scratch **out)
{
	int slot = (bpf_get_smp_processor_id() & (NEAR_CPUS - 1)) * NEAR_SLOTS;
	struct scratch *s;

#pragma clang loop unroll(disable)
	for (int i = 0; i < NEAR_SLOTS; i++, slot++) {
		s = scratch_at(slot);
		if (s && take(s)) {
			s->slot = slot;
			*out = s;
			return slot;
		}
	}
	slot = scratch_claim_far();
	s = slot < 0 ? NULL : scratch_at(slot);
	if (!s)
		return -1;
	s->slot = slot;
	*out = s;
	return slot;
}

static __always_inline struct deep *deep_at(__u32 slot)
{
	return bpf_map_lookup_elem(&deep, &slot);
}

static long claim_deep(__u32 turn, struct claim *claim)
{
	__u32 slot = (claim->first + turn) & (DEEP_SLOTS - 1);
	struct deep *d = deep_at(slot);

	if (!d || __sync_lock_test_and_set(&d->busy, 1))
		return 0;
	claim->slot = slot;
	return 1;
}

/* Claims a deep slot for this one; 0 when none is free. */
__noinline int deep_claim(__u32 slot)
{
	struct claim claim = { .first = hash_of_thread(), .slot = -1 };
	struct scratch *s = scratch_at(slot);

	bpf_loop(DEEP_PROBES, claim_deep, &claim, 0);
	if (!s || claim.slot < 0)
		return 0;
	s->deep = claim.slot + 1;
	return 1;
}

static __always_inline void scratch_release(struct scratch *s)
{
	if (s->deep) {
		struct deep *d = deep_at(s->deep - 1);

		s->deep = 0;
		if (d)
			__sync_lock_test_and_set(&d->busy, 0);
	}
	__sync_lock_test_and_set(&s->busy, 0);
}

/* Where the walk keeps its component number `at`; NULL when that is in a deep slot and there is none. */
static __always_inline struct component *component_at(struct scratch *s, __u64 at)
{
	struct deep *d;

	if (at < NEAR_COMPONENTS) {
		asm volatile("%0 &= 127" : "+r"(at));
		return &s->components[at];
	}
	d = s->deep ? deep_at(s->deep - 1) : NULL;
	if (!d)
		return NULL;
	asm volatile("%0 &= 2047" : "+r"(at));
	return &d->components[at];
}

#endif
