/** What nodes report, through a real API server, to what users of kubectl see of a policy; with nothing but the reconciler's own permissions. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import type { NodeReport, PolicyReport } from '@parapet/policy';
import { Connection } from '../../reconciler/src/adapters/kubernetes/connection.ts';
import { LivePolicies } from '../../reconciler/src/adapters/kubernetes/live-policies.ts';
import { KubernetesNodeReports } from '../../reconciler/src/adapters/kubernetes/node-reports.ts';
import { KubernetesPolicyStatusWriter, STATUS_MANAGER } from '../../reconciler/src/adapters/kubernetes/policy-status-writer.ts';
import { foldedPolicy } from '../../reconciler/src/folded-policy.ts';
import { accessParts } from '../../reconciler/src/install/access.ts';
import { Readiness, READINESS_SETTINGS } from '../../reconciler/src/readiness.ts';
import type { ControlPlane } from '../support/cluster/control-plane.ts';
import { hash, memoryLog, nodeReport, policyReport } from '../unit/reconciler/builders.ts';
import { BUILD_PATIENCE, policy, startWithDefinitions } from './manifests.ts';
import type { Json } from './manifests.ts';

jest.setTimeout(180_000);

const HOME = 'parapet-system';
/** Long enough for a busy machine to renew reports in, and short enough to wait for. */
const QUIET = 10_000;
let plane: ControlPlane;
/** As nodes and users are: with every permission. */
let admin: Connection;
let ours: Connection;
let kubeconfig: string;
let stop: AbortController;
let running: Promise<unknown>;
let readiness: Readiness;
let log = memoryLog();
let number = 0;

beforeAll(async () => {
  plane = await startWithDefinitions();
  await plane.must(['create', 'namespace', HOME]);
  const options = { namespace: HOME, image: 'parapet:1', sourceNamespaces: [], impersonation: false, flux: false };
  await plane.apply(accessParts(options).map(({ object }) => object));
  kubeconfig = plane.kubeconfig(await plane.token(HOME, 'parapet-reconciler'));
  admin = new Connection({ kubeconfig: plane.kubeconfig() });
}, BUILD_PATIENCE);
afterAll(async () => {
  await admin?.close();
  await plane?.stop();
});

beforeEach(() => {
  number += 1;
  log = memoryLog();
  start();
});
afterEach(async () => {
  await end();
  await plane.must(['delete', 'ksp,csp,hsp,nodereports', '--all', '--all-namespaces', '--wait=false']);
});

function start(patience = 600_000): void {
  ours = new Connection({ kubeconfig });
  stop = new AbortController();
  readiness = new Readiness({
    reports: new KubernetesNodeReports({ connection: ours }),
    writer: new KubernetesPolicyStatusWriter(ours),
    clock: {
      now: () => Date.now(),
      sleep: (milliseconds, signal) => delay(milliseconds, undefined, { signal }).catch(() => undefined),
    },
    log: log.log,
    settings: { ...READINESS_SETTINGS, patience, interval: 1000 },
  });
  const live = new LivePolicies({
    connection: ours,
    onTold: (one, object) => readiness.policyTold(foldedPolicy(one, object)),
    onChange: ({ ref, now }) => {
      if (now === undefined) readiness.policyGone(ref);
    },
  });
  running = Promise.all([live.watch(stop.signal), readiness.run(stop.signal)]);
}

async function end(): Promise<void> {
  stop.abort();
  await running;
  await ours.close();
}

const name = (): string => `web-${number}`;
const spec = (path = '/bin/sh'): Json => ({
  selector: { matchLabels: { app: 'web' } },
  process: { matchPaths: [{ path }] },
  action: 'Block',
});
const says = (rest: Partial<PolicyReport> = {}): PolicyReport => policyReport(name(), { namespace: 'default', generation: 1, ...rest });

/** Writes a node's report as its agent does; the API server holds it against the definition, strictly. */
async function report(node: string, policies: readonly PolicyReport[], rest: Partial<NodeReport['status']> = {}): Promise<void> {
  const totals = { policies: policies.length, violations: 0 };
  await admin.ask({
    method: 'PATCH',
    path: `/apis/parapet.dev/v1alpha1/nodereports/${node}`,
    query: { fieldManager: 'parapet-agent', fieldValidation: 'Strict', force: 'true' },
    contentType: 'application/apply-patch+yaml',
    body: nodeReport(node, { observedAt: new Date().toISOString(), totals, policies, ...rest }),
  });
}

const wait = (condition: string, what = name()): Promise<string> =>
  plane.must(['wait', `--for=condition=${condition}`, '--timeout=60s', `ksp/${what}`]);

