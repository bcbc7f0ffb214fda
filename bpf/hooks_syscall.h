/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * System calls, for the rules that audit them. The agent attaches this program only while some table has such rules: it runs at every system
 * call of the node.
 */
#ifndef PARAPET_HOOKS_SYSCALL_H
#define PARAPET_HOOKS_SYSCALL_H

#include "syscall.h"

SEC("raw_tp/sys_enter")
int on_syscall(struct bpf_raw_tracepoint_args *ctx)
{
	judge_syscall(HOOK_SYS_ENTER, VERDICT_AUDIT, (void *)ctx->args[0], ctx->args[1]);
	return 0;
}

#endif
