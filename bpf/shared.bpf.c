/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the hooks have in common: one program, which takes the place of the stub (stubs.h) in every hook that calls it. */
#include "maps.h"
#include "fileless.h"
#include "find_mount.h"
#include "judge_mapping.h"
#include "judge_name.h"
#include "shared_function.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("freplace/shared")
int shared_functions(__u32 function, __u64 a, __u64 b, __u64 c, __u64 d)
{
	__u32 hook = function >> SHARED_BITS;

	switch (function & SHARED_MASK) {
	case SHARED_JUDGE_PATH:
		return judge_path(a);
	case SHARED_CLIMB:
		return climb(a);
	case SHARED_JUDGE_ACCESS:
		return judge_access(a);
	case SHARED_JUDGE_NAME:
		return judge_name(hook, a, b, c, d);
	case SHARED_JUDGE_NAMED:
		return judge_named(a);
	case SHARED_JUDGE_SWITCH:
		return judge_switch(hook, a, b, c, d);
	case SHARED_JUDGE_CALL:
		return judge_call(hook);
	case SHARED_AUDIT_CALL:
		return audit_call(hook, a, b, c, d);
	case SHARED_SOURCE_OF_CURRENT:
		return source_of_current(a);
	case SHARED_IS_FILELESS:
		return is_fileless(a);
	case SHARED_FIND_MOUNT:
		return find_mount(a);
	case SHARED_EMIT:
		return emit(a, b, c);
	}
	return 1;
}
