/** What `parapet get` and `parapet tree` show, byte for byte. `UPDATE_GOLDEN=1` writes it anew, to be reviewed like code. */
import { expect, test } from '@jest/globals';
import { treeText } from '../../cli/src/policy-tree.ts';
import { sourceTable, sourceText } from '../../cli/src/source-table.ts';
import type { MadePolicy } from '../../reconciler/src/operate/policy-tree.ts';
import { viewOf } from '../../reconciler/src/operate/source-view.ts';
import type { SourceView } from '../../reconciler/src/operate/source-view.ts';
import { policyStatus } from '../../reconciler/src/policy-status.ts';
import type { Tallied } from '../../reconciler/src/policy-status.ts';
import { nextStatus, NO_STATUS } from '../../reconciler/src/source-status.ts';
import type { SourceEvent, SourceStatus } from '../../reconciler/src/source-status.ts';
import { golden } from '../support/golden.ts';
import { sourceObject } from '../unit/reconciler/source-objects.ts';

const START = Date.UTC(2026, 0, 1);
const HOUR = 3_600_000;
const NOW = START + 60 * HOUR;
const HOSTILE = '\u001b[2J\u009b1m\u202e\nPolicySource good/other  Ready=True';
const policies = { total: 4, enforced: 2, degraded: 1, refused: 1 };
const revision = (digit: string): string => `main@sha1:${digit.repeat(40)}`;
const run = (digit: string, message: string): object => ({
  revision: revision(digit),
  digest: `sha256:${digit.repeat(64)}`,
  startedAt: new Date(START),
  policies,
  message,
});

/** A source to which this happened, an hour apart. */
function source(name: string, events: readonly object[], spec: object = {}): SourceView {
  const status = events.reduce<SourceStatus>(
    (before, event, index) => nextStatus(before, event as SourceEvent, { now: new Date(START + (index + 1) * HOUR), generation: 3 }),
    NO_STATUS,
  );
  const url = 'https://git.test/shop/policies.git';
  return viewOf(sourceObject({ metadata: { name, creationTimestamp: new Date(START).toISOString() }, spec: { url, ...spec }, status }));
}

const failing = source('shop', [
  { kind: 'succeeded', ...run('a', '4 added') },
  { kind: 'partly-applied', ...run('b', '1 changed; 1 refused: shop.ts:12: spec.process.matchPaths[0].path: must be absolute') },
  { kind: 'failed', stage: 'fetch', retry: true, message: `nobody answers; ${'a long story, '.repeat(12)}and its end`, startedAt: new Date(START) },
  { kind: 'failed', stage: 'fetch', retry: true, message: `nobody answers; ${'a long story, '.repeat(12)}and its end`, startedAt: new Date(START) },
]);
const paused = source('bank', [{ kind: 'succeeded', ...run('c', '2 added') }, { kind: 'suspended' }], { suspend: true, path: 'clusters/a' });
const fresh = source('new', []);
/** Whoever may write a status may write anything into it. */
const hostile = viewOf(
  sourceObject({
    metadata: { name: 'hostile', creationTimestamp: new Date(START).toISOString() },
    spec: { url: HOSTILE, path: HOSTILE },
    status: {
      conditions: [{ type: 'Ready', status: 'False', reason: HOSTILE, message: HOSTILE, lastTransitionTime: '2026-01-02T00:00:00Z', observedGeneration: 3 }],
      lastAppliedRevision: HOSTILE,
      lastAttemptedRevision: HOSTILE,
      history: [{ outcome: 'Failed', revision: HOSTILE, message: HOSTILE, startedAt: '2026-01-02T00:00:00Z', finishedAt: '2026-01-02T00:00:00Z', count: 1 }],
    },
  }),
);

const none = { count: 0, named: [] };
const tallied = (change: Partial<Tallied>): Tallied => ({
  ...{ enforced: 3, degraded: none, rejected: none, pending: none, containers: 5, stale: none, patience: 60_000 },
  ...change,
});
function made(name: string, change: Partial<Tallied> | undefined, rest: Partial<MadePolicy> = {}): MadePolicy {
  const ref = { kind: 'KubeArmorPolicy', namespace: 'shop', name } as const;
  const status = change === undefined ? undefined : policyStatus({ ...ref, generation: 1 }, tallied(change), { before: undefined, now: START });
  return { ...ref, place: 'shop.ts:12', commit: 'a'.repeat(40), ...(status === undefined ? {} : { status }), ...rest };
}
const one = (node: string, message: string): Tallied['degraded'] => ({ count: 1, named: [{ node, message }] });

test('what people see of sources is as it was reviewed', () => {
  const found = {
    'get.txt': sourceTable([paused, hostile, fresh, failing], { now: NOW, isWide: false }),
    'get-all-namespaces.txt': sourceTable([paused, failing], { now: NOW, isWide: true }),
    'get-one.txt': sourceText(failing, NOW),
    'get-suspended.txt': sourceText(paused, NOW),
    'get-new.txt': sourceText(fresh, NOW),
    'get-hostile.txt': sourceText(hostile, NOW),
    'tree.txt': treeText(failing, [
      made('', {}, { kind: 'KubeArmorHostPolicy', namespace: '', name: 'edge' }),
      made('no-shell', { enforced: 2, degraded: one('n3', 'no such hook') }),
      made('web', { enforced: 2, pending: one('n3', '') }),
      made('new', undefined, { place: 'clusters/a/shop.ts:40' }),
    ]),
    'tree-empty.txt': treeText(fresh, []),
    'tree-hostile.txt': treeText(hostile, [made('x', { enforced: 0, rejected: one(HOSTILE, HOSTILE) }, { place: `${HOSTILE}:1` })]),
  };
  expect(found).toEqual(golden('operate', found));
});
