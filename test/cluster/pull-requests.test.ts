/** Pull requests of a real repository, through the real sandbox, held against a real API server, and said to a stand-in for GitHub. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as breathe, setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { POLICY_KINDS } from '@parapet/policy';
import { GitSource } from '../../reconciler/src/adapters/git.ts';
import { createHost } from '../../reconciler/src/adapters/hosts/create-host.ts';
import { Connection } from '../../reconciler/src/adapters/kubernetes/connection.ts';
import { DirectDelivery } from '../../reconciler/src/adapters/kubernetes/direct.ts';
import { LivePolicies } from '../../reconciler/src/adapters/kubernetes/live-policies.ts';
import { StoredClusterPolicies } from '../../reconciler/src/adapters/kubernetes/stored-policies.ts';
import { createSynthesizer } from '../../reconciler/src/adapters/synth/index.ts';
import { TelemetryFiles } from '../../reconciler/src/adapters/telemetry-files.ts';
import { CommentQueue } from '../../reconciler/src/comment-queue.ts';
import { Judge } from '../../reconciler/src/judge.ts';
import { NO_METRICS } from '../../reconciler/src/no-metrics.ts';
import { claim } from '../../reconciler/src/ownership.ts';
import { Pace } from '../../reconciler/src/pace.ts';
import type { Clock } from '../../reconciler/src/ports.ts';
import { PullRequests } from '../../reconciler/src/pull-requests.ts';
import type { LookedAll } from '../../reconciler/src/pull-requests.ts';
import { runSource } from '../../reconciler/src/source-run.ts';
import type { RunParts } from '../../reconciler/src/source-run.ts';
import type { Statuses } from '../../reconciler/src/statuses.ts';
import type { ControlPlane } from '../support/cluster/control-plane.ts';
import { startWithPolicies } from '../support/cluster/with-policies.ts';
import { startGithub } from '../support/github/index.ts';
import type { Github } from '../support/github/index.ts';
import type { KeptComment } from '../support/hosts/comment-book.ts';
import { record } from '../unit/policy/telemetry-records.ts';
import { memoryLog } from '../unit/reconciler/builders.ts';
import { memoryStore, statusesFor } from '../unit/reconciler/fakes.ts';
import { RULES } from '../unit/reconciler/planning.ts';
import { Repository, serveGit } from '../unit/reconciler/repositories.ts';
import type { GitServer } from '../unit/reconciler/repositories.ts';
import { library } from '../unit/reconciler/synth-fixture.ts';

// real processes, on machines that may be busy
jest.setTimeout(180_000);

const TOKEN = 's3cretTokenOfTheHost';
const PASSWORD = 's3cretPasswordOfGit';
const SOURCE = { namespace: 'parapet-system', name: 'shop' };
const clock: Clock = {
  now: () => Date.now(),
  sleep: (milliseconds, signal) => delay(milliseconds, undefined, { signal }).catch(() => undefined),
};

let plane: ControlPlane;
let connection: Connection;
let live: LivePolicies;
let repository: Repository;
let server: GitServer;
let github: Github;
let folder: string;
let source: GitSource;
let parts: RunParts;
let statuses: Statuses;
let comments: CommentQueue;
let pulls: PullRequests;
let log: ReturnType<typeof memoryLog>;
let stop: AbortController;
let working: Promise<unknown>;
let number = 0;
/** The commit that was carried out last. */
let main = '';

beforeAll(async () => {
  plane = await startWithPolicies();
});
afterAll(() => plane.stop());

beforeEach(async () => {
  number += 1;
  await plane.must(['create', 'namespace', namespace()]);
  connection = new Connection({ kubeconfig: plane.kubeconfig() });
  live = new LivePolicies({ connection });
  stop = new AbortController();
  folder = mkdtempSync(join(tmpdir(), 'parapet-telemetry-'));
  repository = new Repository({ empty: true });
  repository.git(['config', 'http.receivepack', 'true'], repository.bare);
  server = await serveGit(repository.home, { user: 'parapet', password: PASSWORD });
  github = await startGithub({ owner: 'shop', repo: 'policies', token: TOKEN });
  log = memoryLog();
  wire();
  working = Promise.all([live.watch(stop.signal), statuses.deliver(stop.signal), comments.deliver(stop.signal)]);
});
afterEach(async () => {
  stop.abort();
  await working;
  await source.close();
  await connection.close();
  const shown = JSON.stringify([github.book.of(7), github.statuses(), log.events]);
  expect(shown).not.toContain('s3cret');
  expect(github.faults()).toEqual([]);
  await github.close();
  await server.close();
  repository.remove();
  rmSync(folder, { recursive: true, force: true });
});

const namespace = (): string => `pulls-${number}`;

