/** A cluster with a source, its policies and a user with ordinary rights, and `parapet` as that user runs it. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { main } from '../../cli/src/main.ts';
import { libraryFolders } from '../../cli/src/library.ts';
import { Connection } from '../../reconciler/src/adapters/kubernetes/connection.ts';
import { DirectDelivery } from '../../reconciler/src/adapters/kubernetes/direct.ts';
import { LivePolicies } from '../../reconciler/src/adapters/kubernetes/live-policies.ts';
import { createSynthesizer } from '../../reconciler/src/adapters/synth/index.ts';
import { describeProblems } from '../../reconciler/src/describe.ts';
import { Judge } from '../../reconciler/src/judge.ts';
import { NO_METRICS } from '../../reconciler/src/no-metrics.ts';
import { viewOf } from '../../reconciler/src/operate/source-view.ts';
import type { SourceView } from '../../reconciler/src/operate/source-view.ts';
import { claim } from '../../reconciler/src/ownership.ts';
import { describeRevision } from '../../reconciler/src/revision.ts';
import { gateOf, rulesOf } from '../../reconciler/src/source-rules.ts';
import { readSourceObject } from '../../reconciler/src/source-object.ts';
import { runSource } from '../../reconciler/src/source-run.ts';
import { nextStatus } from '../../reconciler/src/source-status.ts';
import type { SourceEvent } from '../../reconciler/src/source-status.ts';
import { faultsOf, validatorOf } from '../support/crd.ts';
import type { ControlPlane } from '../support/cluster/control-plane.ts';

export const HOME = 'parapet-system';

/** What a user may who operates sources and sees policies. */
const ORDINARY = [
  { apiGroups: ['parapet.dev'], resources: ['policysources'], verbs: ['get', 'list', 'patch'] },
  {
    apiGroups: ['security.kubearmor.com'],
    resources: ['kubearmorpolicies', 'kubearmorclusterpolicies', 'kubearmorhostpolicies'],
    verbs: ['get', 'list'],
  },
];
/** What trying policies out needs besides. */
const TRYING = [{ apiGroups: ['security.kubearmor.com'], resources: ['*'], verbs: ['create', 'patch'] }];

/** A kubeconfig of a new account with these rights in the whole cluster. */
export async function userWith(plane: ControlPlane, name: string, rights: 'none' | 'ordinary' | 'trying'): Promise<string> {
  const rules = { none: [], ordinary: ORDINARY, trying: [...ORDINARY, ...TRYING] }[rights];
  await plane.apply([
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: HOME } },
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name }, rules },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace: HOME }],
    },
  ]);
  return plane.kubeconfig(await plane.token(HOME, name), HOME);
}

export const COMMIT = 'c'.repeat(40);
export const REVISION = `main@sha1:${COMMIT}`;
/** Policies of the source shop, as `programOf` takes them. */
export const THREE = { a: '/bin/sh', b: '/bin/bash', c: '/bin/ash' };

export const source = (name: string, spec: object = {}, namespace = HOME): object => ({
  apiVersion: 'parapet.dev/v1alpha1',
  kind: 'PolicySource',
  metadata: { name, namespace },
  spec: { url: 'https://git.test/shop/policies.git', ...spec },
});

/** A run that ended well. */
export const succeeded = (message = '3 added'): SourceEvent => ({
  ...{ kind: 'succeeded', revision: REVISION, digest: `sha256:${'d'.repeat(64)}`, startedAt: new Date(), message },
  policies: { total: 3, enforced: 2, degraded: 1, refused: 0 },
});

export interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `parapet ARGS` with this kubeconfig in the environment. */
export async function parapet(kubeconfig: string, ...args: readonly string[]): Promise<Ended> {
  let [stdout, stderr] = ['', ''];
  const status = await main(args, {
    out: (text) => (stdout += text),
    err: (text) => (stderr += text),
    env: { KUBECONFIG: kubeconfig, PATH: process.env['PATH'] },
  });
  return { status, stdout, stderr };
}

