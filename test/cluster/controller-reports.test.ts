/** What comes back to the author: statuses on commits and pull requests, from two controllers of which one leads, and what nodes report. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { NodeReport } from '@parapet/policy';
import { HOME } from '../support/cluster/controller-process.ts';
import { startGithub } from '../support/github/index.ts';
import type { Github } from '../support/github/index.ts';
import { nodeReport, policyReport, violation } from '../unit/reconciler/builders.ts';
import { BUILD_PATIENCE } from './manifests.ts';
import { isReady, program, World } from './world.ts';

jest.setTimeout(240_000);

const TOKEN = 's3cretTokenOfTheHost';
const PASSWORD = 's3cretPasswordOfGit';
let world: World;
let github: Github;
let main = '';

beforeAll(async () => {
  world = await World.begin({ git: { user: 'parapet', password: PASSWORD }, flags: ['--cluster', 'east'] });
  github = await startGithub({ owner: 'shop', repo: 'policies', token: TOKEN });
  const secrets = { git: { username: 'parapet', password: PASSWORD }, host: { token: TOKEN } };
  for (const [name, data] of Object.entries(secrets))
    await world.plane.apply([{ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: HOME }, stringData: data }]);
}, BUILD_PATIENCE);
afterAll(async () => {
  await world?.end();
  await github?.close();
}, BUILD_PATIENCE);

/** `synth success`, as each context was said last of a commit. */
const shown = (commit: string): string[] => {
  const newest = new Map(github.statuses(commit).map(({ context, state, description }) => [context, `${state}: ${description}`]));
  return [...newest].map(([context, text]) => `${context} ${text}`).sort();
};

/** What a node says of the source's policies as they are stored. */
async function report(node: string, rest: Partial<NodeReport['status']> = {}): Promise<void> {
  const listed = await world.plane.must(['get', 'ksp', '-n', 'default', '-o', 'json']);
  const { items } = JSON.parse(listed) as {
    items: { metadata: { name: string; generation: number; annotations: Record<string, string> } }[];
  };
  const policies = items.map(({ metadata: { name, generation, annotations } }) =>
    policyReport(name, { namespace: 'default', generation, commit: annotations['parapet.dev/commit'] ?? '' }),
  );
  const { status } = nodeReport(node, { observedAt: new Date().toISOString(), policies, ...rest });
  await world.plane.apply([{ apiVersion: 'parapet.dev/v1alpha1', kind: 'NodeReport', metadata: { name: node }, status }]);
}

test('a commit gets its statuses in order: synth, diff, sync, and enforced once the nodes say so', async () => {
  world.start();
  main = world.repository.commit(program(['api', 'web']));
  const statuses = { provider: 'GitHub', apiUrl: github.url, repository: 'shop/policies', secretRef: { name: 'host' } };
  await world.plane.apply([world.source('shop', { secretRef: { name: 'git' }, statuses, pullRequests: { comment: true } })]);
  await world.when('shop', isReady);
  await report('node-1');
  await world.until('the statuses', () => Promise.resolve(shown(main)), {
    is: (lines) => lines.some((line) => line.startsWith('parapet/enforced (east) success')),
  });
  expect(shown(main)).toEqual([
    expect.stringMatching(/^parapet\/diff \(east\) success: 2 added$/),
    expect.stringMatching(/^parapet\/enforced \(east\) success: /),
    expect.stringMatching(/^parapet\/sync \(east\) success: 2 added$/),
    expect.stringMatching(/^parapet\/synth \(east\) success: 2 policies/),
    ...shown(main).filter((line) => line.startsWith('parapet/violations')),
  ]);
  const ready = await world.when('shop', ({ status }) => status?.policies?.enforced === 2);
  expect(ready.status?.policies).toMatchObject({ total: 2, enforced: 2, degraded: 0, refused: 0 });
  await world.plane.must(['wait', '--for=condition=Enforced', 'ksp/web', '-n', 'default', '--timeout=60s']);
});

test('a violation makes the commit that wrote the rule red', async () => {
  await report('node-1', { violations: [violation({ namespace: 'default', name: 'web', count: 3, commit: main })] });
  await world.until('the statuses', () => Promise.resolve(shown(main)), {
    is: (lines) => lines.some((line) => line.startsWith('parapet/violations (east) failure: 3 blocked')),
  });
});

test('a pull request is compared with the cluster, as statuses and one comment, and nothing of it is applied', async () => {
  const head = world.repository.commit(program(['api', 'more']), ['HEAD:refs/pull/7/head']);
  world.repository.git(['reset', '--quiet', '--hard', main]);
  github.book.open({ number: 7, commit: head, branch: 'more', base: 'main' });
  await world.sync('shop');
  await world.until('the statuses', () => Promise.resolve(shown(head)), {
    is: (lines) => lines.some((line) => line.includes('diff (east) success')),
  });
  expect(shown(head)[0]).toMatch(/^parapet\/diff \(east\) success: .*1 added.*1 removed/);
  const comments = await world.until('the comment', () => Promise.resolve(github.book.of(7)), { is: (found) => found.length > 0 });
  expect(comments).toHaveLength(1);
  expect(comments[0]?.body).toContain('Would be removed');
  expect(await world.policies()).toEqual(['api', 'web']);
});

test('when the leader is killed the other one goes on, and nothing is posted twice or left pending', async () => {
  const [first] = world.controllers;
  const second = world.start();
  await second.port('operations');
  const next = world.repository.commit(program(['api', 'web', 'late']));
  await first?.kill();
  await second.line(({ message }) => message === 'this process leads');
  await world.when('shop', ({ status }) => status?.lastAppliedRevision === `main@sha1:${next}`);
  await report('node-1');
  await world.until('the statuses', () => Promise.resolve(shown(next)), {
    is: (lines) => lines.length >= 4 && lines.every((line) => !line.includes('pending')),
  });
  for (const commit of [main, next]) {
    const said = github.statuses(commit).map(({ context, state, description }) => `${context} ${state} ${description}`);
    expect(said.filter((line, at) => said.indexOf(line) !== at && said.lastIndexOf(line) === at)).toEqual([]);
  }
});

test('no log, status or event shows a secret', async () => {
  const told = [
    ...world.controllers.map(({ log }) => log),
    await world.plane.must(['get', 'policysources,events,configmaps', '-A', '-o', 'yaml']),
    JSON.stringify(github.statuses()),
  ].join('\n');
  for (const secret of [TOKEN, PASSWORD, Buffer.from(`parapet:${PASSWORD}`).toString('base64')]) expect(told).not.toContain(secret);
});
