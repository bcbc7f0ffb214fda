/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the kernel half and the agent agree on, byte for byte.
 *
 * Every struct here has a twin in policy/src/abi.ts; test/contract/abi.test.ts compares both from the object's BTF.
 * No struct is packed (packed makes clang write byte by byte): fields are laid out so that no hole is left.
 */
#ifndef PARAPET_ABI_H
#define PARAPET_ABI_H

#include "abi_arguments.h"
#include "abi_endpoint.h"
#include "abi_inodes.h"

/* Bump when a struct or a map changes shape: maps of another ABI are never reused, and what is in force by them is taken over (earlier.h).
 * The promise under `struct label` holds over all ABIs. */
#define PARAPET_ABI 3

#define NAME_CHUNK 24        /* bytes of a path component held by one trie edge; longer components take several */
#define MAX_COMPONENTS 2048  /* more than PATH_MAX has room for; a deeper place cannot be judged: denied for a confined container, and counted */
#define MAX_TABLES 4096
#define MAX_CONTAINERS 65536 /* index 0 is the host */
#define MAX_NODES 1048576
#define MAX_LABELS 131072
#define PATTERN_CELLS 2048    /* cells of 16 bits in one chunk of a table's automaton */
#define MAX_PATTERN_CHUNKS 4096

/* What is told at once: for each container and rule EVENT_RATE records a second, EVENT_BURST in a row, and not again what is among the
 * last EVENT_RECENT told. Everything else is counted, and told as summaries. */
#define EVENT_RATE 20
#define EVENT_BURST 100
#define EVENT_RECENT 8
#define MAX_TALLIES 8192     /* distinct container, rule, operation and executable that can be counted at one time */
#define TALLY_TEXT 512       /* bytes of paths that a tally keeps */

#include "abi_switch.h"

/* One verdict: two bits. A larger value wins a conflict, so merging is max(). */
enum verdict { VERDICT_NONE = 0, VERDICT_ALLOW = 1, VERDICT_AUDIT = 2, VERDICT_BLOCK = 3 };

/* What is done to a path. A verdict word holds one verdict for each operation and each of {owner, other}:
 * bits [op * 4 + who * 2, +2). OP_MOVE: a directory is renamed, and with it everything below; only the word `exact` has it. */
enum path_op { OP_EXEC = 0, OP_READ = 1, OP_WRITE = 2, OP_MOVE = 3 };
enum who { WHO_OWNER = 0, WHO_OTHER = 1 };

/* Classes of operation; an allow-list and its default are per class. table.defaults holds a verdict for each: bits [class * 2, +2). */
enum op_class {
	CLASS_PROCESS = 0, CLASS_FILE = 1, CLASS_NETWORK = 2, CLASS_CAPABILITY = 3, CLASS_DNS = 4, CLASS_SYSCALL = 5, CLASS_PRESET = 6,
	CLASS_HARDENING = 7,
};

/* table.flags: a hook returns at once when the table has nothing to say about its class (CLASS_* is the bit number). */
#define TABLE_HAS(class) (1u << (class))
#define TABLE_HAS_SOURCES (1u << 8)
#define TABLE_HAS_PATTERNS (1u << 9)
#define TABLE_HAS_EXECNAMES (1u << 10)
#define TABLE_HAS_TERMINAL (1u << 12)
#define TABLE_HAS_ENDPOINTS (1u << 13)
#define TABLE_HAS_ARGUMENTS (1u << 15)
#define TABLE_HAS_ACCEPT (1u << 16)     /* some endpoint rule is about who connects */

/* Names a network rule can use, as bits; which of them an access has is computed from family, type and protocol. */
enum net_name {
	NET_TCP = 0, NET_UDP = 1, NET_ICMP = 2, NET_ICMPV6 = 3, NET_SCTP = 4, NET_STREAM = 5, NET_DGRAM = 6,
	NET_RAW = 7, NET_RDM = 8, NET_SEQPACKET = 9, NET_DCCP = 10, NET_PACKET = 11, NET_ALL = 12,
};

/* Three verdict words of a trie node: for the path that ends here, for direct children, for anything deeper. */
struct words {
	__u16 exact;
	__u16 child;
	__u16 deep;
	__u16 reserved;
};

/* An edge of the component trie. Node ids are unique over all tables, so all tables share one hash map.
 * A component longer than NAME_CHUNK is a chain of edges whose `len` counts down the bytes that are left. */
struct node_key {
	__u32 node;
	__u32 len;
	char name[NAME_CHUNK];
};

