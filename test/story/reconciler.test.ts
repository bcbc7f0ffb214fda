/** `parapet reconcile` from outside: real Git, the real sandbox, a stand-in for GitHub, and a node that only pretends. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { NodeReport } from '@parapet/policy';
import { startGithub } from '../support/github/index.ts';
import type { Github } from '../support/github/index.ts';
import { nodeReport, policyReport, violation } from '../unit/reconciler/builders.ts';
import { Repository, serveGit } from '../unit/reconciler/repositories.ts';
import { Reconciler } from './reconciler-process.ts';

// real processes, on machines that may be busy
jest.setTimeout(120_000);

const TOKEN = 'ghp_s3cretTokenOfTheStory';
let repository: Repository;
let github: Github;
let target = '';
let started: Reconciler[] = [];

beforeEach(async () => {
  repository = new Repository({ empty: true });
  github = await startGithub({ owner: 'shop', repo: 'policies', token: TOKEN });
  target = join(repository.home, 'target');
  started = [];
});
afterEach(async () => {
  for (const one of started) await one.stop('SIGKILL');
  for (const { output } of started) expect(output).not.toContain('s3cret');
  expect(github.faults()).toEqual([]);
  await github.close();
  repository.remove();
});

const program = (policies: string): string => `
import { App, Chart } from 'cdk8s';
import { ContainerPolicy } from '@parapet/sdk';
const chart = new Chart(new App(), 'shop');
${policies}
App.of(chart).synth();
`;
const noApt = (name: string): string =>
  `new ContainerPolicy(chart, '${name}', { namespace: 'shop', labels: { app: 'web' } }).blockExec('/usr/bin/apt');`;
const SLOW = 'for (let i = 0; i < 4e8; i += 1);';

function reconciler(args: readonly string[] = ['--interval', '200ms'], env: Readonly<Record<string, string>> = {}): Reconciler {
  const statuses = { PARAPET_GITHUB_API_URL: github.url, PARAPET_GITHUB_REPOSITORY: 'shop/policies', PARAPET_GITHUB_TOKEN: TOKEN };
  const one = new Reconciler(['--source', repository.url, '--target', target, ...args], { ...statuses, ...env });
  started.push(one);
  return one;
}
const said = (commit: string, context = 'parapet/synth'): string[] =>
  github
    .statuses(commit)
    .filter((status) => status.context === context)
    .map(({ state, description }) => `${state}: ${description}`);
const states = (commit: string, context?: string): string[] => said(commit, context).map((text) => text.split(':')[0] ?? '');
const policies = (): Record<string, string> =>
  existsSync(join(target, 'policies'))
    ? Object.fromEntries(readdirSync(join(target, 'policies')).map((name) => [name, readFileSync(join(target, 'policies', name), 'utf8')]))
    : {};
let reports = 0;
function report(status: Partial<NodeReport['status']>): void {
  mkdirSync(join(target, 'reports'), { recursive: true });
  const text = JSON.stringify(nodeReport('n1', { observedAt: `${(reports += 1)}`, ...status }));
  writeFileSync(join(target, 'reports/.n1.part'), text);
  renameSync(join(target, 'reports/.n1.part'), join(target, 'reports/n1.json'));
}
const ended = (commit: string, state: string, context?: string) => (): boolean => states(commit, context).at(-1) === state;

test('commits become files and statuses: good, bad, good again; nodes answer; the repository goes and comes back', async () => {
  const first = repository.commit({ 'main.ts': program(noApt('no-apt')) });
  const run = reconciler();
  await run.until('the first success', ended(first, 'success'));
  expect(said(first)).toEqual(['pending: synthesizing policies', 'success: 1 policy, 1 rule: 1 added']);
  const good = policies();
  expect(Object.keys(good)).toEqual(['shop.no-apt.yaml']);
  expect(good['shop.no-apt.yaml']).toContain(first);
  expect(good['shop.no-apt.yaml']).toContain('main.ts:5');
  await run.until('waiting for nodes', ended(first, 'pending', 'parapet/enforced'));

  report({ policies: [policyReport('no-apt', { commit: first })] });
  await run.until('enforcement', ended(first, 'success', 'parapet/enforced'));
  await run.until('a green commit', ended(first, 'success', 'parapet/violations'));
  report({
    policies: [policyReport('no-apt', { commit: first })],
    violations: [violation({ name: 'no-apt', commit: first, source: 'main.ts:5', resource: `/usr/bin/apt\u001b[2J${'x'.repeat(300)}` })],
  });
  await run.until('a red commit', ended(first, 'failure', 'parapet/violations'));
  expect(said(first, 'parapet/violations').at(-1)).toMatch(
    /^failure: 1 blocked: no-apt spec\.process\.matchPaths\[0\] \/usr\/bin\/apt \[2Jx+… \(main\.ts:5\)$/,
  );

  const bad = repository.commit({ 'main.ts': program(noApt('no-apt').replace('/usr/bin/apt', 'usr/bin/apt')) });
  await run.until('the failure', ended(bad, 'failure'));
  expect(said(bad)[1]).toMatch(/^failure: main\.ts:5: /);
  expect(policies()).toEqual(good);

  renameSync(repository.bare, `${repository.bare}.away`);
  await run.until(
    'the complaint',
    () => run.output.includes('what is applied stays in force\n') && run.output.includes('repository-unreachable'),
  );
  renameSync(`${repository.bare}.away`, repository.bare);
  const third = repository.commit({ 'main.ts': program(noApt('no-apt') + noApt('no-apt-either')) });
  await run.until('the recovery', ended(third, 'success'));
  expect(said(third)[1]).toBe('success: 2 policies, 2 rules: 1 added');
  report({
    policies: ['no-apt', 'no-apt-either'].map((name) =>
      policyReport(name, { commit: third, state: name === 'no-apt' ? 'Enforced' : 'Degraded', message: 'no hook for it' }),
    ),
  });
  await run.until('the node’s complaint', ended(third, 'failure', 'parapet/enforced'));
  expect(said(third, 'parapet/enforced').at(-1)).toBe('failure: no-apt-either: degraded on n1: no hook for it');

  const { code, took } = await run.stop();
  expect([code, took < 5_000]).toEqual([0, true]);
});

test('a push in the middle of a run ends that commit’s status, and the newer one is applied', async () => {
  const slow = repository.commit({ 'main.ts': program(`${SLOW}${SLOW}${SLOW}`) });
  const run = reconciler();
  await run.until('the first run', ended(slow, 'pending'));
  const next = repository.commit({ 'main.ts': program(noApt('no-apt')) });
  await run.until('the second run', ended(next, 'success'));
  await run.until('the end of the first', () => said(slow).at(-1) === `error: superseded by ${next.slice(0, 7)}`);
  expect(states(slow)).toEqual(['pending', 'error']);
});

test('stopped in the middle of a run it ends the status in time, and the next start carries the commit out', async () => {
  const slow = repository.commit({ 'main.ts': program(`${SLOW.replace('4e8', '1e7')}${noApt('no-apt')}`) });
  const run = reconciler();
  await run.until('the run', ended(slow, 'pending'));
  const { code, took } = await run.stop();
  expect([code, took < 5_000]).toEqual([0, true]);
  expect(said(slow)).toEqual(['pending: synthesizing policies', 'error: the reconciler was stopped']);
  const again = reconciler();
  await again.until('the success', ended(slow, 'success'));
});

test('stopped while status host and Git server hang, it still ends in time, and the statuses arrive after the next start', async () => {
  const commit = repository.commit({ 'main.ts': program(noApt('no-apt')) });
  github.failNext('hang', { count: 50 });
  const run = reconciler();
  await run.until('the files', () => Object.keys(policies()).length === 1);
  const { code, took } = await run.stop();
  expect([code, took < 5_000]).toEqual([0, true]);
  await github.close();
  github = await startGithub({ owner: 'shop', repo: 'policies', token: TOKEN });
  const again = reconciler();
  await again.until('the success', ended(commit, 'success'));
  expect(states(commit)).toEqual(['pending', 'success']);

  const server = await serveGit(repository.home, { user: 'bot', password: 'x-s3cret' });
  server.mode = 'hang';
  const hanging = new Reconciler(['--source', `${server.url}/policies.git`, '--target', join(repository.home, 'other')], {
    PARAPET_GIT_TOKEN: 'x-s3cret',
  });
  started.push(hanging);
  await hanging.until('the question', () => server.asked.length > 0);
  const stopped = await hanging.stop();
  await server.close();
  expect([stopped.code, stopped.took < 5_000]).toEqual([0, true]);
});

test('killed in the middle of a run, the next start ends what was left pending, on this commit and on older ones', async () => {
  const first = repository.commit({ 'main.ts': program(`${SLOW}${SLOW}${SLOW}`) });
  const run = reconciler();
  await run.until('the run', ended(first, 'pending'));
  await run.stop('SIGKILL');
  const second = repository.commit({ 'main.ts': program(`${SLOW}${SLOW}${SLOW}`) });
  const again = reconciler();
  await again.until('the second run', ended(second, 'pending'));
  await again.until('the end of the first', ended(first, 'error'));
  await again.stop('SIGKILL');
  repository.git(['push', '--quiet', '--force', 'origin', `${repository.commit({ 'main.ts': program(noApt('no-apt')) })}:main`]);
  const third = reconciler(['--once']);
  expect(await third.ended()).toBe(0);
  expect([states(first), states(second)]).toEqual([
    ['pending', 'error'],
    ['pending', 'error'],
  ]);
  expect(Object.keys(policies())).toEqual(['shop.no-apt.yaml']);
});

test('one run ends with 0 for a good commit, 1 for its problems, 2 for wrong usage and 3 for the world', async () => {
  const once = async (args: readonly string[]): Promise<[number | null, string]> => {
    const run = reconciler(['--once', ...args]);
    return [await run.ended(), run.output];
  };
  const good = repository.commit({ 'main.ts': program(noApt('no-apt')) });
  expect((await once([]))[0]).toBe(0);
  const kept = policies();
  expect(states(good, 'parapet/enforced')).toEqual([]);

  repository.commit({ 'main.ts': program(`${noApt('no-apt')}\nthrow new Error('boom');`) });
  const [code, output] = await once([]);
  expect(code).toBe(1);
  expect(output).toMatch(/^main\.ts:6(:\d+)?: the program threw boom \[program-threw\]$/m);
  expect((await once(['--ref', 'gone']))[0]).toBe(1);
  expect((await once(['--path', 'gone']))[0]).toBe(1);

  const [usage, complaint] = await once(['--ref', 'a..b', '--path', '../up']);
  expect(usage).toBe(2);
  expect(complaint).toContain('ref: ');
  expect(complaint).toContain('path: ');

  expect((await once(['--source', `${repository.url}-not-there`]))[0]).toBe(3);
  writeFileSync(join(repository.home, 'file'), '');
  expect((await once(['--target', join(repository.home, 'file/target')]))[0]).toBe(3);
  expect(policies()).toEqual(kept);
});