/** A program of policies of the namespace shop, each a name and the program that it blocks; the first is in line 5. */
export function programOf(policies: Readonly<Record<string, string>>, more = ''): string {
  const made = Object.entries(policies).map(
    ([name, path]) => `new ContainerPolicy(chart, '${name}', { namespace: 'shop', select: { app: 'web' } }).blockExec('${path}');\n`,
  );
  return `import { ApiObject, App, Chart } from 'cdk8s';
import { ContainerPolicy } from '@parapet/sdk';
const app = new App();
const chart = new Chart(app, 'shop');
${made.join('')}${more}app.synth();
`;
}

/** A folder with this program, there as long as the cluster is. */
export function folderOf({ home }: ControlPlane, program: string): string {
  const folder = mkdtempSync(join(home, 'program-'));
  writeFileSync(join(folder, 'main.ts'), program);
  return folder;
}

/** The reconciler, as far as people see of it: carries out programs, and writes statuses. */
export class StandIn {
  readonly #plane: ControlPlane;
  readonly #isGood = validatorOf('PolicySource');

  constructor(plane: ControlPlane) {
    this.#plane = plane;
  }

  async source(name: string): Promise<SourceView> {
    return viewOf(
      JSON.parse(await this.#plane.must(['get', 'psrc', name, '-n', HOME, '-o', 'json', '--show-managed-fields'])) as Record<
        string,
        unknown
      >,
    );
  }

  /** Carries out the program in the folder; what was done, in words. */
  async carryOut(name: string, directory: string, commit: string): Promise<string> {
    const source = await this.source(name);
    const { spec } = readSourceObject(source.object);
    if (spec === undefined) throw new Error(`the source ${name} is wrong`);
    const connection = new Connection({ kubeconfig: this.#plane.kubeconfig() });
    const live = new LivePolicies({ connection });
    const stop = new AbortController();
    const watching = live.watch(stop.signal);
    try {
      const tree = { directory, problems: [], dispose: () => Promise.resolve() };
      const result = await runSource(
        {
          source: {
            url: spec.url,
            resolve: () => Promise.resolve({ commit, revision: `main@sha1:${commit}` }),
            export: () => Promise.resolve(tree),
            pullRequests: () => Promise.resolve([]),
            close: () => Promise.resolve(),
          },
          synthesizer: createSynthesizer({ library: { modules: libraryFolders() } }),
          judge: new Judge(),
          delivery: new DirectDelivery({ connection, live, source: source.uid, as: undefined, force: spec.force }),
          metrics: NO_METRICS,
          claim: (manifest, ref) => claim(manifest, ref, { source, repository: spec.url, commit }),
          gate: gateOf(spec),
          rules: rulesOf(spec, false),
          breathe: () => breathe(),
          now: () => performance.now(),
        },
        commit,
        stop.signal,
      );
      if (result.kind !== 'delivered')
        throw new Error(`the run was ${result.kind}: ${'problems' in result ? describeProblems(result.problems) : ''}`);
      return describeRevision(result.revision.policies);
    } finally {
      stop.abort();
      await watching;
      await connection.close();
    }
  }

  /** Writes what follows from these events, as answers to what was asked for last. */
  async say(name: string, ...events: readonly SourceEvent[]): Promise<void> {
    const { status, generation, requestedAt, object } = await this.source(name);
    const moment = { now: new Date(), generation, ...(requestedAt === undefined ? {} : { requestedAt }) };
    const next = events.reduce((before, event) => nextStatus(before, event, moment), status);
    const faults = faultsOf(this.#isGood, { ...object, status: next });
    if (faults.length > 0) throw new Error(`no status that the definition takes: ${faults.join(', ')}`);
    await this.#plane.must([
      'patch',
      'psrc',
      name,
      '-n',
      HOME,
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify({ status: next }),
    ]);
  }

  /** Says this once somebody has asked for a run and nobody has answered. */
  async answer(name: string, ...events: readonly SourceEvent[]): Promise<void> {
    for (;;) {
      const { requestedAt, status } = await this.source(name);
      if (requestedAt !== undefined && requestedAt !== status.lastHandledReconcileAt) return this.say(name, ...events);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