struct node {
	__u64 source_mask;   /* bit (source % 64) set: source-specific words for this node may exist in node_sources */
	__u32 id;
	__u32 lengths;       /* bit (len % 32) set: an edge whose key has this len may lead on from here */
	struct words words;  /* in the source trie: source classes */
};

struct source_key {
	__u32 node;          /* a node id, or a table's root id for flat rules */
	__u32 source;        /* a source class, never 0 */
};

/* Rules without a path. One mask for each verdict, indexed by enum verdict - 1. */
struct flat_rules {
	__u64 capability[3];
	__u32 network[3];
	__u32 reachable;     /* enum endpoint_protocol bits: internet sockets that an endpoint rule lets through to some address */
};

/* One container's compiled rules. */
struct table {
	struct node top;             /* the node of "/" (top.id is the root of the path trie) */
	__u32 source_root;           /* root id of the trie of source executables, 0 if no rule has a source */
	__u32 defaults;              /* two bits for each class: VERDICT_NONE where the class has no allow-list */
	__u32 flags;
	__u32 source_lengths;        /* `lengths` of the source trie's root */
	struct flat_rules any;       /* rules for any source */
	__u32 dns_root;              /* root id of the trie of domain names, 0 if no rule has one */
	__u32 dns_unreadable;        /* enum verdict for a query that cannot be read */
	__u32 execname_root;         /* root id of the names of executables, 0 if no rule has one */
	__u32 pattern_chunk;         /* the first of the chunks with the automaton of the patterns */
	__u32 pattern_verdicts;      /* the cell, counted from that chunk, where what the patterns say begins */
	__u16 pattern_chunks;
	__u16 pattern_stride;        /* cells of one row: what the state accepts, and the next state for each class of bytes */
	struct words source_top;     /* the words of the source trie's root */
	__u32 terminal;              /* the table that holds instead for tasks with a controlling terminal */
	__u32 syscall_paths;         /* root id of the trie of paths that audited system calls act on, 0 if no rule has one */
	__u64 switches;
	struct syscall_set syscalls; /* of any source: what no rule names leaves after one look */
};

/* What a set of patterns says: a verdict word, and how many components the deciding ones have before their first wildcard. An automaton's
 * chunks hold the classes of the 256 bytes, the rows of its states, and these: the one for what a state accepts, counted from 1. */
struct pattern_verdict {
	__u16 word;
	__u16 process_depth;
	__u16 file_depth;
	__u16 reserved;
};

/* containers[index]: read and written as one 64-bit word, so a swap is one store. */
struct container {
	__u32 table;                 /* 0: nothing is enforced */
	__u32 generation;            /* changes with every swap; a label's source class is valid for one generation */
};

/*
 * A process's identity, keyed by process (thread group) id: threads share it, and it survives the exec of any thread.
 *
 * Promised to agents of every other ABI, older and newer, which take over by these and by nothing else (docs/decisions/0017):
 * - pins are `v<ABI>/maps/<map>`, `v<ABI>/links-<digest>/` and `v<ABI>/shares-<digest>/`, links to be removed before shares;
 * - `labels` is a preallocated hash from a process's id (__u32) to this struct, whose size, `start_time` and `container` stay as they are:
 *   what else a process needs goes into a map of its own;
 * - `cgroups` leads from a cgroup's id (__u64) to a container's index (__u32), `containers` from an index, 0 for the node, to `struct container`,
 *   whose `table` is 0 where nothing is enforced;
 * - `hold_settings` with nothing but zeros in entry 0 means that nobody is held or refused as unknown;
 * - `held` has the processes that are stopped, by their ids (__u32), with the size of `struct held`.
 * test/contract/abi-promise.test.ts has the numbers.
 */
struct label {
	__u64 start_time;            /* of the group's leader: an entry of an earlier process with this id is not believed */
	__u32 container;             /* sticky: the host's process may become a container's, never the reverse */
	__u32 reserved;
	__u32 generation;            /* of the table for which `source` was computed; 0: not computed. Stored with source in one word */
	__u32 source;
	__u64 executing;             /* what the file that is being executed will be as a source; which file, under which generation: label.h */
	__u64 executed;              /* the file that was executed last */
};

/* Where a verdict came from. */
enum site { SITE_DEFAULT = 0, SITE_EXACT = 1, SITE_CHILD = 2, SITE_DEEP = 3, SITE_FLAT = 4, SITE_UNJUDGED = 5, SITE_PATTERN = 6,
	    SITE_EXECNAME = 7, SITE_ENDPOINT = 9, SITE_SWITCH = 11, SITE_ARGUMENTS = 12 };

