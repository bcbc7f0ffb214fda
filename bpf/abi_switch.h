/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The part of abi.h about switches, system calls, and what guards the rules themselves. */
#ifndef PARAPET_ABI_SWITCH_H
#define PARAPET_ABI_SWITCH_H

/* Switches of a whole container: two bits of table.switches each, at [switch * 2, +2). From SWITCH_PRESETS on they are of CLASS_PRESET. */
enum switch_name {
	SWITCH_PTRACE = 0, SWITCH_MOUNTS = 1, SWITCH_MODULES = 2, SWITCH_BPF = 3, SWITCH_PERF = 4, SWITCH_USER_NAMESPACES = 5,
	SWITCH_IO_URING = 6,
	SWITCH_FILELESS_EXEC = 16, SWITCH_ANONYMOUS_MAP_EXEC = 17, SWITCH_PROTECT_ENV = 18, SWITCH_EXEC = 19, SWITCH_PROTECT_PROC = 20,
};
#define SWITCH_PRESETS SWITCH_FILELESS_EXEC

#define SYSCALL_WORDS 9
#define TABLE_HAS_SYSCALL_PATHS (1u << 14) /* in table.flags, among those of abi.h: some audited system calls are about a path */

/* In the source of a key of syscall_sets. */
#define SYSCALL_BLOCKED (1u << 31) /* calls that are blocked, not audited */
#define SYSCALL_ON_PATH (1u << 30) /* calls that act on a path: the key's node is its node, or the root of their trie for all of a hook */
#define SYSCALL_HOOK_SHIFT 24      /* of these, the hook that tells of them; the node's words have a bit for each hook that they have sets for */
#define SYSCALL_SITE_SHIFT 22      /* of these, enum site */

/* System calls by number, a bit each: as x86-64 has them (from 512 on x32's own), and as 32-bit entries do (from 513 on the calls
 * inside of socketcall, from 541 on those inside of ipc). */
struct syscall_set {
	__u64 native[SYSCALL_WORDS];
	__u64 compat[SYSCALL_WORDS];
};

/* What a confined container must not touch, beside the kernel's objects in the map `own`. */
struct guard {
	__u64 agent_start;           /* when the agent was started: its id may be another process's by now */
	__u32 agent;                 /* the agent's process id as the host sees it */
	__u32 pins;                  /* the device of the BPF file system with our pins, as the kernel numbers it */
};

/* Kinds of kernel objects in the map `own`, whose key is kind << 32 | id. */
enum own_kind { OWN_MAP = 1, OWN_PROGRAM = 2, OWN_LINK = 3 };

#endif
