import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { on } from 'node:events';
import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { INDEX_FILE, readIndex } from '../../../reconciler/src/rendered-index.ts';
import { NIGHTLY } from '../../support/nightly.ts';
import { hash } from './builders.ts';
import { desired, planned, REPOSITORY, revision } from './deliveries.ts';
import { branchOf, commitsOf, treeOf } from './rendered-fixture.ts';
import { Repository } from './repositories.ts';

// real processes, on machines that may be busy
jest.setTimeout(300_000);

const KILLS = NIGHTLY ? 25 : 10;

const { signal } = new AbortController();
let repository: Repository;
beforeEach(() => {
  repository = new Repository();
});
afterEach(() => repository.remove());

const head = (branch = 'rendered'): string => repository.git(['rev-parse', branch], repository.bare);
const show = (format: string): string => repository.git(['show', '--no-patch', `--format=${format}`, 'rendered'], repository.bare);
const first = revision('a', [planned('added', 'web'), planned('added', 'api')]);

/** Makes `hooks/NAME` of the repository a shell script. */
function hook(name: string, script: string): void {
  const file = join(repository.bare, 'hooks', name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

test('a branch that is not there is begun, with one file a policy, and says which commit it is of', async () => {
  const branch = branchOf(repository);
  expect(await branch.survey([desired('web')], signal)).toEqual([]);
  expect(await branch.carryOut(first, signal)).toEqual(new Map());
  expect(Object.keys(treeOf(repository, 'rendered'))).toEqual([
    'policies/kustomization.yaml',
    `policies/${INDEX_FILE}`,
    'policies/shop.api.yaml',
    'policies/shop.web.yaml',
  ]);
  expect(show('%B').trim()).toBe(`Policies of aaaaaaa\n\nParapet-Source-Repository: ${REPOSITORY}\nParapet-Source-Commit: ${hash('a')}`);
  expect(show('%an <%ae> %at|%cn <%ce> %ct|%P')).toBe('Parapet <parapet@localhost> 1700000000|Parapet <parapet@localhost> 1700000000|');
  expect(show('%(trailers:key=Parapet-Source-Commit,valueonly)').trim()).toBe(hash('a'));
  expect((await branch.survey([], signal)).map(({ name, owner, fingerprint }) => [name, owner, fingerprint])).toEqual([
    ['api', 'ours', desired('api').fingerprint],
    ['web', 'ours', desired('web').fingerprint],
  ]);
});

test('the same revisions give the same commits, in another place, by another process, at another time', async () => {
  const other = new Repository();
  try {
    for (const each of [repository, other]) {
      const branch = branchOf(each);
      await branch.carryOut(first, signal);
      await branch.carryOut(revision('b', [planned('changed', 'web', { commit: 'b', action: 'Audit' })]), signal);
    }
    expect(commitsOf(other)).toEqual(commitsOf(repository));
  } finally {
    other.remove();
  }
});

test('nothing to change is no commit: the same revision again, and a commit that changes no policy', async () => {
  const branch = branchOf(repository);
  await branch.carryOut(first, signal);
  const before = head();
  await branch.carryOut(first, signal);
  await branch.carryOut(revision('b', [planned('unchanged', 'web', { commit: 'b' }), planned('kept', 'api')]), signal);
  await branchOf(repository, {}, 'another-store').carryOut(first, signal);
  expect(head()).toBe(before);
});

test('only what changed is written, what is gone is removed, and the rest of the branch stays as it is', async () => {
  repository.commit({ 'README.md': 'mine', 'policies/notes.txt': 'mine too', 'a "b"\\c/d.txt': 'odd' }, ['HEAD:rendered']);
  const before = treeOf(repository, 'rendered');
  const branch = branchOf(repository);
  await branch.carryOut(first, signal);
  const next = [planned('changed', 'web', { commit: 'b', action: 'Audit' }), planned('removed', 'api')];
  await branch.carryOut(revision('b', next), signal);
  const tree = treeOf(repository, 'rendered');
  expect(tree).toMatchObject(before);
  expect(Object.keys(tree).filter((path) => before[path] === undefined)).toEqual([
    'policies/kustomization.yaml',
    `policies/${INDEX_FILE}`,
    'policies/shop.web.yaml',
  ]);
  expect(tree['policies/shop.web.yaml']).toContain('action: "Audit"');
  expect(repository.git(['diff', '--name-status', 'rendered~1', 'rendered'], repository.bare).split('\n')).toEqual([
    'M\tpolicies/kustomization.yaml',
    `M\tpolicies/${INDEX_FILE}`,
    'D\tpolicies/shop.api.yaml',
    'M\tpolicies/shop.web.yaml',
  ]);
});

test('a folder of any name may be ours, and so may the whole branch', async () => {
  for (const [path, file] of [
    ['.', 'shop.web.yaml'],
    ['a "b"\\c\td/ü', 'a "b"\\c\td/ü/shop.web.yaml'],
  ] as const) {
    const branch = branchOf(repository, { path, branch: `to-${file.length}`, author: { name: 'A <b>\nc', email: 'a@b>c' } });
    await branch.carryOut(first, signal);
    await branch.carryOut(revision('b', [planned('removed', 'api'), planned('unchanged', 'web', { commit: 'b' })]), signal);
    expect(Object.keys(treeOf(repository, `to-${file.length}`)).filter((name) => /shop/.test(name))).toEqual([file]);
    expect((await branch.survey([], signal)).map(({ name }) => name)).toEqual(['web']);
    await branch.close();
  }
});

test('files of others and things in the way are left alone, each with its reason', async () => {
  repository.git(['checkout', '-q', '--orphan', 'x'], repository.work);
  repository.commit({ 'policies/shop.web.yaml': 'mine', file: 'mine' }, ['HEAD:rendered']);
  const branch = branchOf(repository);
  expect((await branch.survey([desired('web'), desired('api')], signal)).map(({ name, owner }) => [name, owner])).toEqual([
    ['web', 'nobody'],
  ]);
  expect([...(await branch.tryOut(first.policies)).keys()]).toEqual(['KubeArmorPolicy shop/web']);
  expect([...(await branch.carryOut(first, signal)).keys()]).toEqual(['KubeArmorPolicy shop/web']);
  expect(treeOf(repository, 'rendered')).toMatchObject({ 'policies/shop.web.yaml': 'mine', file: 'mine' });
  expect(treeOf(repository, 'rendered')['policies/shop.api.yaml']).toBeDefined();
  const before = head();
  await expect(branchOf(repository, { path: 'file/below' }).carryOut(first, signal)).rejects.toMatchObject({
    stage: 'target',
    retry: false,
    code: 'target-not-ours',
    message: expect.stringContaining('"file" of the branch "rendered"') as unknown,
  });
  const other = branchOf(repository, { owner: 'other/one' }, 'other-store');
  await expect(other.survey([], signal)).rejects.toThrow(/it belongs to the source "parapet-system\/shop": use another folder/);
  expect(head()).toBe(before);
});

test('what somebody changed on the branch is seen and put right; a history that was rewritten is no obstacle', async () => {
  const branch = branchOf(repository);
  await branch.carryOut(first, signal);
  const delivered = treeOf(repository, 'rendered');
  repository.git(['fetch', '-q', 'origin', 'rendered'], repository.work);
  repository.git(['checkout', '-q', '--detach', 'FETCH_HEAD'], repository.work);
  repository.commit({ 'policies/shop.web.yaml': 'weaker: true\n', 'policies/shop.api.yaml': undefined }, ['HEAD:rendered']);
  expect((await branch.survey([], signal)).map(({ name, fingerprint }) => [name, fingerprint === desired('web').fingerprint])).toEqual([
    ['web', false],
  ]);
  await branch.carryOut(revision('a', [planned('changed', 'web'), planned('added', 'api')]), signal);
  expect(treeOf(repository, 'rendered')).toEqual(delivered);
  repository.git(['push', '-q', '--force', 'origin', 'HEAD~1:refs/heads/rendered'], repository.work);
  await branch.carryOut(first, signal);
  expect(treeOf(repository, 'rendered')).toEqual(delivered);
});

test('a branch that moves between reading and pushing is read again, at most three times; nothing of others is lost', async () => {
  await branchOf(repository).carryOut(first, signal);
  let rounds = 0;
  const moving = (times: number) => () => {
    rounds += 1;
    if (rounds <= times) repository.git(['push', '-q', '--force', 'origin', `${other(rounds)}:refs/heads/rendered`], repository.work);
    return Promise.resolve(1_700_000_000);
  };
  const other = (round: number): string => {
    repository.git(['fetch', '-q', 'origin', 'rendered'], repository.work);
    repository.git(['checkout', '-q', '--detach', 'FETCH_HEAD'], repository.work);
    return repository.commit({ [`theirs-${round}`]: String(round) }, ['HEAD:refs/heads/scratch']);
  };
  const next = revision('b', [planned('changed', 'web', { commit: 'b', action: 'Audit' })]);
  await branchOf(repository, { committedAt: moving(3) }).carryOut(next, signal);
  expect(rounds).toBe(4);
  expect(treeOf(repository, 'rendered')).toMatchObject({ 'theirs-1': '1', 'theirs-2': '2', 'theirs-3': '3' });
  expect(treeOf(repository, 'rendered')['policies/shop.web.yaml']).toContain('Audit');
  rounds = 0;
  const again = revision('c', [planned('changed', 'web', { commit: 'c', action: 'Block' })]);
  await expect(branchOf(repository, { committedAt: moving(9) }).carryOut(again, signal)).rejects.toMatchObject({
    retry: true,
    message: expect.stringMatching(/others keep writing to the branch "rendered" of .*: it moved 4 times/) as unknown,
  });
});

test('a push whose answer is lost is not done twice; one that is refused is said with its reason', async () => {
  const branch = branchOf(repository);
  // the server dies after the branch has moved
  hook('post-receive', 'kill -9 $PPID');
  await branch.carryOut(first, signal);
  expect(commitsOf(repository)).toHaveLength(1);
  hook('post-receive', 'exit 0');
  hook('pre-receive', 'exit 1');
  const next = revision('b', [planned('changed', 'web', { commit: 'b', action: 'Audit' })]);
  await expect(branch.carryOut(next, signal)).rejects.toMatchObject({ stage: 'target', retry: true, code: 'repository-unreachable' });
  hook('pre-receive', 'exit 0');
  await branch.carryOut(next, signal);
  expect(commitsOf(repository)).toHaveLength(2);
});

test('sources that write to folders of one branch at the same time all get there', async () => {
  const names = ['one', 'two', 'three'];
  const branches = names.map((name) => branchOf(repository, { path: name, owner: `parapet-system/${name}` }, `store-${name}`));
  for (const [round, action] of ['Block', 'Audit', 'Block', 'Audit'].entries()) {
    const commit = String(round);
    const wanted = revision(commit, [planned(round === 0 ? 'added' : 'changed', 'web', { commit, action })]);
    await Promise.all(branches.map((branch) => branch.carryOut(wanted, signal)));
    const tree = treeOf(repository, 'rendered');
    for (const name of names) expect(tree[`${name}/shop.web.yaml`]).toContain(action);
  }
  // each rendered each round once: nobody's commit was lost or repeated
  expect(commitsOf(repository)).toHaveLength(12);
});

test('two that deliver the same source by mistake make the same commit, not two', async () => {
  const [one, two] = [branchOf(repository, {}, 'store-1'), branchOf(repository, {}, 'store-2')];
  await Promise.all([one.carryOut(first, signal), two.carryOut(first, signal)]);
  expect(commitsOf(repository)).toHaveLength(1);
});

test('a caller that gives up is heard, and a repository that is gone is the world’s failure', async () => {
  const stopping = new AbortController();
  const slow = branchOf(repository, { committedAt: () => Promise.resolve(stopping.abort(new Error('stop'))).then(() => 0) });
  await expect(slow.carryOut(first, stopping.signal)).rejects.toThrow('stop');
  await branchOf(repository).carryOut(first, signal);
  const gone = branchOf(repository, { url: `${repository.url}-gone` });
  await expect(gone.survey([], signal)).rejects.toMatchObject({ stage: 'target', retry: true, code: 'repository-unreachable' });
  await expect(branchOf(repository, { patience: 1 }).survey([], signal)).rejects.toThrow(/can't be read: it did not answer in time/);
});

test('a branch that is larger than may be kept is not fetched to the end, and nothing of it stays', async () => {
  repository.commit({ large: randomBytes(2_000_000).toString('hex') }, ['HEAD:rendered']);
  const branch = branchOf(repository, { limit: 100_000 }, 'small');
  await expect(branch.carryOut(first, signal)).rejects.toMatchObject({
    code: 'repository-too-large',
    message: expect.stringContaining("can't be written: it is too large to fetch") as unknown,
  });
  expect(readdirSync(join(repository.home, 'small'))).toEqual(['git.sh']);
});

/** Resolves once a process has printed so many lines. */
async function lines(stream: Readable, count: number): Promise<void> {
  let seen = 0;
  for await (const chunk of on(stream, 'data', { close: ['end'] }) as AsyncIterable<[Buffer]>) {
    seen += chunk[0].toString().split('\n').length - 1;
    if (seen >= count) return;
  }
}

test(`killed ${KILLS} times at any moment, the branch always holds whole revisions, and the next run goes on from there`, async () => {
  const writer = resolve(import.meta.dirname, 'rendered-writer.ts');
  const outcomes = new Set<number>();
  for (let round = 0; round < KILLS; round += 1) {
    const env = { ...process.env, NODE_OPTIONS: '' };
    const child = spawn(process.execPath, ['--conditions=source', writer, repository.home, repository.url], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env,
    });
    const ended = new Promise((done) => child.once('close', done));
    await lines(child.stdout, 1 + (round % 3));
    await delay((round * 97) % 600);
    child.kill('SIGKILL');
    await ended;
    if (existsSync(join(repository.bare, 'refs/heads/rendered'))) outcomes.add(commitsOf(repository).length);
  }
  // a push that was under way ends by itself
  await delay(500);
  const branch = branchOf(repository, {}, 'store');
  const last = revision('f', [
    planned('changed', 'web', { commit: 'f', action: 'Block' }),
    planned('removed', 'api'),
    planned('added', 'db'),
  ]);
  await branch.carryOut(last, signal);
  expect(Object.keys(treeOf(repository, 'rendered')).filter((path) => /shop/.test(path))).toEqual([
    'policies/shop.db.yaml',
    'policies/shop.web.yaml',
  ]);
  expect(outcomes.size).toBeGreaterThan(KILLS / 5);
  for (const commit of commitsOf(repository).slice(-40)) {
    const tree = treeOf(repository, commit);
    const index = readIndex(tree[`policies/${INDEX_FILE}`] ?? '');
    expect(index?.policies.map(({ file }) => `policies/${file}`)).toEqual(Object.keys(tree).filter((path) => /shop/.test(path)));
  }
});
