/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the kernel half and the agent agree on, byte for byte.
 *
 * Every struct here has a twin in policy/src/abi.ts; test/contract/abi.test.ts compares both from the object's BTF.
 * No struct is packed (packed makes clang write byte by byte): fields are laid out so that no hole is left.
 */
#ifndef PARAPET_ABI_H
#define PARAPET_ABI_H

/* Bump when a struct or a map changes shape: pins of another ABI are replaced, never reused. */
#define PARAPET_ABI 2

#define NAME_CHUNK 24        /* bytes of a path component held by one trie edge; longer components take several */
#define MAX_COMPONENTS 2048  /* more than PATH_MAX has room for; a deeper place cannot be judged: denied for a confined container, and counted */
#define MAX_TABLES 4096
#define MAX_CONTAINERS 65536 /* index 0 is the host */
#define MAX_NODES 1048576
#define MAX_LABELS 131072
#define MAX_ENDPOINTS 262144
#define MAX_ENDPOINT_ENTRIES 64
#define PATTERN_CELLS 2048    /* cells of 16 bits in one chunk of a table's automaton */
#define MAX_PATTERN_CHUNKS 4096

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

/* Names a network rule can use, as bits; which of them an access has is computed from family, type and protocol. */
enum net_name {
	NET_TCP = 0, NET_UDP = 1, NET_ICMP = 2, NET_ICMPV6 = 3, NET_SCTP = 4, NET_STREAM = 5, NET_DGRAM = 6,
	NET_RAW = 7, NET_RDM = 8, NET_SEQPACKET = 9, NET_DCCP = 10, NET_PACKET = 11, NET_ALL = 12,
};

/* Switches of a whole container: two bits of table.switches each, at [switch * 2, +2). From SWITCH_PRESETS on they are of CLASS_PRESET. */
enum switch_name {
	SWITCH_PTRACE = 0, SWITCH_MOUNTS = 1, SWITCH_MODULES = 2, SWITCH_BPF = 3, SWITCH_PERF = 4, SWITCH_USER_NAMESPACES = 5,
	SWITCH_IO_URING = 6,
	SWITCH_FILELESS_EXEC = 16, SWITCH_ANONYMOUS_MAP_EXEC = 17, SWITCH_PROTECT_ENV = 18, SWITCH_EXEC = 19, SWITCH_PROTECT_PROC = 20,
};
#define SWITCH_PRESETS SWITCH_FILELESS_EXEC

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

/* What can be done with an address. */
enum endpoint_op { ENDPOINT_CONNECT = 0, ENDPOINT_SEND = 1, ENDPOINT_BIND = 2, ENDPOINT_LISTEN = 3, ENDPOINT_ACCEPT = 4 };

/* Protocols of endpoint rules, as bits. */
enum endpoint_protocol { PROTOCOL_TCP = 1, PROTOCOL_UDP = 2, PROTOCOL_SCTP = 4, PROTOCOL_ANY = 15 };

/* Key of the longest-prefix trie of all tables. IPv4 addresses use the first four bytes. */
struct endpoint_key {
	__u32 prefix;        /* bits that count, from `root` on: 64 and those of the address */
	__u32 root;          /* a table's root id */
	__u32 version;       /* 4 or 6 */
	__u8 address[16];
};

struct endpoint_entry {
	__u32 number;        /* names the rule: the table knows it */
	__u32 source;        /* a source class, 0 for any */
	__u16 first_port;
	__u16 last_port;
	__u8 verdict;
	__u8 operations;     /* bits 1 << enum endpoint_op */
	__u8 protocols;      /* enum endpoint_protocol bits */
	__u8 any_port;       /* 1: also about what has no port */
};

/* What is said about the addresses of a block, those of wider blocks included: the first entry that is about an access decides. */
struct endpoint {
	__u32 count;
	__u32 reserved;
	struct endpoint_entry entries[MAX_ENDPOINT_ENTRIES];
};

#define SYSCALL_WORDS 9
#define SYSCALL_BLOCKED (1u << 31) /* in the source of a key of syscall_sets: calls that are blocked, not audited */

/* System calls by number, a bit each: as x86-64 has them (from 512 on x32's own), and as 32-bit entries do (from 513 on the calls
 * inside of socketcall, from 541 on those inside of ipc). */
