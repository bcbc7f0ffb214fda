/** Which policies are for which container, and which of this kernel's missing hooks that matters to. */
import type { EndpointMatch, ListedSection, Policy, Problem, Rule, SwitchName, Workload } from '@parapet/policy';
import { hooksHolding, hooksTelling, matches, refKey } from '@parapet/policy';

/** Hooks by which tasks get and keep their labels: without one of them no container is told from the node. */
const IDENTITY_HOOKS = ['bprm_check_security', 'bprm_committed_creds', 'task_alloc', 'sched_process_fork', 'sched_process_exit'];

/** Where a container that has rules about files is kept from giving them other paths. */
const MOUNT_HOOKS = ['sb_mount', 'move_mount', 'sb_umount', 'sb_remount', 'sb_pivotroot'];

const TRACING_HOOKS = ['ptrace_access_check', 'ptrace_traceme'];

/** Hooks at which a switch is judged. */
const HOOKS_OF_SWITCH: Readonly<Record<SwitchName, readonly string[]>> = {
  ptrace: TRACING_HOOKS,
  mounts: MOUNT_HOOKS,
  modules: ['kernel_module_request', 'kernel_read_file', 'kernel_load_data'],
  bpf: ['bpf'],
  perf: ['perf_event_open'],
  userNamespaces: ['userns_create'],
  ioUring: ['inode_init_security_anon', 'uring_override_creds', 'uring_sqpoll'],
  filelessExec: ['bprm_check_security', 'mmap_file', 'file_mprotect'],
  anonymousMapExec: ['mmap_file', 'file_mprotect', 'file_open', ...TRACING_HOOKS],
  protectEnv: ['file_open', ...TRACING_HOOKS],
  exec: ['bprm_check_security'],
  protectProc: ['file_open', 'ptrace_access_check'],
};

/** Hooks that the rules of a section are judged at; without one of them, something of the section passes unseen. */
const HOOKS_OF: Readonly<Record<ListedSection, readonly string[]>> = {
  // A blocked program must not become runnable under another name.
  process: ['bprm_check_security', 'path_link', 'path_rename', 'mmap_file', 'file_mprotect', ...MOUNT_HOOKS],
  file: [
    'file_open',
    'unix_stream_connect',
    'unix_may_send',
    'path_mknod',
    'path_mkdir',
    'path_rmdir',
    'path_unlink',
    'inode_unlink',
    'path_symlink',
    'path_link',
    'path_rename',
    'path_chmod',
    'path_chown',
    'path_truncate',
    'file_receive',
    'file_ioctl',
    'inode_setxattr',
    'inode_removexattr',
    ...MOUNT_HOOKS,
  ],
  network: ['socket_create', 'socket_connect', 'socket_bind', 'socket_sendmsg', 'socket_accept', 'socket_listen', 'sctp_bind_connect'],
  capabilities: ['capable'],
  // The packets themselves are judged at the cgroup, which every kernel has.
  dns: ['socket_connect', 'socket_sendmsg'],
};

/**
 * The policies for a cgroup. It can hold several containers (when they were told to share it): every policy of any of them applies, since
 * the kernel cannot tell them apart and the stricter reading is the safe one.
 */
export function selectPolicies(policies: readonly Policy[], workloads: readonly Workload[]): readonly Policy[] {
  return policies.filter((policy) => workloads.some((workload) => matches(policy, workload)));
}

/** Hooks that `policy` needs and this kernel lacks, in the kernel's names. */
export function hooksLacking(policy: Policy, missing: readonly string[]): readonly string[] {
  if (missing.length === 0) return [];
  const identity = policy.kind === 'KubeArmorHostPolicy' ? [] : IDENTITY_HOOKS;
  const needed = new Set([...identity, ...policy.rules.flatMap(hooksOf)]);
  return [...needed].filter((hook) => missing.includes(hook));
}

function hooksOf(rule: Rule): readonly string[] {
  // Audited calls are seen by a tracepoint that every kernel has.
  if (rule.section === 'syscalls') {
    // Kernels that lack file_truncate tell of ftruncate at path_truncate.
    if (rule.on !== undefined) return rule.syscalls.flatMap(hooksTelling).filter((hook) => hook !== 'file_truncate');
    return rule.action === 'Block' ? rule.syscalls.flatMap(hooksHolding) : [];
  }
  if ('switch' in rule) return HOOKS_OF_SWITCH[rule.switch];
  const listed = 'endpoint' in rule ? [...HOOKS_OF.network, ...hooksOfEndpoint(rule.endpoint)] : HOOKS_OF[rule.section];
  // Whoever traces a source acts as it.
  return rule.from.length > 0 && rule.action === 'Allow' ? [...listed, ...HOOKS_OF_SWITCH.ptrace] : listed;
}

/** Who connects is judged when that happens, at a hook for each kind of protocol. */
const HOOKS_OF_REQUESTS: Readonly<Record<EndpointMatch['protocol'], readonly string[]>> = {
  any: ['inet_conn_request', 'sctp_assoc_request'],
  tcp: ['inet_conn_request'],
  udp: [],
  sctp: ['sctp_assoc_request'],
};

function hooksOfEndpoint({ operations, protocol }: EndpointMatch): readonly string[] {
  return operations.includes('accept') ? HOOKS_OF_REQUESTS[protocol] : [];
}

/** What to tell of a policy that needs hooks which this kernel lacks; undefined where it lacks none of them. */
export function missingHookProblem(policy: Policy, missing: readonly string[]): Problem | undefined {
  const lacking = hooksLacking(policy, missing);
  if (lacking.length === 0) return undefined;
  return {
    code: 'hook-missing',
    severity: 'warning',
    place: { object: refKey(policy) },
    message: `this kernel has no hook for ${lacking.join(', ')}: what its rules say is not enforced there`,
    hint: 'use a newer kernel, or accept the gap',
  };
}