/* Why an access could not be judged (event.reason with SITE_UNJUDGED) or no list can have an argument (with SITE_ARGUMENTS), and the index into `counters` that counts it.
 * Every denial and audit is in exactly one of EVENTS, AGGREGATED and LOST. */
enum counter {
	COUNT_EVENTS = 0,            /* told by a record of its own */
	COUNT_RING_FULL = 1,         /* records that found no room; where there was a tally, it has counted them */
	COUNT_RING_FULL_BLOCK = 2,   /* of those, denials */
	COUNT_NO_SCRATCH = 3,        /* denied: no scratch slot was free */
	COUNT_TOO_DEEP = 4,          /* denied: more than MAX_COMPONENTS components */
	COUNT_READ_FAULT = 5,        /* denied: kernel memory could not be read */
	COUNT_LABELS_FULL = 6,       /* denied: no room for a task's label */
	COUNT_ARENA = 7,             /* scratch came from the shared arena, not from near this CPU */
	COUNT_DNS_UNREADABLE = 8,    /* queries that could not be read; the table says what happens to them */
	COUNT_SENDER_UNKNOWN = 9,    /* denied: no room to note who sends, or a query whose sender's program is not known */
	COUNT_AGGREGATED = 10,       /* counted in a tally */
	COUNT_SUMMARIES = 11,        /* summaries handed to the ring buffer */
	COUNT_SUMMARY_RING_FULL = 12, /* summaries that found no room: the drain of the tallies tells what they would have told */
	COUNT_TALLIES_FULL = 13,     /* no room for a tally: a record of its own was tried */
	COUNT_LOST = 14,             /* neither told nor counted in a tally */
	COUNT_LOST_BLOCK = 15,       /* of those, denials */
	COUNT_UNRECORDED_BLOCK = 16, /* denials of which no record could be tried: no scratch */
	COUNT_SEVERAL_ADDRESSES = 17, /* denied: a list of addresses, with rules for addresses */
	COUNT_HELD = 18,             /* programs of containers not known yet, stopped until the agent decides */
	COUNT_UNKNOWN_DENIED = 19,   /* the same, refused */
	COUNT_MANY_ARGUMENTS = 20,   /* refused or audited: more than MAX_ARGUMENTS, with a rule for them */
	COUNT_LONG_ARGUMENT = 21,    /* the same: one of more than MAX_ARGUMENT_BYTES */
	COUNT_SOURCE_ROUTED = 22,    /* dropped: a packet with a source route, with rules for addresses */
	COUNT_LAST = 23,
};

/* The hook that judged; names are in policy/src/abi.ts. */
enum hook {
	HOOK_BPRM_CHECK = 0, HOOK_FILE_OPEN = 1, HOOK_PATH_MKNOD = 2, HOOK_PATH_MKDIR = 3, HOOK_PATH_RMDIR = 4, HOOK_PATH_UNLINK = 5,
	HOOK_PATH_SYMLINK = 6, HOOK_PATH_LINK = 7, HOOK_PATH_RENAME = 8, HOOK_PATH_CHMOD = 9, HOOK_PATH_CHOWN = 10,
	HOOK_PATH_TRUNCATE = 11, HOOK_FILE_TRUNCATE = 12, HOOK_SOCKET_CREATE = 13, HOOK_SOCKET_CONNECT = 14, HOOK_SOCKET_BIND = 15,
	HOOK_SOCKET_SENDMSG = 16, HOOK_SOCKET_ACCEPT = 17, HOOK_CAPABLE = 18,
	HOOK_SOCKET_LISTEN = 19, HOOK_SCTP_BIND_CONNECT = 20,
	HOOK_PTRACE_ACCESS_CHECK = 21, HOOK_PTRACE_TRACEME = 22, HOOK_SB_MOUNT = 23, HOOK_MOVE_MOUNT = 24, HOOK_SB_UMOUNT = 25,
	HOOK_SB_REMOUNT = 26, HOOK_SB_PIVOTROOT = 27, HOOK_KERNEL_MODULE_REQUEST = 28, HOOK_KERNEL_READ_FILE = 29,
	HOOK_KERNEL_LOAD_DATA = 30, HOOK_BPF = 31, HOOK_BPF_MAP = 32, HOOK_BPF_PROG = 33, HOOK_PERF_EVENT_OPEN = 34,
	HOOK_USERNS_CREATE = 35, HOOK_INODE_INIT_SECURITY_ANON = 36, HOOK_URING_OVERRIDE_CREDS = 37, HOOK_URING_SQPOLL = 38,
	HOOK_TASK_KILL = 39, HOOK_MMAP_FILE = 40, HOOK_FILE_MPROTECT = 41, HOOK_FILE_RECEIVE = 42, HOOK_FILE_IOCTL = 43,
	HOOK_INODE_SETXATTR = 44, HOOK_INODE_REMOVEXATTR = 45, HOOK_SYS_ENTER = 46,
	HOOK_INET_CONN_REQUEST = 47, HOOK_SCTP_ASSOC_REQUEST = 48,
	HOOK_TASK_PRCTL = 49, HOOK_TASK_SETRLIMIT = 50, HOOK_TASK_SETNICE = 51, HOOK_TASK_SETSCHEDULER = 52, HOOK_TASK_SETIOPRIO = 53,
	HOOK_CGROUP_SKB_EGRESS = 54,
};

