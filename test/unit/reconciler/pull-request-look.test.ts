import { beforeEach, expect, test } from '@jest/globals';
import { readTelemetry } from '@parapet/policy';
import { PullRequests } from '../../../reconciler/src/pull-requests.ts';
import type { Recorded, Telemetry } from '../../../reconciler/src/telemetry.ts';
import { record } from '../policy/telemetry-records.ts';
import { hash, manifest, problem } from './builders.ts';
import { look, pull, PullRequestWorld } from './pull-request-world.ts';

const A = hash('a');
let world: PullRequestWorld;
beforeEach(() => {
  world = new PullRequestWorld();
});

/** Telemetry of these records, which begins so many hours ago. */
function recording(records: readonly object[], hours: number): Telemetry {
  return {
    recorded: (_since, take): Promise<Recorded> => {
      for (const one of records) take(readTelemetry(one));
      return Promise.resolve({ kind: 'read', from: world.clock.now() - hours * 3_600_000 });
    },
  };
}
const apt = record({
  namespaceName: 'shop',
  labels: 'app=web',
  resource: '/usr/bin/apt install --password s3cret',
  processName: '/usr/bin/apt',
  count: 3,
});

test('what would have been blocked is in the status and in the comment, without what programs were called with', async () => {
  const telemetry = recording([apt, { nonsense: true }], 24);
  world.opened(pull(7, A));
  await look(new PullRequests(world.wiring({ telemetry })));
  const text = 'would have blocked 3 accesses in 24 h, in 1 workload';
  expect(world.said(A).diff).toBe(`success: 1 added, 0 changed, 0 removed; ${text}`);
  const body = (await world.commented())[0]?.body ?? '';
  expect(body).toContain(`On recorded telemetry: **${text}**.`);
  expect(body).toContain('/usr/bin/apt by /bin/bash');
  expect(JSON.stringify([body, world.store.value, world.log.events])).not.toContain('s3cret');
});

test('what is blocked already is nothing new, and a shorter recording says how long it is', async () => {
  world.applied('web', 'other');
  const telemetry = recording([apt], 2);
  world.planning.makes(A, manifest('web'), manifest('other', 'Audit'));
  world.opened(pull(7, A));
  await look(new PullRequests(world.wiring({ telemetry })));
  expect(world.said(A).diff).toMatch(/; would have blocked nothing in 2 h/);
});

test('telemetry that can’t be read is left out, and said in the log', async () => {
  const telemetry: Telemetry = {
    recorded: () => Promise.resolve({ kind: 'failed', message: 'the telemetry in /t can’t be read: EACCES' }),
  };
  world.opened(pull(7, A));
  await look(new PullRequests(world.wiring({ telemetry })));
  expect(world.said(A).diff).toBe('success: 1 added, 0 changed, 0 removed');
  expect(world.log.text()).toContain('EACCES; the comment is without what-if');
});

test('nothing that a hostile head says gets out of code in the comment', async () => {
  const nasty = '`@octocat` <img src=x onerror=y> [a](https://a.test)\n/close ${{ secrets }}';
  world.planning.programs.set(A, () => ({ problems: [problem(nasty, { code: 'program-threw', place: { file: nasty, object: nasty } })] }));
  world.opened(pull(7, A));
  await look(new PullRequests(world.wiring()));
  const body = (await world.commented())[0]?.body ?? '';
  const outside = body.replace(/(`+) ?[\s\S]*?[^`]\1(?!`)/g, '');
  expect(outside).not.toMatch(/octocat|<img|a\.test|^\/close/m);
  expect(world.said(A).synth).not.toMatch(/\n/);
});
