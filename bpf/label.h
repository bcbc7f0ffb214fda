/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who acts: the label of a process, the container and table behind it, and the class of its executable as a source. */
#ifndef PARAPET_LABEL_H
#define PARAPET_LABEL_H

#include <bpf/bpf_core_read.h>
#include "kernel.h"
#include "match.h"
#include "scratch.h"
#include "walk.h"

/* New processes and containers are refused when fewer labels than this are free: those on their way must still find room. */
#define LABELS_RESERVE 1024
#define MAX_CGROUP_DEPTH 16
#define SOURCE_BITS 0xffff

static __always_inline struct label *label_of(struct task_struct *task)
{
	__u32 tgid = task->tgid;
	struct label *label = bpf_map_lookup_elem(&labels, &tgid);

	return label && label->start_time == task->group_leader->start_time ? label : NULL;
}

static __always_inline __u64 *labels_used(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&label_count, &zero);
}

static __always_inline bool labels_nearly_full(void)
{
	__u64 *used = labels_used();

	return !used || *used + LABELS_RESERVE >= MAX_LABELS;
}

static __always_inline void note_labelled(__u32 container)
{
	__u32 *noted = bpf_map_lookup_elem(&labelled, &container);

	if (noted)
		*noted = 1;
}

/* Stores a process's label; 0, or a negative error when there is no room. */
static __always_inline long label_put(__u32 tgid, struct label *label)
{
	__u64 *used = labels_used();
	long error;

	note_labelled(label->container);
	error = bpf_map_update_elem(&labels, &tgid, label, BPF_NOEXIST);
	if (error == -EEXIST)
		return bpf_map_update_elem(&labels, &tgid, label, BPF_EXIST);
	if (!error && used)
		__sync_fetch_and_add(used, 1);
	return error;
}

static __always_inline void label_remove(__u32 tgid)
{
	__u64 *used = labels_used();

	if (!bpf_map_delete_elem(&labels, &tgid) && used)
		__sync_fetch_and_add(used, -1);
}

/* The cgroup that lies so deep as is looked for, for one that is deeper. Kernels before 6.1 do not tell. */
static __always_inline struct cgroup *at_most_deep(struct cgroup *cgroup)
{
	struct cgroup *ancestor = NULL;

	if (!bpf_core_field_exists(cgroup->ancestors) || BPF_CORE_READ(cgroup, level) <= MAX_CGROUP_DEPTH)
		return cgroup;
	bpf_probe_read_kernel(&ancestor, sizeof(ancestor), (void *)cgroup + bpf_core_field_offset(struct cgroup, ancestors) + MAX_CGROUP_DEPTH * 8);
	return ancestor;
}

/* The container of a cgroup, or of one of the levels right above it. */
static __always_inline __u32 container_near(struct cgroup *cgroup)
{
#pragma clang loop unroll(disable)
	for (int i = 0; i < MAX_CGROUP_DEPTH; i++) {
		__u64 id = 0;
		__u32 *index;

		if (!cgroup)
			return 0;
		id = BPF_CORE_READ(cgroup, kn, id);
		index = bpf_map_lookup_elem(&cgroups, &id);
		if (index)
			return *index;
		cgroup = (struct cgroup *)BPF_CORE_READ(cgroup, self.parent); /* a cgroup begins with its own css */
	}
	return 0;
}

/* The index of the container whose cgroup this is or lies in, however deep; 0 when there is none. */
static __always_inline __u32 container_of_cgroup(struct cgroup *cgroup)
{
	__u32 container = container_near(cgroup);
	struct cgroup *above;

	if (container || !cgroup)
		return container;
	above = at_most_deep(cgroup);
	return above == cgroup ? 0 : container_near(above);
}

static __always_inline __u32 container_of_task_cgroup(struct task_struct *task)
{
	return container_of_cgroup(BPF_CORE_READ(task, cgroups, dfl_cgrp));
}

/* A table's number, or that of the one that holds instead for tasks with a controlling terminal, if it has one and the task is such. */
static __always_inline __u32 table_for_terminal(struct table *table, __u32 number)
{
	if (!(table->flags & TABLE_HAS_TERMINAL) || !bpf_get_current_task_btf()->signal->tty)
		return number;
	return table->terminal;
}

/* Fills the subject for a container, whose label the current process may have; its table, or NULL where it has none. It is the one for tasks
 * without a terminal. */
static __always_inline struct table *subject_under(struct subject *out, struct label *label, __u32 container)
{
	__u64 *entry = bpf_map_lookup_elem(&containers, &container);
	struct table *table;
	__u64 word, cached;

	if (!entry)
		return NULL;
	word = *(volatile __u64 *)entry; /* one load: table and generation belong together */
	if (!(__u32)word)
		return NULL;
	table = table_at((__u32)word);
	if (!table)
		return NULL;
	out->container = container;
	out->table = (__u32)word;
	out->generation = word >> 32;
	out->source = 0;
	if (table->flags & TABLE_HAS_SOURCES) {
		cached = label ? *(volatile __u64 *)&label->generation : 0;
		out->source = label && (__u32)cached == out->generation ? cached >> 32 : SOURCE_UNKNOWN;
	}
	return table;
}