function wire(): void {
  const uid = `uid-${number}`;
  const url = `${server.url}/policies.git`;
  const credentials = { kind: 'basic', username: 'parapet', password: PASSWORD } as const;
  source = new GitSource({
    url,
    ref: { kind: 'branch', value: 'main' },
    path: '.',
    directory: join(repository.home, 'store'),
    environment: { PATH: process.env['PATH'] ?? '' },
    credentials: () => credentials,
  });
  parts = {
    source,
    synthesizer: createSynthesizer({ library }),
    judge: new Judge(),
    delivery: new DirectDelivery({ connection, live, source: uid, as: undefined, force: false }),
    metrics: NO_METRICS,
    claim: (manifest, ref, commit) => claim(manifest, ref, { source: { ...SOURCE, uid }, repository: url, commit }),
    gate: { kinds: POLICY_KINDS, namespaces: [namespace()] },
    rules: RULES,
    breathe: () => breathe(),
    now: () => performance.now(),
  };
  const host = createHost({ provider: 'GitHub', apiUrl: github.url, repository: 'shop/policies' }, () => Promise.resolve({ token: TOKEN }));
  const pace = new Pace({ minute: Infinity, hour: Infinity }, clock);
  statuses = statusesFor({ host, store: memoryStore(), clock, log: log.log, pace });
  comments = new CommentQueue({ clock, log: log.log, pace, random: Math.random });
  pulls = new PullRequests({
    plan: { ...parts, judge: new Judge() },
    stored: new StoredClusterPolicies({ connection }),
    telemetry: new TelemetryFiles({ directory: folder }),
    ...{ clock, log: log.log, statuses, host, comments },
    source: `${SOURCE.namespace}/${SOURCE.name}`,
    cluster: undefined,
    provider: 'GitHub',
    limit: 20,
    path: '.',
  });
}

/** A program with a policy for each name, that blocks a program. */
const program = (policies: Readonly<Record<string, string>>): string => `
import { App, Chart } from 'cdk8s';
import { ContainerPolicy } from '@parapet/sdk';
const chart = new Chart(new App(), 'shop');
${Object.entries(policies)
  .map(
    ([name, path]) =>
      `new ContainerPolicy(chart, '${name}', { namespace: '${namespace()}', select: { app: 'web' } }).blockExec('${path}');`,
  )
  .join('\n')}
App.of(chart).synth();
`;

/** Pushes a program to the main branch, and carries it out. */
async function release(policies: Readonly<Record<string, string>>): Promise<void> {
  main = repository.commit({ 'main.ts': program(policies) });
  expect(await runSource(parts, main, stop.signal)).toMatchObject({ kind: 'delivered', problems: [] });
}
/** Pushes a program as the head of a pull request, as from a fork: the repository has it by its reference only. */
function push(pullRequest: number, text: string): string {
  const commit = repository.commit({ 'main.ts': text }, [`HEAD:refs/pull/${pullRequest}/head`]);
  close(pullRequest);
  github.book.open({ number: pullRequest, commit, fork: 'mallory/policies' });
  return commit;
}
function close(pullRequest: number): void {
  const { pullRequests } = github.book;
  const at = pullRequests.findIndex((one) => one.number === pullRequest);
  if (at >= 0) pullRequests.splice(at, 1);
}
/** Looks, and waits until everything is said. */
async function look(signal = stop.signal): Promise<LookedAll> {
  const looked = await pulls.look({ branch: 'main', commit: main }, signal);
  expect(await statuses.drained(60_000)).toBe(true);
  for (const started = Date.now(); comments.waiting > 0 && Date.now() - started < 60_000;) await delay(20);
  return looked;
}
const said = (commit: string, topic: string): string[] =>
  github
    .statuses(commit)
    .filter(({ context }) => context === `parapet/${topic}`)
    .map(({ state, description }) => `${state}: ${description}`);
const ours = (): KeptComment[] => github.book.of(7);
const stored = async (): Promise<string> =>
  plane.must(['get', 'ksp', '-n', namespace(), '-o', 'jsonpath={range .items[*]}{.metadata.name} {.metadata.resourceVersion} {end}']);
const alert = (resource: string): string =>
  JSON.stringify(
    record({
      namespaceName: namespace(),
      resource,
      processName: resource,
      count: 3,
      updatedTime: new Date(Date.now() - 60_000).toISOString(),
    }),
  );

