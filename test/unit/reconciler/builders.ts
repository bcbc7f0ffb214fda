/** What the reconciler's tests are about, with everything that doesn't matter filled in. */
import type { NodeReport, PolicyReport, Problem, ViolationReport } from '@parapet/policy';
import type { Inventory, InventoryEntry } from '../../../reconciler/src/inventory.ts';
import type { LogEvent } from '../../../reconciler/src/ports.ts';

/** A full commit hash made of one hexadecimal digit. */
export const hash = (digit: string): string => digit.repeat(40);

export const entry = (name: string, rest: Partial<InventoryEntry> = {}): InventoryEntry => ({
  kind: 'KubeArmorPolicy',
  namespace: 'shop',
  name,
  file: `shop.${name}.yaml`,
  fingerprint: `says ${name}`,
  rules: 1,
  ...rest,
});

export const inventory = (commit: string, policies: readonly InventoryEntry[] = [entry('web')]): Inventory => ({
  apiVersion: 'parapet.dev/v1alpha1',
  kind: 'Inventory',
  repository: 'https://git.test/policies.git',
  path: '.',
  commit,
  digest: hash('f').padEnd(64, 'f'),
  policies,
});

export const policyReport = (name: string, rest: Partial<PolicyReport> = {}): PolicyReport => ({
  kind: 'KubeArmorPolicy',
  namespace: 'shop',
  name,
  state: 'Enforced',
  message: '',
  containers: 1,
  ...rest,
});

export const violation = (rest: Partial<ViolationReport> = {}): ViolationReport => ({
  kind: 'KubeArmorPolicy',
  namespace: 'shop',
  name: 'web',
  rule: 'spec.process.matchPaths[0]',
  action: 'Block',
  operation: 'Process',
  resource: '/usr/bin/apt',
  severity: 5,
  message: '',
  count: 1,
  firstSeen: '2026-01-01T00:00:00.000Z',
  lastSeen: '2026-01-01T00:00:00.000Z',
  ...rest,
});

export const nodeReport = (name: string, status: Partial<NodeReport['status']> = {}): NodeReport => ({
  apiVersion: 'parapet.dev/v1alpha1',
  kind: 'NodeReport',
  metadata: { name },
  status: {
    observedAt: '2026-01-01T00:00:00.000Z',
    enforcer: 'BPF-LSM',
    kernel: '6.1',
    policies: [],
    violations: [],
    counters: {},
    ...status,
  },
});

export const problem = (message: string, rest: Partial<Problem> = {}): Problem => ({
  code: 'invalid-value',
  severity: 'error',
  place: {},
  message,
  ...rest,
});

/** A manifest that parses, as a policy program would make it. */
export const manifest = (name: string, action = 'Block'): Record<string, unknown> => ({
  apiVersion: 'security.kubearmor.com/v1',
  kind: 'KubeArmorPolicy',
  metadata: { name, namespace: 'shop' },
  spec: { selector: { matchLabels: { app: name } }, process: { matchPaths: [{ path: '/usr/bin/apt' }] }, action },
});

/** A log that remembers. */
export function memoryLog(): { readonly events: LogEvent[]; readonly log: (event: LogEvent) => void; text(): string } {
  const events: LogEvent[] = [];
  return { events, log: (event) => void events.push(event), text: () => events.map((event) => JSON.stringify(event)).join('\n') };
}
