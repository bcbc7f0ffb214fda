/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef PARAPET_MAPS_H
#define PARAPET_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "abi.h"

#define MAX_CGROUPS MAX_CONTAINERS
/* An empty map costs 16 bytes for each entry that it has room for, and the time to write them when the agent starts. */
#define MAX_SOURCE_WORDS 262144
#define MAX_RARE_RULES 65536
#define RING_BYTES (4 * 1024 * 1024)

/* The tries of all tables. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_NODES);
	__type(key, struct node_key);
	__type(value, struct node);
} nodes SEC(".maps");

/* Words of a node that hold for one source class only. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_SOURCE_WORDS);
	__type(key, struct source_key);
	__type(value, struct words);
} node_sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_RARE_RULES);
	__type(key, struct source_key);
	__type(value, struct flat_rules);
} source_flat SEC(".maps");

/* By the node of a program, or of its name, and the source class. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_RARE_RULES);
	__type(key, struct source_key);
	__type(value, struct argument_rules);
} argument_rules SEC(".maps");

/* Files that rules name, for when they are met under another name. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_INODES);
	__type(key, struct inode_key);
	__type(value, struct node);
} inodes SEC(".maps");

/* Blocks of addresses of all tables. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_ENDPOINTS);
	__type(key, struct endpoint_key);
	__type(value, struct endpoint);
} endpoints SEC(".maps");
struct pattern_chunk {
	__u16 cells[PATTERN_CELLS];
};

/* The automata of all tables, each in a run of chunks. An array: a look-up is a few instructions without a call. Chunk 0 is never used. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_PATTERN_CHUNKS);
	__type(key, __u32);
	__type(value, struct pattern_chunk);
} patterns SEC(".maps");
/* Audited system calls, or with SYSCALL_BLOCKED blocked ones, for one source class, 0 for any; the node is the table's root. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_RARE_RULES);
	__type(key, struct source_key);
	__type(value, struct syscall_set);
} syscall_sets SEC(".maps");

/* Entry 0 is never used: a container with table 0 has no rules. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_TABLES);
	__type(key, __u32);
	__type(value, struct table);
} tables SEC(".maps");

/* struct container as one word. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_CONTAINERS);
	__type(key, __u32);
	__type(value, __u64);
} containers SEC(".maps");

/* From a container's cgroup id to its index. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_CGROUPS);
	__type(key, __u64);
	__type(value, __u32);
} cgroups SEC(".maps");

/* Preallocated: a label must never fail to be stored for want of memory, only for want of room, which is refused beforehand.
 * Not task storage: before 6.2 its lookups fail when a preempted task holds the CPU's counter, and a missed label is an escape. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_LABELS);
	__type(key, __u32);
	__type(value, struct label);
} labels SEC(".maps");

/* By a container's index: not 0 when a process was labelled since the agent wrote 0. Only so can it look for labels while processes fork. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_CONTAINERS);
	__type(key, __u32);
	__type(value, __u32);
} labelled SEC(".maps");

/* Entry 0: how many labels there are. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} label_count SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNT_LAST);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct guard);
} guard SEC(".maps");

/* Our own maps, programs and links, written by the bridge that loads them. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u32);
} own SEC(".maps");

/* No program reads this map. A system call that updates a map of maps waits until every running program has ended: that is the barrier
 * between taking a table out of use and deleting it. */
struct barrier_inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 4);
} barrier_value SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct barrier_inner);
} barrier SEC(".maps");

/* Who sent last over a socket, for packets that leave it; who listened or accepted last, for those that come. */
struct sender { __u32 container; __u32 generation; __u32 source; __u32 reserved; };

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sender);
} senders SEC(".maps");

/* Entry 0: what the agent wants, and when it was last alive. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hold_settings);
} hold_settings SEC(".maps");

/* Names of cgroups right below the root in which containers are; enum hold_root. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_HOLD_ROOTS);
	__type(key, struct root_name);
	__type(value, __u32);
} hold_roots SEC(".maps");

/* Processes that are stopped, by their id. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_HELD);
	__type(key, __u32);
	__type(value, struct held);
} held SEC(".maps");

/* Cgroups whose programs were let through: they would be held again and again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_HELD);
	__type(key, __u64);
	__type(value, __u8);
} hold_passed SEC(".maps");

static __always_inline void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		__sync_fetch_and_add(value, 1);
}

/* A denial or audit of which nobody will hear but by this number. */
static __always_inline void lose(__u32 verdict)
{
	count(COUNT_LOST);
	if (verdict == VERDICT_BLOCK)
		count(COUNT_LOST_BLOCK);
}

/* The same where not even a record could be tried. */
static __always_inline void lose_unseen(__u32 verdict)
{
	lose(verdict);
	if (verdict == VERDICT_BLOCK)
		count(COUNT_UNRECORDED_BLOCK);
}

#endif