test('a pull request from its first look to its end: diff, prune preview and what-if in one comment that is kept up to date', async () => {
  await release({ shell: '/bin/sh', old: '/usr/bin/gone' });
  const before = await stored();
  writeFileSync(join(folder, 'node-a.jsonl'), `${alert('/usr/bin/curl')}\nno record\n${alert('/bin/sh')}\n`);

  const first = push(7, program({ shell: '/bin/bash', 'no-curl': '/usr/bin/curl' }));
  expect(await look()).toEqual({ looked: 1, left: 0 });
  expect(said(first, 'synth')).toEqual(['pending: synthesizing policies', 'success: 2 policies, 2 rules']);
  const outcome = '1 added, 1 changed, 1 removed; would have blocked 3 accesses in 1 min, in 1 workload; 3 no longer blocked';
  expect(said(first, 'diff')).toEqual(['pending: waiting to be compared with the cluster', `success: ${outcome}`]);
  expect(ours()).toHaveLength(1);
  const [comment] = ours();
  expect(comment?.body).toContain(`-        path: /bin/sh\n+        path: /bin/bash`);
  expect(comment?.body).toMatch(new RegExp(`#### Would be removed\\s+\\* \`KubeArmorPolicy ${namespace()}/old\``));
  expect(comment?.body).toContain('would have blocked 3 accesses in 1 min, in 1 workload');
  expect(comment?.body).toMatch(/written at[\s\S]*main\.ts:\d+/);
  expect(await stored()).toBe(before);

  expect(await look()).toEqual({ looked: 0, left: 0 });
  expect(ours()[0]?.edits).toBe(0);

  const second = push(7, program({ shell: '/bin/bash', old: '/usr/bin/gone' }));
  expect(await look()).toEqual({ looked: 1, left: 0 });
  expect(said(second, 'diff').at(-1)).toMatch(/^success: 0 added, 1 changed, 0 removed/);
  expect(ours()).toMatchObject([{ id: comment?.id, edits: 1, body: expect.not.stringContaining('Would be removed') as unknown }]);

  await release({ shell: '/bin/bash', old: '/usr/bin/gone', more: '/usr/bin/more' });
  const released = await stored();
  expect(await look()).toEqual({ looked: 1, left: 0 });
  expect(said(second, 'diff').at(-1)).toMatch(/^success: 0 added, 0 changed, 1 removed/);
  expect(ours()).toMatchObject([{ id: comment?.id, edits: 2, body: expect.stringContaining(`${namespace()}/more`) as unknown }]);

  close(7);
  expect(await look()).toEqual({ looked: 0, left: 0 });
  expect(ours()).toMatchObject([{ edits: 2 }]);
  expect(await stored()).toBe(released);
  expect(main).not.toBe(second);
});

test('a hostile head is refused or shown as code, and nothing of it reaches the cluster', async () => {
  await release({ shell: '/bin/sh' });
  const before = await stored();
  const nasty = '`@octocat` <img src=x onerror=y> [a](https://a.test) | \\n/close';
  const thrown = push(7, `throw new Error(\`${nasty.replaceAll('`', '\\`')}\`);`);
  await look();
  expect(said(thrown, 'synth').at(-1)).toMatch(/^failure: main\.ts:1/);
  expect(ours()[0]?.body).toContain('nothing is planned');
  const outside = (ours()[0]?.body ?? '').replace(/(`+)[\s\S]*?[^`]\1(?!`)/g, '');
  expect(outside).not.toMatch(/octocat|<img|a\.test|^\/close/m);

  const elsewhere = push(7, program({ shell: '/bin/sh' }).replaceAll(namespace(), 'kube-system'));
  await look();
  expect(said(elsewhere, 'synth').at(-1)).toMatch(/^failure: .*kube-system/);
  expect(said(elsewhere, 'diff').at(-1)).toMatch(/^failure: /);
  const secrets = push(7, `import { readFileSync } from 'node:fs';\nreadFileSync('/etc/passwd');`);
  await look();
  expect(said(secrets, 'synth').at(-1)).toMatch(/^failure: main\.ts:2.* reading files is not possible/);
  expect(ours()).toHaveLength(1);
  expect(await stored()).toBe(before);
  expect(await plane.must(['get', 'ksp', '-n', 'kube-system', '-o', 'name'])).toBe('');
});

test('what the server would not take is seen before anything is merged', async () => {
  await release({ shell: '/bin/sh' });
  await plane.must(['delete', 'namespace', namespace(), '--wait=false']);
  const head = push(7, program({ shell: '/bin/sh', more: '/bin/bash' }));
  await look();
  expect(said(head, 'synth').at(-1)).toBe('success: 2 policies, 2 rules');
  expect(said(head, 'diff').at(-1)).toMatch(/^failure: KubeArmorPolicy pulls-\d+\/more: the API server refuses it/);
});

test('a look that is aborted for a run of the source goes on afterwards, and no status stays pending', async () => {
  await release({ shell: '/bin/sh' });
  const slow = push(7, `for (let i = 0; i < 3e9; i += 1);\n${program({ shell: '/bin/sh' })}`);
  const run = new AbortController();
  const looking = look(run.signal);
  for (const started = Date.now(); said(slow, 'synth').length === 0 && Date.now() - started < 60_000;) await delay(20);
  run.abort('the source has a newer commit');
  expect(await looking).toMatchObject({ looked: 0, left: 1 });
  await release({ shell: '/bin/bash' });
  expect(said(slow, 'synth')).toEqual(['pending: synthesizing policies']);
  const quick = push(7, program({ shell: '/bin/sh' }));
  await look();
  expect(said(slow, 'synth').at(-1)).toBe(`error: superseded by ${quick.slice(0, 7)}`);
  expect(said(slow, 'diff').at(-1)).toBe(`error: superseded by ${quick.slice(0, 7)}`);
  expect(said(quick, 'diff').at(-1)).toMatch(/^success: 0 added, 1 changed/);
});