/* Turns the subject to the table for tasks with a terminal where the current one has such; false where the table says nothing about the class. */
static __always_inline bool is_subject_to(struct subject *out, struct table *table, __u32 class)
{
	__u32 number = out->table;

	if (!(table->flags & TABLE_HAS(class)))
		return false;
	out->table = table_for_terminal(table, number);
	return true;
}

/* The same as subject_under, but NULL where the table says nothing about the class. */
static __always_inline struct table *subject_without_terminal(struct subject *out, struct label *label, __u32 container, __u32 class)
{
	struct table *table = subject_under(out, label, container);

	return table && (table->flags & TABLE_HAS(class)) ? table : NULL;
}

/* The same, with the table for tasks with a terminal where the current one has such. */
static __always_inline struct table *subject_in(struct subject *out, struct label *label, __u32 container, __u32 class)
{
	struct table *table = subject_under(out, label, container);
	__u32 number = out->table;

	if (!table || !is_subject_to(out, table, class))
		return NULL;
	return out->table == number ? table : table_at(out->table);
}

/* The same for the current process: its container's rules, or the host's (container 0). */
static __always_inline struct table *subject_of_current(struct subject *out, __u32 class)
{
	struct label *label = label_of(bpf_get_current_task_btf());

	return subject_in(out, label, label ? label->container : 0, class);
}

/* The current process's table, whatever it is about; NULL where there is none. */
static __always_inline struct table *table_of_current(struct subject *out)
{
	struct label *label = label_of(bpf_get_current_task_btf());

	return subject_under(out, label, label ? label->container : 0);
}

static __always_inline void exe_of(struct task_struct *task, __u64 *dentry, __u64 *mount)
{
	struct file *exe = BPF_CORE_READ(task, mm, exe_file);

	*dentry = exe ? (__u64)BPF_CORE_READ(exe, f_path.dentry) : 0;
	*mount = exe ? (__u64)BPF_CORE_READ(exe, f_path.mnt) : 0;
}

static __always_inline __u32 source_of_walk(struct scratch *s, __u32 slot)
{
	return s->end == END_ATTACHED || s->end == END_FOREIGN ? match_source(slot) : 0;
}

/*
 * The source class of the executable in s->dentry and s->mount, by the rules of the slot's subject. Executables are known by their path in
 * whatever namespace they are. SOURCE_UNKNOWN when the tree changed at every try and the tries disagree.
 */
__noinline int classify_source(__u32 slot)
{
	struct scratch *s = scratch_at(slot);
	bool disagree = false;
	__u32 source = 0;

	if (!s || !s->dentry)
		return 0;
#pragma clang loop unroll(disable)
	for (int i = 0; i < WALK_TRIES; i++) {
		__u32 last = source;

		if (i && !settled())
			return SOURCE_UNKNOWN;
		walk_once(s, slot);
		source = source_of_walk(s, slot);
		if (!is_torn(s))
			return source;
		if (i && source != last)
			disagree = true;
	}
	return disagree ? SOURCE_UNKNOWN : source;
}

/* Source and generation in one store: a reader never sees one of the old and one of the new. */
static __always_inline void label_set_source(struct label *label, __u32 source, __u32 generation)
{
	*(volatile __u64 *)&label->generation = (__u64)source << 32 | generation;
}

/* Of a file and a generation what `executing` has beside a source class: 48 bits. One word, because threads may execute at the same time. */
static __always_inline __u64 execution_mark(__u64 file, __u32 generation)
{
	return ((file ^ (__u64)generation << 32) * 0x9e3779b97f4a7c15ull) & ~(__u64)SOURCE_BITS;
}

/* Is the program that the kernel names another one than was executed? PR_SET_MM puts any in its place. Of a process that was there before us it
 * is not known what was executed. */
static __always_inline bool is_pretended(struct task_struct *task, struct label *label)
{
	__u64 executed = label ? *(volatile __u64 *)&label->executed : 0;

	return executed && executed != (__u64)BPF_CORE_READ(task, mm, exe_file);
}

/* Finds out the source class of the current process, for the slot's subject and for the next time. Overwrites the slot's walk. Who pretends to
 * be another program is of no source that rules name. */
#ifndef SHARED_ELSEWHERE
__noinline int source_of_current(__u32 slot)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct scratch *s = scratch_at(slot);
	struct label *label;
	__u32 source;

	if (!s)
		return SOURCE_UNKNOWN;
	exe_of(task, &s->dentry, &s->mount);
	label = label_of(task);
	if (is_pretended(task, label)) {
		s->subject.source = SOURCE_UNKNOWN;
		return SOURCE_UNKNOWN;
	}
	source = classify_source(slot);
	if (label && source != SOURCE_UNKNOWN && label->container == s->subject.container)
		label_set_source(label, source, s->subject.generation);
	s->subject.source = source;
	return source;
}
#endif

#endif
