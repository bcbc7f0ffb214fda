/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From an access to allowed or denied, with its event. */
#ifndef PARAPET_JUDGE_H
#define PARAPET_JUDGE_H

#include "aggregate.h"
#include "conflict.h"
#include "endpoint.h"
#include "inodes.h"
#include "label.h"
#include "match.h"
#include "walk.h"

#define OPS(op) (1u << (op))

/* From 6.11 on the verifier wants to see that a hook returns an error number: the constant has its own branch, which the compiler must not
 * turn into arithmetic on the condition. */
static __always_inline int deny_if(__u64 condition, int error)
{
	if (!condition)
		return 0;
	asm volatile("" : "+r"(error));
	return error;
}

static __always_inline __u32 class_of(__u32 op)
{
	return op == OP_EXEC ? CLASS_PROCESS : CLASS_FILE;
}

/* What cannot be judged is denied, and says why. */
static __always_inline void unjudged(struct scratch *s, __u32 op, __u32 reason)
{
	s->decision.verdict = VERDICT_BLOCK;
	s->decision.site = SITE_UNJUDGED;
	s->decision.reason = reason;
	s->decision.node = 0;
	s->decision.source = 0;
	s->decision.op = op;
	count(reason);
}

static __always_inline __u32 stronger(__u32 a, __u32 b)
{
	return a > b ? a : b;
}

static __always_inline __u32 mounts_verdict(struct table *table)
{
	return (table->switches >> (SWITCH_MOUNTS * 2)) & 3;
}

static __always_inline struct decision cannot_tell(__u32 reason)
{
	struct decision decision = { .verdict = VERDICT_BLOCK, .site = SITE_UNJUDGED, .reason = reason };

	count(reason);
	return decision;
}

/* Does a stacked file system open what it has in its layers? Then it uses the credentials of whoever mounted it; what the task itself opened has been
 * judged by its own path. */
static __always_inline bool is_under_other_creds(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task->cred != task->real_cred;
}

/* A pipe without a name is nothing but what its two ends say to each other: opening it again (`/dev/stdout`) is no access to a file. */
static __always_inline bool is_pipe(struct scratch *s)
{
	struct dentry *dentry = (void *)s->dentry;

	return s->end == END_ANON && (BPF_CORE_READ(dentry, d_inode, i_mode) & S_IFMT) == S_IFIFO;
}

/* Decides one operation on the walked path: fills s->decision, returns its verdict. */
__noinline int decide(__u32 slot, __u32 op)
{
	struct scratch *s = scratch_at(slot);
	struct table *table;

	if (!s)
		return VERDICT_BLOCK;
	table = table_at(s->subject.table);
	if (!table)
		return VERDICT_BLOCK;
	if (s->end >= END_TOO_DEEP) {
		if (s->end != END_INNER) {
			unjudged(s, op, s->end == END_TOO_DEEP ? COUNT_TOO_DEEP : s->end == END_NO_SCRATCH ? COUNT_NO_SCRATCH : COUNT_READ_FAULT);
			return VERDICT_BLOCK;
		}
		if (is_under_other_creds()) {
			s->decision.verdict = VERDICT_NONE;
			return VERDICT_NONE;
		}
		s->end = END_DETACHED;
	}
	s->decision.verdict = VERDICT_NONE;
	if ((s->end == END_ATTACHED || s->end == END_FOREIGN) && match_rules(table, slot, op, s->who)) {
		unjudged(s, op, COUNT_READ_FAULT);
		return VERDICT_BLOCK;
	}
	/* another namespace's file, or a program that was deleted, is refused by its path, but never allowed by it */
	if (s->decision.verdict == VERDICT_NONE || (s->decision.verdict == VERDICT_ALLOW && (s->end == END_FOREIGN || (s->gone && op == OP_EXEC)))) {
		s->decision.verdict = op == OP_MOVE || is_pipe(s) ? VERDICT_NONE : default_verdict(table, class_of(op));
		/* a mount that is attached nowhere is a way round the refusal of mounts */
		if (s->end == END_DETACHED)
			s->decision.verdict = stronger(s->decision.verdict, mounts_verdict(table));
		s->decision.site = SITE_DEFAULT;
		s->decision.source = 0;
		s->decision.node = 0;
	}
	weigh_alias(s, slot, op);
	s->decision.op = op;
	s->decision.reason = 0;
	return s->decision.verdict;
}

