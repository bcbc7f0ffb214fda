import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { startGithub } from '../../support/github/index.ts';
import type { Github } from '../../support/github/index.ts';

// a thousand requests, on machines that may be busy
jest.setTimeout(60_000);

const SHA = '0123456789abcdef0123456789abcdef01234567';
let github: Github;

beforeEach(async () => {
  github = await startGithub({ owner: 'shop', repo: 'policies', token: 'right' });
});
afterEach(() => github.close());

function post(body: unknown, { token = 'right', path = `/repos/shop/policies/statuses/${SHA}` } = {}): Promise<Response> {
  return fetch(github.url + path, { method: 'POST', headers: { authorization: `token ${token}` }, body: JSON.stringify(body) });
}

test('a status that fits the description is kept and can be read back', async () => {
  const response = await post({ state: 'success', context: 'parapet/synth', description: '2 policies' });
  expect(response.status).toBe(201);
  expect(github.statuses(SHA)).toMatchObject([{ state: 'success', context: 'parapet/synth', description: '2 policies', target_url: null }]);
  const headers = { authorization: 'Bearer right' };
  const listed = await fetch(`${github.url}/repos/shop/policies/commits/${SHA}/statuses`, { headers });
  expect(await listed.json()).toMatchObject([{ state: 'success' }]);
  expect(github.faults()).toEqual([]);
});

test.each([
  ['an unknown state', { state: 'red' }, '/state must be equal to one of the allowed values'],
  ['no state', { context: 'x' }, "the body must have required property 'state'"],
  ['a number as description', { state: 'error', description: 4 }, '/description must be string'],
  ['an unknown field', { state: 'error', colour: 'red' }, 'the body must NOT have additional properties'],
])('%s is a fault of the request', async (_name, body, fault) => {
  expect((await post(body)).status).toBe(422);
  expect(github.faults()).toEqual([`repos/create-commit-status: ${fault}`]);
  expect(github.statuses()).toEqual([]);
});

test('the wrong token, another repository and an unknown commit are refused', async () => {
  expect((await post({ state: 'error' }, { token: 'wrong' })).status).toBe(401);
  expect((await post({ state: 'error' }, { path: `/repos/shop/other/statuses/${SHA}` })).status).toBe(404);
  expect((await post({ state: 'error' }, { path: '/repos/shop/policies/statuses/main' })).status).toBe(422);
  expect(github.faults()).toEqual([]);
});

test('descriptions have at most 140 characters, and a context at most 1,000 statuses', async () => {
  expect((await post({ state: 'error', description: 'é'.repeat(140) })).status).toBe(201);
  expect((await post({ state: 'error', description: 'e'.repeat(141) })).status).toBe(422);
  for (let i = 1; i < 1000; i += 1) await post({ state: 'pending' });
  expect((await post({ state: 'pending' })).status).toBe(422);
  expect((await post({ state: 'pending', context: 'another' })).status).toBe(201);
});

test('an operation outside of the extract is a fault', async () => {
  expect((await post({}, { path: '/repos/shop/policies/issues' })).status).toBe(404);
  expect(github.faults()).toEqual(["POST /repos/shop/policies/issues: GitHub's description has no such operation here"]);
});

test('it fails as it is told, and then no more', async () => {
  github.failNext(500, { count: 2 });
  github.failNext(429, { headers: { 'retry-after': '7' } });
  github.failNext('drop');
  expect([(await post({ state: 'error' })).status, (await post({ state: 'error' })).status]).toEqual([500, 500]);
  expect((await post({ state: 'error' })).headers.get('retry-after')).toBe('7');
  await expect(post({ state: 'error' })).rejects.toThrow();
  expect((await post({ state: 'error' })).status).toBe(201);
  github.failNext('hang');
  await expect(fetch(`${github.url}/`, { signal: AbortSignal.timeout(100) })).rejects.toThrow('timeout');
  expect(github.faults()).toEqual([]);
});
