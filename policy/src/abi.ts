/**
 * The TypeScript twin of bpf/abi.h. test/contract/abi.test.ts compares every number here with the compiled object's BTF.
 * Layouts are byte offsets; encoders and decoders build on them and on nothing else.
 */

export const ABI = 2;
export const NAME_CHUNK = 24;
export const MAX_COMPONENTS = 2048;
export const MAX_TABLES = 4096;
export const MAX_CONTAINERS = 65536;
export const MAX_NODES = 1048576;
export const MAX_LABELS = 131072;
/** Cells of 16 bits in one chunk of a table's automaton. */
export const PATTERN_CELLS = 2048;
export const MAX_PATTERN_CHUNKS = 4096;

export const VERDICT = { none: 0, allow: 1, audit: 2, block: 3 } as const;
export const PATH_OPERATION = { exec: 0, read: 1, write: 2, move: 3 } as const;
export const WHO = { owner: 0, other: 1 } as const;
export const SYSCALL_BLOCKED_BIT = 31;
export const CLASS = { process: 0, file: 1, network: 2, capabilities: 3, dns: 4, syscalls: 5, presets: 6, hardening: 7 } as const;
export const TABLE_HAS_SOURCES = 1 << 8;
export const TABLE_HAS_PATTERNS = 1 << 9;
export const TABLE_HAS_EXECNAMES = 1 << 10;
export const TABLE_HAS_TERMINAL = 1 << 12;
export const TABLE_HAS_ENDPOINTS = 1 << 13;
export const MAX_ENDPOINTS = 262144;
export const MAX_ENDPOINT_ENTRIES = 64;
export const ENDPOINT_OPERATION = { connect: 0, send: 1, bind: 2, listen: 3, accept: 4 } as const;
/** Bits by which an entry names the protocols that it is about. */
export const ENDPOINT_PROTOCOL = { tcp: 1, udp: 2, sctp: 4, any: 15 } as const;
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
} as const;

/** Switches of a table, two bits each in `table.switches`, in the order of `enum switch_name`. */
// prettier-ignore
export const SWITCH = {
  ptrace: 0, mounts: 1, modules: 2, bpf: 3, perf: 4, userNamespaces: 5, ioUring: 6,
  filelessExec: 16, anonymousMapExec: 17, protectEnv: 18, exec: 19, protectProc: 20,
} as const;

/** Kernel counters in the order of `enum counter`; the names are the ones users see. */
export const COUNTERS = [
  'events',
  'ringFull',
  'ringFullBlock',
  'noScratch',
  'tooDeep',
  'readFault',
  'labelsFull',
  'arena',
  'dnsUnreadable',
  'senderUnknown',
] as const;
export type CounterName = (typeof COUNTERS)[number];

/** Hooks in the order of `enum hook`, as alerts name them in `data` (`lsm=FILE_OPEN`). */
// prettier-ignore
export const HOOKS = [
  'SECURITY_BPRM_CHECK', 'FILE_OPEN', 'PATH_MKNOD', 'PATH_MKDIR', 'PATH_RMDIR', 'PATH_UNLINK', 'PATH_SYMLINK', 'PATH_LINK', 'PATH_RENAME',
  'PATH_CHMOD', 'PATH_CHOWN', 'PATH_TRUNCATE', 'FILE_TRUNCATE', 'SOCKET_CREATE', 'SOCKET_CONNECT', 'SOCKET_BIND', 'SOCKET_SENDMSG',
  'SOCKET_ACCEPT', 'CAPABLE', 'SOCKET_LISTEN', 'SCTP_BIND_CONNECT', 'PTRACE_ACCESS_CHECK', 'PTRACE_TRACEME', 'SB_MOUNT', 'MOVE_MOUNT', 'SB_UMOUNT', 'SB_REMOUNT', 'SB_PIVOTROOT',
  'KERNEL_MODULE_REQUEST', 'KERNEL_READ_FILE', 'KERNEL_LOAD_DATA', 'BPF', 'BPF_MAP', 'BPF_PROG', 'PERF_EVENT_OPEN', 'USERNS_CREATE',
  'INODE_INIT_SECURITY_ANON', 'URING_OVERRIDE_CREDS', 'URING_SQPOLL', 'TASK_KILL', 'MMAP_FILE', 'FILE_MPROTECT', 'FILE_RECEIVE',
  'FILE_IOCTL', 'INODE_SETXATTR', 'INODE_REMOVEXATTR', 'SYS_ENTER',
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
  table: {
    size: 272, top: 0, source_root: 24, defaults: 28, flags: 32, source_lengths: 36, any: 40, dns_root: 80, dns_unreadable: 84,
    execname_root: 88, pattern_chunk: 92, pattern_verdicts: 96, pattern_chunks: 100, pattern_stride: 102, source_top: 104, terminal: 112,
    reserved_2: 116, switches: 120, syscalls: 128,
  },
  pattern_verdict: { size: 8, word: 0, process_depth: 2, file_depth: 4, reserved: 6 },
  syscall_set: { size: 144, native: 0, compat: 72 },
  container: { size: 8, table: 0, generation: 4 },
  label: { size: 24, start_time: 0, container: 8, reserved: 12, generation: 16, source: 20 },
  guard: { size: 16, agent_start: 0, agent: 8, pins: 12 },
  event: {
    size: 144, time_ns: 0, cgroup: 8, start_time: 16, container: 24, generation: 28, node: 32, source: 36, class: 40, op: 41, verdict: 42,
    site: 43, who: 44, hook: 45, reason: 46, truncated: 47, tgid: 48, tid: 52, ppid: 56, ns_tgid: 60, ns_ppid: 64, uid: 68, pid_ns: 72,
    mnt_ns: 76, detail: 80, resource_len: 92, exe_len: 94, parent_len: 96, reserved: 98, comm: 100, tail: 116,
    address: 120, port: 136, version: 138, padding: 139,
  },
} as const;
