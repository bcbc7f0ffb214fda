/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which of the functions that hooks share is called, and by which hook where the function wants to know: the first argument of all. */
#ifndef PARAPET_SHARED_FUNCTION_H
#define PARAPET_SHARED_FUNCTION_H

/* In the order of how often they are called. */
enum shared_function {
	SHARED_JUDGE_PATH,
	SHARED_CLIMB,
	SHARED_JUDGE_ACCESS,
	SHARED_JUDGE_NAME,
	SHARED_JUDGE_NAMED,
	SHARED_JUDGE_SWITCH,
	SHARED_JUDGE_CALL,
	SHARED_AUDIT_CALL,
	SHARED_SOURCE_OF_CURRENT,
	SHARED_IS_FILELESS,
	SHARED_FIND_MOUNT,
	SHARED_EMIT,
};

#define SHARED_BITS 8
#define SHARED_MASK ((1u << SHARED_BITS) - 1)
#define BY_HOOK(function, hook) ((function) | (hook) << SHARED_BITS)

#endif
