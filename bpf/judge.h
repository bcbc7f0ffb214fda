/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From an access to allowed or denied, with its event. */
#ifndef PARAPET_JUDGE_H
#define PARAPET_JUDGE_H

#include "conflict.h"
#include "endpoint.h"
#include "event.h"
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
		unjudged(s, op, s->end == END_TOO_DEEP ? COUNT_TOO_DEEP : s->end == END_NO_SCRATCH ? COUNT_NO_SCRATCH : COUNT_READ_FAULT);
		return VERDICT_BLOCK;
	}
	s->decision.verdict = VERDICT_NONE;
	if ((s->end == END_ATTACHED || s->end == END_FOREIGN) && match_rules(table, slot, op, s->who)) {
		unjudged(s, op, COUNT_READ_FAULT);
		return VERDICT_BLOCK;
	}
	/* another namespace's file, or a program that was deleted, is refused by its path, but never allowed by it */
	if (s->decision.verdict == VERDICT_NONE || (s->decision.verdict == VERDICT_ALLOW && (s->end == END_FOREIGN || (s->gone && op == OP_EXEC)))) {
		s->decision.verdict = op == OP_MOVE ? VERDICT_NONE : default_verdict(table, class_of(op));
		/* a mount that is attached nowhere is a way round the refusal of mounts */
		if (s->end == END_DETACHED)
			s->decision.verdict = stronger(s->decision.verdict, mounts_verdict(table));
		s->decision.site = SITE_DEFAULT;
		s->decision.source = 0;
		s->decision.node = 0;
	}
	s->decision.op = op;
	s->decision.reason = 0;
	return s->decision.verdict;
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

/*
 * Judges s->ops on the path that was just walked. Returns 1 to deny. When the tree changed meanwhile, names may have been
 * read half of the old and half of the new place: then all is done again, and when it changes every time, the strictest of the tries counts.
 * One event for an access: of its worst verdict.
 */
__noinline int judge_path(__u32 slot)
{
	struct scratch *s = scratch_at(slot);
	struct decision strictest = {};

	if (!s)
		return 1;
	if (s->subject.source == SOURCE_UNKNOWN) { /* in every try: its rules are not known */
		unjudged(s, s->ops & OPS(OP_EXEC) ? OP_EXEC : s->ops & OPS(OP_WRITE) ? OP_WRITE : OP_READ, COUNT_READ_FAULT);
		strictest = s->decision;
	} else {
#pragma clang loop unroll(disable)
		for (int i = 0; i < WALK_TRIES; i++) {
			struct decision worst = {};

			judge_ops(s, slot, &worst);
			if (!is_torn(s)) {
				strictest = worst;
				break;
			}
			if (worst.verdict >= strictest.verdict)
				strictest = worst;
			walk_once(s, slot);
		}
	}
	if (strictest.verdict < VERDICT_AUDIT)
		return 0;
	s->decision = strictest;
	emit(slot, class_of(strictest.op), 1);
	return strictest.verdict == VERDICT_BLOCK;
}

struct flat_access {
	__u32 hook;
	__u32 class;
	__u64 names;             /* what is used, for capabilities */
	struct socket_kind kind; /* for sockets */
	struct endpoint_use use;
	__u32 detail[3];
	bool quiet;
	bool only_block;         /* what is not refused is not told */
};

static __always_inline void describe_access(struct scratch *s, struct flat_access *access)
{
	s->hook = access->hook;
	s->who = WHO_OTHER;
	s->decision.op = access->use.operation;
	s->event.detail[0] = access->detail[0];
	s->event.detail[1] = access->detail[1];
	s->event.detail[2] = access->detail[2];
	__builtin_memcpy(s->event.address, access->use.address, sizeof(s->event.address));
	s->event.port = access->use.port;
	s->event.version = access->use.version;
}

/* Judges an access without a path. Returns 1 to deny. Memory is claimed only for events, and to find out a source. */
static __always_inline int judge_flat(struct flat_access *access)
{
	struct decision decision = {};
	struct subject subject = {};
	struct scratch *s = NULL;
	struct table *table = subject_of_current(&subject, access->class);
	int slot = -1;

	if (!table)
		return 0;
	if (subject.source == SOURCE_UNKNOWN) {
		slot = scratch_claim(&s);
		if (slot < 0 || !s)
			return 1;
		s->subject = subject;
		s->mnt_ns = (__u64)bpf_get_current_task_btf()->nsproxy->mnt_ns;
		subject.source = source_of_current(slot);
	}
	if (subject.source == SOURCE_UNKNOWN) {
		decision = (struct decision){ .verdict = VERDICT_BLOCK, .site = SITE_UNJUDGED, .reason = COUNT_READ_FAULT };
		count(COUNT_READ_FAULT);
	} else if (access->class == CLASS_NETWORK) {
		match_network(&decision, &subject, &access->kind, &access->use);
	} else {
		match_flat(&decision, &subject, access->class, access->names);
	}
	if (decision.verdict >= (access->only_block ? VERDICT_BLOCK : VERDICT_AUDIT) && !access->quiet) {
		if (!s)
			slot = scratch_claim(&s);
		if (!s) {
			count(COUNT_RING_FULL);
			if (decision.verdict == VERDICT_BLOCK)
				count(COUNT_RING_FULL_BLOCK);
			return decision.verdict == VERDICT_BLOCK;
		}
		s->subject = subject;
		s->decision = decision;
		describe_access(s, access);
		emit(slot, access->class, 0);
	}
	if (s)
		scratch_release(s);
	return decision.verdict == VERDICT_BLOCK;
}

#endif
