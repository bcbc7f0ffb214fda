/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A mapping is judged by the process rules that name its file: an allow-list of programs says nothing about libraries, and neither does a
 * rule for the directory `/`, which only means "all other programs".
 */
#ifndef PARAPET_JUDGE_MAPPING_H
#define PARAPET_JUDGE_MAPPING_H

#include "judge.h"

/* Judges executing the path in s->dentry and s->mount by rules that name it. Returns 1 to deny. */
#ifndef SHARED_ELSEWHERE
__noinline int judge_named(__u32 slot)
{
	struct scratch *s = scratch_at(slot);
	struct table *table;
	__u32 verdict;

	if (!s)
		return 1;
	table = table_at(s->subject.table);
	if (!table)
		return 1;
	if (s->subject.source == SOURCE_UNKNOWN) {
		unjudged(s, OP_EXEC, COUNT_READ_FAULT);
		verdict = VERDICT_BLOCK;
	} else {
		walk(slot, s->dentry, s->mount);
		find_alias(s);
		verdict = decide(slot, OP_EXEC);
	}
	if (s->decision.site == SITE_DEFAULT || s->decision.node == table->top.id || verdict < VERDICT_AUDIT)
		return 0;
	emit(slot, CLASS_PROCESS, 1);
	return verdict == VERDICT_BLOCK;
}
#endif

#endif