interface Shown {
  readonly nodes?: Json & { readonly summary: string };
  readonly conditions: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string }[];
}
async function shown(what = name()): Promise<string> {
  const { status } = JSON.parse(await plane.must(['get', 'ksp', what, '-o', 'json'])) as { status?: Shown };
  const enforced = status?.conditions.find(({ type }) => type === 'Enforced');
  return enforced === undefined ? 'nothing' : `${enforced.status} ${enforced.reason} ${status?.nodes?.summary}: ${enforced.message}`;
}
async function until(text: string | RegExp, what = name()): Promise<string> {
  for (const started = Date.now(); ; await delay(200)) {
    const now = await shown(what);
    if (typeof text === 'string' ? now === text : text.test(now)) return now;
    if (Date.now() - started > 90_000) throw new Error(`it says ${now}, and not ${String(text)}; ${log.text()}`);
  }
}

test('a policy is enforced when all nodes hold it, which kubectl waits for and shows', async () => {
  await plane.apply([policy('KubeArmorPolicy', spec(), name())]);
  await until('False NoNodes 0/0: no node has reported yet');
  for (const node of ['n1', 'n2', 'n3']) await report(node, [says({ containers: 2 })]);
  expect(await wait('Enforced')).toContain('condition met');
  expect(await wait('Accepted')).toContain('condition met');
  expect(await until(/3\/3/)).toBe('True AllNodes 3/3: in force on 3 of 3 nodes, for 6 containers');
  const [head = '', row = ''] = (await plane.must(['get', 'ksp', name()])).split('\n');
  expect(head.trim().split(/\s+/)).toEqual(['NAME', 'ACTION', 'ENFORCED', 'NODES', 'REASON', 'AGE']);
  expect(row.split(/\s+/).slice(0, 5)).toEqual([name(), 'Block', 'True', '3/3', 'AllNodes']);
  expect(log.events).toEqual([]);
});

test('policies of the cluster and of hosts have a status too', async () => {
  await plane.apply([
    policy('KubeArmorClusterPolicy', {
      ...spec(),
      selector: { matchExpressions: [{ key: 'namespace', operator: 'In', values: ['default'] }] },
    }),
    policy('KubeArmorHostPolicy', {
      nodeSelector: { matchLabels: { a: 'b' } },
      process: { matchPaths: [{ path: '/bin/sh' }] },
      action: 'Block',
    }),
  ]);
  const ref = { namespace: '', name: 'p' };
  await report('n1', [says({ ...ref, kind: 'KubeArmorClusterPolicy' }), says({ ...ref, kind: 'KubeArmorHostPolicy' })]);
  for (const kind of ['csp', 'hsp']) await plane.must(['wait', '--for=condition=Enforced', '--timeout=60s', `${kind}/p`]);
});

test('a node that cannot hold it is named with its reason, and a changed policy is pending until nodes have read it', async () => {
  await plane.apply([policy('KubeArmorPolicy', spec(), name())]);
  for (const node of ['n1', 'n2', 'n3'])
    await report(node, [says(node === 'n2' ? { state: 'Degraded', message: 'the kernel has no hook for it' } : {})]);
  expect(await wait('Degraded')).toContain('condition met');
  expect(await shown()).toBe('False Degraded 2/3: in force on 2 of 3 nodes; degraded on n2');
  const described = await plane.must(['describe', 'ksp', name()]);
  expect(described).toMatch(/degraded on n2 \(the kernel has no hook for it\)/);
  await plane.apply([policy('KubeArmorPolicy', spec('/bin/bash'), name())]);
  await until('False NotYet 0/3: in force on 0 of 3 nodes; not yet on n1, n2, n3');
  for (const node of ['n1', 'n2', 'n3']) await report(node, [says({ generation: 2 })]);
  await until(/^True AllNodes 3\/3/);
});

