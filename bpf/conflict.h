/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which rule decides a path: between paths and directories (match.h), names of executables and patterns, the nearest by its rank. */
#ifndef PARAPET_CONFLICT_H
#define PARAPET_CONFLICT_H

#include "match.h"
#include "pattern.h"

#define NAME_EDGES 11    /* of the longest name */

/* Leaves the node of the whole name in `node`. */
static long step_to_name(__u32 turn, struct descent *descent)
{
	struct node *node = step(descent->s, descent->id, ~0u);

	if (!node)
		return 1;
	descent->id = node->id;
	if (descent->s->left)
		return 0;
	descent->node = node;
	return 1;
}

/* A rule that is no nearer than what decided so far is passed over; of two that are as near, one for the source wins, then the stronger. */
static __always_inline bool outranks(struct scratch *s, struct said said, __u32 rank)
{
	if (!said.verdict)
		return false;
	if (!s->decision.verdict || rank != s->rank)
		return !s->decision.verdict || rank > s->rank;
	if (!said.source != !s->decision.source)
		return said.source;
	return said.verdict > s->decision.verdict;
}

static __always_inline void settle(struct scratch *s, struct said said, __u32 site, __u32 node)
{
	s->decision.verdict = said.verdict;
	s->decision.source = said.source;
	s->decision.site = site;
	s->decision.node = node;
}

/* Rules for the name of an executable rank just below one for its whole path. */
__noinline int match_execname(__u32 slot, __u32 shift)
{
	struct descent descent = { .s = scratch_at(slot) };
	struct scratch *s = descent.s;
	struct table *table;
	struct said said;

	if (!s || !s->count)
		return 0;
	table = table_at(s->subject.table);
	if (!table || !table->execname_root)
		return 0;
	s->next = 1; /* the last component */
	s->left = 0;
	descent.id = table->execname_root;
	bpf_loop(NAME_EDGES, step_to_name, &descent, 0);
	if (!descent.node)
		return 0;
	said = said_at(s, descent.node, shift & 31);
	if (outranks(s, said, 2 * s->count - 1)) {
		settle(s, said, SITE_EXECNAME, descent.node->id);
		s->rank = 2 * s->count - 1;
	}
	return 0;
}

/* Rules for arguments speak where the rule that decides is for the program itself. */
static __always_inline void take_argued(struct scratch *s)
{
	bool own = s->decision.verdict && (s->decision.site == SITE_EXACT || s->decision.site == SITE_EXECNAME);

	s->argued.node = own ? s->decision.node : 0;
	s->argued.source = s->decision.source;
}

/* What the rules say about one operation on the walked path; fills s->decision. Negative when the path cannot be read. */
static __always_inline int match_rules(struct table *table, __u32 slot, __u32 op, __u32 who)
{
	struct scratch *s = scratch_at(slot);
	__u32 shift = op * 4 + (who & 1) * 2, rank;
	struct pattern_verdict found = {};
	struct said said = {};
	int accepted;

	match_tree(slot, shift);
	if (op == OP_EXEC && (table->flags & TABLE_HAS_EXECNAMES))
		match_execname(slot, shift);
	if (s && op == OP_EXEC && (table->flags & TABLE_HAS_ARGUMENTS))
		take_argued(s);
	if (!s || op == OP_MOVE || !(table->flags & TABLE_HAS_PATTERNS))
		return 0;
	accepted = run_automaton(table, slot, &found);
	if (accepted <= 0)
		return accepted;
	said.verdict = (found.word >> shift) & 3;
	rank = 2 * (op == OP_EXEC ? found.process_depth : found.file_depth) + 1;
	if (outranks(s, said, rank)) {
		if (rank > s->rank) /* one that is only as near does not silence them */
			s->argued.node = 0;
		settle(s, said, SITE_PATTERN, accepted);
		s->rank = rank;
	}
	return 0;
}

#endif
