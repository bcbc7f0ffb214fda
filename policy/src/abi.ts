/**
 * The TypeScript twin of bpf/abi.h. test/contract/abi.test.ts compares every number here with the compiled object's BTF.
 * Layouts are byte offsets; encoders and decoders build on them and on nothing else.
 */

export const ABI = 3;
export const NAME_CHUNK = 24;
export const MAX_COMPONENTS = 2048;
export const MAX_TABLES = 4096;
export const MAX_CONTAINERS = 65536;
export const MAX_NODES = 1048576;
export const MAX_LABELS = 131072;
/** Cells of 16 bits in one chunk of a table's automaton. */
export const PATTERN_CELLS = 2048;
export const MAX_PATTERN_CHUNKS = 4096;
export const EVENT_RATE = 20;
export const EVENT_BURST = 100;
export const EVENT_RECENT = 8;
export const MAX_TALLIES = 8192;
export const TALLY_TEXT = 512;

export const VERDICT = { none: 0, allow: 1, audit: 2, block: 3 } as const;
export const PATH_OPERATION = { exec: 0, read: 1, write: 2, move: 3 } as const;
export const WHO = { owner: 0, other: 1 } as const;
export const SYSCALL_BLOCKED_BIT = 31;
export const SYSCALL_ON_PATH = 1 << 30;
export const SYSCALL_HOOK_SHIFT = 24;
export const SYSCALL_SITE_SHIFT = 22;
export const CLASS = { process: 0, file: 1, network: 2, capabilities: 3, dns: 4, syscalls: 5, presets: 6, hardening: 7 } as const;
export const TABLE_HAS_SOURCES = 1 << 8;
export const TABLE_HAS_PATTERNS = 1 << 9;
export const TABLE_HAS_EXECNAMES = 1 << 10;
export const TABLE_HAS_TERMINAL = 1 << 12;
export const TABLE_HAS_ENDPOINTS = 1 << 13;
export const TABLE_HAS_SYSCALL_PATHS = 1 << 14;
/** Somebody's rules say with which arguments a program may be executed. */
export const TABLE_HAS_ARGUMENTS = 1 << 15;
/** Some endpoint rule is about who connects. */
export const TABLE_HAS_ACCEPT = 1 << 16;
/** Longest argument that a rule can list, and most arguments of one execution that are judged. */
export const MAX_ARGUMENT_BYTES = 240;
export const MAX_ARGUMENTS = 1024;
/** Most lists of arguments that one place has, for one source. */
export const MAX_ARGUMENT_RULES = 8;
export const FILE_MANY_NAMES = 1;
export const FILE_MORE_RULES = 2;
export const MAX_INODES = 262144;
/** A program with more names is executed by the one that is used. */
export const MAX_PROGRAM_NAMES = 8;
export const MAX_ENDPOINTS = 262144;
export const MAX_ENDPOINT_ENTRIES = 64;
export const ENDPOINT_OPERATION = { connect: 0, send: 1, bind: 2, listen: 3, accept: 4 } as const;
/** Bits by which an entry names the protocols that it is about. */
export const ENDPOINT_PROTOCOL = { tcp: 1, udp: 2, sctp: 4, any: 15 } as const;
export const EVENT_KIND = { single: 0, summary: 1 } as const;
export const SITE = {
  default: 0,
  exact: 1,
  child: 2,
  deep: 3,
  flat: 4,
  unjudged: 5,
  pattern: 6,
  execname: 7,
  endpoint: 9,
  switch: 11,
  arguments: 12,
} as const;

/** Switches of a table, two bits each in `table.switches`, in the order of `enum switch_name`. */
// prettier-ignore
export const SWITCH = {
  ptrace: 0, mounts: 1, modules: 2, bpf: 3, perf: 4, userNamespaces: 5, ioUring: 6,
  filelessExec: 16, anonymousMapExec: 17, protectEnv: 18, exec: 19, protectProc: 20,
} as const;

/** What happens to programs of containers that the agent does not know yet. */
export const HOLD_MODE = { allow: 0, stop: 1, deny: 2 } as const;
/** What is below a cgroup right under the root. */
export const HOLD_ROOT = { none: 0, containers: 1, mixed: 2 } as const;
export const MAX_HELD = 4096;

/** Kernel counters in the order of `enum counter`; the names are the ones users see. */
// prettier-ignore
export const COUNTERS = [
  'events', 'ringFull', 'ringFullBlock', 'noScratch', 'tooDeep', 'readFault', 'labelsFull', 'arena', 'dnsUnreadable', 'senderUnknown',
  'aggregated', 'summaries', 'summaryRingFull', 'talliesFull', 'lost', 'lostBlock', 'unrecordedBlock', 'severalAddresses', 'held',
  'unknownDenied', 'manyArguments', 'longArgument', 'sourceRouted',
] as const;
export type CounterName = (typeof COUNTERS)[number];

