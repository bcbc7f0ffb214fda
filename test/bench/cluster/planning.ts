/** How long judging and planning many policies takes, in this process: for a cluster that has none of them, and for one that has them all. */
import { refKey } from '@parapet/policy';
import { digestOf } from '../../../reconciler/src/adapters/synth/manifests.ts';
import type { Desired, Existing } from '../../../reconciler/src/delivery.ts';
import { OPEN_GATE } from '../../../reconciler/src/gate.ts';
import { Judge } from '../../../reconciler/src/judge.ts';
import { existingOf, livePolicy } from '../../../reconciler/src/live-policy.ts';
import { NO_METRICS } from '../../../reconciler/src/no-metrics.ts';
import { claim } from '../../../reconciler/src/ownership.ts';
import { planCommit } from '../../../reconciler/src/plan-commit.ts';
import type { PlanParts } from '../../../reconciler/src/plan-commit.ts';
import type { SynthManifest } from '../../../reconciler/src/ports.ts';
import { timed } from './figures.ts';

const COMMIT = 'c'.repeat(40);
const SOURCE = { namespace: 'parapet-system', name: 'bench', uid: 'bench' };
const URL = 'https://git.example.test/policies.git';

/** Milliseconds for `count` policies, digest and fingerprints included. */
export async function timeOfPlanning(count: number): Promise<{ readonly added: number; readonly unchanged: number }> {
  const manifests = Array.from({ length: count }, (_, index) => manifest(index));
  const there = new Map<string, Parameters<typeof existingOf>[0]>();
  // As in a controller, where the policies that are there are known from its watches.
  const survey = (wanted: readonly Desired[]): Promise<readonly Existing[]> =>
    Promise.resolve(
      wanted.flatMap((desired) => {
        const live = there.get(refKey(desired));
        return live === undefined ? [] : [existingOf(live, SOURCE.uid, desired)];
      }),
    );
  const plan = async (change: string): Promise<void> => {
    const planned = await planCommit(parts(manifests, survey), { commit: COMMIT }, new AbortController().signal);
    if (planned.kind !== 'planned' || planned.revision.policies.some((policy) => policy.change !== change || policy.problems.length > 0))
      throw new Error(`not all of ${count} policies are ${change}`);
    for (const { desired, kind } of planned.revision.policies) {
      const live = desired === undefined ? undefined : livePolicy(kind, stored(desired));
      if (desired !== undefined && live !== undefined) there.set(refKey(desired), live);
    }
  };
  return { added: await timed(() => plan('added')), unchanged: await timed(() => plan('unchanged')) };
}

function parts(manifests: readonly SynthManifest[], survey: PlanParts['delivery']['survey']): PlanParts {
  const dispose = (): Promise<void> => Promise.resolve();
  return {
    source: {
      url: URL,
      resolve: () => Promise.reject(new Error('nobody asks')),
      export: () => Promise.resolve({ directory: '/nonexistent', problems: [], dispose }),
      pullRequests: () => Promise.resolve([]),
      close: dispose,
    },
    synthesizer: { synth: () => Promise.resolve({ manifests, problems: [], digest: digestOf(manifests), bundleMs: 0, runMs: 0 }) },
    judge: new Judge(),
    delivery: { survey, tryOut: () => Promise.resolve(new Map()) },
    claim: (value, ref, commit) => claim(value, ref, { source: SOURCE, repository: URL, commit }),
    gate: OPEN_GATE,
    rules: { prune: true, pruneLimit: 50, pruneConfirmed: false, allowEmpty: false, force: false, drift: 'Correct' },
    metrics: NO_METRICS,
    now: () => performance.now(),
    breathe: () => new Promise((resolve) => setImmediate(resolve)),
  };
}

function stored({ manifest: object, name }: Desired): object {
  return { ...object, metadata: { ...(object['metadata'] as object), uid: name, generation: 1, resourceVersion: '1' } };
}

function manifest(index: number): SynthManifest {
  const name = `p${index}`;
  const source = `main.ts:${index + 1}`;
  const value = {
    apiVersion: 'security.kubearmor.com/v1',
    kind: 'KubeArmorPolicy',
    metadata: { name, namespace: 'shop', annotations: { 'parapet.dev/source': source } },
    spec: {
      selector: { matchLabels: { app: name } },
      process: { matchPaths: [{ path: `/opt/${name}` }, { path: '/bin/sh' }] },
      file: { matchDirectories: [{ dir: `/etc/${name}/`, recursive: true, readOnly: true }] },
      network: { matchProtocols: [{ protocol: 'raw' }] },
      action: 'Block',
    },
  };
  return { file: 'shop.k8s.yaml', source, value };
}
