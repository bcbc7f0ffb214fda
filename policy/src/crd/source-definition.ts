/** The definition of PolicySource: one Git repository, one reference and folder of it, to be carried out. */
import { conditions, MAX_MESSAGE, observedGeneration } from './conditions.ts';
import { define } from './definition.ts';
import type { CustomResourceDefinition } from './definition.ts';
import { list, moment, object, text, whole } from './schema.ts';
import type { Schema } from './schema.ts';
import { sourceSpec } from './source-spec.ts';

export function sourceDefinition(): CustomResourceDefinition {
  const ready = (field: string): string => `.status.conditions[?(@.type=="Ready")].${field}`;
  return define({
    group: 'parapet.dev',
    version: 'v1alpha1',
    kind: 'PolicySource',
    plural: 'policysources',
    shortName: 'psrc',
    categories: ['parapet'],
    scope: 'Namespaced',
    description: 'A Git repository with a policy program: its commits are synthesized, checked, planned and applied.',
    fields: { spec: sourceSpec(), status: status() },
    required: ['spec'],
    rules: [
      { rule: 'size(self.metadata.name) <= 63', message: 'metadata.name must have at most 63 characters: it is the value of a label' },
    ],
    hasStatusSubresource: true,
    columns: [
      { name: 'Ready', type: 'string', jsonPath: ready('status') },
      { name: 'Status', type: 'string', jsonPath: ready('message') },
      { name: 'Revision', type: 'string', jsonPath: '.status.lastAppliedRevision' },
      { name: 'Policies', type: 'integer', jsonPath: '.status.policies.total' },
      { name: 'URL', type: 'string', jsonPath: '.spec.url', priority: 1 },
      { name: 'Suspended', type: 'string', jsonPath: '.spec.suspend', priority: 1 },
    ],
  });
}

const REVISION = { maxLength: 512 };
const COUNT = { format: 'int32', minimum: 0 };

function status(): Schema {
  const run = object(
    'Equal runs in a row.',
    {
      revision: text('What was carried out, such as main@sha1:….', REVISION),
      digest: text('Of the rendered manifests, such as sha256:….', { maxLength: 128 }),
      outcome: text('How it ended, in one word.', { maxLength: 64 }),
      message: text('How it ended, in a sentence.'),
      startedAt: moment('When the first of them began.'),
      finishedAt: moment('When the last of them ended.'),
      count: whole('How many they are.', { format: 'int32', minimum: 1 }),
    },
    { required: ['outcome', 'startedAt', 'finishedAt', 'count'] },
  );
  return object('How far it is.', {
    observedGeneration: observedGeneration('The metadata.generation that was last carried out, or found to be wrong.'),
    conditions: conditions(
      `Ready: the newest commit is applied. Reconciling: it is being worked on. Stalled: nothing more will happen until somebody changes this object. Messages have at most ${MAX_MESSAGE} characters.`,
    ),
    lastAttemptedRevision: text('What was last tried, such as main@sha1:….', REVISION),
    lastAppliedRevision: text('What is applied, such as main@sha1:….', REVISION),
    lastAppliedDigest: text('Of the rendered manifests that are applied, such as sha256:….', { maxLength: 128 }),
    lastHandledReconcileAt: text('The value of the annotation reconcile.parapet.dev/requestedAt that was last obeyed.'),
    policies: object('Policies of the applied revision.', {
      total: whole('All.', COUNT),
      enforced: whole('Those that every node enforces.', COUNT),
      degraded: whole('Those that some node cannot hold whole.', COUNT),
      refused: whole('Those that have problems, of which an earlier version, if any, stays.', COUNT),
      pending: whole('Those that some node has not yet put in force.', COUNT),
    }),
    history: list('The last runs, newest first.', run, { maxItems: 10 }),
  });
}
