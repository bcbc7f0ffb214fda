/** Which policies are for which container, and which of this kernel's missing hooks that matters to. */
import type { Policy, Section, Workload } from '@parapet/policy';
import { matches } from '@parapet/policy';

/** Hooks that the rules of a section are judged at; without one of them, something of the section passes unseen. */
const HOOKS_OF: Readonly<Record<Section, readonly string[]>> = {
  process: ['bprm_check_security'],
  file: [
    'file_open',
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
  network: ['socket_create', 'socket_connect', 'socket_bind', 'socket_sendmsg'],
  capabilities: ['capable'],
};

/**
 * The policies for a cgroup. It can hold several containers (when they were told to share it): every policy of any of them applies, since
 * the kernel cannot tell them apart and the stricter reading is the safe one.
 */
export function selectPolicies(policies: readonly Policy[], workloads: readonly Workload[]): readonly Policy[] {
  return policies.filter((policy) => workloads.some((workload) => matches(policy, workload)));
}

/** Hooks that `policy` needs and this kernel lacks. `missing` may be written as the kernel or as an alert writes them (`lsm/file_open`, `FILE_OPEN`). */
export function hooksLacking(policy: Policy, missing: readonly string[]): readonly string[] {
  if (missing.length === 0) return [];
  const needed = new Set(policy.rules.flatMap((rule) => HOOKS_OF[rule.section]));
  const lacking = new Set(
    missing.map((name) =>
      name
        .toLowerCase()
        .replace(/^lsm\//, '')
        .replace(/^security_bprm_check$/, 'bprm_check_security'),
    ),
  );
  return [...needed].filter((hook) => lacking.has(hook));
}
