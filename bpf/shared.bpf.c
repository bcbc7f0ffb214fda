/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the hooks have in common, each function a program of its own that takes the place of its stub (stubs.h) in every hook that calls it. */
#include "maps.h"
#include "fileless.h"
#include "find_mount.h"
#include "judge_mapping.h"
#include "judge_name.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define SHARED(function)                                 \
	SEC("freplace/" #function)                       \
	int shared_##function(__u32 slot)                \
	{                                                \
		return function(slot);                   \
	}

SHARED(climb)
SHARED(source_of_current)
SHARED(judge_path)
SHARED(judge_access)
SHARED(judge_named)
SHARED(is_fileless)
SHARED(find_mount)
SHARED(judge_call)

SEC("freplace/judge_name")
int shared_judge_name(__u32 hook, __u32 ops, __u64 dentry, __u64 mount, __u64 other)
{
	return judge_name(hook, ops, dentry, mount, other);
}

SEC("freplace/audit_call")
int shared_audit_call(__u32 hook, __u32 container, __u64 dentry, __u64 other, __u64 mount)
{
	return audit_call(hook, container, dentry, other, mount);
}

SEC("freplace/judge_switch")
int shared_judge_switch(__u32 hook, __u32 which, __u32 pid, __u64 dentry, __u64 mount)
{
	return judge_switch(hook, which, pid, dentry, mount);
}

SEC("freplace/emit")
int shared_emit(__u32 slot, __u32 class, __u32 has_path)
{
	return emit(slot, class, has_path);
}