test('conditions and fields that others write into the same status stay, and ours come back', async () => {
  await plane.apply([policy('KubeArmorPolicy', spec(), name())]);
  await report('n1', [says()]);
  await wait('Enforced');
  const theirs = { type: 'Reviewed', status: 'True', reason: 'Security', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
  await admin.ask({
    method: 'PATCH',
    path: `/apis/security.kubearmor.com/v1/namespaces/default/kubearmorpolicies/${name()}/status`,
    query: { fieldManager: 'reviewer', force: 'true' },
    contentType: 'application/apply-patch+yaml',
    body: {
      apiVersion: 'security.kubearmor.com/v1',
      kind: 'KubeArmorPolicy',
      metadata: { name: name() },
      status: { status: 'OK', conditions: [theirs], containers: 77 },
    },
  });
  await report('n2', [says()]);
  await until('True AllNodes 2/2: in force on 2 of 2 nodes, for 2 containers');
  const read = JSON.parse(await plane.must(['get', 'ksp', name(), '-o', 'json', '--show-managed-fields'])) as {
    status: { status: string; containers: number; conditions: { type: string }[] };
    metadata: { managedFields: { manager: string; subresource?: string }[] };
  };
  expect(read.status).toMatchObject({ status: 'OK', containers: 2 });
  expect(new Set(read.status.conditions.map(({ type }) => type))).toEqual(new Set(['Accepted', 'Enforced', 'Degraded', 'Reviewed']));
  expect(read.metadata.managedFields.find(({ manager }) => manager === STATUS_MANAGER)?.subresource).toBe('status');
});

test('a node that goes quiet no longer counts, nor one that is gone, nor one that was quiet before the start', async () => {
  await end();
  await report('dead', []);
  await delay(QUIET + 1000);
  start(QUIET);
  await plane.apply([policy('KubeArmorPolicy', spec(), name())]);
  for (const node of ['n1', 'n2']) await report(node, [says()]);
  await until(/^True AllNodes 2\/2: .*not reported for 10 seconds: dead$/);
  await plane.must(['delete', 'nodereport', 'dead']);
  await until('True AllNodes 2/2: in force on 2 of 2 nodes, for 2 containers');
  const renewing = setInterval(() => void report('n1', [says()]).catch(() => undefined), 2000);
  try {
    await until(/^True AllNodes 1\/1: .*not reported for 10 seconds: n2$/);
  } finally {
    clearInterval(renewing);
  }
});

test('what the definition does not take is refused to a node, and what it takes and is no report harms nobody', async () => {
  await expect(report('n1', [says({ state: 'Fine' as 'Enforced' })])).rejects.toThrow(/Unsupported value: "Fine"/);
  await expect(report('n1', [], { more: 1 } as object)).rejects.toThrow(/more/);
  await plane.apply([policy('KubeArmorPolicy', spec(), name())]);
  await report('n1', [says()]);
  // A number that is none in JavaScript.
  const status = { ...nodeReport('n2').status, policies: [] };
  const text = JSON.stringify({ apiVersion: 'parapet.dev/v1alpha1', kind: 'NodeReport', metadata: { name: 'n2' }, status });
  const huge = text.replace(
    '"policies":[]',
    `"policies":[${JSON.stringify(says()).replace('"containers":1', '"containers":9007199254740993')}]`,
  );
  await plane.must(['create', '-f', '-'], huge);
  await until(/^True AllNodes 1\/1/);
  expect(log.events.map(({ message }) => message)).toEqual([
    'the report of node n2 is ignored: status.policies[0].containers is not what it should be',
  ]);
});

test('an API server that is killed and started again loses nothing', async () => {
  await plane.apply([policy('KubeArmorPolicy', spec(), name())]);
  await report('n1', [says()]);
  await wait('Enforced');
  await plane.stopApiServer('SIGKILL');
  readiness.policyTold({ kind: 'KubeArmorPolicy', namespace: 'default', name: name(), generation: 1, commit: hash('c') });
  await delay(2500);
  await plane.startApiServer();
  await plane.must(['delete', 'nodereport', 'n1']);
  await report('n2', [says({ state: 'Rejected', message: 'no such action' })]);
  await until('False Rejected 0/1: in force on 0 of 1 node; rejected on n2');
  expect(log.text()).toMatch(/the status of KubeArmorPolicy default\/web-\d+ can't be written, and will be tried again/);
  expect(log.text()).toContain('the statuses of policies are written again');
});

test('a policy that is removed while its status is written is nobody’s failure', async () => {
  const writer = new KubernetesPolicyStatusWriter(ours);
  const condition = {
    status: 'True',
    reason: 'AllNodes',
    message: '',
    observedGeneration: 1,
    lastTransitionTime: '2026-01-01T00:00:00Z',
  } as const;
  const status = {
    observedGeneration: 1,
    conditions: [{ ...condition, type: 'Enforced' as const }],
    nodes: { total: 1, enforced: 1, degraded: 0, rejected: 0, pending: 0 },
    containers: 1,
  };
  await plane.apply([policy('KubeArmorPolicy', spec(), name())]);
  const ref = { kind: 'KubeArmorPolicy', namespace: 'default', name: name() } as const;
  const bad = { ...status, conditions: [{ ...condition, type: 'Enforced' as const, reason: 'not a word' }] };
  const changes = [
    { ref: { ...ref, name: 'gone' }, status },
    { ref, status: bad },
  ];
  const failed = await writer.write(changes, stop.signal);
  expect(failed).toEqual([{ ref, message: expect.stringContaining('reason') }]);
  const aborted = await writer.write([{ ref, status }], AbortSignal.abort());
  expect(aborted).toEqual([{ ref, message: 'the reconciler stops' }]);
});
