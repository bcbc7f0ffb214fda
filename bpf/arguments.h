/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * With which arguments a program may be executed. When the path is judged they are strings in the old image, which other threads can still
 * change. So it is only noted then which rules there are; judged are the strings that the kernel has copied for the new image, once that has
 * taken over and before it runs.
 */
#ifndef PARAPET_ARGUMENTS_H
#define PARAPET_ARGUMENTS_H

#include "judge.h"

#ifndef READ_STRING
#define READ_STRING bpf_probe_read_user_str
#endif

/* A string is read in pieces of NAME_MAX bytes; those that an interpreter is told before a script's own can have several. */
#define ARGUMENT_TURNS (MAX_ARGUMENTS + 64)

struct reading { struct scratch *s; __u64 at; __u32 index; __u32 argc; __u32 first; __u32 list; __u32 empty; __u32 refused; __u32 reason; };

static __always_inline bool is_listed(struct reading *reading, __u64 length)
{
	struct descent descent = { .s = reading->s, .id = reading->list };

	if (!length)
		return reading->empty;
	reading->s->left = length;
	reading->s->cursor = (__u64)reading->s->name;
	bpf_loop(NAME_EDGES, step_to_name, &descent, 0);
	return descent.node;
}

static __always_inline long refuse_argument(struct reading *reading, __u32 reason)
{
	reading->refused = 1;
	reading->reason = reason;
	return 1;
}

/* Reads the next argument, and looks for it in the list when it is its turn. Stops at the first that is not there. */
static long judge_argument(__u32 turn, struct reading *reading)
{
	struct scratch *s = reading->s;
	bool judged = reading->index >= reading->first;
	long length;

	if (reading->index >= reading->argc)
		return 1;
	length = READ_STRING(s->name, NAME_MAX + 1, (void *)reading->at);
	if (length < 0 || length > NAME_MAX + 1)
		return refuse_argument(reading, COUNT_READ_FAULT);
	length += !length; /* an empty string from user space is 0 bytes, any other counts its end */
	s->name_len = length - 1;
	if (length == NAME_MAX + 1 && !judged) { /* more of it may follow */
		reading->at += NAME_MAX;
		return 0;
	}
	reading->at += length;
	reading->index += 1;
	if (!judged)
		return 0;
	if (length > MAX_ARGUMENT_BYTES + 1)
		return refuse_argument(reading, COUNT_LONG_ARGUMENT);
	return is_listed(reading, length - 1) ? 0 : refuse_argument(reading, 0);
}

/* What one of the rules in s->told says: its verdict with s->decision, the argument in s->name; or VERDICT_NONE when it is content. */
__noinline int judge_rule(__u32 slot, __u32 index)
{
	struct reading reading = { .s = scratch_at(slot) };
	struct scratch *s = reading.s;
	struct argument_rules *rules;
	struct argument_rule *rule;

	if (!s)
		return VERDICT_NONE;
	rules = bpf_map_lookup_elem(&argument_rules, &s->told.argued);
	if (!rules)
		return VERDICT_NONE;
	rule = &rules->rules[index & (MAX_ARGUMENT_RULES - 1)];
	if (!rule->list || !((rule->who >> (s->told.who & 1)) & 1))
		return VERDICT_NONE;
	reading.at = s->told.at;
	reading.argc = s->told.argc;
	reading.first = s->told.first;
	reading.list = rule->list;
	reading.empty = rule->empty;
	s->name_len = 0;
	if (reading.argc > reading.first + MAX_ARGUMENTS) {
		refuse_argument(&reading, COUNT_MANY_ARGUMENTS);
	} else {
		bpf_loop(ARGUMENT_TURNS, judge_argument, &reading, 0);
		if (reading.index < reading.argc && !reading.refused)
			refuse_argument(&reading, COUNT_MANY_ARGUMENTS);
	}
	if (!reading.refused)
		return VERDICT_NONE;
	s->decision.verdict = rule->verdict;
	s->decision.site = SITE_ARGUMENTS;
	s->decision.op = OP_EXEC;
	s->decision.reason = reading.reason;
	s->decision.node = rule->list;
	s->decision.source = s->told.argued.source;
	s->event.detail[0] = reading.index > reading.first ? reading.index - reading.first : 0;
	return rule->verdict;
}

/* The worst of what the rules in s->told say, as in judge_rule. */
__noinline int judge_told(__u32 slot)
{
	struct scratch *s = scratch_at(slot);
	__u32 worst = VERDICT_NONE, which = 0;

	if (!s)
		return VERDICT_BLOCK;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < MAX_ARGUMENT_RULES; i++) {
		__u32 verdict = judge_rule(slot, i);

		if (verdict > worst) {
			worst = verdict;
			which = i;
		}
	}
	return worst ? judge_rule(slot, which) : VERDICT_NONE;
}

/* Walks again to what was judged: an event of its path may have overwritten the walk. */
static __always_inline void walk_back(struct scratch *s, __u32 slot)
{
	s->dentry = s->told_dentry;
	s->mount = s->told_mount;
	walk_once(s, slot);
}

/* A program whose arguments are ruled must not get a name under which they are not: 1 to deny. */
__noinline int judge_renamed(__u32 slot)
{
	struct scratch *s = scratch_at(slot);
	int verdict;

	if (!s)
		return 1;
	s->told.argued = s->noted;
	s->told.who = s->who;
	s->told.argc = MAX_ARGUMENTS + 1; /* whatever it will be told */
	s->told.first = 0;
	verdict = judge_told(slot);
	if (verdict < VERDICT_AUDIT)
		return 0;
	s->decision.reason = 0;
	walk_back(s, slot);
	emit(slot, CLASS_PROCESS, 1);
	return verdict == VERDICT_BLOCK;
}

#endif
