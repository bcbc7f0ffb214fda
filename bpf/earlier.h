/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Taking over from programs of another ABI, which stay in force until it is done (docs/decisions/0017): while the agent is at it, we look into
 * their labels, so that no process that they know as a container's becomes anybody else's here, however it forks meanwhile.
 */
#ifndef PARAPET_EARLIER_H
#define PARAPET_EARLIER_H

#include "label.h"

struct label_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* that of an inner hash is its own */
	__type(key, __u32);
	__type(value, struct label);
};

/* Entry 0: their map of labels; empty at all other times. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct label_map);
} earlier_labels SEC(".maps");

/* From their index of a container to ours; 0 where it has rules there and is not known here. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_CONTAINERS);
	__type(key, __u32);
	__type(value, __u32);
} earlier_containers SEC(".maps");

/* The entry for the container that earlier programs know a process as part of; NULL where they do not, or it does not matter. */
static __always_inline __u32 *earlier_container(struct task_struct *task)
{
	__u32 zero = 0, tgid = task->tgid;
	void *labels_there = bpf_map_lookup_elem(&earlier_labels, &zero);
	struct label *label;

	if (!labels_there)
		return NULL;
	label = bpf_map_lookup_elem(labels_there, &tgid);
	if (!label || label->start_time != task->group_leader->start_time)
		return NULL;
	return bpf_map_lookup_elem(&earlier_containers, &label->container);
}

#endif
