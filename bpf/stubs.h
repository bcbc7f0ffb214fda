/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The verifier walks through every function of every program, and there is a program for each hook. What the hooks have in common is
 * therefore verified once, as programs of its own (shared.bpf.c), and put in the place of these stubs before any hook is attached. A stub
 * that runs nevertheless denies whom there are rules for.
 */
#ifndef PARAPET_STUBS_H
#define PARAPET_STUBS_H

#define SHARED_ELSEWHERE

#include "scratch.h"

/* What the verifier must not conclude, and the compiler must not either: which result it is. */
#define STUB(result, ...)                                \
	{                                                \
		int stub = (result);                     \
                                                         \
		asm volatile("" : "+r"(stub) : __VA_ARGS__); \
		return stub;                             \
	}

/* The slot's subject has rules. */
__noinline int climb(__u32 slot) STUB(END_FAULT, "r"(slot))
__noinline int source_of_current(__u32 slot) STUB(SOURCE_UNKNOWN, "r"(slot))
__noinline int judge_path(__u32 slot) STUB(1, "r"(slot))
__noinline int judge_access(__u32 slot) STUB(1, "r"(slot))
__noinline int judge_named(__u32 slot) STUB(1, "r"(slot))
__noinline int is_fileless(__u32 slot) STUB(1, "r"(slot))
__noinline int find_mount(__u32 slot) STUB(0, "r"(slot))
__noinline int emit(__u32 slot, __u32 class, __u32 has_path) STUB(0, "r"(slot), "r"(class), "r"(has_path))

#include "label.h"

/* Hooks that call these have not looked yet whether there are rules. */
static __always_inline int has_rules(void)
{
	struct label *label = label_of(bpf_get_current_task_btf());
	__u32 container = label ? label->container : 0;
	__u64 *entry = bpf_map_lookup_elem(&containers, &container);

	return entry && (__u32)*entry;
}

__noinline int judge_name(__u32 hook, __u32 ops, __u64 dentry, __u64 mount, __u64 other)
	STUB(has_rules(), "r"(hook), "r"(ops), "r"(dentry), "r"(mount), "r"(other))
__noinline int audit_call(__u32 hook, __u32 container, __u64 dentry, __u64 other, __u64 mount)
	STUB(0, "r"(hook), "r"(container), "r"(dentry), "r"(other), "r"(mount))
__noinline int judge_call(__u32 hook) STUB(has_rules(), "r"(hook))
__noinline int judge_switch(__u32 hook, __u32 which, __u32 pid, __u64 dentry, __u64 mount)
	STUB(has_rules(), "r"(hook), "r"(which), "r"(pid), "r"(dentry), "r"(mount))

#endif
