/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The part of the ABI about containers that the agent does not know yet; see hold.h. */
#ifndef PARAPET_ABI_HOLD_H
#define PARAPET_ABI_HOLD_H

/* What happens to the programs of a container that the agent does not know yet. */
enum hold_mode { HOLD_ALLOW = 0, HOLD_STOP = 1, HOLD_DENY = 2 };

/* What is below a cgroup right under the root: containers, or containers and the node's own services. */
enum hold_root { HOLD_ROOT_NONE = 0, HOLD_ROOT_CONTAINERS = 1, HOLD_ROOT_MIXED = 2 };

#define MAX_HELD 4096
#define MAX_HOLD_ROOTS 256
#define ROOT_NAME 32
#define AGENT_SILENCE_NS 5000000000ULL /* after which there is no agent */

struct hold_settings {
	__u64 alive;                 /* CLOCK_MONOTONIC, when the agent was last alive */
	__u32 unknown;               /* enum hold_mode */
	__u32 deny_when_gone;        /* 1: they are refused when the agent is not alive; 0: they run */
};

struct root_name {
	char text[ROOT_NAME];
};

/* A process that waits to execute a program. */
struct held {
	__u64 since;                 /* CLOCK_MONOTONIC, when it first tried */
	__u64 cgroup;
};

#endif
