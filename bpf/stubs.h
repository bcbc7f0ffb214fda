/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The verifier walks through every function of every program, and there is a program for each hook. What the hooks have in common is
 * therefore verified once, in a program of its own (shared.bpf.c), which is put in the place of this stub before any hook is attached. A stub
 * that runs nevertheless denies whom there are rules for.
 */
#ifndef PARAPET_STUBS_H
#define PARAPET_STUBS_H

#define SHARED_ELSEWHERE

#include "scratch.h"
#include "shared_function.h"

__noinline int shared(__u32 function, __u64 a, __u64 b, __u64 c, __u64 d);

/* The slot's subject has rules. */
static __always_inline int climb(__u32 slot) { return shared(SHARED_CLIMB, slot, 0, 0, 0); }
static __always_inline int source_of_current(__u32 slot) { return shared(SHARED_SOURCE_OF_CURRENT, slot, 0, 0, 0); }
static __always_inline int judge_path(__u32 slot) { return shared(SHARED_JUDGE_PATH, slot, 0, 0, 0); }
static __always_inline int judge_access(__u32 slot) { return shared(SHARED_JUDGE_ACCESS, slot, 0, 0, 0); }
static __always_inline int judge_named(__u32 slot) { return shared(SHARED_JUDGE_NAMED, slot, 0, 0, 0); }
static __always_inline int is_fileless(__u32 slot) { return shared(SHARED_IS_FILELESS, slot, 0, 0, 0); }
static __always_inline int find_mount(__u32 slot) { return shared(SHARED_FIND_MOUNT, slot, 0, 0, 0); }
static __always_inline int emit(__u32 slot, __u32 class, __u32 has_path) { return shared(SHARED_EMIT, slot, class, has_path, 0); }

/* Hooks that call these have not looked yet whether there are rules. */
static __always_inline int judge_call(__u32 hook) { return shared(BY_HOOK(SHARED_JUDGE_CALL, hook), 0, 0, 0, 0); }

static __always_inline int judge_name(__u32 hook, __u32 ops, __u64 dentry, __u64 mount, __u64 other)
{
	return shared(BY_HOOK(SHARED_JUDGE_NAME, hook), ops, dentry, mount, other);
}

static __always_inline int audit_call(__u32 hook, __u32 container, __u64 dentry, __u64 other, __u64 mount)
{
	return shared(BY_HOOK(SHARED_AUDIT_CALL, hook), container, dentry, other, mount);
}

static __always_inline int judge_switch(__u32 hook, __u32 which, __u32 pid, __u64 dentry, __u64 mount)
{
	return shared(BY_HOOK(SHARED_JUDGE_SWITCH, hook), which, pid, dentry, mount);
}

#include "label.h"

static __always_inline int has_rules(void)
{
	struct label *label = label_of(bpf_get_current_task_btf());
	__u32 container = label ? label->container : 0;
	__u64 *entry = bpf_map_lookup_elem(&containers, &container);

	return entry && (__u32)*entry;
}

__noinline int shared(__u32 function, __u64 a, __u64 b, __u64 c, __u64 d)
{
	int result = has_rules();

	function &= SHARED_MASK;
	if (function == SHARED_CLIMB)
		result = END_FAULT;
	else if (function == SHARED_SOURCE_OF_CURRENT)
		result = SOURCE_UNKNOWN;
	else if (function == SHARED_JUDGE_PATH || function == SHARED_JUDGE_ACCESS || function == SHARED_JUDGE_NAMED || function == SHARED_IS_FILELESS)
		result = 1;
	else if (function == SHARED_FIND_MOUNT || function == SHARED_EMIT || function == SHARED_AUDIT_CALL)
		result = 0;
	/* what the verifier must not conclude, and the compiler must not either: which result it is */
	asm volatile("" : "+r"(result) : "r"(a), "r"(b), "r"(c), "r"(d));
	return result;
}

#endif
