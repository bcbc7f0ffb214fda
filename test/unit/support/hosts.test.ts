import { afterEach, expect, test } from '@jest/globals';
import { startBitbucket } from '../../support/bitbucket/index.ts';
import { startGitea } from '../../support/gitea/index.ts';
import { startGitlab } from '../../support/gitlab/index.ts';
import type { StandIn } from '../../support/hosts/stand-in.ts';

const SHA = '0123456789abcdef0123456789abcdef01234567';
const TOKEN = 'right';

interface Case {
  readonly start: () => Promise<StandIn>;
  readonly headers: Readonly<Record<string, string>>;
  readonly statuses: string;
  readonly good: object;
  readonly bad: readonly (readonly [object, string])[];
  readonly list: string;
}

const CASES: Readonly<Record<string, Case>> = {
  GitLab: {
    start: () => startGitlab({ project: 'shop/policies', token: TOKEN }),
    headers: { 'private-token': TOKEN },
    statuses: `/projects/shop%2Fpolicies/statuses/${SHA}`,
    good: { state: 'running', name: 'parapet/synth' },
    bad: [
      [{ state: 'failure' }, 'postApiV4ProjectsIdStatusesSha: /state must be equal to one of the allowed values'],
      [{ state: 'success', colour: 'red' }, 'postApiV4ProjectsIdStatusesSha: the body must NOT have additional properties'],
    ],
    list: `/projects/shop%2Fpolicies/repository/commits/${SHA}/statuses`,
  },
  Gitea: {
    start: () => startGitea({ owner: 'shop', repo: 'policies', token: TOKEN }),
    headers: { authorization: `token ${TOKEN}` },
    statuses: `/repos/shop/policies/statuses/${SHA}`,
    good: { state: 'pending', context: 'parapet/synth' },
    bad: [
      [{ state: 'failed' }, 'repoCreateStatus: /state must be equal to one of the allowed values'],
      [{ state: 'error', colour: 'red' }, 'repoCreateStatus: the body must NOT have additional properties'],
    ],
    list: `/repos/shop/policies/statuses/${SHA}`,
  },
  Bitbucket: {
    start: () => startBitbucket({ workspace: 'shop', repo: 'policies', token: TOKEN }),
    headers: { authorization: `Bearer ${TOKEN}` },
    statuses: `/repositories/shop/policies/commit/${SHA}/statuses/build`,
    good: { type: 'build', state: 'INPROGRESS', key: 'parapet', url: 'https://x.test/' },
    bad: [
      [{ type: 'build', state: 'PENDING', key: 'k' }, 'createABuildStatusForACommit: /state must be equal to one of the allowed values'],
      [{ type: 'build', state: 'FAILED' }, "createABuildStatusForACommit: the body must have required property 'key'"],
    ],
    list: `/repositories/shop/policies/pullrequests`,
  },
};

let standIn: StandIn;
afterEach(() => standIn.close());

test.each(Object.entries(CASES))('%s takes what its description allows, and calls the rest a fault', async (_name, it) => {
  standIn = await it.start();
  const post = async (body: object, headers = it.headers): Promise<number> =>
    (await fetch(standIn.url + it.statuses, { method: 'POST', headers, body: JSON.stringify(body) })).status;
  expect(await post(it.good)).toBe(201);
  expect(await post(it.good, { authorization: 'token wrong', 'private-token': 'wrong' })).toBe(401);
  expect((await fetch(standIn.url + it.list, { headers: it.headers })).status).toBe(200);
  expect(standIn.faults()).toEqual([]);
  for (const [body] of it.bad) expect(await post(body)).toBeGreaterThanOrEqual(400);
  await fetch(`${standIn.url}${it.list}?colour=red`, { headers: it.headers });
  await fetch(`${standIn.url}/elsewhere`, { headers: it.headers });
  expect(standIn.faults()).toEqual([
    ...it.bad.map(([, fault]) => fault),
    expect.stringMatching(/: the query has no colour$/),
    expect.stringMatching(/^GET .*\/elsewhere: .*'s description has no such operation here$/),
  ]);
});
