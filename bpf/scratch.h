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
#define DEEP_SLOTS 256
#define DEEP_PROBES DEEP_SLOTS

#define TEXT_RESOURCE 2048
#define TEXT_EXE 1024
#define TEXT_PARENT 1024
#define TEXT_MAX (TEXT_RESOURCE + TEXT_EXE + TEXT_PARENT)
#define TALLY_RESOURCE 256
#define TALLY_EXE 160
#define TALLY_PARENT (TALLY_TEXT - TALLY_RESOURCE - TALLY_EXE)
#define NAME_MAX 255

/* Where the walk from a dentry to the root ended. */
enum end {
	END_ATTACHED = 0,   /* at the root of the task's mount namespace; a message queue, which is said to be there */
	END_FOREIGN = 1,    /* at the root of another mount namespace */
	END_ANON = 2,       /* nowhere: memfd, pipe, socket */
	END_DETACHED = 3,   /* in a mount that is attached to nothing */
	END_TOO_DEEP = 4,
	END_FAULT = 5,
	END_NO_SCRATCH = 6, /* so deep that it needs a deep slot, and none is free */
	END_INNER = 7,      /* in a mount of the kernel's own: a layer below a stacked file system, whose own path is judged */
};

struct component { __u64 name; __u64 len; };

/* subject.source, while it is not known which class the subject's executable has. No table has so many. */
#define SOURCE_UNKNOWN 0xffffffffu
/* The same where the current task is not the one that acts: a rule for a source blocks then, and does nothing else. */
#define SOURCE_UNTOLD 0xfffffffeu

/* Who acts, and by which rules. */
struct subject { __u32 container; __u32 generation; __u32 table; __u32 source; };

/* What a set of rules says, and where it says it. */
struct decision { __u32 node; __u32 source; __u8 verdict; __u8 site; __u8 op; __u8 reason; };

struct socket_kind { __u32 family; __u32 type; __u32 protocol; };

/* An address that a socket is used with. Version 0: none. */
struct endpoint_use {
	__u32 version;
	__u32 operation;
	__u32 port;
	__u32 anonymous;         /* any address and any port: when no rule is about it, it is judged like creating a socket */
	__u32 address[4];        /* as on the wire */
};

/* A use of a socket. */
struct socket_access {
	__u32 hook;
	__u32 only_block;        /* what is not refused is not told */
	__u32 spares_default;    /* what no rule is about passes */
	__u32 unjudged;          /* enum counter: why rules for addresses cannot judge it; 0: they can */
	struct socket_kind kind;
	struct endpoint_use use;
};
/* Where rules for arguments are: node 0 for none, ARGUED_UNKNOWN when the tree changed and tries named different ones. */
struct argued { __u32 node; __u32 source; };
#define ARGUED_UNKNOWN 0xffffffffu

/* What a program was told: `argc` strings from `at` on, of which those from `first` on are judged by what `argued` says. */
struct told { __u64 at; __u32 argc; __u32 first; struct argued argued; __u32 who; __u32 reserved; };

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
	struct socket_access access;
	struct node_key key;
	__u32 name_len;          /* bytes of a looked-up name without its end */
	__u32 walked;            /* the walk is the resource's, not yet overwritten by an executable's */
	char name[NAME_MAX + 1]; /* as in the packet, in lower case; or an argument */
	struct argued argued;    /* by the last try */
	struct argued noted;     /* by the tries that count */
	struct told told;
	struct node alias;       /* of the first rule for the file's other names; id 0: there is none */
	struct inode_key file;   /* what is judged; inode 0: it is not known by its inode */
	char queue_names[16];    /* of the directories that message queues are said to be in */
	__u32 may_have_names;    /* it can have others in the same namespace */
	__u32 reserved;
	__u64 executing;         /* the file; a pointer becomes a number when it has been in memory */
	__u64 caller_dentry;     /* the executable that acted, where it is not the task's any more; 0: it is */
	__u64 caller_mount;
	__u64 what;              /* for accesses without a path: struct tally_key */
	__u64 counted;           /* by the event's tally */
	__u32 print;             /* the event's fingerprint */
	__u32 has_bucket;        /* the event took a token */
	__u32 has_path;          /* its resource is a path */
	__u32 step;              /* what is next to be done with it: aggregate.h */
	__u64 told_dentry;       /* the resource, for a second walk to it */
	__u64 told_mount;
	struct tally_key rule;   /* the event's key without its executable */
	struct bucket full;      /* never written: no tokens taken, nothing told */
	struct event event;      /* a record is the event with the text that follows it */
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

/* A pointer as the number that global functions take. To the verifier it is one only when it has been read from memory. */
static __always_inline __u64 address_of(const void *pointer)
{
	__u64 address = 0;

	if (!__builtin_constant_p(pointer))
		bpf_probe_read_kernel(&address, sizeof(address), &pointer);
	return address;
}

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
