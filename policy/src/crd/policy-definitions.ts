/** The definitions of the three kinds of policy. */
import type { PolicyKind } from '../model.ts';
import { conditions, observedGeneration } from './conditions.ts';
import { define } from './definition.ts';
import type { CustomResourceDefinition, KindOfResource, PrinterColumn } from './definition.ts';
import { specOf } from './policy-spec.ts';
import { object, text, whole } from './schema.ts';
import type { Schema } from './schema.ts';

const KINDS: Readonly<Record<PolicyKind, Pick<KindOfResource, 'plural' | 'shortName' | 'scope' | 'description'>>> = {
  KubeArmorPolicy: {
    plural: 'kubearmorpolicies',
    shortName: 'ksp',
    scope: 'Namespaced',
    description: 'What containers of one namespace may do.',
  },
  KubeArmorClusterPolicy: {
    plural: 'kubearmorclusterpolicies',
    shortName: 'csp',
    scope: 'Cluster',
    description: 'What containers of several namespaces, or of all, may do.',
  },
  KubeArmorHostPolicy: {
    plural: 'kubearmorhostpolicies',
    shortName: 'hsp',
    scope: 'Cluster',
    description: 'What nodes themselves may do, outside of containers.',
  },
};

const COLUMNS: readonly PrinterColumn[] = [
  { name: 'Action', type: 'string', jsonPath: '.spec.action', description: "The policy's own action; Block where none is written." },
  { name: 'Enforced', type: 'string', jsonPath: '.status.conditions[?(@.type=="Enforced")].status' },
  { name: 'Nodes', type: 'string', jsonPath: '.status.nodes.summary', description: 'Nodes that enforce it, of those that it is for.' },
  { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Enforced")].reason' },
  {
    name: 'Commit',
    type: 'string',
    jsonPath: '.metadata.annotations.parapet\\.dev/commit',
    description: 'Where it is from.',
    priority: 1,
  },
  { name: 'Message', type: 'string', jsonPath: '.status.conditions[?(@.type=="Enforced")].message', priority: 1 },
];

/** The definition of one kind of policy. */
export function policyDefinition(kind: PolicyKind): CustomResourceDefinition {
  return define({
    ...KINDS[kind],
    group: 'security.kubearmor.com',
    version: 'v1',
    kind,
    categories: ['parapet'],
    fields: { spec: specOf(kind), status: status() },
    required: ['spec'],
    hasStatusSubresource: true,
    columns: COLUMNS,
  });
}

function status(): Schema {
  const nodes = (description: string): Schema => whole(description, { format: 'int32', minimum: 0 });
  return object('What nodes do about the policy.', {
    observedGeneration: observedGeneration('The metadata.generation that this is about.'),
    conditions: conditions(
      'Accepted: whether the policy is a good one. Enforced: whether every node that it is for enforces it. Degraded: whether some node cannot hold all of it.',
    ),
    status: text("KubeArmor's field: the same in one word."),
    nodes: object('Nodes by what they do.', {
      summary: text('Enforcing nodes of all, such as 3/3.', { maxLength: 32 }),
      total: nodes('Nodes that report about it.'),
      enforced: nodes('It is in force on every matching container of the node.'),
      degraded: nodes('Something of it cannot be held there.'),
      rejected: nodes('The node does not take it; an earlier version may be in force.'),
      pending: nodes('It is not in force yet.'),
    }),
    containers: whole('Containers that it is for, on all nodes together.', { format: 'int32', minimum: 0 }),
  });
}
