/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The event path without LSM hooks, for kernels that run test programs but attach no LSM programs: decisions are made up, and told or counted
 * as a hook would do it. For the tests of exact counts and for the benchmark of the event path.
 */
#include "maps.h"
#include "descriptor.h"
#include "judge.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct burst {
	__u32 container, first_node, nodes, details, verdict, first_file, files;
	__u32 ops, first_program, programs;
	__u32 done;
};

/* The path of one of the current process's open files. */
static __always_inline void path_of_descriptor(struct task_struct *task, __u32 descriptor, __u64 *dentry, __u64 *mount)
{
	struct file *file = file_of(task, descriptor);

	*dentry = (__u64)BPF_CORE_READ(file, f_path.dentry);
	*mount = (__u64)BPF_CORE_READ(file, f_path.mnt);
}

/* One denial of the current program, as if a rule at node `first_node + turn % nodes` had refused it one of its open files, or its executable. */
static long emit_one(__u32 turn, struct burst *burst)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct scratch *s = NULL;
	int slot = scratch_claim(&s);

	if (slot < 0 || !s) {
		lose_unseen(burst->verdict);
		return 0;
	}
	s->subject.container = burst->container;
	s->subject.generation = 1;
	s->decision.node = burst->first_node + (burst->nodes ? turn % burst->nodes : 0);
	s->decision.source = 0;
	s->decision.verdict = burst->verdict;
	s->decision.site = SITE_EXACT;
	s->decision.op = (OP_READ + (burst->ops ? turn % burst->ops : 0)) & 3;
	s->decision.reason = 0;
	s->who = WHO_OTHER;
	s->hook = HOOK_FILE_OPEN;
	s->event.detail[0] = burst->details ? turn % burst->details : 0;
	s->event.detail[1] = s->event.detail[2] = 0;
	s->mnt_ns = (__u64)BPF_CORE_READ(task, nsproxy, mnt_ns);
	exe_of(task, &s->dentry, &s->mount);
	if (burst->files)
		path_of_descriptor(task, burst->first_file + turn % burst->files, &s->dentry, &s->mount);
	s->caller_dentry = s->caller_mount = 0;
	if (burst->programs)
		path_of_descriptor(task, burst->first_program + turn % burst->programs, &s->caller_dentry, &s->caller_mount);
	walk(slot, s->dentry, s->mount);
	emit(slot, CLASS_FILE, 1);
	s->caller_dentry = s->caller_mount = 0;
	scratch_release(s);
	burst->done++;
	return 0;
}

/* Arguments: how many, container, first node, how many nodes and details in turn, verdict, first descriptor, how many descriptors in turn,
 * how many operations from reading on in turn, first descriptor of a program that acts, how many of those in turn. Returns how many were told or counted. */
SEC("raw_tp/parapet_events")
int emit_events(struct bpf_raw_tracepoint_args *ctx)
{
	struct burst burst = {
		.container = ctx->args[1],
		.first_node = ctx->args[2],
		.nodes = ctx->args[3],
		.details = ctx->args[4],
		.verdict = ctx->args[5] == VERDICT_AUDIT ? VERDICT_AUDIT : VERDICT_BLOCK,
		.first_file = ctx->args[6],
		.files = ctx->args[7],
		.ops = ctx->args[8],
		.first_program = ctx->args[9],
		.programs = ctx->args[10],
	};

	bpf_loop(ctx->args[0], emit_one, &burst, 0);
	return burst.done;
}
