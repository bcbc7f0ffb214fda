/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The matcher and the walk without LSM hooks, for kernels that run test programs but attach no LSM programs. User space fills `trials` and
 * runs `judge_trials`; or it gives `on_egress` a packet of the host's; or it runs `walk_descriptor`, which walks one of its open files.
 */
#include "maps.h"
#include "hooks_dns.h"
#include "switch.h"
#include "trial.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TRIALS);
	__type(key, __u32);
	__type(value, struct trial);
} trials SEC(".maps");

struct cutting { struct scratch *s; const char *text; __u32 left; };

/* Cuts one component off the end of a path, as the walk finds them. */
static long cut_component(__u32 turn, struct cutting *cutting)
{
	__u32 end = cutting->left, start = end;

	for (int i = 0; i <= NAME_MAX && start > 0; i++) {
		__u32 before = start - 1;

		asm volatile("%0 &= 4095" : "+r"(before));
		if (cutting->text[before] == '/')
			break;
		start = before;
	}
	if (start == 0)
		return 1;
	if (start < end) {
		struct dentry_part part = { .hash_len = (__u64)(end - start) << 32, .name = (__u64)(cutting->text + (start & 4095)) };

		__u32 failed = push(cutting->s, &part);

		if (failed) {
			cutting->s->end = failed;
			return 1;
		}
	}
	cutting->left = start - 1;
	return cutting->left == 0;
}

static __always_inline void take_path(struct scratch *s, const char *text, __u32 length)
{
	struct cutting cutting = { .s = s, .text = text, .left = length };

	s->count = 0;
	s->end = END_ATTACHED;
	bpf_loop(MAX_COMPONENTS + 1, cut_component, &cutting, 0);
}

static __always_inline void judge_trial(struct trial *trial, struct scratch *s, __u32 slot)
{
	struct decision flat = {};

	s->subject.table = trial->table;
	s->subject.source = 0;
	s->who = trial->who;
	s->gone = 0;
	s->decision.site = SITE_SWITCH;
	s->decision.node = 0;
	take_path(s, trial->source_path, trial->source_len);
	trial->source_class = match_source(slot);
	s->subject.source = trial->source_class;
	if (trial->class == CLASS_NETWORK) {
		struct socket_kind kind = { .family = trial->detail[0], .type = trial->detail[1], .protocol = trial->detail[2] };
		struct endpoint_use use = { .version = trial->version, .operation = trial->op, .port = trial->port, .anonymous = trial->anonymous };

		__builtin_memcpy(use.address, trial->address, sizeof(use.address));
		match_network(&flat, &s->subject, &kind, &use);
		s->decision = flat;
	} else if (trial->class == CLASS_CAPABILITY) {
		match_flat(&flat, &s->subject, CLASS_CAPABILITY, 1ull << (trial->detail[0] & 63));
		s->decision = flat;
	} else if (trial->class == CLASS_DNS) {
		bpf_probe_read_kernel(s->name, sizeof(s->name), trial->path);
		if (!read_name(s, trial->path_len)) {
			trial->verdict = ~0u;
			return;
		}
		decide_name(slot);
	} else if (trial->class == CLASS_SYSCALL) {
		struct table *table = table_at(trial->table);
		bool compat = trial->detail[1];

		if (!table || !has_syscall(&table->syscalls, trial->detail[0], compat) || !find_syscall(s, table, trial->detail[0], compat))
			s->decision.verdict = s->decision.source = 0;
	} else if (trial->class >= CLASS_PRESET) {
		struct table *table = table_at(trial->table);

		s->decision.verdict = table ? switch_verdict(table, trial->detail[0] & 31) : VERDICT_NONE;
		s->decision.site = SITE_SWITCH;
		s->decision.node = s->decision.source = 0;
	} else {
		take_path(s, trial->path, trial->path_len);
		decide(slot, trial->op);
	}
	trial->verdict = s->decision.verdict;
	trial->site = s->decision.site;
	trial->node = s->decision.node;
	trial->source = s->decision.source;
}

static long judge_next(__u32 index, void *unused)
{
	struct trial *trial = bpf_map_lookup_elem(&trials, &index);
	struct scratch *s = NULL;
	int slot;

	if (!trial)
		return 1;
	slot = scratch_claim(&s);
	if (slot < 0 || !s)
		return 1;
	judge_trial(trial, s, slot);
	scratch_release(s);
	return 0;
}

/* Judges as many trials as the first argument says; returns how many that were. */
SEC("raw_tp/parapet_trials")
int judge_trials(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 count = ctx->args[0];

	return count > TRIALS ? 0 : bpf_loop(count, judge_next, NULL, 0);
}

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct fdtable { unsigned int max_fds; struct file **fd; };
struct files_struct { struct fdtable *fdt; };
struct task_struct___files { struct files_struct *files; };
#pragma clang attribute pop

/* Walks the file behind the caller's descriptor, which is the first argument; the walk as text goes to trial 0's path. */
SEC("raw_tp/parapet_walk")
int walk_descriptor(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *table = BPF_CORE_READ((struct task_struct___files *)task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = NULL;
	__u32 zero = 0, descriptor = ctx->args[0];
	struct trial *trial = bpf_map_lookup_elem(&trials, &zero);
	struct scratch *s = NULL;
	__u64 dentry, mount;
	int slot;

	if (!trial || descriptor >= BPF_CORE_READ(table, max_fds) || bpf_probe_read_kernel(&file, sizeof(file), files + descriptor) || !file)
		return 1;
	slot = scratch_claim(&s);
	if (slot < 0 || !s)
		return 1;
	s->mnt_ns = (__u64)BPF_CORE_READ(task, nsproxy, mnt_ns);
	s->text_len = 0;
	s->event.truncated = 0;
	dentry = (__u64)BPF_CORE_READ(file, f_path.dentry);
	mount = (__u64)BPF_CORE_READ(file, f_path.mnt);
	trial->verdict = walk(slot, dentry, mount);
	trial->path_len = render(slot, TEXT_RESOURCE);
	trial->site = s->event.truncated;
	bpf_probe_read_kernel(trial->path, TRIAL_TEXT, s->text);
	scratch_release(s);
	return 0;
}
