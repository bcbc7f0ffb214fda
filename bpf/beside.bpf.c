/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The programs that are no LSM hooks: tasks, packets, and system calls that are audited. */
#include "maps.h"
#include "hooks_task.h"
#include "hooks_egress.h"
#include "hooks_syscall.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
