import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { RenderedBranch } from '../../../reconciler/src/adapters/rendered-branch.ts';
import type { GitCredentials } from '../../../reconciler/src/git-secret.ts';
import { planned, revision } from './deliveries.ts';
import { branchOf, commitsOf, treeOf } from './rendered-fixture.ts';
import { Repository, serveGit } from './repositories.ts';
import type { GitServer } from './repositories.ts';

// real processes, on machines that may be busy
jest.setTimeout(60_000);

const RIGHT = { kind: 'basic', username: 'bot', password: 'right-s3cret-t0ken' } as const;
const { signal } = new AbortController();
let repository: Repository;
let server: GitServer;

beforeEach(async () => {
  repository = new Repository();
  repository.git(['config', 'http.receivepack', 'true'], repository.bare);
  server = await serveGit(repository.home, { user: RIGHT.username, password: RIGHT.password, spying: true });
});
afterEach(async () => {
  await server.close();
  repository.remove();
});

function branch(credentials: () => GitCredentials | undefined, patience = 20_000): RenderedBranch {
  return branchOf(repository, { url: `${server.url}/policies.git`, credentials, patience });
}
/** Everything that an error says, with what caused it. */
function everything(error: unknown): string {
  return error instanceof Error ? `${error.message} ${error.stack ?? ''} ${everything(error.cause)}` : String(error);
}
const many = (commit: string, action: string) =>
  Array.from({ length: 300 }, (_, index) => planned(commit === 'a' ? 'added' : 'changed', `p${index}`, { commit, action }));

test('with credentials that may write, policies are pushed, and no command line on the machine shows them', async () => {
  let password: string = RIGHT.password;
  const delivery = branch(() => ({ ...RIGHT, password }));
  expect(await delivery.carryOut(revision('a', many('a', 'Block')), signal)).toEqual(new Map());
  expect(await delivery.carryOut(revision('b', many('b', 'Audit')), signal)).toEqual(new Map());
  expect(commitsOf(repository)).toHaveLength(2);
  expect(Object.keys(treeOf(repository, 'rendered~1'))).toHaveLength(302);
  const basic = Buffer.from(`${RIGHT.username}:${RIGHT.password}`).toString('base64');
  expect(server.asked).toContain(`Basic ${basic}`);
  expect(server.commandLines.some((line) => line.includes(RIGHT.password) || line.includes(basic))).toBe(false);

  password = 'wr0ng-s3cret-t0ken';
  const failure: unknown = await delivery.survey([], signal).catch((error: unknown) => error);
  expect(failure).toMatchObject({ stage: 'target', retry: true, code: 'repository-unreachable' });
  expect(everything(failure)).not.toContain(password);
  expect(everything(failure)).not.toContain(Buffer.from(`${RIGHT.username}:${password}`).toString('base64'));
});

test('a server that only lets read, hangs or breaks is said, the branch stays, and the next run gets through', async () => {
  const delivery = branch(() => RIGHT);
  const wanted = revision('a', [planned('added', 'web')]);
  repository.git(['config', 'http.receivepack', 'false'], repository.bare);
  await expect(delivery.carryOut(wanted, signal)).rejects.toThrow(/the branch "rendered" of .* can't be written: .*403/);
  repository.git(['config', 'http.receivepack', 'true'], repository.bare);
  server.mode = 500;
  await expect(delivery.carryOut(wanted, signal)).rejects.toThrow(/can't be written/);
  server.mode = 'redirect';
  await expect(delivery.carryOut(wanted, signal)).rejects.toThrow(/can't be written/);
  server.mode = 'hang';
  await expect(branch(() => RIGHT, 500).survey([], signal)).rejects.toThrow(/it did not answer in time/);
  server.mode = 'serve';
  expect(repository.git(['branch', '--list', 'rendered'], repository.bare)).toBe('');
  await delivery.carryOut(wanted, signal);
  expect(commitsOf(repository)).toHaveLength(1);
});
