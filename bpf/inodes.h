/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Files under other names: a hard link that was there before the rules, or another mount namespace's path. The agent tells which files the rules
 * name; here such a file is known by its inode. It costs a look-up only where another name is possible: by a link, or by a second mount.
 */
#ifndef PARAPET_INODES_H
#define PARAPET_INODES_H

#include "conflict.h"

/* Notes the file of the next judgement. Not yet whether it is known: most are never met under another name. */
static __always_inline void note_file(struct scratch *s, struct inode *inode)
{
	s->alias.id = 0;
	s->file.inode = 0;
	if (!inode || (inode->i_mode & S_IFMT) == S_IFDIR)
		return;
	s->file.inode = inode->i_ino;
	s->file.device = inode->i_sb->s_dev;
	/* a hard link in an image's layer is a link to nothing for overlayfs, until it is written to */
	s->may_have_names = inode->i_nlink > 1 || inode->i_sb->s_magic == OVERLAYFS_MAGIC;
}

/* The same for an inode that the verifier does not know. */
static __always_inline void note_file_at(struct scratch *s, struct inode *inode)
{
	struct super_block *sb = BPF_CORE_READ(inode, i_sb);

	s->alias.id = 0;
	s->file.inode = 0;
	if (!inode || (BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFDIR)
		return;
	s->file.inode = BPF_CORE_READ(inode, i_ino);
	s->file.device = BPF_CORE_READ(sb, s_dev);
	s->may_have_names = BPF_CORE_READ(inode, i_nlink) > 1 || BPF_CORE_READ(sb, s_magic) == OVERLAYFS_MAGIC;
}

/* Finds the first of the rules for the walked file's other names. */
static __always_inline void find_alias(struct scratch *s)
{
	struct node *node;

	if (!s->file.inode || (s->end == END_ATTACHED && !s->may_have_names && !s->crossed))
		return;
	s->file.table = s->subject.table;
	s->file.generation = s->subject.generation;
	s->file.number = 0;
	node = bpf_map_lookup_elem(&inodes, &s->file);
	if (node)
		s->alias = *node;
}

static __always_inline bool has_list(struct argued *argued)
{
	return argued->node && bpf_map_lookup_elem(&argument_rules, argued);
}

/* Takes what the rules say of one other name, where that is stronger; and its list of arguments, where no other has one yet. */
static __always_inline void weigh_name(struct scratch *s, struct node *name, __u32 op)
{
	struct said said = said_at(s, name, (op & 3) * 4 + (s->who & 1) * 2);
	struct argued argued = { .node = name->id, .source = said.source };

	if (op == OP_EXEC && said.verdict && has_list(&argued) && !has_list(&s->argued))
		s->argued = argued;
	if (said.verdict > s->decision.verdict)
		settle(s, said, SITE_EXACT, name->id);
}

struct weighing { struct scratch *s; __u32 op; };

static long weigh_next_name(__u32 turn, struct weighing *weighing)
{
	struct scratch *s = weighing->s;
	struct node *name;

	s->file.number = turn + 1;
	name = bpf_map_lookup_elem(&inodes, &s->file);
	if (!name)
		return 1;
	weigh_name(s, name, weighing->op);
	return !(name->lengths & FILE_MORE_RULES);
}

__noinline int weigh_names(__u32 slot, __u32 op)
{
	struct weighing weighing = { .s = scratch_at(slot), .op = op };
	struct scratch *s = weighing.s;

	if (!s)
		return 0;
	s->next = 0; /* all of the name's components are matched */
	weigh_name(s, &s->alias, op);
	if (s->alias.lengths & FILE_MORE_RULES)
		bpf_loop(MAX_INODES, weigh_next_name, &weighing, 0);
	return 0;
}

/* Takes what the rules say of the file's other names, where that is stronger. */
static __always_inline void weigh_alias(struct scratch *s, __u32 slot, __u32 op)
{
	if (s->alias.id && op != OP_MOVE && !(op == OP_EXEC && (s->alias.lengths & FILE_MANY_NAMES)))
		weigh_names(slot, op);
}

#endif