/* Keeps where this try found rules for arguments: of tries that were torn all count, and must agree. */
static __always_inline void note_argued(struct scratch *s, bool torn)
{
	if (!torn || !s->noted.node)
		s->noted = s->argued;
	else if (s->argued.node && (s->argued.node != s->noted.node || s->argued.source != s->noted.source))
		s->noted.node = ARGUED_UNKNOWN;
}

/* The worst of what the rules say about s->ops on the walked path. */
static __always_inline void judge_ops(struct scratch *s, __u32 slot, struct decision *worst)
{
#pragma unroll
	for (int op = OP_EXEC; op <= OP_MOVE; op++) {
		if (!(s->ops & OPS(op)))
			continue;
		if (decide(slot, op) >= worst->verdict)
			*worst = s->decision;
	}
}

static __always_inline __u32 first_op(struct scratch *s)
{
	return s->ops & OPS(OP_EXEC) ? OP_EXEC : s->ops & OPS(OP_WRITE) ? OP_WRITE : OP_READ;
}

/*
 * Judges s->ops on the path that was just walked. Returns 1 to deny. When the tree changed meanwhile, names may have been
 * read half of the old and half of the new place: then all is done again, and when it changes every time, the strictest of the tries counts.
 * One event for an access: of its worst verdict.
 */
#ifndef SHARED_ELSEWHERE
__noinline int judge_path(__u32 slot)
{
	struct scratch *s = scratch_at(slot);
	struct decision strictest = {};

	if (!s)
		return 1;
	if (s->subject.source == SOURCE_UNKNOWN) { /* in every try: its rules are not known */
		unjudged(s, first_op(s), COUNT_READ_FAULT);
		strictest = s->decision;
	} else {
#pragma clang loop unroll(disable)
		for (int i = 0; i < WALK_TRIES; i++) {
			struct decision worst = {};
			bool torn;

			judge_ops(s, slot, &worst);
			torn = is_torn(s);
			note_argued(s, torn);
			if (!torn) {
				strictest = worst;
				break;
			}
			if (worst.verdict >= strictest.verdict)
				strictest = worst;
			if (!settled()) {
				unjudged(s, first_op(s), COUNT_READ_FAULT);
				strictest = s->decision;
				break;
			}
			walk_once(s, slot);
		}
	}
	if (s->noted.node == ARGUED_UNKNOWN) {
		unjudged(s, OP_EXEC, COUNT_READ_FAULT);
		strictest = s->decision;
	}
	if (strictest.verdict < VERDICT_AUDIT)
		return 0;
	s->decision = strictest;
	emit(slot, class_of(strictest.op), 1);
	return strictest.verdict == VERDICT_BLOCK;
}
#endif

/* Writes down what an access without a path is about, for its event. */
static __always_inline void describe_access(struct scratch *s)
{
	struct socket_access *access = &s->access;

	s->hook = access->hook;
	s->who = WHO_OTHER;
	s->what = network_names(access->kind.family, access->kind.type, access->kind.protocol);
	s->decision.op = access->use.operation;
	s->event.detail[0] = access->kind.family;
	s->event.detail[1] = access->kind.type;
	s->event.detail[2] = access->kind.protocol;
	__builtin_memcpy(s->event.address, access->use.address, sizeof(s->event.address));
	s->event.port = access->use.port;
	s->event.version = access->use.version;
}

/* Judges s->access by the rules of the slot's subject. Returns 1 to deny. */
#ifndef SHARED_ELSEWHERE
__noinline int judge_access(__u32 slot)
{
	struct scratch *s = scratch_at(slot);
	struct socket_access *access;
	struct table *table;
	struct decision decision = {};

	if (!s)
		return 1;
	access = &s->access;
	table = table_at(s->subject.table);
	if (!table)
		return 1;
	if (s->subject.source == SOURCE_UNKNOWN) {
		s->mnt_ns = (__u64)bpf_get_current_task_btf()->nsproxy->mnt_ns;
		source_of_current(slot);
	}
	if (s->subject.source == SOURCE_UNKNOWN)
		decision = cannot_tell(COUNT_READ_FAULT);
	else if (access->unjudged && (table->flags & TABLE_HAS_ENDPOINTS))
		decision = cannot_tell(access->unjudged);
	else
		match_network(&decision, &s->subject, table, &access->kind, &access->use);
	if (access->spares_default && decision.site == SITE_DEFAULT)
		return 0;
	if (decision.verdict < (access->only_block ? VERDICT_BLOCK : VERDICT_AUDIT))
		return 0;
	s->decision = decision;
	describe_access(s);
	emit(slot, CLASS_NETWORK, 0);
	return s->decision.verdict == VERDICT_BLOCK;
}
#endif

#endif
