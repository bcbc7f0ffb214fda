import { expect, test } from '@jest/globals';
import type { ApiObject } from '../../../reconciler/src/api-object.ts';
import type { OperatedCluster } from '../../../reconciler/src/operate/ports.ts';
import { putBackBy, requestRun, resume } from '../../../reconciler/src/operate/request.ts';
import { viewOf } from '../../../reconciler/src/operate/source-view.ts';
import { CONFIRM_PRUNE, REQUESTED_AT } from '../../../reconciler/src/source-object.ts';
import { sourceObject } from './source-objects.ts';

type Json = Record<string, unknown>;

const START = Date.UTC(2026, 0, 1);
const ASKED = '2026-01-01T00:00:00.000Z';
const LATER = '2026-01-01T00:00:09.000Z';

const ready = (status: string): object => ({
  ...{ type: 'Ready', status, reason: 'X', message: '', observedGeneration: 3, lastTransitionTime: ASKED },
});
/** The source as it is when this was asked for and that was handled. */
const stored = (
  requestedAt: string,
  handled: string | undefined,
  rest: { ready?: string; suspend?: boolean; uid?: string } = {},
): Json => ({
  ...sourceObject({
    metadata: { uid: rest.uid ?? 'u-1', annotations: { [REQUESTED_AT]: requestedAt } },
    spec: { url: 'https://git.test/p.git', ...(rest.suspend === undefined ? {} : { suspend: rest.suspend }) },
    status: { conditions: [ready(rest.ready ?? 'True')], ...(handled === undefined ? {} : { lastHandledReconcileAt: handled }) },
  }),
});

/** A cluster whose source looks like this, one look after the other; the last one stays. */
function world(...looks: readonly (Json | undefined)[]): {
  asking: Parameters<typeof requestRun>[0];
  patches: ApiObject[];
  slept: () => number;
} {
  const patches: ApiObject[] = [];
  let [look, now] = [0, START];
  const never = (): never => {
    throw new Error('nobody asks for that');
  };
  const cluster: OperatedCluster = {
    namespace: 'parapet-system',
    source: () => Promise.resolve(looks[Math.min(look++, looks.length - 1)]),
    change: (_name, patch) => {
      patches.push(patch);
      return Promise.resolve(looks[0]);
    },
    sources: never,
    policies: never,
    compare: never,
    close: () => Promise.resolve(),
  };
  const clock = {
    now: () => now,
    sleep: (milliseconds: number) => {
      now += milliseconds;
      return Promise.resolve();
    },
  };
  return { asking: { cluster, clock }, patches, slept: () => now - START };
}
const before = viewOf(sourceObject({ status: {} }));
const run = async (...looks: readonly (Json | undefined)[]): Promise<string> =>
  (await requestRun(world(...looks).asking, before, { patience: 5000 })).kind;

test('an earlier answer is not taken for the one to this request', async () => {
  const { asking, slept } = world(stored(ASKED, 'yesterday'), stored(ASKED, 'yesterday'), stored(ASKED, ASKED));
  expect(await requestRun(asking, before, { patience: 5000 })).toMatchObject({ kind: 'answered' });
  expect(slept()).toBe(1000);
});

test('while a newer commit is carried out, that is waited for', async () => {
  expect(await run(stored(ASKED, ASKED, { ready: 'Unknown' }))).toBe('late');
  expect(await run(stored(ASKED, ASKED, { ready: 'Unknown' }), stored(ASKED, ASKED, { ready: 'False' }))).toBe('answered');
});

test('when somebody else asks again, the answer to that is as good', async () => {
  expect(await run(stored(LATER, undefined), stored(LATER, LATER))).toBe('answered');
});

test('there is no answer from a source that is deleted, made anew or suspended meanwhile, nor after the time is up', async () => {
  expect(await run(stored(ASKED, undefined), undefined)).toBe('gone');
  expect(await run(stored(ASKED, ASKED, { uid: 'u-2' }))).toBe('gone');
  expect(await run(stored(ASKED, undefined), stored(ASKED, undefined, { suspend: true }))).toBe('suspended');
  const { asking, slept } = world(stored(ASKED, undefined));
  expect(await requestRun(asking, before, { patience: 1200 })).toMatchObject({ kind: 'late' });
  expect(slept()).toBe(1500);
});

test('one patch says everything, and a suspended source gets none but to resume it', async () => {
  const asked = world(stored(ASKED, ASKED));
  expect(await requestRun(asked.asking, before, { confirmPrune: 'c' })).toMatchObject({ kind: 'asked' });
  expect(asked.patches).toEqual([{ metadata: { annotations: { [REQUESTED_AT]: ASKED, [CONFIRM_PRUNE]: 'c' } } }]);
  const suspended = viewOf(stored(ASKED, undefined, { suspend: true }));
  const paused = world(stored(ASKED, ASKED));
  expect(await requestRun(paused.asking, suspended, { patience: 1 })).toMatchObject({ kind: 'suspended' });
  expect(paused.patches).toEqual([]);
  expect(await resume(paused.asking, suspended, { patience: 1 })).toMatchObject({ kind: 'answered' });
  expect(paused.patches).toEqual([{ metadata: { annotations: { [REQUESTED_AT]: ASKED } }, spec: { suspend: false } }]);
});

test('tools that say whether a source is suspended are told from people with kubectl', () => {
  const owned = (manager: string, fields: object): object => ({ manager, operation: 'Update', fieldsV1: { 'f:spec': fields } });
  const managedFields = [
    owned('kubectl', { 'f:suspend': {} }),
    owned('kubectl-patch', { 'f:suspend': {} }),
    owned('parapet-cli', { 'f:suspend': {} }),
    owned('argocd-controller', { 'f:suspend': {} }),
    owned('kubectlish', { 'f:suspend': {} }),
    owned('helm', { 'f:url': {} }),
  ];
  expect(putBackBy(viewOf(sourceObject({ metadata: { managedFields } })), 'parapet-cli')).toEqual(['argocd-controller', 'kubectlish']);
  expect(putBackBy(viewOf(sourceObject({ metadata: { managedFields: 'x' }, spec: [] })), 'parapet-cli')).toEqual([]);
});
