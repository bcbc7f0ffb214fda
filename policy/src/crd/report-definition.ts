/** The definition of NodeReport: one object a node, written whole by its agent. Its shape is that of `../report.ts`. */
import { define } from './definition.ts';
import type { CustomResourceDefinition } from './definition.ts';
import { list, map, moment, object, text, whole, word } from './schema.ts';
import type { Schema } from './schema.ts';

/** Most entries of each list; what comes after them is left out by agents. */
const MAX_ENTRIES = 10_000;
const LONG = { maxLength: 8192 };
const COUNT = { format: 'int64', minimum: 0 };

/** What a report says about which policy. */
const REF: Readonly<Record<'kind' | 'namespace' | 'name', Schema>> = {
  kind: word('Kind of the policy.', ['KubeArmorPolicy', 'KubeArmorClusterPolicy', 'KubeArmorHostPolicy']),
  namespace: text('Namespace of the policy; empty where its kind has none.', { maxLength: 63 }),
  name: text('Name of the policy.', { maxLength: 253 }),
};
const COMMIT = text('The commit that the policy is from, where it says one.', { maxLength: 64 });

/**
 * The status is written with the object, by one request: an agent has nothing else to say, and nobody but an agent writes it. So it is no
 * subresource.
 */
export function reportDefinition(): CustomResourceDefinition {
  return define({
    group: 'parapet.dev',
    version: 'v1alpha1',
    kind: 'NodeReport',
    plural: 'nodereports',
    shortName: 'nrep',
    categories: ['parapet'],
    scope: 'Cluster',
    description: 'What one node enforces. Written by its agent, named as the node; not renewed for a minute, it counts no more.',
    fields: { status: status() },
    required: ['status'],
    hasStatusSubresource: false,
    columns: [
      { name: 'Enforcer', type: 'string', jsonPath: '.status.enforcer' },
      { name: 'Policies', type: 'integer', jsonPath: '.status.totals.policies' },
      { name: 'Violations', type: 'integer', jsonPath: '.status.totals.violations', description: 'Rules that were violated.' },
      { name: 'Observed', type: 'date', jsonPath: '.status.observedAt' },
      { name: 'Kernel', type: 'string', jsonPath: '.status.kernel', priority: 1 },
    ],
  });
}

function status(): Schema {
  return object(
    'What the node enforces, and what was done against it.',
    {
      observedAt: moment('When the agent looked.'),
      enforcer: text('What holds the rules: BPF-LSM, AppArmor, SELinux, or none.', LONG),
      kernel: text("The kernel's release.", LONG),
      totals: object('How many entries there are, those that were left out among them.', {
        policies: whole('Policies that concern the node.', COUNT),
        violations: whole('Rules that were violated.', COUNT),
      }),
      cut: text('What is left out, where all of it would be too much for one object.', { maxLength: 256 }),
      policies: list('Every policy that concerns the node.', policyReport(), { maxItems: MAX_ENTRIES }),
      violations: list('Every rule that was violated since the policy was put in force.', violationReport(), { maxItems: MAX_ENTRIES }),
      counters: map('Counters of the enforcer by name, losses among them.', whole('A count.', COUNT), { maxProperties: 1024 }),
    },
    { required: ['observedAt', 'enforcer', 'kernel', 'policies', 'violations', 'counters'] },
  );
}

function policyReport(): Schema {
  return object(
    'What the node does about one policy.',
    {
      ...REF,
      state: word(
        'Enforced: in force on every matching container (also when there is none). Degraded: something of it cannot be held here. Rejected: it has problems; an earlier version stays in force. Pending: not yet in force.',
        ['Enforced', 'Degraded', 'Rejected', 'Pending'],
      ),
      message: text('What and why, where it is not enforced.', LONG),
      commit: COMMIT,
      generation: whole('The metadata.generation of the policy as the node has read it.', COUNT),
      containers: whole('Matching containers on the node.', COUNT),
    },
    { required: ['kind', 'namespace', 'name', 'state', 'message', 'containers'] },
  );
}

function violationReport(): Schema {
  const needed = ['rule', 'action', 'operation', 'resource', 'severity', 'message', 'count', 'firstSeen', 'lastSeen'];
  return object(
    'One rule that was violated, and how often.',
    {
      ...REF,
      rule: text('The field of the rule, such as spec.process.matchPaths[0], or DefaultPosture.', LONG),
      action: word('What was done about it.', ['Allow', 'Audit', 'Block']),
      operation: word('What was tried.', ['Process', 'File', 'Network', 'Capabilities', 'Syscall', 'Hardening']),
      resource: text('What it was tried on, last.', LONG),
      severity: whole("The rule's severity.", { minimum: 0, maximum: 10 }),
      message: text("The rule's message.", LONG),
      count: whole('How often.', COUNT),
      firstSeen: moment('When first.'),
      lastSeen: moment('When last.'),
      commit: COMMIT,
      source: text('Where the rule was written, such as main.ts:12.', LONG),
      workload: text('What ran it, such as shop/Deployment/web.', {
        maxLength: 512,
        pattern: '^[a-z0-9-]+/[A-Za-z0-9]+/[A-Za-z0-9.:_-]+$',
      }),
    },
    { required: ['kind', 'namespace', 'name', ...needed] },
  );
}