struct syscall_set {
	__u64 native[SYSCALL_WORDS];
	__u64 compat[SYSCALL_WORDS];
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
	__u32 reserved_2;
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

/* A process's identity, keyed by process (thread group) id: threads share it, and it survives the exec of any thread. */
struct label {
	__u64 start_time;            /* of the group's leader: an entry of an earlier process with this id is not believed */
	__u32 container;             /* sticky: the host's process may become a container's, never the reverse */
	__u32 reserved;
	__u32 generation;            /* of the table for which `source` was computed; 0: not computed. Stored with source in one word */
	__u32 source;
};

/* What a confined container must not touch, beside the kernel's objects in the map `own`. */
struct guard {
	__u64 agent_start;           /* when the agent was started: its id may be another process's by now */
	__u32 agent;                 /* the agent's process id as the host sees it */
	__u32 pins;                  /* the device of the BPF file system with our pins, as the kernel numbers it */
};

/* Kinds of kernel objects in the map `own`, whose key is kind << 32 | id. */
enum own_kind { OWN_MAP = 1, OWN_PROGRAM = 2 };

/* Where a verdict came from. */
enum site { SITE_DEFAULT = 0, SITE_EXACT = 1, SITE_CHILD = 2, SITE_DEEP = 3, SITE_FLAT = 4, SITE_UNJUDGED = 5, SITE_PATTERN = 6,
	    SITE_EXECNAME = 7, SITE_ENDPOINT = 9, SITE_SWITCH = 11 };

/* Why an access could not be judged (event.reason with SITE_UNJUDGED), and the index into `counters` that counts it. */
enum counter {
	COUNT_EVENTS = 0,            /* records handed to the ring buffer */
	COUNT_RING_FULL = 1,         /* records lost: no room */
	COUNT_RING_FULL_BLOCK = 2,   /* of those, denials */
	COUNT_NO_SCRATCH = 3,        /* denied: no scratch slot was free */
	COUNT_TOO_DEEP = 4,          /* denied: more than MAX_COMPONENTS components */
	COUNT_READ_FAULT = 5,        /* denied: kernel memory could not be read */
	COUNT_LABELS_FULL = 6,       /* denied: no room for a task's label */
	COUNT_ARENA = 7,             /* scratch came from the shared arena, not from near this CPU */
	COUNT_DNS_UNREADABLE = 8,    /* queries that could not be read; the table says what happens to them */
	COUNT_SENDER_UNKNOWN = 9,    /* denied: no room to note who sends, or a query whose sender's program is not known */
	COUNT_LAST = 10,
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
};

/* A record in the ring buffer: this header, then `resource_len + exe_len + parent_len` bytes of paths, without terminators. */
struct event {
	__u64 time_ns;               /* CLOCK_BOOTTIME */
	__u64 cgroup;
	__u64 start_time;
	__u32 container;
	__u32 generation;
	__u32 node;                  /* trie node that decided, for SITE_EXACT, _CHILD, _DEEP and _EXECNAME; for SITE_PATTERN what was
				      * accepted, for SITE_FLAT the table's root, for SITE_ENDPOINT the entry */
	__u32 source;                /* the source class that decided; 0: a rule for any source */
	__u8 class;
	__u8 op;                     /* enum path_op, for paths; enum endpoint_op, where there is an address */
	__u8 verdict;
	__u8 site;
	__u8 who;
	__u8 hook;
	__u8 reason;                 /* enum counter, with SITE_UNJUDGED */
	__u8 truncated;              /* 1: a path was too long for the record and lost its first components */
	__u32 tgid;                  /* ids as the host sees them */
	__u32 tid;
	__u32 ppid;
	__u32 ns_tgid;               /* ids as the container sees them */
	__u32 ns_ppid;
	__u32 uid;
	__u32 pid_ns;
	__u32 mnt_ns;
	__u32 detail[3];             /* network: family, type, protocol; capability: number; switch: enum switch_name, and a process's id;
	                                system call: its bit in a syscall_set, and 1 where that is among `compat` */
	__u16 resource_len;
	__u16 exe_len;
	__u16 parent_len;
	__u16 reserved;
	char comm[16];
	char tail[4];                /* keeps the header a multiple of eight */
	__u8 address[16];            /* what a socket was used with; IPv4 in the first four bytes */
	__u16 port;
	__u8 version;                /* 4 or 6; 0: no address */
	__u8 padding[5];
};

#endif
