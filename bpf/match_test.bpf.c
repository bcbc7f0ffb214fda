/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The matcher and the walk without LSM hooks, for kernels that run test programs but attach no LSM programs. User space fills `trials` and
 * runs `judge_trials`; or it gives `on_egress` a packet of the host's; or it runs `walk_descriptor`, which walks one of its open files.
 */
#define READ_STRING bpf_probe_read_kernel_str /* a trial's arguments are in a map */
#include "maps.h"
#include "arguments.h"
#include "call_path.h"
#include "descriptor.h"
#include "hooks_egress.h"
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

static __always_inline void answer(struct trial *trial, struct decision *decision)
{
	trial->verdict = decision->verdict;
	trial->site = decision->site;
	trial->node = decision->node;
	trial->source = decision->source;
}

/* A system call on a path, at the hook that `op` says. */
static __always_inline void judge_call_trial(struct trial *trial, struct table *table, struct scratch *s, __u32 slot)
{
	struct decision nothing = {};

	s->hook = trial->op & 15;
	s->event.detail[0] = trial->detail[0];
	s->event.detail[1] = trial->detail[1];
	take_path(s, trial->path, trial->path_len);
	answer(trial, table && is_call_named(table, s->hook, trial->detail[0], trial->detail[1]) && match_call(slot) ? &s->decision : &nothing);
}

/* The arguments of an execution whose path has been decided: what is stronger counts. */
static __always_inline void judge_trial_arguments(struct trial *trial, struct scratch *s, __u32 slot)
{
	struct decision path = s->decision;

	if (!s->argued.node)
		return;
	s->told.argued = s->argued;
	s->told.who = trial->who;
	s->told.at = (__u64)trial->arguments;
	s->told.argc = trial->argument_count;
	s->told.first = 0;
	if (judge_told(slot) <= path.verdict)
		s->decision = path;
}

/* What a hook finds out about the file. It is no pipe. */
static __always_inline void take_file(struct trial *trial, struct scratch *s)
{
	s->subject.generation = trial->generation;
	s->argued.node = 0;
	s->dentry = 0;
	s->gone = trial->gone;
	if (s->end == END_ATTACHED)
		s->end = trial->end;
	s->alias.id = 0;
	s->file.inode = trial->inode;
	s->file.device = trial->device;
	s->may_have_names = 1;
	find_alias(s);
}

static __always_inline void judge_trial(struct trial *trial, struct scratch *s, __u32 slot)
{
	struct decision flat = {};

	s->subject.table = trial->table;
	s->subject.source = 0;
	s->who = trial->who;
	s->decision.site = SITE_SWITCH;
	s->decision.node = 0;
	take_path(s, trial->source_path, trial->source_len);
	trial->source_class = match_source(slot);
	s->subject.source = trial->source_class;
	if (trial->class == CLASS_NETWORK) {
		struct socket_kind kind = { .family = trial->detail[0], .type = trial->detail[1], .protocol = trial->detail[2] };
		struct endpoint_use use = { .version = trial->version, .operation = trial->op, .port = trial->port, .anonymous = trial->anonymous };

		struct table *table = table_at(trial->table);

		__builtin_memcpy(use.address, trial->address, sizeof(use.address));
		if (table)
			match_network(&flat, &s->subject, table, &kind, &use);
		s->decision = flat;
	} else if (trial->class == CLASS_CAPABILITY) {
		match_capability(&flat, &s->subject, 1ull << (trial->detail[0] & 63));
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

		if (trial->path_len) {
			judge_call_trial(trial, table, s, slot);
			return;
		}
		if (!table || !has_syscall(&table->syscalls, trial->detail[0], compat) || !find_syscall(s, table, trial->detail[0], compat))
			s->decision.verdict = s->decision.source = 0;
	} else if (trial->class >= CLASS_PRESET) {
		struct table *table = table_at(trial->table);

		s->decision.verdict = table ? switch_verdict(table, trial->detail[0] & 31) : VERDICT_NONE;
		s->decision.site = SITE_SWITCH;
		s->decision.node = s->decision.source = 0;
	} else {
		take_path(s, trial->path, trial->path_len);
		take_file(trial, s);
		decide(slot, trial->op);
		judge_trial_arguments(trial, s, slot);
	}
	answer(trial, &s->decision);
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

struct watching { __u32 containers; __u32 base; __u32 least; __u32 newest; __u32 changes; __u32 wrong; __u32 disorder; };

/* Judges a trial by what the container of its number is turned to just then; later containers before earlier ones. */
static long watch_container(__u32 turn, struct watching *watching)
{
	__u32 at = watching->containers - 1 - turn, index = at + 1, swaps;
	struct trial *trial = bpf_map_lookup_elem(&trials, &at);
	__u64 *word = bpf_map_lookup_elem(&containers, &index), now;

	if (!trial || !word)
		return 1;
	now = *(volatile __u64 *)word;
	trial->table = now;
	trial->generation = now >> 32;
	swaps = (trial->generation - watching->base) / (watching->containers ?: 1);
	if (swaps < watching->least)
		watching->disorder++;
	else
		watching->least = swaps;
	if (swaps > watching->newest) {
		watching->newest = swaps;
		watching->changes++;
	}
	trial->verdict = ~0u;
	judge_next(at, NULL);
	if (trial->verdict != trial->expected[swaps & 1])
		watching->wrong++;
	return 0;
}

static long watch_round(__u32 turn, struct watching *watching)
{
	watching->least = 0;
	bpf_loop(watching->containers, watch_container, watching, 0);
	return 0;
}

/* Looks at containers 1 to the first argument, which are all turned in each swap, in this order, while that happens; the second argument is the generation
 * of the first one after swap 0, the third how often to look. What it saw goes to the trial after theirs: how many verdicts were wrong, and how often a
 * container had not been turned although one that is turned later had. Returns how often it met a swap that it had not met before. */
SEC("raw_tp/parapet_watch")
int watch_containers(struct bpf_raw_tracepoint_args *ctx)
{
	struct watching watching = { .containers = ctx->args[0], .base = ctx->args[1] };
	__u32 after = watching.containers;
	struct trial *told = bpf_map_lookup_elem(&trials, &after);

	if (!told)
		return 0;
	bpf_loop(ctx->args[2], watch_round, &watching, 0);
	told->verdict = watching.wrong;
	told->site = watching.disorder;
	return watching.changes;
}

/* Walks the file behind the caller's descriptor, which is the first argument; the walk as text goes to trial 0's path. */
SEC("raw_tp/parapet_walk")
int walk_descriptor(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct file *file = file_of(task, ctx->args[0]);
	__u32 zero = 0;
	struct trial *trial = bpf_map_lookup_elem(&trials, &zero);
	struct scratch *s = NULL;
	__u64 dentry, mount;
	int slot;

	if (!trial || !file)
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
