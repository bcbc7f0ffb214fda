/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Never loaded: its BTF holds every struct, enum and number of abi.h, for the test that compares them with policy/src/abi.ts. */
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "abi.h"

enum number {
	NUMBER_ABI = PARAPET_ABI,
	NUMBER_NAME_CHUNK = NAME_CHUNK,
	NUMBER_MAX_COMPONENTS = MAX_COMPONENTS,
	NUMBER_MAX_TABLES = MAX_TABLES,
	NUMBER_MAX_CONTAINERS = MAX_CONTAINERS,
	NUMBER_MAX_NODES = MAX_NODES,
	NUMBER_MAX_LABELS = MAX_LABELS,
	NUMBER_MAX_ENDPOINTS = MAX_ENDPOINTS,
	NUMBER_MAX_ENDPOINT_ENTRIES = MAX_ENDPOINT_ENTRIES,
	NUMBER_PATTERN_CELLS = PATTERN_CELLS,
	NUMBER_MAX_PATTERN_CHUNKS = MAX_PATTERN_CHUNKS,
	NUMBER_MAX_ARGUMENT_BYTES = MAX_ARGUMENT_BYTES,
	NUMBER_MAX_ARGUMENTS = MAX_ARGUMENTS,
	NUMBER_MAX_ARGUMENT_RULES = MAX_ARGUMENT_RULES,
	NUMBER_MAX_INODES = MAX_INODES,
	NUMBER_MAX_PROGRAM_NAMES = MAX_PROGRAM_NAMES,
	NUMBER_FILE_MANY_NAMES = FILE_MANY_NAMES,
	NUMBER_FILE_MORE_RULES = FILE_MORE_RULES,
	NUMBER_EVENT_RATE = EVENT_RATE,
	NUMBER_EVENT_BURST = EVENT_BURST,
	NUMBER_EVENT_RECENT = EVENT_RECENT,
	NUMBER_MAX_TALLIES = MAX_TALLIES,
	NUMBER_TALLY_TEXT = TALLY_TEXT,
	NUMBER_TABLE_HAS_FIRST = TABLE_HAS(CLASS_PROCESS),
	NUMBER_TABLE_HAS_LAST = TABLE_HAS(CLASS_HARDENING),
	NUMBER_SYSCALL_BLOCKED_BIT = 31, /* an enum holds no larger power of two */
	NUMBER_TABLE_HAS_SOURCES = TABLE_HAS_SOURCES,
	NUMBER_TABLE_HAS_PATTERNS = TABLE_HAS_PATTERNS,
	NUMBER_TABLE_HAS_EXECNAMES = TABLE_HAS_EXECNAMES,
	NUMBER_TABLE_HAS_TERMINAL = TABLE_HAS_TERMINAL,
	NUMBER_TABLE_HAS_ENDPOINTS = TABLE_HAS_ENDPOINTS,
	NUMBER_TABLE_HAS_SYSCALL_PATHS = TABLE_HAS_SYSCALL_PATHS,
	NUMBER_SYSCALL_ON_PATH = SYSCALL_ON_PATH,
	NUMBER_SYSCALL_HOOK_SHIFT = SYSCALL_HOOK_SHIFT,
	NUMBER_SYSCALL_SITE_SHIFT = SYSCALL_SITE_SHIFT,
	NUMBER_TABLE_HAS_ARGUMENTS = TABLE_HAS_ARGUMENTS,
	NUMBER_TABLE_HAS_ACCEPT = TABLE_HAS_ACCEPT,
};

struct abi {
	enum number number;
	enum verdict verdict;
	enum path_op path_op;
	enum who who;
	enum op_class op_class;
	enum net_name net_name;
	enum endpoint_op endpoint_op;
	enum endpoint_protocol endpoint_protocol;
	enum switch_name switch_name;
	enum own_kind own_kind;
	enum site site;
	enum counter counter;
	enum hook hook;
	enum event_kind event_kind;
	enum hold_mode hold_mode;
	enum hold_root hold_root;
	struct words words;
	struct node_key node_key;
	struct node node;
	struct source_key source_key;
	struct flat_rules flat_rules;
	struct endpoint_key endpoint_key;
	struct endpoint_entry endpoint_entry;
	struct endpoint endpoint;
	struct syscall_set syscall_set;
	struct inode_key inode_key;
	struct argument_rule argument_rule;
	struct argument_rules argument_rules;
	struct table table;
	struct pattern_verdict pattern_verdict;
	struct container container;
	struct label label;
	struct tally_key tally_key;
	struct bucket bucket;
	struct guard guard;
	struct hold_settings hold_settings;
	struct root_name root_name;
	struct held held;
	struct event event;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct abi);
} abi SEC(".maps");
