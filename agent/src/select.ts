/** Which policies are for which container, and which of this kernel's missing hooks that matters to. */
import type { Policy, Problem, Section, Workload } from '@parapet/policy';
import { matches, refKey } from '@parapet/policy';

/** Hooks by which tasks get and keep their labels: without one of them no container is told from the node. */
const IDENTITY_HOOKS = ['bprm_check_security', 'bprm_committed_creds', 'task_alloc', 'sched_process_fork', 'sched_process_exit'];

/** Hooks that the rules of a section are judged at; without one of them, something of the section passes unseen. */
const HOOKS_OF: Readonly<Record<Section, readonly string[]>> = {
  // A blocked program must not become runnable under another name.
  process: ['bprm_check_security', 'path_link', 'path_rename'],
  file: [
    'file_open',
    'unix_stream_connect',
    'unix_may_send',
    'path_mknod',
    'path_mkdir',
    'path_rmdir',
    'path_unlink',
    'path_symlink',
    'path_link',
    'path_rename',
    'path_chmod',
    'path_chown',
    'path_truncate',
  ],
  network: ['socket_create', 'socket_connect', 'socket_bind', 'socket_sendmsg', 'socket_accept', 'socket_listen'],
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
  const needed = new Set([...identity, ...policy.rules.flatMap((rule) => HOOKS_OF[rule.section])]);
  return [...needed].filter((hook) => missing.includes(hook));
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