/* What is counted together: the same rule for the same container, operation and program. An event begins with these very fields. */
struct tally_key {
	__u32 container;
	__u32 generation;
	__u32 node;                  /* trie node that decided, for SITE_EXACT, _CHILD, _DEEP and _EXECNAME; for SITE_ARGUMENTS the list, for SITE_PATTERN what was
				      * accepted, for SITE_FLAT the table's root, for SITE_ENDPOINT the entry */
	__u32 source;                /* the source class that decided; 0: a rule for any source */
	__u8 class;
	__u8 op;                     /* enum path_op, for paths; enum endpoint_op, where there is an address */
	__u8 verdict;
	__u8 site;
	__u8 who;
	__u8 hook;
	__u8 reason;                 /* enum counter, with SITE_UNJUDGED */
	__u8 reserved;
	__u64 executable;            /* tells programs apart, and means nothing outside the kernel */
	__u64 what;                  /* the names that a flat rule can know it by, as bits; the system call */
};

/* How far a container's rule is told: see may_tell. */
struct bucket {
	__u64 due;                   /* when the tokens that were taken are all made up for; CLOCK_BOOTTIME */
	__u32 recent[EVENT_RECENT];  /* fingerprints of what was told */
	__u32 next;
	__u32 reserved;
};

/* A single event, or many that were counted. */
enum event_kind { EVENT_SINGLE = 0, EVENT_SUMMARY = 1 };

/* A record in the ring buffer: this header, then `resource_len + exe_len + parent_len` bytes of paths, without terminators. With SITE_ARGUMENTS
 * the resource is a path, a zero byte and the argument.
 * A tally is the same with TALLY_TEXT bytes, in the map of tallies. */
struct event {
	__u32 container;
	__u32 generation;
	__u32 node;
	__u32 source;
	__u8 class;
	__u8 op;
	__u8 verdict;
	__u8 site;
	__u8 who;
	__u8 hook;
	__u8 reason;
	__u8 key_reserved;
	__u64 executable;
	__u64 what;
	__u64 count;                 /* how many it stands for */
	__u64 told;                  /* in a tally: how many of those summaries have told */
	__u64 first_ns;              /* the first of them that is not told elsewhere; CLOCK_BOOTTIME */
	__u64 time_ns;               /* the last of them */
	__u64 cgroup;
	__u64 start_time;
	__u32 tgid;                  /* ids as the host sees them */
	__u32 tid;
	__u32 ppid;
	__u32 ns_tgid;               /* ids as the container sees them */
	__u32 ns_ppid;
	__u32 uid;
	__u32 pid_ns;
	__u32 mnt_ns;
	__u32 detail[3];             /* network: family, type, protocol; capability: number; switch: enum switch_name, and a process's id;
	                                system call: its bit in a syscall_set, and 1 where that is among `compat`; SITE_ARGUMENTS: which argument,
	                                from 1 on */
	__u16 resource_len;
	__u16 exe_len;
	__u16 parent_len;
	__u8 kind;                   /* enum event_kind */
	__u8 truncated;              /* 1: a path was too long for the record and lost its first components */
	char comm[16];
	char tail[4];                /* keeps the header a multiple of eight */
	__u8 address[16];            /* what a socket was used with; IPv4 in the first four bytes */
	__u16 port;
	__u8 version;                /* 4 or 6; 0: no address */
	__u8 padding[5];
};

#include "abi_hold.h"

#endif