/** Hooks in the order of `enum hook`, as alerts name them in `data` (`lsm=FILE_OPEN`). */
// prettier-ignore
export const HOOKS = [
  'SECURITY_BPRM_CHECK', 'FILE_OPEN', 'PATH_MKNOD', 'PATH_MKDIR', 'PATH_RMDIR', 'PATH_UNLINK', 'PATH_SYMLINK', 'PATH_LINK', 'PATH_RENAME',
  'PATH_CHMOD', 'PATH_CHOWN', 'PATH_TRUNCATE', 'FILE_TRUNCATE', 'SOCKET_CREATE', 'SOCKET_CONNECT', 'SOCKET_BIND', 'SOCKET_SENDMSG',
  'SOCKET_ACCEPT', 'CAPABLE', 'SOCKET_LISTEN', 'SCTP_BIND_CONNECT', 'PTRACE_ACCESS_CHECK', 'PTRACE_TRACEME', 'SB_MOUNT', 'MOVE_MOUNT',
  'SB_UMOUNT', 'SB_REMOUNT', 'SB_PIVOTROOT',
  'KERNEL_MODULE_REQUEST', 'KERNEL_READ_FILE', 'KERNEL_LOAD_DATA', 'BPF', 'BPF_MAP', 'BPF_PROG', 'PERF_EVENT_OPEN', 'USERNS_CREATE',
  'INODE_INIT_SECURITY_ANON', 'URING_OVERRIDE_CREDS', 'URING_SQPOLL', 'TASK_KILL', 'MMAP_FILE', 'FILE_MPROTECT', 'FILE_RECEIVE',
  'FILE_IOCTL', 'INODE_SETXATTR', 'INODE_REMOVEXATTR', 'SYS_ENTER', 'INET_CONN_REQUEST', 'SCTP_ASSOC_REQUEST',
  'TASK_PRCTL', 'TASK_SETRLIMIT', 'TASK_SETNICE', 'TASK_SETSCHEDULER', 'TASK_SETIOPRIO', 'CGROUP_SKB_EGRESS',
] as const;

/** Size and field offsets of every shared struct, in bytes. */
// prettier-ignore
export const LAYOUT = {
  words: { size: 8, exact: 0, child: 2, deep: 4, reserved: 6 },
  node_key: { size: 32, node: 0, len: 4, name: 8 },
  node: { size: 24, source_mask: 0, id: 8, lengths: 12, words: 16 },
  source_key: { size: 8, node: 0, source: 4 },
  flat_rules: { size: 40, capability: 0, network: 24, reachable: 36 },
  endpoint_key: { size: 28, prefix: 0, root: 4, version: 8, address: 12 },
  endpoint_entry: { size: 16, number: 0, source: 4, first_port: 8, last_port: 10, verdict: 12, operations: 13, protocols: 14, any_port: 15 },
  endpoint: { size: 1032, count: 0, reserved: 4, entries: 8 },
  inode_key: { size: 24, inode: 0, device: 8, table: 12, generation: 16, number: 20 },
  argument_rule: { size: 8, list: 0, verdict: 4, who: 5, empty: 6, reserved: 7 },
  argument_rules: { size: 64, rules: 0 },
  table: {
    size: 272, top: 0, source_root: 24, defaults: 28, flags: 32, source_lengths: 36, any: 40, dns_root: 80, dns_unreadable: 84,
    execname_root: 88, pattern_chunk: 92, pattern_verdicts: 96, pattern_chunks: 100, pattern_stride: 102, source_top: 104, terminal: 112,
    syscall_paths: 116, switches: 120, syscalls: 128,
  },
  pattern_verdict: { size: 8, word: 0, process_depth: 2, file_depth: 4, reserved: 6 },
  syscall_set: { size: 144, native: 0, compat: 72 },
  container: { size: 8, table: 0, generation: 4 },
  hold_settings: { size: 16, alive: 0, unknown: 8, deny_when_gone: 12 },
  root_name: { size: 32, text: 0 },
  held: { size: 16, since: 0, cgroup: 8 },
  label: { size: 40, start_time: 0, container: 8, reserved: 12, generation: 16, source: 20, executing: 24, executed: 32 },
  tally_key: {
    size: 40, container: 0, generation: 4, node: 8, source: 12, class: 16, op: 17, verdict: 18, site: 19, who: 20, hook: 21, reason: 22,
    reserved: 23, executable: 24, what: 32,
  },
  bucket: { size: 48, due: 0, recent: 8, next: 40, reserved: 44 },
  guard: { size: 16, agent_start: 0, agent: 8, pins: 12 },
  event: {
    size: 184, container: 0, generation: 4, node: 8, source: 12, class: 16, op: 17, verdict: 18, site: 19, who: 20, hook: 21, reason: 22,
    key_reserved: 23, executable: 24, what: 32, count: 40, told: 48, first_ns: 56, time_ns: 64, cgroup: 72, start_time: 80, tgid: 88,
    tid: 92, ppid: 96, ns_tgid: 100, ns_ppid: 104, uid: 108, pid_ns: 112, mnt_ns: 116, detail: 120, resource_len: 132, exe_len: 134,
    parent_len: 136, kind: 138, truncated: 139, comm: 140, tail: 156, address: 160, port: 176, version: 178, padding: 179,
  },
} as const;
